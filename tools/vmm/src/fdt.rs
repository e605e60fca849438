// SPDX-License-Identifier: GPL-2.0
//! The guest's device tree.

use vm_fdt::{FdtWriter, FdtWriterResult};

use crate::gic::{self, Cpu, Model, Timer, Trigger};
use crate::layout::{self, spi};

/// What the device tree says that differs from guest to guest.
pub struct Machine<'a> {
    /// The interrupt controller.
    pub gic: Model,
    /// The vCPUs.
    pub cpus: &'a [Cpu],
    /// Memory, in bytes.
    pub memory: u64,
    /// The kernel's command line.
    pub bootargs: &'a str,
    /// The initramfs: address and length.
    pub initrd: Option<(u64, u64)>,
    /// How many virtio devices there are.
    pub virtio: u32,
    /// Seed for the kernel's random numbers.
    pub seed: &'a [u8],
}

const CLOCK_PHANDLE: u32 = 2;
const FIRST_CPU_PHANDLE: u32 = 0x100;

/// The phandle of a vCPU's node.
pub fn cpu_phandle(index: u16) -> u32 {
    FIRST_CPU_PHANDLE + u32::from(index)
}

/// Writes the blob.
pub fn build(machine: &Machine<'_>) -> FdtWriterResult<Vec<u8>> {
    let mut fdt = FdtWriter::new()?;
    let root = fdt.begin_node("")?;
    fdt.property_string("compatible", "linux,dummy-virt")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_u32("interrupt-parent", gic::PHANDLE)?;
    chosen(&mut fdt, machine)?;

    let memory = fdt.begin_node(&format!("memory@{:x}", layout::MEMORY))?;
    fdt.property_string("device_type", "memory")?;
    fdt.property_array_u64("reg", &[layout::MEMORY, machine.memory])?;
    fdt.end_node(memory)?;

    cpus(&mut fdt, machine.cpus)?;
    machine.gic.node(&mut fdt, machine.cpus)?;
    timer(&mut fdt, machine.gic)?;
    devices(&mut fdt, machine.gic)?;
    for slot in 0..machine.virtio {
        virtio(&mut fdt, machine.gic, slot)?;
    }
    fdt.end_node(root)?;
    fdt.finish()
}

fn chosen(fdt: &mut FdtWriter, machine: &Machine<'_>) -> FdtWriterResult<()> {
    let chosen = fdt.begin_node("chosen")?;
    fdt.property_string("bootargs", machine.bootargs)?;
    fdt.property_string("stdout-path", &format!("/pl011@{:x}", layout::UART))?;
    fdt.property("rng-seed", machine.seed)?;
    if let Some((start, len)) = machine.initrd {
        fdt.property_u64("linux,initrd-start", start)?;
        fdt.property_u64("linux,initrd-end", start + len)?;
    }
    fdt.end_node(chosen)
}

fn cpus(fdt: &mut FdtWriter, all: &[Cpu]) -> FdtWriterResult<()> {
    let cpus = fdt.begin_node("cpus")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 0)?;
    for cpu in all {
        let node = fdt.begin_node(&format!("cpu@{:x}", cpu.mpidr))?;
        fdt.property_string("device_type", "cpu")?;
        fdt.property_string("compatible", "arm,armv8")?;
        fdt.property_string("enable-method", "psci")?;
        fdt.property_u64("reg", cpu.mpidr)?;
        fdt.property_phandle(cpu.phandle)?;
        fdt.end_node(node)?;
    }
    fdt.end_node(cpus)?;

    let psci = fdt.begin_node("psci")?;
    fdt.property_string_list(
        "compatible",
        vec!["arm,psci-1.0".into(), "arm,psci-0.2".into()],
    )?;
    fdt.property_string("method", "hvc")?;
    fdt.end_node(psci)
}

fn timer(fdt: &mut FdtWriter, gic: Model) -> FdtWriterResult<()> {
    let timers = [
        Timer::SecurePhysical,
        Timer::Physical,
        Timer::Virtual,
        Timer::HypPhysical,
    ];
    let node = fdt.begin_node("timer")?;
    fdt.property_string("compatible", "arm,armv8-timer")?;
    fdt.property_null("always-on")?;
    fdt.property_array_u32("interrupts", &timers.map(|timer| gic.timer(timer)).concat())?;
    fdt.end_node(node)
}

fn devices(fdt: &mut FdtWriter, gic: Model) -> FdtWriterResult<()> {
    let clock = fdt.begin_node("apb-pclk")?;
    fdt.property_string("compatible", "fixed-clock")?;
    fdt.property_u32("#clock-cells", 0)?;
    fdt.property_u32("clock-frequency", 24_000_000)?;
    fdt.property_phandle(CLOCK_PHANDLE)?;
    fdt.end_node(clock)?;

    let primecells = [
        (
            "pl011",
            layout::UART,
            spi::UART,
            &["uartclk", "apb_pclk"][..],
        ),
        ("pl031", layout::RTC, spi::RTC, &["apb_pclk"][..]),
    ];
    for (name, base, line, clocks) in primecells {
        let node = fdt.begin_node(&format!("{name}@{base:x}"))?;
        fdt.property_string_list(
            "compatible",
            vec![format!("arm,{name}"), "arm,primecell".into()],
        )?;
        fdt.property_array_u64("reg", &[base, layout::DEVICE_SIZE])?;
        fdt.property_array_u32("interrupts", &gic.spi(line, Trigger::LevelHigh))?;
        fdt.property_array_u32("clocks", &vec![CLOCK_PHANDLE; clocks.len()])?;
        fdt.property_string_list("clock-names", clocks.iter().map(|&c| c.into()).collect())?;
        fdt.end_node(node)?;
    }
    Ok(())
}

/// A virtio device's interrupt is an edge: what an irqfd gives without a
/// resample event is a pulse.
fn virtio(fdt: &mut FdtWriter, gic: Model, slot: u32) -> FdtWriterResult<()> {
    let base = layout::virtio(slot);
    let node = fdt.begin_node(&format!("virtio_mmio@{base:x}"))?;
    fdt.property_string("compatible", "virtio,mmio")?;
    fdt.property_array_u64("reg", &[base, layout::DEVICE_SIZE])?;
    fdt.property_null("dma-coherent")?;
    fdt.property_array_u32(
        "interrupts",
        &gic.spi(spi::virtio(slot), Trigger::EdgeRising),
    )?;
    fdt.end_node(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(gic: Model, ids: &[u16]) -> Vec<u8> {
        let cpus: Vec<Cpu> = (0u16..)
            .zip(ids)
            .map(|(index, &id)| Cpu {
                id,
                mpidr: u64::from(id & 15) | u64::from(id >> 4) << 8,
                phandle: cpu_phandle(index),
            })
            .collect();
        build(&Machine {
            gic,
            cpus: &cpus,
            memory: 128 << 20,
            bootargs: "console=ttyAMA0 quiet",
            initrd: Some((0x4400_0000, 0x1234)),
            virtio: 2,
            seed: &[7; 32],
        })
        .unwrap()
    }

    fn words(property: fdt::node::NodeProperty<'_>) -> Vec<u32> {
        property
            .value
            .chunks(4)
            .map(|w| u32::from_be_bytes(w.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_gicv5_names_each_vcpu_with_its_id() {
        // The ids are KVM's, not the affinities and not the places in a row.
        let blob = blob(Model::V5, &[0, 17, 3]);
        let tree = fdt::Fdt::new(&blob).unwrap();
        let irs = tree.find_compatible(&["arm,gic-v5-irs"]).unwrap();
        assert_eq!(
            irs.property("arm,iaffids").unwrap().value,
            [0, 0, 0, 17, 0, 3]
        );
        let named = words(irs.property("cpus").unwrap());
        let nodes: Vec<u32> = tree
            .find_node("/cpus")
            .unwrap()
            .children()
            .map(|cpu| words(cpu.property("phandle").unwrap())[0])
            .collect();
        assert_eq!(named, nodes);
        assert_eq!(
            irs.property("reg-names").unwrap().as_str(),
            Some("ns-config")
        );
        let gic = tree.find_compatible(&["arm,gic-v5"]).unwrap();
        assert!(
            gic.property("interrupts").is_none(),
            "no maintenance interrupt"
        );
    }

    #[test]
    fn interrupts_are_written_as_each_binding_counts_them() {
        for (gic, timers, uart) in [
            (
                Model::V3,
                [1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4],
                [0, 1, 4],
            ),
            (
                Model::V5,
                [1, 29, 4, 1, 30, 4, 1, 27, 4, 1, 26, 4],
                [3, 1, 4],
            ),
        ] {
            let blob = blob(gic, &[0]);
            let tree = fdt::Fdt::new(&blob).unwrap();
            let timer = tree.find_compatible(&["arm,armv8-timer"]).unwrap();
            assert_eq!(words(timer.property("interrupts").unwrap()), timers);
            let pl011 = tree.find_compatible(&["arm,pl011"]).unwrap();
            assert_eq!(words(pl011.property("interrupts").unwrap()), uart);
            let virtio: Vec<_> = tree
                .all_nodes()
                .filter(|node| node.name.starts_with("virtio_mmio@"))
                .map(|node| {
                    let base = node.reg().unwrap().next().unwrap().starting_address as u64;
                    (base, words(node.property("interrupts").unwrap()))
                })
                .collect();
            let expected = [(0xa00_0000, 3), (0xa00_1000, 4)];
            assert_eq!(
                virtio,
                expected.map(|(base, line)| (base, vec![uart[0], line, 1]))
            );
        }
    }

    #[test]
    fn memory_command_line_and_initramfs_are_told() {
        let blob = blob(Model::V3, &[0, 1]);
        let tree = fdt::Fdt::new(&blob).unwrap();
        let region = tree.memory().regions().next().unwrap();
        assert_eq!(region.starting_address as u64, layout::MEMORY);
        assert_eq!(region.size, Some(128 << 20));
        assert_eq!(tree.chosen().bootargs(), Some("console=ttyAMA0 quiet"));
        let chosen = tree.find_node("/chosen").unwrap();
        assert_eq!(
            words(chosen.property("linux,initrd-end").unwrap()),
            [0, 0x4400_1234]
        );
        assert_eq!(tree.cpus().count(), 2);
        assert!(tree.chosen().stdout().is_some(), "stdout-path names a node");
    }
}

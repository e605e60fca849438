// SPDX-License-Identifier: GPL-2.0
//! A GICv5, by the interface of Linux 7.4 (Documentation/virt/kvm/devices/
//! arm-vgic-v5.rst) and the binding arm,gic-v5.
//!
//! The guest's CPU interfaces need nothing from a VMM. Its IRS, which owns the
//! SPIs and the LPIs, does: an address, a number of SPIs, and a device tree
//! that tells the guest which interrupt affinity ID each vCPU has. That ID is
//! the vCPU's id (the argument of `KVM_CREATE_VCPU`), whatever its MPIDR.
//!
//! The calls, in order:
//!
//! 1. `KVM_CREATE_VCPU` and `KVM_ARM_VCPU_INIT`, for all vCPUs;
//! 2. `KVM_CREATE_DEVICE`, type 16;
//! 3. ADDR, type 6: where the IRS is, 128 KiB at a multiple of 64 KiB;
//! 4. NR_IRQS: how many SPIs, a multiple of 32. Unlike a GICv3's number it
//!    does not count the private interrupts;
//! 5. CTRL, INIT.

use vm_fdt::{FdtWriter, FdtWriterResult};

use super::attributes::{Attribute, Attributes, Error, Value};
use super::{Cpu, Timer, PHANDLE};
use crate::layout;

/// KVM_DEV_TYPE_ARM_VGIC_V5
pub const DEVICE_TYPE: u32 = 16;
/// The first cell of an interrupt's specification.
pub const CELL_PPI: u32 = 1;
/// Likewise. LPIs have no specification: there is no 2 here.
pub const CELL_SPI: u32 = 3;

/// The IRS's configuration frame; its SETLPI frame comes behind it.
pub const IRS_CONFIG_SIZE: u64 = 0x1_0000;
/// Both of them: KVM_VGIC_V5_IRS_SIZE.
pub const IRS_SIZE: u64 = 0x2_0000;

const IRS_ADDRESS: Attribute = Attribute {
    group: 0,
    attr: 6,
    name: "IRS address (a KVM without a virtual IRS has none)",
};
const NR_IRQS: Attribute = Attribute {
    group: 3,
    attr: 0,
    name: "number of SPIs",
};
const INIT: Attribute = Attribute {
    group: 4,
    attr: 0,
    name: "initialisation",
};

/// Address, number of SPIs, initialisation.
pub fn initialise(device: &impl Attributes, spis: u32) -> Result<(), Error> {
    device.set(IRS_ADDRESS, Value::U64(layout::GIC))?;
    device.set(NR_IRQS, Value::U32(spis))?;
    device.set(INIT, Value::None)
}

/// The PPI of a timer.
pub fn timer(timer: Timer) -> u32 {
    match timer {
        Timer::SecurePhysical => 29,
        Timer::Physical => 30,
        Timer::Virtual => 27,
        Timer::HypPhysical => 26,
    }
}

/// The device tree's nodes: the CPU interface's, and the IRS's in it.
///
/// There is no maintenance interrupt, since this guest is no hypervisor, and no
/// SETLPI frame, since KVM's IRS does not implement it.
pub fn node(fdt: &mut FdtWriter, cpus: &[Cpu]) -> FdtWriterResult<()> {
    let gic = fdt.begin_node("interrupt-controller")?;
    fdt.property_string("compatible", "arm,gic-v5")?;
    fdt.property_null("interrupt-controller")?;
    fdt.property_u32("#interrupt-cells", 3)?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_null("ranges")?;
    fdt.property_phandle(PHANDLE)?;

    let irs = fdt.begin_node(&format!("irs@{:x}", layout::GIC))?;
    fdt.property_string("compatible", "arm,gic-v5-irs")?;
    fdt.property_array_u64("reg", &[layout::GIC, IRS_CONFIG_SIZE])?;
    fdt.property_string("reg-names", "ns-config")?;
    let phandles: Vec<u32> = cpus.iter().map(|cpu| cpu.phandle).collect();
    fdt.property_array_u32("cpus", &phandles)?;
    let iaffids: Vec<u8> = cpus.iter().flat_map(|cpu| cpu.id.to_be_bytes()).collect();
    fdt.property("arm,iaffids", &iaffids)?;
    fdt.end_node(irs)?;

    fdt.end_node(gic)
}

#[cfg(test)]
mod tests {
    use super::super::attributes::fake::Fake;
    use super::*;

    #[test]
    fn address_and_number_of_spis_come_before_the_initialisation() {
        let device = Fake::default();
        initialise(&device, 64).unwrap();
        assert_eq!(
            *device.calls.borrow(),
            [
                (0, 6, Value::U64(0x800_0000)),
                (3, 0, Value::U32(64)),
                (4, 0, Value::None),
            ]
        );
    }

    #[test]
    fn a_kvm_without_an_irs_is_named_as_the_cause() {
        let device = Fake {
            refuse: Some((0, libc::ENXIO)),
            ..Fake::default()
        };
        let error = initialise(&device, 64).unwrap_err().to_string();
        assert!(error.contains("IRS address"), "{error}");
        assert_eq!(device.calls.borrow().len(), 1, "nothing after a failure");
    }
}

// SPDX-License-Identifier: GPL-2.0
//! A GICv3: Documentation/virt/kvm/devices/arm-vgic-v3.rst and the binding
//! arm,gic-v3.

use vm_fdt::{FdtWriter, FdtWriterResult};

use super::attributes::{Attribute, Attributes, Error, Value};
use super::{Timer, PHANDLE};
use crate::layout;

/// KVM_DEV_TYPE_ARM_VGIC_V3
pub const DEVICE_TYPE: u32 = 7;
/// The first cell of an interrupt's specification.
pub const CELL_SPI: u32 = 0;
/// Likewise; PPIs are counted from 0 there, their INTIDs from 16.
pub const CELL_PPI: u32 = 1;
/// The INTID of SPI 0.
pub const FIRST_SPI: u32 = 32;

/// The distributor's frame.
pub const DISTRIBUTOR_SIZE: u64 = 0x1_0000;
/// A redistributor's two frames.
pub const REDISTRIBUTOR_SIZE: u64 = 0x2_0000;

const DISTRIBUTOR: Attribute = Attribute {
    group: 0,
    attr: 2,
    name: "distributor's address",
};
const REDISTRIBUTOR_REGION: Attribute = Attribute {
    group: 0,
    attr: 5,
    name: "redistributors' address",
};
const NR_IRQS: Attribute = Attribute {
    group: 3,
    attr: 0,
    name: "number of interrupts",
};
const INIT: Attribute = Attribute {
    group: 4,
    attr: 0,
    name: "initialisation",
};

/// Addresses, number of interrupts, initialisation.
pub fn initialise(device: &impl Attributes, cpus: usize, spis: u32) -> Result<(), Error> {
    // The region's count of redistributors, its address, its number 0.
    let region = (cpus as u64) << 52 | layout::GICV3_REDISTRIBUTORS;
    device.set(DISTRIBUTOR, Value::U64(layout::GIC))?;
    device.set(REDISTRIBUTOR_REGION, Value::U64(region))?;
    device.set(NR_IRQS, Value::U32(FIRST_SPI + spis))?;
    device.set(INIT, Value::None)
}

/// The PPI of a timer, as the binding counts them.
pub fn timer(timer: Timer) -> u32 {
    match timer {
        Timer::SecurePhysical => 13,
        Timer::Physical => 14,
        Timer::Virtual => 11,
        Timer::HypPhysical => 10,
    }
}

/// The device tree's node.
pub fn node(fdt: &mut FdtWriter, cpus: usize) -> FdtWriterResult<()> {
    let node = fdt.begin_node(&format!("interrupt-controller@{:x}", layout::GIC))?;
    fdt.property_string("compatible", "arm,gic-v3")?;
    fdt.property_null("interrupt-controller")?;
    fdt.property_u32("#interrupt-cells", 3)?;
    fdt.property_array_u64(
        "reg",
        &[
            layout::GIC,
            DISTRIBUTOR_SIZE,
            layout::GICV3_REDISTRIBUTORS,
            REDISTRIBUTOR_SIZE * cpus as u64,
        ],
    )?;
    fdt.property_phandle(PHANDLE)?;
    fdt.end_node(node)
}

#[cfg(test)]
mod tests {
    use super::super::attributes::fake::Fake;
    use super::*;

    #[test]
    fn addresses_come_before_the_initialisation() {
        let device = Fake::default();
        initialise(&device, 3, 64).unwrap();
        assert_eq!(
            *device.calls.borrow(),
            [
                (0, 2, Value::U64(0x800_0000)),
                (0, 5, Value::U64(0x0030_0000_1000_0000)),
                (3, 0, Value::U32(96)),
                (4, 0, Value::None),
            ]
        );
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The guest's interrupt controller, which KVM emulates.
//!
//! A VMM creates a KVM device, says where it is in the guest's memory and how
//! many SPIs it has, and describes it in the device tree. [`v5`] has the calls
//! for a GICv5, [`v3`] those for a GICv3, in the order that KVM wants them.
//! Both modules say what they want of KVM through [`Attributes`], so that
//! their tests need no KVM.

pub mod attributes;
pub mod v3;
pub mod v5;

use kvm_bindings::kvm_create_device;
use kvm_ioctls::{DeviceFd, VmFd};
use vm_fdt::{FdtWriter, FdtWriterResult};

pub use attributes::{Attributes, Error};

/// Which GIC the guest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A GICv3 with one redistributor a vCPU.
    V3,
    /// A GICv5 with one IRS.
    V5,
}

/// When an interrupt is pending: the fourth cell's values of either binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Trigger {
    /// From a rising edge until it is acknowledged.
    EdgeRising = 1,
    /// As long as the line is high.
    LevelHigh = 4,
}

/// One of a processor's own timers, in the order in which the device tree's
/// timer node names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// EL3's. Named, because the node's entries are found by their place.
    SecurePhysical,
    /// EL1's physical timer.
    Physical,
    /// EL1's virtual timer, the one that Linux uses.
    Virtual,
    /// EL2's physical timer.
    HypPhysical,
}

/// What the device tree says of a vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// The id that KVM created it with.
    pub id: u16,
    /// Its MPIDR's affinity fields.
    pub mpidr: u64,
    /// The phandle of its node.
    pub phandle: u32,
}

/// The phandle of the GIC's node.
pub const PHANDLE: u32 = 1;

impl Model {
    /// The number of the KVM device.
    pub fn device_type(self) -> u32 {
        match self {
            Self::V3 => v3::DEVICE_TYPE,
            Self::V5 => v5::DEVICE_TYPE,
        }
    }

    /// Whether this host's KVM has the device.
    pub fn is_offered_by(self, vm: &VmFd) -> bool {
        const KVM_CREATE_DEVICE_TEST: u32 = 1;
        let mut device = kvm_create_device {
            type_: self.device_type(),
            flags: KVM_CREATE_DEVICE_TEST,
            ..Default::default()
        };
        // The test creates no file descriptor, and kvm-ioctls would wrap one
        // all the same: ask only whether it succeeds, and forget what comes.
        match vm.create_device(&mut device) {
            Ok(device) => {
                std::mem::forget(device);
                true
            }
            Err(_) => false,
        }
    }

    /// Creates the KVM device and makes it ready to run. All vCPUs must have
    /// been created and initialised (`KVM_ARM_VCPU_INIT`).
    pub fn create(self, vm: &VmFd, cpus: &[Cpu], spis: u32) -> Result<DeviceFd, Error> {
        let mut device = kvm_create_device {
            type_: self.device_type(),
            ..Default::default()
        };
        let device = vm
            .create_device(&mut device)
            .map_err(|errno| Error::create(self, errno))?;
        match self {
            Self::V3 => v3::initialise(&device, cpus.len(), spis)?,
            Self::V5 => v5::initialise(&device, spis)?,
        }
        Ok(device)
    }

    /// The GIC's node.
    pub fn node(self, fdt: &mut FdtWriter, cpus: &[Cpu]) -> FdtWriterResult<()> {
        match self {
            Self::V3 => v3::node(fdt, cpus.len()),
            Self::V5 => v5::node(fdt, cpus),
        }
    }

    /// The cells of an SPI in an `interrupts` property. SPIs are counted from
    /// 0 in both bindings.
    pub fn spi(self, spi: u32, trigger: Trigger) -> [u32; 3] {
        match self {
            Self::V3 => [v3::CELL_SPI, spi, trigger as u32],
            Self::V5 => [v5::CELL_SPI, spi, trigger as u32],
        }
    }

    /// The cells of a timer's PPI.
    pub fn timer(self, timer: Timer) -> [u32; 3] {
        match self {
            Self::V3 => [v3::CELL_PPI, v3::timer(timer), Trigger::LevelHigh as u32],
            Self::V5 => [v5::CELL_PPI, v5::timer(timer), Trigger::LevelHigh as u32],
        }
    }

    /// An SPI as the `irq` of `KVM_IRQ_LINE`: type SPI, and the number by
    /// which this GIC knows it. A GICv3 counts all interrupts in one row, with
    /// the SPIs from 32; a GICv5 counts SPIs by themselves.
    pub fn irq_line(self, spi: u32) -> u32 {
        const KVM_ARM_IRQ_TYPE_SPI: u32 = 1;
        let number = match self {
            Self::V3 => v3::FIRST_SPI + spi,
            Self::V5 => spi,
        };
        KVM_ARM_IRQ_TYPE_SPI << 24 | number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_irq_line_is_the_interrupt_that_the_device_tree_names() {
        assert_eq!(Model::V3.irq_line(1), 0x0100_0021);
        assert_eq!(Model::V5.irq_line(1), 0x0100_0001);
        assert_eq!(Model::V3.spi(1, Trigger::LevelHigh), [0, 1, 4]);
        assert_eq!(Model::V5.spi(1, Trigger::EdgeRising), [3, 1, 1]);
    }

    #[test]
    fn the_timers_have_their_architected_numbers() {
        use Timer::*;
        let all = [SecurePhysical, Physical, Virtual, HypPhysical];
        assert_eq!(all.map(|t| Model::V3.timer(t)[1] + 16), [29, 30, 27, 26]);
        assert_eq!(all.map(|t| Model::V5.timer(t)[1]), [29, 30, 27, 26]);
        assert_eq!(all.map(|t| Model::V5.timer(t)[0]), [1; 4]);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Guest accesses to registers that never reach hardware.

use super::interface::CpuInterface;
use super::priority::Priority;
use super::vm_ppis::VmPpis;
use crate::sysregs::{
    Bits, Encoding, SystemRegister, ICC_IAFFIDR_EL1, ICC_IDR0_EL1, ICC_IDR0_EL1_ID_BITS,
    ICC_PPI_ENABLER0_EL1, ICC_PPI_ENABLER1_EL1, ICC_PPI_HMR0_EL1, ICC_PPI_HMR1_EL1,
};
use crate::vgic::stats::Event;

/// A register that KVM traps for a GICv5 guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrappedRegister {
    /// ICC_IDR0_EL1, read-only.
    Idr0,
    /// ICC_IAFFIDR_EL1, read-only.
    Iaffidr,
    /// ICC_PPI_HMR0_EL1, read-only: the physical one would show the host's PPIs.
    Hmr0,
    /// ICC_PPI_HMR1_EL1, read-only.
    Hmr1,
    /// ICC_PPI_ENABLER0_EL1, of which only writes trap.
    Enabler0,
    /// ICC_PPI_ENABLER1_EL1, of which only writes trap.
    Enabler1,
}

/// The access is UNDEFINED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undefined;

impl TrappedRegister {
    const ALL: [(Encoding, Self); 6] = [
        (ICC_IDR0_EL1::ENCODING, Self::Idr0),
        (ICC_IAFFIDR_EL1::ENCODING, Self::Iaffidr),
        (ICC_PPI_HMR0_EL1::ENCODING, Self::Hmr0),
        (ICC_PPI_HMR1_EL1::ENCODING, Self::Hmr1),
        (ICC_PPI_ENABLER0_EL1::ENCODING, Self::Enabler0),
        (ICC_PPI_ENABLER1_EL1::ENCODING, Self::Enabler1),
    ];

    /// The register with this encoding, in the form of the kernel's `sys_reg()`.
    pub fn decode(sys_reg: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find_map(|(encoding, reg)| (encoding.sys_reg() == sys_reg).then_some(reg))
    }

    /// What the guest reads. `vpe` is its VPE ID, which is its vCPU ID.
    ///
    /// # Errors
    ///
    /// [`Undefined`] for a register whose reads do not trap.
    pub fn read(self, ppis: &VmPpis, cpuif: &CpuInterface, vpe: u16) -> Result<u64, Undefined> {
        cpuif.stats().count(Event::Trap);
        match self {
            // GCIE_LEGACY stays 0: no GICv3 inside a GICv5 guest. 16 bits of INTID.ID, also where
            // the host has more: what is promised must hold wherever the guest may move.
            Self::Idr0 => Ok(ICC_IDR0_EL1::new()
                .with_pri_bits_raw(Bits::truncate(u64::from(Priority::BITS) - 1))
                .with_id_bits(ICC_IDR0_EL1_ID_BITS::_16BITS)
                .into_raw()),
            Self::Iaffidr => Ok(ICC_IAFFIDR_EL1::new()
                .with_iaffid(Bits::truncate(vpe.into()))
                .into_raw()),
            Self::Hmr0 => Ok(ppis.level().bits()),
            Self::Hmr1 => Ok(0),
            Self::Enabler0 | Self::Enabler1 => Err(Undefined),
        }
    }

    /// What the guest's write does.
    ///
    /// # Errors
    ///
    /// [`Undefined`] for a read-only register.
    pub fn write(self, ppis: &VmPpis, cpuif: &CpuInterface, value: u64) -> Result<(), Undefined> {
        cpuif.stats().count(Event::Trap);
        match self {
            Self::Enabler0 => cpuif.write_enabler(ppis, value),
            // No guest is given a PPI above 63: their enables are RES0.
            Self::Enabler1 => {}
            Self::Idr0 | Self::Iaffidr | Self::Hmr0 | Self::Hmr1 => return Err(Undefined),
        }
        Ok(())
    }
}

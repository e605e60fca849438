// SPDX-License-Identifier: GPL-2.0-or-later
//! The registers of the virtual IRS, which is not there yet.
//!
//! IRS_IDR0.VIRT makes these registers exist. Selectors and the VM table's
//! place are kept; no VM and no VPE is ever valid, so every status says IDLE
//! and not V; a request to make one valid is answered by a guest error and
//! nothing else. KVM of Linux 7.3 uses none of them: it asks only for
//! IRS_IDR0.VIRT.
//!
//! What will come here: a [`Domain`](super::domain::Domain) for each VM, with
//! two ISTs in memory whose geometry its L2_VMTE gives and with VPEs as its
//! targets; the VPE table, and which PE each VPE is resident on
//! (ICH_CONTEXTR_EL2); doorbells, as events on physical LPIs.

use super::frame::Reg;

const IDLE: u64 = 1 << 0;

/// Fields of the registers that hold something.
mod fields {
    pub const VMT_BASER_VALID: u64 = 1 << 0;
    /// ADDR, bits 55:3, and VALID.
    pub const VMT_BASER: u64 = ((1 << 56) - 1) & !0b110;
    /// STRUCTURE and VM_ID_BITS.
    pub const VMT_CFGR: u64 = (1 << 16) | 0x1f;
    /// VPE_ID and VM_ID; S, bit 63, asks for the selection and reads as 0.
    pub const VPE_SELR: u64 = 0xffff_0000_ffff;
    pub const VM_SELR: u64 = 0xffff;
}

/// The state of the registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VirtRegs {
    vmt_baser: u64,
    vmt_cfgr: u64,
    vpe_selr: u64,
    vm_selr: u64,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// The register cannot be written now.
    Locked,
    /// It asks for what is not there.
    NotImplemented,
}

impl VirtRegs {
    /// The value of `reg`; 0 if it holds nothing.
    pub fn read(&self, reg: Reg) -> u64 {
        match reg {
            Reg::VmtBaser => self.vmt_baser,
            Reg::VmtCfgr => self.vmt_cfgr,
            Reg::VpeSelr => self.vpe_selr,
            Reg::VmSelr => self.vm_selr,
            Reg::VmtStatusr | Reg::VpeStatusr | Reg::VmStatusr | Reg::SaveVmStatusr => IDLE,
            _ => 0,
        }
    }

    /// Writes the bits `mask` of `reg`.
    pub fn write(&mut self, reg: Reg, value: u64, mask: u64) -> Outcome {
        use fields::{VMT_BASER, VMT_BASER_VALID, VMT_CFGR, VM_SELR, VPE_SELR};
        let valid = self.vmt_baser & VMT_BASER_VALID != 0;
        let (place, mask) = match reg {
            Reg::VmtCfgr if valid => return Outcome::Locked,
            Reg::VmtBaser if valid => (&mut self.vmt_baser, mask & VMT_BASER_VALID),
            Reg::VmtBaser => (&mut self.vmt_baser, mask & VMT_BASER),
            Reg::VmtCfgr => (&mut self.vmt_cfgr, mask & VMT_CFGR),
            Reg::VpeSelr => (&mut self.vpe_selr, mask & VPE_SELR),
            Reg::VmSelr => (&mut self.vm_selr, mask & VM_SELR),
            _ => return Outcome::NotImplemented,
        };
        *place = (*place & !mask) | (value & mask);
        Outcome::Done
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual CPU interface: what a guest at EL1 sees as its GIC, and what the
//! hypervisor holds of it in the ICH_*_EL2 registers.

use super::ppi::{PpiSet, Source};
use super::Interface;
use crate::regs::Half;

/// Fields of ICH_CONTEXTR_EL2.
mod contextr {
    pub const V: u64 = 1 << 63;
    pub const F: u64 = 1 << 62;
    pub const VPE_SHIFT: u32 = 32;
    pub const VPE: u64 = 0xffff << VPE_SHIFT;
    /// V, IRICHPPIDIS, DB, DBPM, VPE, VM; F is the hardware's.
    pub const WRITABLE: u64 = 0xbf80_ffff_0000_ffff;
}

/// Fields of ICH_VCTLR_EL2.
mod vctlr {
    pub const EN: u64 = 1 << 0;
    // V3, bit 1, is RES0: FEAT_GCIE_LEGACY is not implemented.
}

/// The state of the virtual CPU interface.
///
/// # Invariants
///
/// `pend` and `dvi` are within [`PpiSet::IMPLEMENTED`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Virtual {
    /// ICH_VMCR_EL2, ICH_APR_EL2 and the virtual PPIs, except for Pending.
    pub interface: Interface,
    pend: PpiSet,
    dvi: PpiSet,
    vctlr: u64,
    context: u64,
}

impl Virtual {
    /// The pending virtual PPIs.
    ///
    /// ICH_PPI_DVIRn_EL2 decides for each PPI where Pending comes from
    /// (D_QNZMN, I_VRZWD): with DVI set it is that of the physical PPI with the
    /// same number, otherwise the bit in ICH_PPI_PENDRn_EL2. Enable, priority
    /// and Active stay the virtual PPI's own, and the physical PPI remains a
    /// candidate for the physical interface; a hypervisor disables it or holds
    /// it Active (Linux: `kvm_timer_vcpu_load_gic`).
    pub fn pending(&self, source: &Source) -> PpiSet {
        self.pend & !self.dvi | source.pending() & self.dvi
    }

    /// The guest's SPENDR. As for the physical PPIs, Pending of a Level PPI is
    /// read-only. With DVI the guest's name is an alias of the physical PPI's
    /// (I_VRZWD), so the write goes there.
    pub fn set_pending(&mut self, ppis: PpiSet, source: &mut Source) {
        let ppis = ppis & PpiSet::EDGE;
        self.pend |= ppis & !self.dvi;
        source.set(ppis & self.dvi);
    }

    /// The guest's CPENDR, or its acknowledge, of Edge PPIs; like
    /// [`Self::set_pending`].
    pub fn clear_pending(&mut self, ppis: PpiSet, source: &mut Source) {
        let ppis = ppis & PpiSet::EDGE;
        self.pend &= !(ppis & !self.dvi);
        source.clear(ppis & self.dvi);
    }

    /// ICH_PPI_PENDRn_EL2 for the hypervisor: the bits as last written by it, or
    /// changed by the guest while DVI was clear.
    ///
    /// While DVI is set the bit is IGNORED: it neither shows nor influences
    /// anything, and stays what software makes it (I_VRZWD). Hence when DVI is
    /// cleared, Pending is again the bit, and what the physical PPI was does
    /// not linger.
    pub fn pendr(&self, half: Half) -> u64 {
        self.pend.half(half)
    }

    /// Writes ICH_PPI_PENDRn_EL2; Level PPIs too, the hypervisor is their
    /// source.
    pub fn write_pendr(&mut self, half: Half, bits: u64) {
        self.pend = self.pend.with_half(half, bits) & PpiSet::IMPLEMENTED;
    }

    /// ICH_PPI_DVIRn_EL2.
    pub fn dvir(&self, half: Half) -> u64 {
        self.dvi.half(half)
    }

    /// Writes ICH_PPI_DVIRn_EL2.
    ///
    /// A bit only has effect for a PPI of the Current Physical Interrupt Domain
    /// (I_NVWGX); here there is one domain. The redirection of the timers'
    /// injection under HCR_EL2.{NV,NV1} == {1,0} (R_GYGNW) is not modelled.
    pub fn write_dvir(&mut self, half: Half, bits: u64) {
        self.dvi = self.dvi.with_half(half, bits) & PpiSet::IMPLEMENTED;
    }

    /// ICH_VCTLR_EL2.
    pub fn vctlr(&self) -> u64 {
        self.vctlr
    }

    /// Writes ICH_VCTLR_EL2.
    pub fn write_vctlr(&mut self, value: u64) {
        self.vctlr = value & vctlr::EN;
    }

    /// ICH_VCTLR_EL2.En: whether a highest priority pending virtual interrupt
    /// is selected at all (Linux: `__init_el2_gicv5`, "Enable vHPPI selection").
    pub fn selects(&self) -> bool {
        self.vctlr & vctlr::EN != 0
    }

    /// ICH_CONTEXTR_EL2.
    pub fn contextr(&self) -> u64 {
        self.context
    }

    /// Writes ICH_CONTEXTR_EL2.
    ///
    /// CHOICE: there is no virtual IRS yet, so residency is state only: a VPE
    /// becomes resident by being named, and F says that it could not only
    /// where no VPE can exist (`virt` is IRS_IDR0.VIRT). The virtual PPIs do
    /// not depend on a resident VPE (Linux 7.3 writes no ICH_CONTEXTR_EL2 and
    /// takes virtual PPIs).
    pub fn write_contextr(&mut self, value: u64, virt: bool) {
        self.context = value & contextr::WRITABLE;
        if value & contextr::V != 0 && !virt {
            self.context |= contextr::F;
        }
    }

    /// What the guest reads as its ICC_IAFFIDR_EL1: the VPE ID, by which the
    /// virtual IRS knows it (Linux: `access_gicv5_iaffid`). CHOICE: 0 while no
    /// VPE is resident.
    pub fn vpe_id(&self) -> u64 {
        match self.context & (contextr::V | contextr::F) {
            contextr::V => (self.context & contextr::VPE) >> contextr::VPE_SHIFT,
            _ => 0,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual CPU interface: what a guest at EL1 sees as its GIC, and what the
//! hypervisor holds of it in the ICH_*_EL2 registers.

use super::ppi::{PpiSet, Source};
use super::Interface;
use crate::archive::Archive;
use crate::intid::Priority;
use crate::irs::{Context, VpeId};
use crate::regs::Half;

/// Fields of ICH_CONTEXTR_EL2.
mod contextr {
    pub const V: u64 = 1 << 63;
    pub const F: u64 = 1 << 62;
    pub const IRICHPPIDIS: u64 = 1 << 61;
    pub const DB: u64 = 1 << 60;
    pub const DBPM_SHIFT: u32 = 55;
    pub const VPE_SHIFT: u32 = 32;
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
/// As for the [`PpiBank`](super::ppi::PpiBank), whoever writes the words of
/// PPIs leaves out those that are not implemented.
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
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>, implemented: PpiSet) {
        self.interface.archive(archive, implemented);
        self.pend.archive(archive, implemented);
        self.dvi.archive(archive, implemented);
        archive.bits(&mut self.vctlr, vctlr::EN);
        archive.bits(&mut self.context, contextr::WRITABLE | contextr::F);
    }

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
        self.pend = self.pend.with_half(half, bits);
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
        self.dvi = self.dvi.with_half(half, bits);
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

    /// What writing `value` to ICH_CONTEXTR_EL2 asks of the IRS.
    pub fn context(value: u64) -> Context {
        if value & contextr::V != 0 {
            return Context::Enter(VpeId {
                vm: value as u16,
                vpe: (value >> contextr::VPE_SHIFT) as u16,
            });
        }
        let dbpm = Priority::from_bits(value >> contextr::DBPM_SHIFT);
        Context::Leave((value & contextr::DB != 0).then_some(dbpm))
    }

    /// Writes ICH_CONTEXTR_EL2; `fault` is the IRS's answer to it, that the VPE
    /// cannot be resident.
    ///
    /// The virtual PPIs do not depend on a resident VPE (Linux 7.3 writes no
    /// ICH_CONTEXTR_EL2 and takes virtual PPIs).
    pub fn write_contextr(&mut self, value: u64, fault: bool) {
        self.context = value & contextr::WRITABLE;
        if fault {
            self.context |= contextr::F;
        }
    }

    /// ICH_CONTEXTR_EL2.IRICHPPIDIS: the IRS's candidate is kept out of the
    /// selection of the highest priority pending virtual interrupt.
    pub fn holds_back_irs(&self) -> bool {
        self.context & contextr::IRICHPPIDIS != 0
    }
}

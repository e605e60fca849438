// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual CPU interface: what a guest at EL1 sees as its GIC, and what the
//! hypervisor holds of it in the ICH_*_EL2 registers.

use super::ppi::{PpiSet, Source, CNTHP, CNTHV, CNTP, CNTV};
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
    /// HCR_EL2.{NV, NV1} is {1, 0}.
    redirects: bool,
}

/// A timer's physical PPI, and the virtual PPI that it is injected as for a
/// hypervisor at EL1 (R_GYGNW): such a hypervisor is written for HCR_EL2.E2H,
/// and has the EL2 timers under the names of the EL1 timers, which it reaches.
const REDIRECTED: [(u32, u32); 2] = [(CNTP, CNTHP), (CNTV, CNTHV)];

impl Virtual {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>, implemented: PpiSet) {
        self.interface.archive(archive, implemented);
        self.pend.archive(archive, implemented);
        self.dvi.archive(archive, implemented);
        archive.bits(&mut self.vctlr, vctlr::EN);
        archive.bits(&mut self.context, contextr::WRITABLE | contextr::F);
        archive.flag(&mut self.redirects);
    }

    /// The pending virtual PPIs.
    ///
    /// ICH_PPI_DVIRn_EL2 decides for each PPI where Pending comes from
    /// (D_QNZMN, I_VRZWD): with DVI set it is that of the physical PPI with the
    /// same number, otherwise the bit in ICH_PPI_PENDRn_EL2. Enable, priority
    /// and Active stay the virtual PPI's own, and the physical PPI remains a
    /// candidate for the physical interface; a hypervisor disables it or holds
    /// it Active (Linux: `kvm_timer_vcpu_load_gic`).
    ///
    /// Under HCR_EL2.{NV, NV1} = {1, 0} DVI of CNTP and of CNTV make the virtual
    /// CNTHP and CNTHV those that have the physical one's Pending; the virtual
    /// CNTP and CNTV have their own, and DVI of CNTHP and CNTHV acts as 0
    /// (R_GYGNW).
    pub fn pending(&self, source: &Source) -> PpiSet {
        let physical = source.pending();
        if !self.redirects {
            return self.pend & !self.dvi | physical & self.dvi;
        }
        let (mut injected, mut pending) = (self.dvi, physical & self.dvi);
        for (from, to) in REDIRECTED {
            let pair = PpiSet::only(from) | PpiSet::only(to);
            injected &= !pair;
            pending &= !pair;
            if self.dvi.contains(PpiSet::only(from)) {
                injected |= PpiSet::only(to);
                if physical.contains(PpiSet::only(from)) {
                    pending |= PpiSet::only(to);
                }
            }
        }
        self.pend & !injected | pending
    }

    /// Whether the timers' PPIs are injected under other numbers.
    pub fn redirects_timers(&self) -> bool {
        self.redirects
    }

    /// From now on they are, or not.
    pub fn redirect_timers(&mut self, on: bool) {
        self.redirects = on;
    }

    /// The guest's SPENDR. As for the physical PPIs, Pending of a Level PPI is
    /// read-only; those of R_GYGNW are Level. With DVI the guest's name is an
    /// alias of the physical PPI's (I_VRZWD), so the write goes there.
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
    /// (I_NVWGX); here there is one domain.
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

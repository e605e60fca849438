// SPDX-License-Identifier: GPL-2.0-or-later
//! The CPU interface of one PE: its registers, physical and virtual.
//!
//! | file | job |
//! |---|---|
//! | `ppi` | PPIs as words: configuration, Active, priorities, Pending |
//! | `control` | enable, priority mask, active priorities |
//! | `virt` | the virtual interface: DVI, residency, selection |
//! | `traps` | fine-grained traps |
//! | `route` | UNDEFINED, trap, or which domain |
//! | `access` | what reads and writes of each register do |
//! | `insn` | operands of the GIC CD* instructions |

mod access;
pub mod control;
pub mod insn;
pub mod ppi;
pub mod route;
pub mod traps;
pub mod virt;

use crate::archive::Archive;
use crate::intid::{Candidate, IntType, Intid, Priority};
use control::Control;
use ppi::{PpiBank, PpiSet, Source};
use route::Domain;
use traps::Traps;
use virt::Virtual;

/// What the physical and the virtual interface have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Which interrupts are let through.
    pub control: Control,
    /// The PPIs, except for their Pending state.
    pub ppis: PpiBank,
}

/// The CPU interface of one PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuInterface {
    iaffid: u16,
    /// The PPIs that there are.
    implemented: PpiSet,
    physical: Interface,
    source: Source,
    virt: Virtual,
    traps: Traps,
    /// ICC_ICSR_EL1: one register for both domains. KVM saves and restores the
    /// guest's from EL2 under the physical name (`__vgic_v5_save_state`).
    icsr: u64,
}

impl Interface {
    fn archive(&mut self, archive: &mut Archive<'_>, implemented: PpiSet) {
        self.control.archive(archive);
        self.ppis.archive(archive, implemented);
    }
}

impl CpuInterface {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        self.physical.archive(archive, self.implemented);
        self.source.archive(archive, self.implemented);
        self.virt.archive(archive, self.implemented);
        self.traps.archive(archive);
        archive.bits(&mut self.icsr, access::ICSR_MASK);
    }

    /// The interface of the PE with this IAFFID and the usual PPIs, out of
    /// reset, every wire deasserted.
    pub fn new(iaffid: u16) -> Self {
        Self {
            iaffid,
            implemented: PpiSet::IMPLEMENTED,
            physical: Interface::default(),
            source: Source::default(),
            virt: Virtual::default(),
            traps: Traps::default(),
            icsr: 0,
        }
    }

    /// The same with these PPIs.
    #[must_use]
    pub fn with_ppis(self, implemented: PpiSet) -> Self {
        Self {
            implemented,
            ..self
        }
    }

    /// Reset of the PE.
    ///
    /// CHOICE: whatever the architecture leaves UNKNOWN becomes 0. The wires
    /// keep their levels, because they are outside: a timer that fires across
    /// the reset is pending after it.
    pub fn reset(&mut self) {
        let mut source = core::mem::take(&mut self.source);
        source.reset();
        *self = Self {
            source,
            ..Self::new(self.iaffid).with_ppis(self.implemented)
        };
    }

    /// The wire of PPI `id` is now at `level`; ignored for a PPI that is not
    /// implemented.
    pub fn set_wire(&mut self, id: u32, level: bool) {
        self.source
            .set_wire(PpiSet::only(id) & self.implemented, level);
    }

    /// The fine-grained traps.
    pub fn traps(&self) -> &Traps {
        &self.traps
    }

    fn interface(&self, domain: Domain) -> &Interface {
        match domain {
            Domain::Physical => &self.physical,
            Domain::Virtual => &self.virt.interface,
        }
    }

    /// The interface of `domain`, to change.
    pub fn interface_mut(&mut self, domain: Domain) -> &mut Interface {
        match domain {
            Domain::Physical => &mut self.physical,
            Domain::Virtual => &mut self.virt.interface,
        }
    }

    fn pending(&self, domain: Domain) -> PpiSet {
        match domain {
            Domain::Physical => self.source.pending(),
            Domain::Virtual => self.virt.pending(&self.source),
        }
    }

    fn set_pending(&mut self, domain: Domain, ppis: PpiSet) {
        match domain {
            Domain::Physical => self.source.set(ppis),
            Domain::Virtual => self.virt.set_pending(ppis, &mut self.source),
        }
    }

    fn clear_pending(&mut self, domain: Domain, ppis: PpiSet) {
        match domain {
            Domain::Physical => self.source.clear(ppis),
            Domain::Virtual => self.virt.clear_pending(ppis, &mut self.source),
        }
    }

    /// The highest priority pending interrupt of `domain`, if it has Sufficient
    /// priority to be signalled; `irs` is the IRS's candidate for this PE, or
    /// for its resident VPE.
    ///
    /// CHOICE: where a PPI and the IRS's candidate have one priority, the PPI
    /// (IMPLEMENTATION DEFINED, R_VVBPS).
    pub fn hppi(&self, domain: Domain, irs: Option<Candidate>) -> Option<Candidate> {
        if domain == Domain::Virtual && !self.virt.selects() {
            return None;
        }
        let interface = self.interface(domain);
        let ppi = interface.ppis.candidate(self.pending(domain));
        [ppi, irs]
            .into_iter()
            .flatten()
            .min_by_key(|candidate| candidate.priority)
            .filter(|candidate| interface.control.admits(candidate))
    }

    /// The interrupt with this priority is being acknowledged in `domain`. For
    /// a PPI this makes it Active, and no longer Pending if it is an Edge one.
    pub fn acknowledge(&mut self, domain: Domain, candidate: Candidate) {
        let Candidate { intid, priority } = candidate;
        self.interface_mut(domain).control.active.raise(priority);
        if intid.kind() == Some(IntType::Ppi) {
            let ppi = PpiSet::only(intid.id());
            self.interface_mut(domain).ppis.activate(ppi);
            self.clear_pending(domain, ppi & PpiSet::EDGE);
        }
    }

    /// GIC CDDI of a PPI. False if there is no such PPI.
    pub fn deactivate_ppi(&mut self, domain: Domain, intid: Intid) -> bool {
        let ppi = PpiSet::only(intid.id()) & self.implemented;
        self.interface_mut(domain).ppis.deactivate(ppi);
        !ppi.is_empty()
    }

    /// Writes ICH_CONTEXTR_EL2; `fault` is the IRS's answer to it.
    pub fn set_contextr(&mut self, value: u64, fault: bool) {
        self.virt.write_contextr(value, fault);
    }

    /// Whether the timers' PPIs are injected as a hypervisor at EL1 expects.
    pub fn redirects_timers(&self) -> bool {
        self.virt.redirects_timers()
    }

    /// From now on they are, or not.
    pub fn redirect_timers(&mut self, on: bool) {
        self.virt.redirect_timers(on);
    }

    /// Whether the IRS's candidate is kept away from the resident VPE.
    pub fn holds_back_irs(&self) -> bool {
        self.virt.holds_back_irs()
    }

    /// What GIC CDRCFG leaves in ICC_ICSR_EL1.
    pub fn set_icsr(&mut self, value: u64) {
        self.icsr = value;
    }
}

/// How an interrupt is signalled to the PE: with Superpriority if its priority
/// is 0 (R_CSBDX). Whether that makes it an NMI is up to the PE's
/// SCTLR_ELx.NMI.
pub fn has_superpriority(candidate: &Candidate) -> bool {
    candidate.priority == Priority::SUPER
}

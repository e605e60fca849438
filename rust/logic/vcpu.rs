// SPDX-License-Identifier: GPL-2.0

//! One vCPU's interrupt state, and what other threads do to it.

use super::ppi::{PpiId, PpiMask};
use super::priority::Priority;
use super::stats::{Event, Stats};
use super::sync::Word;
use super::vm::Vm;
use super::wires::{Owner, WireError, Wires};
use crate::sysregs::{FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2};

/// What came of an injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Injection {
    /// The state changed: the vCPU must be kicked to see it.
    Changed,
    /// Nothing changed: the level was this already, or an edge interrupt was told to fall.
    Unchanged,
    /// The PPI belongs to somebody else; nothing was done.
    NotOwner,
}

/// A vCPU's virtual CPU interface.
///
/// # Who touches what
///
/// Any thread: the edge latch, the line levels, the wires, the set of directly injected PPIs.
/// The thread that runs the vCPU: everything else, through [`super::Parked`] and
/// [`super::Resident`]. Any thread may *read* everything at any time; what it reads of a vCPU that
/// runs is out of date, as it would be on hardware by the time it is looked at.
pub struct Vcpu {
    /// Edge PPIs that were raised and not yet shown to the guest.
    pub(super) latch: Word,
    /// Level PPIs whose line is high.
    pub(super) line: Word,
    /// PPIs whose pending state is the physical PPI's while the guest runs.
    pub(super) dvi: Word,

    // As of the last put, but `enabled`, which is always the truth.
    pub(super) enabled: Word,
    pub(super) active: Word,
    pub(super) priority: [Word; 8],
    pub(super) vmcr: Word,
    pub(super) apr: Word,
    pub(super) icsr: Word,

    /// Where the vCPU is; see `residency.rs`.
    pub(super) place: Word,
    /// Unlike any other vCPU's that ever was, and not 0.
    pub(super) token: u64,
    wires: Wires,
    pub(super) stats: Stats,
}

impl Vcpu {
    /// A vCPU as after power-on, parked.
    ///
    /// `token` is unlike that of any other vCPU that ever was, and not 0.
    pub fn new(token: u64) -> Self {
        Self {
            latch: Word::new(0),
            line: Word::new(0),
            dvi: Word::new(0),
            enabled: Word::new(0),
            active: Word::new(0),
            priority: core::array::from_fn(|_| Word::new(0)),
            vmcr: Word::new(0),
            apr: Word::new(0),
            icsr: Word::new(0),
            place: Word::new(0),
            token,
            wires: Wires::new(),
            stats: Stats::new(),
        }
    }

    /// Who drives which PPI.
    pub fn wires(&self) -> &Wires {
        &self.wires
    }

    /// Counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Drives a PPI: raises or lowers the line of a level PPI, raises an edge PPI (and ignores its
    /// fall). `owner` is who asks; `None` is userspace.
    ///
    /// The caller kicks the vCPU after [`Injection::Changed`]. Why nothing is lost without a lock:
    /// the change is made before the kick (the update is fully ordered, and the kick reads the
    /// vCPU's mode after it); the vCPU announces that it enters the guest before it takes the
    /// latch. So either the vCPU takes this change, or the kick finds it in the guest and brings
    /// it out.
    pub fn inject(&self, ppi: PpiId, level: bool, owner: Option<Owner>) -> Injection {
        if !self.wires.is_owner(ppi, owner) {
            return Injection::NotOwner;
        }
        let bit = ppi.mask().bits();
        let changed = if Vm::EDGE.contains(ppi) {
            if level {
                // Even if it is pending already: the guest may be taking that one just now.
                self.latch.set(bit);
            }
            level
        } else if level {
            self.line.set(bit) & bit == 0
        } else {
            self.line.clear(bit) & bit != 0
        };
        if !changed {
            return Injection::Unchanged;
        }
        self.stats.count(Event::Inject);
        Injection::Changed
    }

    /// Ties `ppi` to the physical PPI `hwirq` and injects it directly from the next guest entry.
    ///
    /// # Errors
    ///
    /// [`WireError::Full`] if the vCPU has no room for another device.
    pub fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), WireError> {
        self.wires.map(ppi, hwirq)?;
        self.dvi.set(ppi.mask().bits());
        self.stats.count(Event::DirectInjection);
        Ok(())
    }

    /// Undoes [`Vcpu::map`], from the next guest entry. Whether there was something to undo.
    pub fn unmap(&self, ppi: PpiId) -> bool {
        self.dvi.clear(ppi.mask().bits());
        let was = self.wires.unmap(ppi);
        if was {
            self.stats.count(Event::DirectInjection);
        }
        was
    }

    /// Whether a mapped PPI is active, as of the last put.
    pub fn is_mapped_active(&self, ppi: PpiId) -> bool {
        (self.wires.mapped() & self.active()).contains(ppi)
    }

    /// PPIs that are pending as far as software holds their state: raised edges and high lines.
    /// A directly injected PPI's pending state is its physical PPI's and not part of this.
    #[inline(always)]
    pub fn pending(&self) -> PpiMask {
        PpiMask::from_bits(self.latch.load()) & Vm::EDGE
            | PpiMask::from_bits(self.line.load()) & !Vm::EDGE
    }

    /// PPIs that the guest has enabled.
    #[inline(always)]
    pub fn enabled(&self) -> PpiMask {
        PpiMask::from_bits(self.enabled.load())
    }

    /// Active PPIs, as of the last put.
    #[inline(always)]
    pub fn active(&self) -> PpiMask {
        PpiMask::from_bits(self.active.load())
    }

    /// Directly injected PPIs.
    #[inline(always)]
    pub fn direct(&self) -> PpiMask {
        PpiMask::from_bits(self.dvi.load())
    }

    /// A PPI's priority, as of the last put.
    #[inline]
    pub fn priority(&self, ppi: PpiId) -> Priority {
        let word = match self.priority.get(ppi.number() as usize / 8) {
            Some(word) => word.load(),
            None => 0,
        };
        Priority::from_field((word >> (ppi.number() % 8 * 8)) as u8)
    }

    /// ICH_VMCR_EL2, as of the last put.
    pub fn vmcr(&self) -> FEAT_GCIE_ICH_VMCR_EL2 {
        FEAT_GCIE_ICH_VMCR_EL2::from_raw(self.vmcr.load())
    }

    /// ICH_APR_EL2, as of the last put.
    pub fn apr(&self) -> ICH_APR_EL2 {
        ICH_APR_EL2::from_raw(self.apr.load())
    }

    /// The guest's write of ICC_PPI_ENABLER0_EL1, which always traps: it takes effect on the way
    /// back into the guest.
    pub fn write_enabler(&self, vm: &Vm, value: u64) {
        self.enabled.store(value & vm.visible().bits());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What drives a vCPU's PPIs: edges, lines, direct injection. Changed by any thread, without a
//! lock.

use super::owners::{Owner, OwnerError, PpiOwners};
use super::ppi::{PpiId, PpiMask};
use crate::vgic::word::Word;

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

/// The inputs of one vCPU's PPIs.
pub struct Inputs {
    /// Edge PPIs that were raised and not yet shown to the guest.
    latch: Word,
    /// Level PPIs whose line is high.
    line: Word,
    /// PPIs whose pending state is the physical PPI's while the guest runs.
    direct: Word,
    owners: PpiOwners,
}

impl Inputs {
    /// No edge, all lines low, nothing owned.
    pub(super) fn new() -> Self {
        Self {
            latch: Word::new(0),
            line: Word::new(0),
            direct: Word::new(0),
            owners: PpiOwners::new(),
        }
    }

    /// Which device drives which PPI.
    pub fn owners(&self) -> &PpiOwners {
        &self.owners
    }

    /// Drives a PPI: raises or lowers the line of a level PPI, raises an edge PPI (and ignores its
    /// fall). `owner` is who asks; `None` is userspace.
    ///
    /// The caller kicks the vCPU after [`Injection::Changed`]. Why nothing is lost without a lock:
    /// the change is made before the kick (the update is fully ordered, and the kick reads the
    /// vCPU's mode after it); the vCPU announces that it enters the guest before it takes the
    /// latch. So either the vCPU takes this change, or the kick finds it in the guest and brings
    /// it out.
    #[inline(always)]
    pub fn inject(&self, ppi: PpiId, level: bool, owner: Option<Owner>) -> Injection {
        if !self.owners.is_owner(ppi, owner) {
            return Injection::NotOwner;
        }
        let bit = ppi.mask().bits();
        let changed = if PpiMask::EDGE.contains(ppi) {
            if level {
                // Even if it is pending already: the guest may be taking that one just now.
                self.latch.set(bit);
            }
            level
        } else if level {
            // One device drives the line, so nobody else is about to change it. KVM's PMU asks for
            // the level that there is already at every entry and exit.
            self.line.set_if_clear(bit) & bit == 0
        } else {
            self.line.clear_if_set(bit) & bit != 0
        };
        if changed {
            Injection::Changed
        } else {
            Injection::Unchanged
        }
    }

    /// Ties `ppi` to the physical PPI `hwirq` and injects it directly from the next guest entry.
    ///
    /// # Errors
    ///
    /// [`OwnerError::Full`] if the vCPU has no room for another PPI.
    pub(super) fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), OwnerError> {
        self.owners.map(ppi, hwirq)?;
        self.direct.set(ppi.mask().bits());
        Ok(())
    }

    /// Undoes [`Inputs::map`], from the next guest entry. Returns whether there was anything to
    /// undo.
    pub(super) fn unmap(&self, ppi: PpiId) -> bool {
        self.direct.clear(ppi.mask().bits());
        self.owners.unmap(ppi)
    }

    /// PPIs that are pending as far as software holds their state: raised edges and high lines.
    /// A directly injected PPI's pending state is its physical PPI's and not part of this.
    #[inline(always)]
    pub fn pending(&self) -> PpiMask {
        PpiMask::from_bits(self.latch.load()) & PpiMask::EDGE | self.lines()
    }

    /// Level PPIs whose line is high.
    #[inline(always)]
    pub(super) fn lines(&self) -> PpiMask {
        PpiMask::from_bits(self.line.load()) & !PpiMask::EDGE
    }

    /// Directly injected PPIs.
    #[inline(always)]
    pub fn direct(&self) -> PpiMask {
        PpiMask::from_bits(self.direct.load())
    }

    /// Takes the edges among `ppis`, to show them to the guest.
    #[inline(always)]
    pub(super) fn take_edges(&self, ppis: PpiMask) -> PpiMask {
        PpiMask::from_bits(self.latch.take((ppis & PpiMask::EDGE).bits()))
    }

    /// Puts back edges that the guest has not taken, beside those that came since.
    #[inline(always)]
    pub(super) fn return_edges(&self, edges: PpiMask) {
        if !edges.is_empty() {
            self.latch.set(edges.bits());
        }
    }

    /// Forgets edges and lowers lines of `ppis`.
    pub(super) fn clear(&self, ppis: PpiMask) {
        self.latch.clear(ppis.bits());
        self.line.clear(ppis.bits());
    }

    /// Forgets all edges. Lines stay as their devices drive them.
    pub(super) fn clear_edges(&self) {
        self.latch.store(0);
    }

    /// Makes the pending state that software holds be `pending`.
    pub(super) fn set_pending(&self, pending: PpiMask) {
        let edges = PpiMask::EDGE;
        self.latch.clear((edges & !pending).bits());
        self.latch.set((edges & pending).bits());
        self.line.clear((!edges & !pending).bits());
        self.line.set((!edges & pending).bits());
    }
}

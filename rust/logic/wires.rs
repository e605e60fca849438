// SPDX-License-Identifier: GPL-2.0

//! Which in-kernel device drives which PPI of a vCPU, and with what.
//!
//! Two timers and the PMU drive a PPI each, so a table of a few slots serves where an array would
//! hold 64 mostly empty entries. Slots are claimed and never given back: a device drives the same
//! PPI for the vCPU's life.

use super::ppi::{PpiId, PpiMask};
use super::sync::Word;

/// Identity of an in-kernel device, opaque: KVM's `owner` pointer. Never 0; userspace is `None`.
pub type Owner = core::num::NonZeroU64;

/// Why a PPI cannot be wired up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Another device drives this PPI.
    Owned,
    /// More devices than slots.
    Full,
}

/// # Invariants
///
/// `id` goes from 0 to a PPI's ID + 1 once. The other words mean nothing while it is 0.
struct Wire {
    id: Word,
    owner: Word,
    /// KVM's `struct irq_ops` for this PPI, as an address; 0 for none.
    ops: Word,
    /// The physical INTID.ID behind a mapped PPI.
    hwirq: Word,
}

/// The wires of one vCPU.
pub struct Wires {
    slots: [Wire; Self::SLOTS],
    owned: Word,
    mapped: Word,
}

impl Wires {
    const SLOTS: usize = 8;

    pub(super) fn new() -> Self {
        Self {
            slots: core::array::from_fn(|_| Wire {
                id: Word::new(0),
                owner: Word::new(0),
                ops: Word::new(0),
                hwirq: Word::new(0),
            }),
            owned: Word::new(0),
            mapped: Word::new(0),
        }
    }

    /// PPIs that an in-kernel device drives.
    pub fn owned(&self) -> PpiMask {
        PpiMask::from_bits(self.owned.observe())
    }

    /// PPIs that are tied to a physical PPI.
    #[inline(always)]
    pub fn mapped(&self) -> PpiMask {
        PpiMask::from_bits(self.mapped.observe())
    }

    fn find(&self, ppi: PpiId) -> Option<&Wire> {
        let id = u64::from(ppi.number()) + 1;
        self.slots.iter().find(|wire| wire.id.load() == id)
    }

    fn find_or_claim(&self, ppi: PpiId) -> Result<&Wire, WireError> {
        let id = u64::from(ppi.number()) + 1;
        for wire in &self.slots {
            match wire.id.claim(id) {
                Ok(()) => return Ok(wire),
                Err(taken) if taken == id => return Ok(wire),
                Err(_) => {}
            }
        }
        Err(WireError::Full)
    }

    /// Makes `owner` the device that drives `ppi`.
    ///
    /// # Errors
    ///
    /// [`WireError::Owned`] if another device does; doing it twice is fine.
    pub fn set_owner(&self, ppi: PpiId, owner: Owner) -> Result<(), WireError> {
        match self.find_or_claim(ppi)?.owner.claim(owner.get()) {
            Ok(()) => {}
            Err(already) if already == owner.get() => {}
            Err(_) => return Err(WireError::Owned),
        }
        self.owned.set(ppi.mask().bits());
        Ok(())
    }

    /// The device that drives `ppi`; `None` leaves it to userspace.
    pub fn owner(&self, ppi: PpiId) -> Option<Owner> {
        if !self.owned().contains(ppi) {
            return None;
        }
        self.find(ppi)
            .and_then(|wire| Owner::new(wire.owner.load()))
    }

    /// Remembers the address of KVM's `struct irq_ops` for `ppi`; 0 to forget it.
    ///
    /// # Errors
    ///
    /// [`WireError::Full`] if there is no room for it.
    pub fn set_ops(&self, ppi: PpiId, ops: u64) -> Result<(), WireError> {
        self.find_or_claim(ppi)?.ops.publish(ops);
        Ok(())
    }

    /// The address given to [`Wires::set_ops`], or 0.
    pub fn ops(&self, ppi: PpiId) -> u64 {
        self.find(ppi).map_or(0, |wire| wire.ops.observe())
    }

    /// Ties `ppi` to the physical PPI `hwirq`.
    ///
    /// # Errors
    ///
    /// [`WireError::Full`] if there is no room for it.
    pub fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), WireError> {
        self.find_or_claim(ppi)?.hwirq.store(hwirq.into());
        self.mapped.set(ppi.mask().bits());
        Ok(())
    }

    /// Unties `ppi`; whether it was tied.
    pub fn unmap(&self, ppi: PpiId) -> bool {
        self.mapped.clear(ppi.mask().bits()) & ppi.mask().bits() != 0
    }

    /// The physical PPI that `ppi` is tied to.
    pub fn hwirq(&self, ppi: PpiId) -> Option<u32> {
        if !self.mapped().contains(ppi) {
            return None;
        }
        self.find(ppi).map(|wire| wire.hwirq.load() as u32)
    }
}

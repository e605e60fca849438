// SPDX-License-Identifier: GPL-2.0

//! Which in-kernel device drives which PPI of a vCPU, and with what.
//!
//! A vCPU has few such devices (two timers and a PMU), of which each owns PPIs; and few PPIs that
//! are tied to a physical one (the timers'). Both are small tables of slots that are claimed and
//! never given back, as a device stays for the vCPU's life. An array for 64 PPIs would be mostly
//! empty.

use super::ppi::{PpiId, PpiMask};
use super::sync::Word;

/// Identity of an in-kernel device, opaque: KVM's `owner` pointer. Never 0; userspace is `None`.
pub type Owner = core::num::NonZeroU64;

/// Why a PPI cannot be wired up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Another device drives this PPI.
    Owned,
    /// No slot is left.
    Full,
}

/// A device and its PPIs.
///
/// # Invariants
///
/// `owner` goes from 0 to an [`Owner`] once. No PPI is in two devices' `ppis`.
struct Device {
    owner: Word,
    ppis: Word,
}

/// A PPI and the physical PPI that it is tied to, or once was.
///
/// # Invariants
///
/// `id` goes from 0 to a PPI's ID + 1 once. `hwirq` means nothing while it is 0.
struct Wire {
    id: Word,
    /// INTID.ID.
    hwirq: Word,
}

/// The wires of one vCPU.
pub struct Wires {
    devices: [Device; Self::SLOTS],
    wires: [Wire; Self::SLOTS],
    /// The PPIs of all devices.
    owned: Word,
    mapped: Word,
}

impl Wires {
    const SLOTS: usize = 8;

    pub(super) fn new() -> Self {
        Self {
            devices: core::array::from_fn(|_| Device {
                owner: Word::new(0),
                ppis: Word::new(0),
            }),
            wires: core::array::from_fn(|_| Wire {
                id: Word::new(0),
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

    fn device(&self, owner: Owner) -> Option<&Device> {
        self.devices
            .iter()
            .find(|device| device.owner.load() == owner.get())
    }

    /// Makes `owner` the device that drives `ppi`.
    ///
    /// # Errors
    ///
    /// [`WireError::Owned`] if another device does; doing it twice is fine. [`WireError::Full`] if
    /// the vCPU has no room for one more device.
    pub fn set_owner(&self, ppi: PpiId, owner: Owner) -> Result<(), WireError> {
        let device = claim_slot(&self.devices, |device| &device.owner, owner.get())?;
        let bit = ppi.mask().bits();
        if self.owned.set(bit) & bit == 0 {
            device.ppis.set(bit);
        } else if device.ppis.load() & bit == 0 {
            return Err(WireError::Owned);
        }
        Ok(())
    }

    /// Whether `by` drives `ppi`; `None` is userspace, which drives what no device does.
    #[inline]
    pub fn is_owner(&self, ppi: PpiId, by: Option<Owner>) -> bool {
        match by {
            None => !self.owned().contains(ppi),
            Some(owner) => self
                .device(owner)
                .is_some_and(|device| PpiMask::from_bits(device.ppis.load()).contains(ppi)),
        }
    }

    fn wire(&self, ppi: PpiId) -> Option<&Wire> {
        let id = u64::from(ppi.number()) + 1;
        self.wires.iter().find(|wire| wire.id.load() == id)
    }

    fn claim_wire(&self, ppi: PpiId) -> Result<&Wire, WireError> {
        claim_slot(&self.wires, |wire| &wire.id, u64::from(ppi.number()) + 1)
    }

    /// Ties `ppi` to the physical PPI `hwirq`.
    ///
    /// # Errors
    ///
    /// [`WireError::Full`] if there is no room for it.
    pub fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), WireError> {
        self.claim_wire(ppi)?.hwirq.store(hwirq.into());
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
        self.wire(ppi).map(|wire| wire.hwirq.load() as u32)
    }
}

/// The slot whose `key` is `id`, claimed if there is none yet.
fn claim_slot<T>(slots: &[T], key: impl Fn(&T) -> &Word, id: u64) -> Result<&T, WireError> {
    slots
        .iter()
        .find(|slot| match key(slot).claim(id) {
            Ok(()) => true,
            Err(taken) => taken == id,
        })
        .ok_or(WireError::Full)
}

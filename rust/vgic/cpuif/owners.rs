// SPDX-License-Identifier: GPL-2.0

//! Which in-kernel device owns which PPI of a vCPU, and which physical PPI that is tied to.
//!
//! A vCPU has few such devices (two timers and a PMU), of which each owns PPIs; and few PPIs that
//! are tied to a physical one (the timers'). Both are small tables of slots that are claimed and
//! never given back, as a device stays for the vCPU's life. An array for 64 PPIs would be mostly
//! empty.

use super::ppi::{PpiId, PpiMask};
use crate::vgic::word::Word;

/// Identity of an in-kernel device, opaque: KVM's `owner` pointer. Never 0; userspace is `None`.
pub type Owner = core::num::NonZeroU64;

/// Why a device cannot have a PPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerError {
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
struct Mapping {
    id: Word,
    /// INTID.ID.
    hwirq: Word,
}

/// The owners of one vCPU's PPIs, and what those are tied to.
pub struct PpiOwners {
    devices: [Device; Self::SLOTS],
    mappings: [Mapping; Self::SLOTS],
    /// The PPIs of all devices.
    owned: Word,
    mapped: Word,
}

impl PpiOwners {
    const SLOTS: usize = 8;

    pub(super) fn new() -> Self {
        Self {
            devices: core::array::from_fn(|_| Device {
                owner: Word::new(0),
                ppis: Word::new(0),
            }),
            mappings: core::array::from_fn(|_| Mapping {
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
    /// [`OwnerError::Owned`] if another device does; doing it twice is fine. [`OwnerError::Full`] if
    /// the vCPU has no room for one more device.
    pub fn set_owner(&self, ppi: PpiId, owner: Owner) -> Result<(), OwnerError> {
        let device = claim_slot(&self.devices, |device| &device.owner, owner.get())?;
        let bit = ppi.mask().bits();
        if self.owned.set(bit) & bit == 0 {
            device.ppis.set(bit);
        } else if device.ppis.load() & bit == 0 {
            return Err(OwnerError::Owned);
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

    fn mapping(&self, ppi: PpiId) -> Option<&Mapping> {
        let id = u64::from(ppi.number()) + 1;
        self.mappings.iter().find(|mapping| mapping.id.load() == id)
    }

    fn claim_mapping(&self, ppi: PpiId) -> Result<&Mapping, OwnerError> {
        claim_slot(
            &self.mappings,
            |mapping| &mapping.id,
            u64::from(ppi.number()) + 1,
        )
    }

    /// Ties `ppi` to the physical PPI `hwirq`.
    ///
    /// # Errors
    ///
    /// [`OwnerError::Full`] if there is no room for it.
    pub fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), OwnerError> {
        self.claim_mapping(ppi)?.hwirq.store(hwirq.into());
        self.mapped.set(ppi.mask().bits());
        Ok(())
    }

    /// Unties `ppi`. Returns whether it was tied.
    pub fn unmap(&self, ppi: PpiId) -> bool {
        self.mapped.clear(ppi.mask().bits()) & ppi.mask().bits() != 0
    }

    /// The physical PPI that `ppi` is tied to.
    pub fn hwirq(&self, ppi: PpiId) -> Option<u32> {
        if !self.mapped().contains(ppi) {
            return None;
        }
        self.mapping(ppi).map(|mapping| mapping.hwirq.load() as u32)
    }
}

/// The slot whose `key` is `id`, claimed if there is none yet.
fn claim_slot<T>(slots: &[T], key: impl Fn(&T) -> &Word, id: u64) -> Result<&T, OwnerError> {
    slots
        .iter()
        .find(|slot| match key(slot).claim(id) {
            Ok(()) => true,
            Err(taken) => taken == id,
        })
        .ok_or(OwnerError::Full)
}

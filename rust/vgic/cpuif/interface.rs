// SPDX-License-Identifier: GPL-2.0

//! A vCPU's CPU interface: what drives its PPIs, and its registers.

use super::inputs::{Injection, Inputs};
use super::owners::{Owner, OwnerError};
use super::ppi::{PpiId, PpiMask};
use super::saved::SavedState;
use super::vm_ppis::VmPpis;
use crate::vgic::stats::{Event, Stats};

/// A virtual CPU interface.
pub struct CpuInterface {
    inputs: Inputs,
    saved: SavedState,
    token: u64,
    stats: Stats,
}

impl CpuInterface {
    /// As after power-on. `token` must be non-zero and never reused.
    pub(in crate::vgic) fn new(token: u64) -> Self {
        Self {
            inputs: Inputs::new(),
            saved: SavedState::new(),
            token,
            stats: Stats::new(),
        }
    }

    /// What drives its PPIs.
    #[inline(always)]
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Its registers as of the last put.
    #[inline(always)]
    pub fn saved(&self) -> &SavedState {
        &self.saved
    }

    /// Counters.
    #[inline(always)]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Identifies this interface among all that ever existed. Not 0.
    #[inline(always)]
    pub(super) fn token(&self) -> u64 {
        self.token
    }

    /// Drives a PPI; see [`Inputs::inject`].
    #[inline]
    pub fn inject(&self, ppi: PpiId, level: bool, owner: Option<Owner>) -> Injection {
        let outcome = self.inputs.inject(ppi, level, owner);
        if outcome == Injection::Changed {
            self.stats.count(Event::Inject);
        }
        outcome
    }

    /// Ties `ppi` to the physical PPI `hwirq` and injects it directly from the next guest entry.
    ///
    /// # Errors
    ///
    /// [`OwnerError::Full`] if the vCPU has no room for another PPI.
    pub fn map(&self, ppi: PpiId, hwirq: u32) -> Result<(), OwnerError> {
        self.inputs.map(ppi, hwirq)?;
        self.stats.count(Event::DirectInjection);
        Ok(())
    }

    /// Undoes [`CpuInterface::map`], from the next guest entry. Returns whether there was anything
    /// to undo.
    pub fn unmap(&self, ppi: PpiId) -> bool {
        let was = self.inputs.unmap(ppi);
        if was {
            self.stats.count(Event::DirectInjection);
        }
        was
    }

    /// Whether a mapped PPI is active, as of the last put.
    pub fn is_mapped_active(&self, ppi: PpiId) -> bool {
        (self.inputs.owners().mapped() & self.saved.active()).contains(ppi)
    }

    /// The guest's write of ICC_PPI_ENABLER0_EL1, which always traps: it takes effect on the way
    /// back into the guest.
    pub fn write_enabler(&self, ppis: &VmPpis, value: u64) {
        self.saved
            .set_enabled(PpiMask::from_bits(value) & ppis.visible());
    }
}

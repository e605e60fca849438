// SPDX-License-Identifier: GPL-2.0

//! Which PPIs a VM's vCPUs have.

use super::ppi::{PpiId, PpiMask};
use crate::vgic::word::Word;

/// A VM's choice of PPIs. The same for all its vCPUs, and fixed when the first of them first runs.
pub struct VmPpis {
    /// PPIs that the host's PEs have.
    implemented: PpiMask,
    /// PPIs that the guest sees; empty until [`VmPpis::finalize`].
    visible: Word,
}

impl VmPpis {
    /// Of a host whose PEs have the PPIs of `implemented`.
    pub(in crate::vgic) fn new(implemented: PpiMask) -> Self {
        Self {
            implemented,
            visible: Word::new(0),
        }
    }

    /// PPIs that the guest sees: none before [`VmPpis::finalize`].
    #[inline(always)]
    pub fn visible(&self) -> PpiMask {
        PpiMask::from_bits(self.visible.load())
    }

    /// PPIs of the guest's that are level-sensitive, as ICC_PPI_HMR0_EL1 shows them.
    pub fn level(&self) -> PpiMask {
        self.visible() & !PpiMask::EDGE
    }

    /// PPIs that userspace may drive with KVM_IRQ_LINE: those nothing in the kernel drives.
    pub fn userspace(&self) -> PpiMask {
        PpiId::SW_PPI.mask() & self.implemented
    }

    /// PPIs that the host's PEs have.
    pub fn implemented(&self) -> PpiMask {
        self.implemented
    }

    /// Decides what the guest sees: every implemented PPI that an in-kernel device drives, and
    /// SW_PPI. Later calls change nothing. Returns what the guest sees.
    ///
    /// `owned` has a set for each vCPU. All vCPUs have the same devices, but those of a vCPU that
    /// has not been about to run yet may not have claimed their PPIs, and any vCPU may be the
    /// first. So all of them are asked.
    pub fn finalize(&self, owned: impl IntoIterator<Item = PpiMask>) -> PpiMask {
        let owned = owned.into_iter().fold(PpiMask::NONE, |all, one| all | one);
        let wanted = self.implemented & (owned | PpiId::SW_PPI.mask());
        match self.visible.claim(wanted.bits()) {
            Ok(()) => wanted,
            Err(already) => PpiMask::from_bits(already),
        }
    }

    /// Whether [`VmPpis::finalize`] was called.
    pub fn is_final(&self) -> bool {
        !self.visible().is_empty()
    }
}

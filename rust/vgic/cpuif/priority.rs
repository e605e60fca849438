// SPDX-License-Identifier: GPL-2.0

//! Interrupt priorities: 5 bits, a lower value is a higher priority.

use crate::sysregs::{FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2};

/// A priority, 0 (highest) to 31 (lowest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(u8);

impl Priority {
    /// Bits of priority that the CPU interface implements; GICv5 fixes it.
    pub const BITS: u32 = 5;

    /// Takes the low five bits, as ICC_PPI_PRIORITYR does with each of its bytes.
    #[inline(always)]
    pub const fn from_field(byte: u8) -> Self {
        Self(byte & 0x1f)
    }

    /// Its value, 0 to 31.
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// What of a CPU interface decides whether a priority is sufficient: the enable, the mask and the
/// active priorities, folded into one bound.
///
/// A candidate is signalled when its priority is *below* the bound (numerically), which says at
/// once that it is not lower than the priority mask (equal passes) and is strictly higher than the
/// running priority (equal does not).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityMask(u8);

impl PriorityMask {
    /// The bound that these describe.
    pub const fn new(vmcr: FEAT_GCIE_ICH_VMCR_EL2, apr: ICH_APR_EL2) -> Self {
        if !vmcr.en() {
            return Self(0);
        }
        // 32 when no priority is active, which every priority is above.
        let running = (apr.into_raw() as u32).trailing_zeros() as u8;
        let first_masked = vmcr.vpmr().get() as u8 + 1;
        Self(if running < first_masked {
            running
        } else {
            first_masked
        })
    }

    /// Whether an interrupt of this priority can be signalled.
    pub const fn admits(self, priority: Priority) -> bool {
        priority.0 < self.0
    }

    /// The lowest priority, which is the highest value, that can be signalled, if any can.
    pub const fn lowest(self) -> Option<Priority> {
        match self.0.checked_sub(1) {
            Some(value) => Some(Priority(value)),
            None => None,
        }
    }
}

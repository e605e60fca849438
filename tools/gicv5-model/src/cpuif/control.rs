// SPDX-License-Identifier: GPL-2.0-or-later
//! Which interrupts a PE lets through: enable, priority mask, active priorities.
//!
//! The physical interface holds these in ICC_CR0_EL1.EN, ICC_PCR_EL1 and
//! ICC_APR_EL1, the virtual one in ICH_VMCR_EL2.EN, ICH_VMCR_EL2.VPMR and
//! ICH_APR_EL2; the rules are the same.

use crate::archive::Archive;
use crate::intid::{Candidate, Priority};

/// The set of active priorities, APR: bit n is set between the acknowledge of
/// an interrupt of priority n and the priority drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivePriorities(u32);

impl ActivePriorities {
    /// The register; bits 63:32 are RES0.
    pub const fn from_bits(value: u64) -> Self {
        Self(value as u32)
    }

    /// The register's value.
    pub const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// The running priority: the highest active one, which is the lowest set
    /// bit (D_XMBQZ). `None` is lower than any.
    pub const fn running(self) -> Option<Priority> {
        match self.0 {
            0 => None,
            bits => Some(Priority::from_bits(bits.trailing_zeros() as u64)),
        }
    }

    /// An interrupt of this priority was acknowledged.
    pub fn raise(&mut self, priority: Priority) {
        self.0 |= 1 << priority.get();
    }

    /// GIC CDEOI: the running priority drops. Nothing happens if there is none.
    pub fn drop_running(&mut self) {
        self.0 &= self.0.wrapping_sub(1);
    }
}

/// The controls of one interface, physical or virtual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// EN: interrupts are signalled at all.
    pub enabled: bool,
    /// The lowest priority that is let through.
    pub mask: Priority,
    /// The active priorities.
    pub active: ActivePriorities,
}

impl Default for Control {
    /// CHOICE: EN resets to 0; the other fields are UNKNOWN at reset, and the
    /// model takes 0 (nothing but priority 0 passes), as upstream QEMU does.
    fn default() -> Self {
        Self {
            enabled: false,
            mask: Priority::SUPER,
            active: ActivePriorities::default(),
        }
    }
}

impl Control {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.flag(&mut self.enabled);
        archive.priority(&mut self.mask);
        archive.number(&mut self.active.0);
    }

    /// Whether the interrupt is of Sufficient priority (D_MSQKF): at least that
    /// of the mask, and above the running priority. With EN clear, none is.
    pub fn admits(&self, candidate: &Candidate) -> bool {
        self.enabled
            && candidate.priority <= self.mask
            && self
                .active
                .running()
                .is_none_or(|running| candidate.priority < running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// APR against a list of booleans.
        #[test]
        fn active_priorities(bits: u32, raised in 0u64..32) {
            let mut list: Vec<bool> = (0..32).map(|n| bits >> n & 1 != 0).collect();
            let mut apr = ActivePriorities::from_bits(bits.into());
            prop_assert_eq!(
                apr.running().map(|p| p.get() as usize),
                list.iter().position(|set| *set)
            );
            apr.raise(Priority::from_bits(raised));
            list[raised as usize] = true;
            apr.drop_running();
            let running = list.iter().position(|set| *set).unwrap();
            list[running] = false;
            let expected = list.iter().rev().fold(0, |v, set| v << 1 | *set as u64);
            prop_assert_eq!(apr.bits(), expected);
        }

        /// Sufficient priority, by the sentence of the rule.
        #[test]
        fn admits(en: bool, mask in 0u64..32, apr: u32, priority in 0u64..32) {
            let control = Control {
                enabled: en,
                mask: Priority::from_bits(mask),
                active: ActivePriorities::from_bits(apr.into()),
            };
            let candidate = Candidate {
                intid: crate::intid::Intid::from_raw(0),
                priority: Priority::from_bits(priority),
            };
            let preempts = (0..=priority).all(|p| apr >> p & 1 == 0);
            prop_assert_eq!(control.admits(&candidate), en && priority <= mask && preempts);
        }
    }

    #[test]
    fn a_drop_of_nothing() {
        let mut apr = ActivePriorities::default();
        apr.drop_running();
        assert_eq!(apr.bits(), 0);
        assert_eq!(apr.running(), None);
    }
}

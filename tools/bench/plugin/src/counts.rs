// SPDX-License-Identifier: GPL-2.0
//! What is counted: instructions, and some of them by name.

use crate::decode::{barrier_name, BARRIERS};
use gicv5_model::regs::TABLE;
use std::ops::{AddAssign, Sub};

const FIRST_GIC: usize = 1;
const FIRST_BARRIER: usize = FIRST_GIC + TABLE.len();
const SLOTS: usize = FIRST_BARRIER + BARRIERS;

/// A place in [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

impl Slot {
    /// All instructions.
    pub const INSNS: Self = Self(0);

    /// Row `row` of the GICv5 register table.
    pub const fn gic(row: usize) -> Self {
        assert!(row < TABLE.len());
        Self(FIRST_GIC + row)
    }

    /// Barrier `index`.
    pub const fn barrier(index: usize) -> Self {
        assert!(index < BARRIERS);
        Self(FIRST_BARRIER + index)
    }

    /// Where the slot is in [`Counts`], in bytes.
    pub const fn offset(self) -> usize {
        self.0 * size_of::<u64>()
    }

    fn name(self) -> String {
        if self.0 >= FIRST_BARRIER {
            barrier_name(self.0 - FIRST_BARRIER)
        } else {
            let name = TABLE[self.0 - FIRST_GIC].name.to_str();
            name.expect("the table is ASCII").replace('_', " ")
        }
    }
}

/// How often each thing was executed; all ever or in some window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Counts([u64; SLOTS]);

impl Counts {
    /// Nothing executed.
    pub const ZERO: Self = Self([0; SLOTS]);

    /// Instructions of any kind.
    pub fn insns(&self) -> u64 {
        self.0[Slot::INSNS.0]
    }

    /// Accesses to the registers of the GICv5 CPU interface, ICC_ and ICH_, by
    /// name; those that did not occur are left out.
    pub fn sysregs(&self) -> Vec<(String, u64)> {
        self.named(|name| name.starts_with("IC"))
            .into_iter()
            .map(|(name, n)| (name.replace(' ', "_"), n))
            .collect()
    }

    /// Barriers, GSB included, by name; those that did not occur are left out.
    pub fn barriers(&self) -> Vec<(String, u64)> {
        self.named(|name| !name.starts_with("IC") && !name.starts_with("GIC"))
    }

    fn named(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, u64)> {
        (FIRST_GIC..SLOTS)
            .filter(|&slot| self.0[slot] != 0)
            .map(|slot| (Slot(slot).name(), self.0[slot]))
            .filter(|(name, _)| wanted(name))
            .collect()
    }

    /// Counts one more.
    pub fn add(&mut self, slot: Slot) {
        self.0[slot.0] += 1;
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(mut self, earlier: Self) -> Self {
        for (now, then) in self.0.iter_mut().zip(earlier.0) {
            *now -= then;
        }
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{classify, Class};

    fn executed(insns: &[u32]) -> Counts {
        let mut counts = Counts::ZERO;
        for &insn in insns {
            counts.add(Slot::INSNS);
            match classify(insn) {
                Class::Gic(row) => counts.add(Slot::gic(row)),
                Class::Barrier(index) => counts.add(Slot::barrier(index)),
                _ => (),
            }
        }
        counts
    }

    #[test]
    fn sorts_by_kind() {
        // ICH_PPI_PENDR0_EL2 twice, GICR CDIA, GSB ACK, DSB SY, NOP
        let counts = executed(&[
            0xd51c_ca80,
            0xd53c_ca80,
            0xd528_c305,
            0xd508_c03f,
            0xd503_3f9f,
            0xd503_201f,
        ]);
        assert_eq!(counts.insns(), 6);
        assert_eq!(counts.sysregs(), [("ICH_PPI_PENDR0_EL2".into(), 2)]);
        assert_eq!(
            counts.barriers(),
            [("GSB ACK".into(), 1), ("DSB SY".into(), 1)]
        );
    }

    #[test]
    fn subtracts_and_adds() {
        let before = executed(&[0xd503_3f9f]);
        let after = executed(&[0xd503_3f9f, 0xd503_3fdf]);
        let mut difference = after - before;
        assert_eq!(difference.barriers(), [("ISB".into(), 1)]);
        difference += before;
        assert_eq!(difference, after);
    }
}

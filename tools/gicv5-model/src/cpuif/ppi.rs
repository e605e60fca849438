// SPDX-License-Identifier: GPL-2.0-or-later
//! PPIs as whole-register words: 128 interrupts in one [`PpiSet`] a property.
//!
//! The same [`PpiBank`] holds the configuration and Active state of the
//! physical PPIs and of the virtual ones. Pending is not in it, because the
//! two differ in where Pending comes from: [`Source`] for the physical PPIs,
//! [`super::virt`] for the virtual ones.

use crate::archive::Archive;
use crate::intid::{Candidate, IntType, Intid, Priority};
use crate::regs::{Half, PriorityReg};
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

/// The number of PPIs that a PE has INTIDs for.
pub const NR_PPIS: u32 = 128;

/// SW_PPI, the PPI that only software makes pending, and the only Edge one.
pub const SW_PPI: u32 = 3;

/// The maintenance interrupt. Only FEAT_GCIE_LEGACY has a source for it.
pub const GICMNT: u32 = 25;

/// The EL2 physical timer's.
pub const CNTHP: u32 = 26;
/// The EL1 virtual timer's.
pub const CNTV: u32 = 27;
/// The EL2 virtual timer's.
pub const CNTHV: u32 = 28;
/// The EL1 physical timer's.
pub const CNTP: u32 = 30;

/// The PPIs that an implementation has, unless its
/// [`Config`](crate::config::Config) says otherwise, with their architected
/// numbers and names (rule CFSKX; Linux: `GICV5_ARCH_PPI_*`).
///
/// CHOICE: which are implemented. These are the ones that have a source in the
/// emulated PE, or in software; those of features that the PE lacks (Secure and
/// Realm state, SPE, TRBE, CTI, HACDBS) and all above 63 are not, and their
/// fields are RES0. KVM derives the PPIs that it may show to a guest from CPU
/// features (`vgic_v5_get_implemented_ppis`), all of which are here. The
/// exception is [`GICMNT`], which nothing drives: Linux 7.3 has no KVM where
/// the device tree does not name it, and cannot map it if it is not there.
pub const IMPLEMENTED: [(u32, &str); 8] = [
    (SW_PPI, "SW_PPI"),
    (22, "COMMIRQ"),
    (23, "PMUIRQ"),
    (GICMNT, "GICMNT"),
    (CNTHP, "CNTHP"),
    (CNTV, "CNTV"),
    (CNTHV, "CNTHV"),
    (CNTP, "CNTP"),
];

/// A set of PPIs of one PE: bit n is PPI n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PpiSet(u128);

impl PpiSet {
    /// No PPI.
    pub const EMPTY: Self = Self(0);

    /// Every PPI that is implemented, unless the configuration says otherwise.
    pub const IMPLEMENTED: Self = {
        let mut set = 0;
        let mut i = 0;
        while i < IMPLEMENTED.len() {
            set |= 1 << IMPLEMENTED[i].0;
            i += 1;
        }
        Self(set)
    };

    /// The PPIs with Handling mode Edge; all others are Level. The modes are
    /// fixed: of the architected PPIs only SW_PPI is Edge (rule CFSKX). CHOICE:
    /// of those above 63 none is.
    pub const EDGE: Self = Self(1 << SW_PPI);

    /// The set of PPI `id` alone; empty if there is no PPI with that number.
    pub const fn only(id: u32) -> Self {
        if id < NR_PPIS {
            Self(1 << id)
        } else {
            Self::EMPTY
        }
    }

    /// The set whose members are bits of one of the two registers.
    pub const fn from_half(half: Half, bits: u64) -> Self {
        Self((bits as u128) << (64 * half as u32))
    }

    /// The value of one of the two registers that show this set.
    pub const fn half(self, half: Half) -> u64 {
        (self.0 >> (64 * half as u32)) as u64
    }

    /// This set with the members of one register replaced by `bits`.
    #[must_use]
    pub fn with_half(self, half: Half, bits: u64) -> Self {
        self & !Self::from_half(half, u64::MAX) | Self::from_half(half, bits)
    }

    /// Saves or loads it; a set with a member that is not in `within` cannot be.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>, within: Self) {
        let (mut low, mut high) = (self.half(Half::Low), self.half(Half::High));
        archive.bits(&mut low, within.half(Half::Low));
        archive.bits(&mut high, within.half(Half::High));
        *self = Self::from_half(Half::Low, low) | Self::from_half(Half::High, high);
    }

    /// Whether the set has no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all members of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The member with the lowest number.
    fn first(self) -> Option<u32> {
        (!self.is_empty()).then(|| self.0.trailing_zeros())
    }
}

impl BitAnd for PpiSet {
    type Output = Self;
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl BitOr for PpiSet {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl Not for PpiSet {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl BitAndAssign for PpiSet {
    fn bitand_assign(&mut self, rhs: Self) {
        self.0 &= rhs.0;
    }
}

impl BitOrAssign for PpiSet {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

/// The priorities of all PPIs, as one set for each bit of a priority, so that
/// finding the most urgent of many PPIs takes five steps and no loop over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priorities([PpiSet; PRIORITY_BITS]);

const PRIORITY_BITS: usize = 5;
const LOW_BIT_OF_BYTES: u64 = 0x0101_0101_0101_0101;

/// Bit n of `bits` to bit 0 of byte n.
const fn spread(bits: u8) -> u64 {
    let isolated = (bits as u64 * LOW_BIT_OF_BYTES) & 0x8040_2010_0804_0201;
    (isolated + 0x7f7f_7f7f_7f7f_7f7f) >> 7 & LOW_BIT_OF_BYTES
}

/// Bit 0 of byte n to bit n; the inverse of [`spread`].
const fn gather(bytes: u64) -> u8 {
    ((bytes & LOW_BIT_OF_BYTES).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

impl Priorities {
    /// The value of a PRIORITYR register: eight bytes of 3 RES0 bits and a
    /// priority.
    pub fn read(&self, reg: PriorityReg) -> u64 {
        (0..PRIORITY_BITS).fold(0, |value, bit| {
            let byte = (self.0[bit].0 >> reg.first_ppi()) as u8;
            value | spread(byte) << bit
        })
    }

    /// Writes a PRIORITYR register. The priority of a PPI that is not in
    /// `implemented` is RES0.
    pub fn write(&mut self, reg: PriorityReg, value: u64, implemented: PpiSet) {
        let shift = reg.first_ppi();
        let written = PpiSet(0xff << shift);
        for (bit, plane) in self.0.iter_mut().enumerate() {
            let bits = PpiSet((gather(value >> bit) as u128) << shift);
            *plane = *plane & !written | bits & implemented;
        }
    }

    /// The priority of PPI `id`, below [`NR_PPIS`].
    fn of(&self, id: u32) -> Priority {
        let bits = (0..PRIORITY_BITS).fold(0, |value, bit| {
            value | ((self.0[bit].0 >> id) as u64 & 1) << bit
        });
        Priority::from_bits(bits)
    }

    /// The most urgent member of `set`. CHOICE: of several with one priority,
    /// the lowest number (the architecture leaves it open, rule VVBPS).
    fn most_urgent(&self, mut set: PpiSet) -> Option<u32> {
        for plane in self.0.iter().rev() {
            let more_urgent = set & !*plane;
            if !more_urgent.is_empty() {
                set = more_urgent;
            }
        }
        set.first()
    }
}

/// Configuration and Active state of 128 PPIs in one interrupt domain.
///
/// It does not know which PPIs are implemented: whoever writes leaves out those
/// that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PpiBank {
    enabled: PpiSet,
    active: PpiSet,
    priorities: Priorities,
}

impl PpiBank {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>, implemented: PpiSet) {
        self.enabled.archive(archive, implemented);
        self.active.archive(archive, implemented);
        for plane in &mut self.priorities.0 {
            plane.archive(archive, implemented);
        }
    }

    /// The enabled PPIs.
    pub fn enabled(&self) -> PpiSet {
        self.enabled
    }

    /// The active PPIs.
    pub fn active(&self) -> PpiSet {
        self.active
    }

    /// The priorities.
    pub fn priorities(&self) -> &Priorities {
        &self.priorities
    }

    /// Writes an ENABLER register.
    pub fn write_enabled(&mut self, half: Half, bits: u64) {
        self.enabled = self.enabled.with_half(half, bits);
    }

    /// Writes an ACTIVER register, which has the state and not a change to it.
    pub fn write_active(&mut self, half: Half, bits: u64) {
        self.active = self.active.with_half(half, bits);
    }

    /// Writes a PRIORITYR register.
    pub fn write_priorities(&mut self, reg: PriorityReg, value: u64, implemented: PpiSet) {
        self.priorities.write(reg, value, implemented);
    }

    /// Makes PPIs Active: an acknowledge, or SACTIVER.
    pub fn activate(&mut self, ppis: PpiSet) {
        self.active |= ppis;
    }

    /// Makes PPIs not Active: GIC CDDI, or CACTIVER.
    pub fn deactivate(&mut self, ppis: PpiSet) {
        self.active &= !ppis;
    }

    /// The highest priority PPI of those that are candidates: pending, enabled
    /// and not active (upstream QEMU: `gic_recalc_ppi_hppi`).
    pub fn candidate(&self, pending: PpiSet) -> Option<Candidate> {
        let candidates = pending & self.enabled & !self.active;
        self.priorities.most_urgent(candidates).map(|id| Candidate {
            intid: Intid::new(IntType::Ppi, id),
            priority: self.priorities.of(id),
        })
    }
}

/// Where the physical PPIs' Pending state comes from.
///
/// A Level PPI is Pending exactly while its wire is asserted, and software can
/// only read it: "if HM is 1, PEND is RO" (ICC_PPI_{C,S}PENDRn_EL1). An Edge
/// PPI is Pending from a rise of its wire, or from software's write, until it
/// is acknowledged or software clears it.
///
/// # Invariants
///
/// `latch` is within [`PpiSet::EDGE`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    wires: PpiSet,
    latch: PpiSet,
}

impl Source {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>, implemented: PpiSet) {
        self.wires.archive(archive, implemented);
        self.latch.archive(archive, implemented & PpiSet::EDGE);
    }

    /// The state after a reset: the wires are outside of what is reset.
    pub fn reset(&mut self) {
        self.latch = PpiSet::EMPTY;
    }

    /// The wires of the PPIs in `wire` are now at `level`.
    pub fn set_wire(&mut self, wire: PpiSet, level: bool) {
        if level {
            self.latch |= wire & !self.wires & PpiSet::EDGE;
            self.wires |= wire;
        } else {
            self.wires &= !wire;
        }
    }

    /// The pending PPIs.
    pub fn pending(&self) -> PpiSet {
        self.wires & !PpiSet::EDGE | self.latch
    }

    /// SPENDR: makes PPIs pending, as far as software can.
    pub fn set(&mut self, ppis: PpiSet) {
        self.latch |= ppis & PpiSet::EDGE;
    }

    /// CPENDR, or an acknowledge: makes PPIs not pending, which only concerns
    /// Edge ones.
    pub fn clear(&mut self, ppis: PpiSet) {
        self.latch &= !ppis;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_and_gather_are_inverse() {
        for bits in 0..=u8::MAX {
            let bytes = spread(bits);
            for n in 0..8 {
                assert_eq!(bytes >> (8 * n) & 0xff, (bits >> n & 1) as u64);
            }
            assert_eq!(gather(bytes), bits);
            assert_eq!(gather(bytes | !LOW_BIT_OF_BYTES), bits);
        }
    }

    #[test]
    fn the_implemented() {
        assert!(PpiSet::IMPLEMENTED.contains(PpiSet::EDGE));
        assert_eq!(PpiSet::EDGE.half(Half::Low), 1 << 3);
        assert_eq!(PpiSet::IMPLEMENTED.half(Half::Low), 0x5ec0_0008);
        assert_eq!(PpiSet::IMPLEMENTED.half(Half::High), 0);
    }
}

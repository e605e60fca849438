// SPDX-License-Identifier: GPL-2.0

//! PPI numbers and sets of PPIs.

use core::ops::{BitAnd, BitOr, Not};

/// INTID.ID of an architected PPI, 0 to 63.
///
/// A PE has 128 PPIs; the architecture gives meaning to the lower 64, and KVM's guests have only
/// those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PpiId(u8);

impl PpiId {
    /// How many architected PPIs there are.
    pub const COUNT: usize = 64;

    /// Software PPI: the one that the guest or its VMM raises by hand. Edge handling mode.
    pub const SW_PPI: Self = Self(3);
    /// Performance Monitors overflow.
    pub const PMUIRQ: Self = Self(23);
    /// GIC maintenance.
    pub const GICMNT: Self = Self(25);
    /// EL2 physical timer.
    pub const CNTHP: Self = Self(26);
    /// EL1 virtual timer.
    pub const CNTV: Self = Self(27);
    /// EL2 virtual timer.
    pub const CNTHV: Self = Self(28);
    /// EL1 physical timer.
    pub const CNTP: Self = Self(30);

    /// The PPI with this ID, or `None` above 63.
    pub const fn new(id: u32) -> Option<Self> {
        if id < Self::COUNT as u32 {
            Some(Self(id as u8))
        } else {
            None
        }
    }

    /// INTID.ID.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }

    /// The set with only this PPI.
    #[inline(always)]
    pub const fn mask(self) -> PpiMask {
        // A PpiId is below 64, which `& 63` says to the compiler.
        PpiMask(1 << (self.0 & 63))
    }

    /// What the architecture calls it, for those that a KVM guest can have.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SW_PPI => "SW_PPI",
            Self::PMUIRQ => "PMUIRQ",
            Self::GICMNT => "GICMNT",
            Self::CNTHP => "CNTHP",
            Self::CNTV => "CNTV",
            Self::CNTHV => "CNTHV",
            Self::CNTP => "CNTP",
            _ => return None,
        })
    }
}

/// A set of architected PPIs, as the lower of a pair of PPI registers holds it: bit n is PPI n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PpiMask(u64);

impl PpiMask {
    /// No PPI.
    pub const NONE: Self = Self(0);

    /// The architected PPIs with an edge handling mode. All others are level-sensitive.
    pub const EDGE: Self = PpiId::SW_PPI.mask();

    /// The set that a register value describes.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The register value that describes the set.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether it has no PPI.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `ppi` is one of them.
    #[inline(always)]
    pub const fn contains(self, ppi: PpiId) -> bool {
        self.0 & ppi.mask().0 != 0
    }

    /// Its PPIs in ascending order.
    pub fn iter(self) -> impl Iterator<Item = PpiId> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let ppi = PpiId(left.trailing_zeros() as u8);
            left &= left - 1;
            Some(ppi)
        })
    }
}

impl BitAnd for PpiMask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for PpiMask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for PpiMask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Interrupt identifiers, priorities, and the two put together.
//!
//! An INTID is 32 bits: `TYPE` in 31:29 and `ID` in 23:0 (GICR CDIA's return
//! value and every GIC CD* operand; Linux: `GICV5_HWIRQ_TYPE`,
//! `GICV5_HWIRQ_ID`).

use crate::archive::Archive;
use core::fmt;

const TYPE_SHIFT: u32 = 29;
const ID_MASK: u32 = (1 << 24) - 1;

/// The type of an interrupt, as INTID.TYPE encodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum IntType {
    /// Private to one PE; state in the CPU interface.
    Ppi = 1,
    /// State in the Interrupt State Table in memory.
    Lpi = 2,
    /// A wire into the IRS.
    Spi = 3,
}

/// An interrupt identifier in its 32-bit architectural form.
///
/// Any `u32` is representable, because software can name any; only those for
/// which [`Intid::kind`] is `Some` have a type that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intid(u32);

impl Intid {
    /// The INTID of interrupt `id` of type `ty`. `id` is cut to 24 bits.
    pub const fn new(ty: IntType, id: u32) -> Self {
        Self((ty as u32) << TYPE_SHIFT | id & ID_MASK)
    }

    /// An INTID as found in the low 32 bits of an instruction's operand.
    ///
    /// Bits 28:24 are RES0 in every such operand that does not define them
    /// (GIC CDAFF has IRM in bit 28), so they are dropped here.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw & (7 << TYPE_SHIFT | ID_MASK))
    }

    /// TYPE, or `None` when its encoding is reserved.
    pub const fn kind(self) -> Option<IntType> {
        match self.0 >> TYPE_SHIFT {
            1 => Some(IntType::Ppi),
            2 => Some(IntType::Lpi),
            3 => Some(IntType::Spi),
            _ => None,
        }
    }

    /// INTID.ID, 24 bits.
    pub const fn id(self) -> u32 {
        self.0 & ID_MASK
    }

    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.number(&mut self.0);
        archive.require(*self == Self::from_raw(self.0));
    }

    /// The architectural 32-bit form.
    pub const fn raw(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Intid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = match self.kind() {
            Some(IntType::Ppi) => "PPI",
            Some(IntType::Lpi) => "LPI",
            Some(IntType::Spi) => "SPI",
            None => return write!(f, "INTID {:#010x}", self.0),
        };
        write!(f, "{ty} {}", self.id())
    }
}

/// An interrupt priority, 0..=31; the lower the value, the more urgent.
///
/// The model implements all 5 bits (ICC_IDR0_EL1.PRI_BITS, IRS_IDR1.PRIORITY_BITS),
/// so no value is ever rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(u8);

impl Priority {
    /// The highest: an interrupt with it has Superpriority when NMIs exist
    /// (R_CSBDX).
    pub const SUPER: Self = Self(0);
    /// The lowest priority an interrupt can have.
    pub const LOWEST: Self = Self(31);
    /// The number of priorities.
    pub const COUNT: usize = 32;

    /// Bits 4:0 of `value`.
    pub const fn from_bits(value: u64) -> Self {
        Self((value & 0x1f) as u8)
    }

    /// The value, 0..=31.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// An interrupt that competes for being the highest priority pending one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which interrupt.
    pub intid: Intid,
    /// Its priority.
    pub priority: Priority,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_forms() {
        let spi = Intid::new(IntType::Spi, 0x00ab_cdef);
        assert_eq!(spi.raw(), 0x60ab_cdef);
        assert_eq!(spi.kind(), Some(IntType::Spi));
        assert_eq!(spi.id(), 0xab_cdef);
        assert_eq!(Intid::new(IntType::Ppi, 27).raw(), 0x2000_001b);
        assert_eq!(Intid::new(IntType::Lpi, 1 << 24).id(), 0);
        assert_eq!(Intid::from_raw(0x5f00_0001), Intid::new(IntType::Lpi, 1));
        assert_eq!(Intid::from_raw(0).kind(), None);
        assert_eq!(Intid::from_raw(0xe000_0000).kind(), None);
    }

    #[test]
    fn names() {
        assert_eq!(Intid::new(IntType::Spi, 3).to_string(), "SPI 3");
        assert_eq!(Intid::from_raw(7).to_string(), "INTID 0x00000007");
    }
}

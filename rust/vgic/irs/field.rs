// SPDX-License-Identifier: GPL-2.0

//! Bit fields of registers and table entries.

/// Bits `high` to `low` of a word of up to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    shift: u32,
    /// In place, not shifted down.
    mask: u64,
}

impl Field {
    /// The field of bits `high` to `low`, as the architecture writes it.
    pub const fn new(high: u32, low: u32) -> Self {
        Self {
            shift: low,
            mask: (u64::MAX >> (63 - (high - low))) << low,
        }
    }

    /// The field of one bit.
    pub const fn bit(bit: u32) -> Self {
        Self::new(bit, bit)
    }

    /// The bits of the field, in place.
    pub const fn mask(self) -> u64 {
        self.mask
    }

    /// The field's value in `word`.
    pub const fn get(self, word: u64) -> u64 {
        (word & self.mask) >> self.shift
    }

    /// Whether the field is not zero in `word`.
    pub const fn is_set(self, word: u64) -> bool {
        word & self.mask != 0
    }

    /// `value` in the field's place, all other bits zero. Bits that do not fit are dropped.
    pub const fn put(self, value: u64) -> u64 {
        (value << self.shift) & self.mask
    }

    /// `word` with the field replaced by `value`.
    pub const fn set(self, word: u64, value: u64) -> u64 {
        (word & !self.mask) | self.put(value)
    }
}

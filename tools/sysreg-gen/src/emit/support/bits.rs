// SPDX-License-Identifier: GPL-2.0

// Part of every generated file: fields, and the numbers in them.

use core::fmt;

/// Where a field is in its register, and what the architecture calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The architecture's name.
    pub name: &'static str,
    /// Its highest bit, at most 63.
    pub msb: u32,
    /// Its lowest bit, not above `msb`.
    pub lsb: u32,
}

impl Field {
    /// The field's bits, in place; the C header's `_MASK`.
    #[inline]
    pub const fn mask(self) -> u64 {
        self.max() << self.lsb
    }

    /// How far the field is from bit 0; the C header's `_SHIFT`.
    #[inline]
    pub const fn shift(self) -> u32 {
        self.lsb
    }

    /// How many bits there are, 1 to 64; the C header's `_WIDTH`.
    #[inline]
    pub const fn width(self) -> u32 {
        self.msb - self.lsb + 1
    }

    /// The largest value that fits.
    #[inline]
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.width())
    }

    /// The field's value in `raw`, a register's 64 bits.
    #[inline]
    pub const fn get(self, raw: u64) -> u64 {
        (raw >> self.lsb) & self.max()
    }
}

/// A number of `N` bits, 1 <= `N` <= 64: the value of a field.
///
/// A constant that does not fit does not compile ([`Bits::new`]); a number known only at run time
/// is checked ([`Bits::try_new`]).
///
/// # Invariants
///
/// The number is at most [`Bits::MAX`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits<const N: u32>(u64);

impl<const N: u32> Bits<N> {
    /// The largest `N`-bit number.
    pub const MAX: u64 = {
        assert!(N >= 1 && N <= 64);
        u64::MAX >> (64 - N)
    };

    /// The constant `VALUE`; the build fails if it does not fit.
    #[inline]
    pub const fn new<const VALUE: u64>() -> Self {
        const { assert!(VALUE <= Self::MAX) };
        // INVARIANT: just asserted.
        Bits(VALUE)
    }

    /// `value` if it fits, otherwise `None`.
    #[inline]
    pub const fn try_new(value: u64) -> Option<Self> {
        if value <= Self::MAX {
            // INVARIANT: just checked.
            Some(Bits(value))
        } else {
            None
        }
    }

    /// The low `N` bits of `value`; the rest is dropped.
    #[inline]
    pub const fn truncate(value: u64) -> Self {
        // INVARIANT: the mask leaves at most `MAX`.
        Bits(value & Self::MAX)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, with the highest bit taken as its sign.
    #[inline]
    pub const fn signed(self) -> i64 {
        ((self.0 << (64 - N)) as i64) >> (64 - N)
    }

    /// The bits of `raw` from `lsb` up.
    #[inline]
    const fn extract(raw: u64, lsb: u32) -> Self {
        Self::truncate(raw >> lsb)
    }

    /// `raw` with these bits from `lsb` up.
    #[inline]
    const fn insert(self, raw: u64, lsb: u32) -> u64 {
        (raw & !(Self::MAX << lsb)) | (self.0 << lsb)
    }
}

impl<const N: u32> From<Bits<N>> for u64 {
    #[inline]
    fn from(bits: Bits<N>) -> Self {
        bits.0
    }
}

impl<const N: u32> PartialEq<u64> for Bits<N> {
    #[inline]
    fn eq(&self, other: &u64) -> bool {
        self.0 == *other
    }
}

impl<const N: u32> PartialOrd<u64> for Bits<N> {
    #[inline]
    fn partial_cmp(&self, other: &u64) -> Option<core::cmp::Ordering> {
        self.0.partial_cmp(other)
    }
}

impl<const N: u32> fmt::Debug for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: u32> fmt::Display for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const N: u32> fmt::LowerHex for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// `From<Bits<N>>` for each type that holds every `N`-bit number.
macro_rules! bits_fit {
    ($($type:ty: $($n:literal)*;)*) => { $( $(
        impl From<Bits<$n>> for $type {
            #[inline]
            fn from(bits: Bits<$n>) -> Self {
                // Lossless: `$n` bits fit.
                bits.0 as $type
            }
        }
    )* )* };
}

bits_fit! {
    u8: 1 2 3 4 5 6 7 8;
    u16: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
    u32: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32;
}

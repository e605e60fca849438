// SPDX-License-Identifier: GPL-2.0

//! Interrupt identifiers.

use super::cpuif::PpiId;

/// INTID.TYPE, bits 31:29.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntidType {
    /// Private to one PE.
    Ppi,
    /// A message, kept in memory tables.
    Lpi,
    /// A wire shared by all PEs.
    Spi,
}

impl IntidType {
    const SHIFT: u32 = 29;

    const fn field(self) -> u32 {
        match self {
            Self::Ppi => 1,
            Self::Lpi => 2,
            Self::Spi => 3,
        }
    }
}

/// A GICv5 INTID: a type and a 24-bit ID. Not any `u32` is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intid {
    kind: IntidType,
    id: u32,
}

impl Intid {
    const ID_MASK: u32 = (1 << 24) - 1;
    const RES0: u32 = 0b1_1111 << 24;

    /// The INTID with this type and ID, or `None` if the ID needs more than 24 bits.
    pub const fn new(kind: IntidType, id: u32) -> Option<Self> {
        if id & !Self::ID_MASK != 0 {
            return None;
        }
        Some(Self { kind, id })
    }

    /// Reads an INTID as the architecture encodes it.
    ///
    /// `None` for a reserved type and where a reserved bit (28:24) is set.
    pub const fn decode(raw: u32) -> Option<Self> {
        if raw & Self::RES0 != 0 {
            return None;
        }
        let kind = match raw >> IntidType::SHIFT {
            1 => IntidType::Ppi,
            2 => IntidType::Lpi,
            3 => IntidType::Spi,
            _ => return None,
        };
        Self::new(kind, raw & Self::ID_MASK)
    }

    /// The INTID as the architecture encodes it.
    pub const fn encode(self) -> u32 {
        (self.kind.field() << IntidType::SHIFT) | self.id
    }

    /// INTID.TYPE.
    pub const fn kind(self) -> IntidType {
        self.kind
    }

    /// INTID.ID.
    pub const fn id(self) -> u32 {
        self.id
    }

    /// Which architected PPI it is, or `None` for anything else.
    pub const fn architected_ppi(self) -> Option<PpiId> {
        match self.kind {
            IntidType::Ppi => PpiId::new(self.id),
            IntidType::Lpi | IntidType::Spi => None,
        }
    }
}

impl From<PpiId> for Intid {
    fn from(ppi: PpiId) -> Self {
        Self {
            kind: IntidType::Ppi,
            id: ppi.number(),
        }
    }
}

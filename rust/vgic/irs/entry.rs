// SPDX-License-Identifier: GPL-2.0

//! Entries of the tables that the IRS walks, as values.
//!
//! The IRS sets and clears VALID of an L1_VMTE, a VMTE, a VPETE and the two IST sections of a VMTE
//! itself, when it is asked to (VMAP_*). Software writes such an entry without VALID. The exception
//! are the L1_ISTEs of an IST that is not valid as a whole.

use super::field::Field;

/// VALID of every entry.
pub const VALID: Field = Field::bit(0);

/// The size of an entry of the first level of the VM table, in bytes.
pub const L1_VMTE_SIZE: usize = 8;
/// The size of a VMTE in bytes.
pub const VMTE_SIZE: usize = 32;
/// A second-level VM table has this many entries of [`VMTE_SIZE`] bytes: 4 KiB, whatever the page
/// size (D_LSPBK).
pub const L2_VMT_ENTRIES: usize = 128;
/// The size of a VPETE in bytes.
pub const VPETE_SIZE: usize = 8;
/// The size of an L1_ISTE in bytes.
pub const L1_ISTE_SIZE: usize = 8;

/// An L1_VMTE without VALID, for a second-level VM table at `address`.
pub const fn l1_vmte(address: u64) -> u64 {
    address & Field::new(55, 12).mask()
}

/// Word 0 of a VMTE without VALID, for a VM descriptor at `address` (0 if there are none).
pub const fn vmte_descriptor(address: u64) -> u64 {
    address & Field::new(55, 3).mask()
}

/// Word 1 of a VMTE, for a VPE table of 2^`id_bits` entries at `address`.
pub const fn vmte_vpet(address: u64, id_bits: u32) -> u64 {
    address & Field::new(55, 3).mask() | Field::new(63, 59).put(id_bits as u64)
}

/// A VPETE without VALID, for a VPE descriptor at `address`.
pub const fn vpete(address: u64) -> u64 {
    address & Field::new(55, 3).mask()
}

/// An L1_ISTE with VALID, for a second-level IST at `address`.
pub const fn l1_iste(address: u64) -> u64 {
    address & Field::new(55, 12).mask() | VALID.mask()
}

/// The size of an entry of an IST, by its encoding in ISTSZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsteSize {
    /// 4 bytes.
    Four = 0,
    /// 8 bytes, of which 4 are the hardware's.
    Eight = 1,
    /// 16 bytes, of which 12 are the hardware's.
    Sixteen = 2,
}

impl IsteSize {
    /// ISTSZ.
    pub const fn encoding(self) -> u32 {
        self as u32
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        4 << self as usize
    }
}

/// The size of a second-level IST, by its encoding in L2SZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L2Size {
    /// 4 KiB.
    K4 = 0,
    /// 16 KiB.
    K16 = 1,
    /// 64 KiB.
    K64 = 2,
}

impl L2Size {
    /// L2SZ.
    pub const fn encoding(self) -> u32 {
        self as u32
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        4096 << (2 * self as usize)
    }

    /// log2 of the number of entries of `iste` bytes in a table of this size.
    pub const fn id_bits(self, iste: IsteSize) -> u32 {
        10 - iste.encoding() + 2 * self.encoding()
    }
}

/// Word 2 (LPIs) or 3 (SPIs) of a VMTE without IST_VALID.
pub fn vmte_ist(address: u64, id_bits: u32, iste: IsteSize, l2: Option<L2Size>) -> u64 {
    let two_level = l2.map_or(0, |size| {
        Field::bit(58).mask() | Field::new(2, 1).put(size.encoding().into())
    });
    address & Field::new(55, 6).mask()
        | Field::new(57, 56).put(iste.encoding().into())
        | Field::new(63, 59).put(id_bits.into())
        | two_level
}

/// The first word of an IST entry: the state and the configuration of one interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iste(pub u32);

impl Iste {
    /// Pending.
    pub const PENDING: Field = Field::bit(0);
    /// Active.
    pub const ACTIVE: Field = Field::bit(1);
    /// Handling mode: 1 is level.
    pub const HM: Field = Field::bit(2);
    /// Enabled.
    pub const ENABLE: Field = Field::bit(3);
    /// Routing mode: 1 is 1 of N.
    pub const IRM: Field = Field::bit(4);
    /// For the hardware's use.
    pub const HWU: Field = Field::new(10, 9);
    /// Priority.
    pub const PRIORITY: Field = Field::new(15, 11);
    /// The target's IAFFID.
    pub const IAFFID: Field = Field::new(31, 16);

    /// What software and hardware both know of: all but HWU and what is reserved.
    const ARCHITECTED: u32 = (Self::PENDING.mask()
        | Self::ACTIVE.mask()
        | Self::HM.mask()
        | Self::ENABLE.mask()
        | Self::IRM.mask()
        | Self::PRIORITY.mask()
        | Self::IAFFID.mask()) as u32;

    /// Whether `field` is not zero.
    pub const fn has(self, field: Field) -> bool {
        field.is_set(self.0 as u64)
    }

    /// With `field` replaced.
    #[must_use]
    pub const fn with(self, field: Field, value: u64) -> Self {
        Self(field.set(self.0 as u64, value) as u32)
    }

    /// Without what is private to the hardware, and what is reserved.
    #[must_use]
    pub const fn architected(self) -> Self {
        Self(self.0 & Self::ARCHITECTED)
    }
}

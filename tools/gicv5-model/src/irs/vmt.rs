// SPDX-License-Identifier: GPL-2.0-or-later
//! The VM table, and what hangs from it in memory. All little-endian:
//!
//! | structure | bytes | fields |
//! |---|---|---|
//! | L1_VMTE | 8 | VALID 0, L2_ADDR 55:12; its L2 table is 4 KiB, 128 entries (D_LSPBK) |
//! | L2_VMTE | 32 | word 0: VALID 0, VMD_ADDR 55:3 |
//! | | | word 1: VPET_ADDR 55:3, VPE_ID_BITS 63:59 |
//! | | | words 2, 3: the LPIs', the SPIs' IST |
//! | VPETE | 8 | VALID 0, VPED_ADDR 55:3 |
//!
//! Every VALID is the IRS's to write: software prepares the entry without it
//! and asks.
//!
//! The fields are those of Linux 7.4's `arm-gic-v5.h` and of FreeBSD's `gicv5`,
//! which agree but for VPED_ADDR: 55:5 in FreeBSD (CHOICE: Linux's). That VALID is
//! the IRS's: KVM's `vgic-v5-tables.c`.

use super::shape::Shape;
use crate::archive::Archive;
use crate::intid::IntType;
use crate::memory::Memory;
use core::fmt;

/// VALID of any entry.
pub(crate) const VALID: u64 = 1 << 0;
/// Bits 55:3: VMD_ADDR, VPET_ADDR, VPED_ADDR.
pub(crate) const ADDR: u64 = ((1 << 56) - 1) & !0b111;
/// L1_VMTE.L2_ADDR.
const L2_ADDR: u64 = ((1 << 56) - 1) & !0xfff;
/// How many bits of a VM ID index a second level.
const L2_INDEX_BITS: u32 = 7;
/// log2 of the size of an L2_VMTE.
const VMTE_LOG2: u32 = 5;
/// VPE_ID_BITS of an L2_VMTE's word 1.
const VPE_ID_BITS_SHIFT: u32 = 59;

/// Why an operation on a VM or a VPE is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VmFault {
    /// IRS_VMT_BASER.VALID is 0.
    NoTable,
    /// The VM ID is beyond the VM table's end.
    NoSuchVm,
    /// The VM table has one level.
    Linear,
    /// The L1_VMTE at this address is not valid.
    L1Invalid(u64),
    /// An access to this address faulted.
    Access(u64),
    /// What shall become valid is so already.
    AlreadyValid,
    /// The entry at this address has VALID set, and not by the IRS.
    ValidInMemory(u64),
    /// The VM is not valid.
    VmInvalid,
    /// The VPE is beyond the VPE table's end.
    NoSuchVpe,
    /// The VM has no valid IST of that type.
    NoIst,
    /// The type is not LPI or SPI.
    WrongType,
}

impl fmt::Display for VmFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => write!(f, "there is no valid VM table"),
            Self::NoSuchVm => write!(f, "the VM table has no such VM"),
            Self::Linear => write!(f, "the VM table is linear"),
            Self::L1Invalid(pa) => write!(f, "the L1_VMTE at {pa:#x} is not valid"),
            Self::Access(pa) => write!(f, "an access to {pa:#x} faulted"),
            Self::AlreadyValid => write!(f, "it is valid already"),
            Self::ValidInMemory(pa) => {
                write!(f, "software has set VALID of the entry at {pa:#x}")
            }
            Self::VmInvalid => write!(f, "the VM is not valid"),
            Self::NoSuchVpe => write!(f, "the VPE table has no such VPE"),
            Self::NoIst => write!(f, "the VM has no such IST"),
            Self::WrongType => write!(f, "not the type of an IST"),
        }
    }
}

/// Reads the doubleword at `pa`.
pub(crate) fn read64(mem: &mut dyn Memory, pa: u64) -> Result<u64, VmFault> {
    let mut bytes = [0; 8];
    match mem.read(pa, &mut bytes) {
        true => Ok(u64::from_le_bytes(bytes)),
        false => Err(VmFault::Access(pa)),
    }
}

/// Writes the doubleword at `pa`.
pub(crate) fn write64(mem: &mut dyn Memory, pa: u64, value: u64) -> Result<(), VmFault> {
    match mem.write(pa, &value.to_le_bytes()) {
        true => Ok(()),
        false => Err(VmFault::Access(pa)),
    }
}

/// Sets VALID of the entry at `pa`, which has to be clear, and returns the rest.
pub(crate) fn set_valid(mem: &mut dyn Memory, pa: u64) -> Result<u64, VmFault> {
    let entry = read64(mem, pa)?;
    if entry & VALID != 0 {
        return Err(VmFault::ValidInMemory(pa));
    }
    write64(mem, pa, entry | VALID)?;
    Ok(entry)
}

/// Clears VALID of the entry at `pa`.
pub(crate) fn clear_valid(mem: &mut dyn Memory, pa: u64) -> Result<(), VmFault> {
    let entry = read64(mem, pa)?;
    write64(mem, pa, entry & !VALID)
}

/// Where the VM table is and how it is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vmt {
    /// IRS_VMT_BASER.ADDR, in place.
    pub base: u64,
    /// IRS_VMT_CFGR.VM_ID_BITS, at most 16.
    pub id_bits: u32,
    /// IRS_VMT_CFGR.STRUCTURE.
    pub two_levels: bool,
}

impl Vmt {
    /// Saves or loads it.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.bits(&mut self.base, ADDR);
        archive.number(&mut self.id_bits);
        archive.require(self.id_bits <= 16);
        archive.flag(&mut self.two_levels);
    }

    /// Size in bytes of what `base` points at.
    pub fn first_level_size(&self) -> u64 {
        match self.two_levels {
            true => 8 << self.id_bits.saturating_sub(L2_INDEX_BITS),
            false => 1 << (self.id_bits + VMTE_LOG2),
        }
    }

    fn check(&self, vm: u16) -> Result<(), VmFault> {
        match u32::from(vm) >> self.id_bits {
            0 => Ok(()),
            _ => Err(VmFault::NoSuchVm),
        }
    }

    fn l1(&self, vm: u16) -> u64 {
        self.base + u64::from(vm >> L2_INDEX_BITS) * 8
    }

    /// IRS_VMAP_L2_VMTR: the second level with `vm`'s entry becomes valid.
    pub fn map_l2(&self, mem: &mut dyn Memory, vm: u16) -> Result<(), VmFault> {
        self.check(vm)?;
        if !self.two_levels {
            return Err(VmFault::Linear);
        }
        set_valid(mem, self.l1(vm)).map(|_| ())
    }

    /// The address of `vm`'s L2_VMTE.
    pub fn entry(&self, mem: &mut dyn Memory, vm: u16) -> Result<u64, VmFault> {
        self.check(vm)?;
        if !self.two_levels {
            return Ok(self.base + (u64::from(vm) << VMTE_LOG2));
        }
        let pa = self.l1(vm);
        let l1e = read64(mem, pa)?;
        if l1e & VALID == 0 {
            return Err(VmFault::L1Invalid(pa));
        }
        let index = u64::from(vm) & ((1 << L2_INDEX_BITS) - 1);
        Ok((l1e & L2_ADDR) + (index << VMTE_LOG2))
    }
}

/// The address of the word of the L2_VMTE at `vmte` that is for the IST of
/// type `ty`.
pub(crate) const fn ist_word(vmte: u64, ty: IntType) -> Result<u64, VmFault> {
    match ty {
        IntType::Lpi => Ok(vmte + 16),
        IntType::Spi => Ok(vmte + 24),
        IntType::Ppi => Err(VmFault::WrongType),
    }
}

/// VPET_ADDR and VPE_ID_BITS of word 1 of an L2_VMTE.
pub(crate) const fn vpet(word: u64) -> (u64, u32) {
    (word & ADDR, (word >> VPE_ID_BITS_SHIFT) as u32)
}

/// Words 2 and 3: L2SZ 2:1, IST_ADDR 55:6, ISTSZ 57:56, STRUCTURE 58, ID_BITS
/// 63:59; bit 0 is IST_VALID.
pub(crate) const fn ist_shape(word: u64) -> Shape {
    Shape {
        base: word & (((1 << 56) - 1) & !0x3f),
        id_bits: (word >> 59) as u32,
        istsz: ((word >> 56) & 0b11) as u32,
        l2sz: ((word >> 1) & 0b11) as u32,
        two_levels: word & (1 << 58) != 0,
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The IRS configuration frame: which register an access reaches.
//!
//! The frame is 64 KiB. A 32-bit register takes 4-byte accesses; a 64-bit
//! register takes one of 8 bytes or 4-byte ones to either half. An offset with
//! no register is reserved and RAZ/WI, and so is a register that belongs to
//! something not implemented. CHOICE: an access of the wrong size is RAZ/WI
//! too, as is a read of a write-only and a write of a read-only register.

/// Size of the frame in bytes (`GICV5_IRS_FRAME_SIZE`).
pub const FRAME_SIZE: u32 = 0x1_0000;

/// A register of the frame. What each does is said where it is implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Reg {
    /// IRS_IDR0 to IRS_IDR7.
    Idr(u8),
    Iidr,
    Aidr,
    Cr0,
    Cr1,
    Syncr,
    SyncStatusr,
    SpiVmr,
    SpiSelr,
    SpiDomainr,
    SpiResampler,
    SpiCfgr,
    SpiStatusr,
    PeSelr,
    PeStatusr,
    PeCr0,
    IstBaser,
    IstCfgr,
    IstStatusr,
    MapL2Istr,
    VmtBaser,
    VmtCfgr,
    VmtStatusr,
    VpeSelr,
    VpeDbr,
    VpeHppir,
    VpeCr0,
    VpeStatusr,
    VmDbr,
    VmSelr,
    VmStatusr,
    VmapL2Vmtr,
    VmapVmr,
    VmapVistr,
    VmapL2Vistr,
    VmapVper,
    SaveVmr,
    SaveVmStatusr,
    MecIdr,
    MecMecidR,
    MpamIdr,
    MpamPartidR,
    SwerrStatusr,
    SwerrSyndromer0,
    SwerrSyndromer1,
    Devarch,
    /// IRS_PIDR4 to 7, IRS_PIDR0 to 3, IRS_CIDR0 to 3, in address order.
    Identification(u8),
}

/// What accesses a register takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
    WriteOnly,
}

/// What has to be implemented for a register to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Nothing.
    Base,
    /// IRS_IDR0.VIRT.
    Virt,
    /// IRS_IDR0.MEC or IRS_IDR0.MPAM; neither is.
    Absent,
}

/// A row of the register table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desc {
    pub reg: Reg,
    pub name: &'static str,
    pub offset: u32,
    /// Width in bytes, 4 or 8.
    pub width: u32,
    pub access: Access,
    pub feature: Feature,
}

use Access::{ReadOnly as RO, ReadWrite as RW, WriteOnly as WO};
use Feature::{Absent, Base, Virt};

const fn row(
    offset: u32,
    width: u32,
    access: Access,
    feature: Feature,
    reg: Reg,
    name: &'static str,
) -> Desc {
    Desc {
        reg,
        name,
        offset,
        width,
        access,
        feature,
    }
}

/// The registers, by offset. The offsets up to IRS_MAP_L2_ISTR are those of
/// Linux's arm-gic-v5.h; the rest are the architecture's.
#[rustfmt::skip]
pub(crate) const REGISTERS: &[Desc] = &[
    row(0x0000, 4, RO, Base, Reg::Idr(0), "IRS_IDR0"),
    row(0x0004, 4, RO, Base, Reg::Idr(1), "IRS_IDR1"),
    row(0x0008, 4, RO, Base, Reg::Idr(2), "IRS_IDR2"),
    row(0x000c, 4, RO, Base, Reg::Idr(3), "IRS_IDR3"),
    row(0x0010, 4, RO, Base, Reg::Idr(4), "IRS_IDR4"),
    row(0x0014, 4, RO, Base, Reg::Idr(5), "IRS_IDR5"),
    row(0x0018, 4, RO, Base, Reg::Idr(6), "IRS_IDR6"),
    row(0x001c, 4, RO, Base, Reg::Idr(7), "IRS_IDR7"),
    row(0x0040, 4, RO, Base, Reg::Iidr, "IRS_IIDR"),
    row(0x0044, 4, RO, Base, Reg::Aidr, "IRS_AIDR"),
    row(0x0080, 4, RW, Base, Reg::Cr0, "IRS_CR0"),
    row(0x0084, 4, RW, Base, Reg::Cr1, "IRS_CR1"),
    row(0x00c0, 4, WO, Base, Reg::Syncr, "IRS_SYNCR"),
    row(0x00c4, 4, RO, Base, Reg::SyncStatusr, "IRS_SYNC_STATUSR"),
    row(0x0100, 8, RW, Virt, Reg::SpiVmr, "IRS_SPI_VMR"),
    row(0x0108, 4, RW, Base, Reg::SpiSelr, "IRS_SPI_SELR"),
    row(0x010c, 4, RW, Base, Reg::SpiDomainr, "IRS_SPI_DOMAINR"),
    row(0x0110, 4, WO, Base, Reg::SpiResampler, "IRS_SPI_RESAMPLER"),
    row(0x0114, 4, RW, Base, Reg::SpiCfgr, "IRS_SPI_CFGR"),
    row(0x0118, 4, RO, Base, Reg::SpiStatusr, "IRS_SPI_STATUSR"),
    row(0x0140, 4, RW, Base, Reg::PeSelr, "IRS_PE_SELR"),
    row(0x0144, 4, RO, Base, Reg::PeStatusr, "IRS_PE_STATUSR"),
    row(0x0148, 4, RW, Base, Reg::PeCr0, "IRS_PE_CR0"),
    row(0x0180, 8, RW, Base, Reg::IstBaser, "IRS_IST_BASER"),
    row(0x0190, 4, RW, Base, Reg::IstCfgr, "IRS_IST_CFGR"),
    row(0x0194, 4, RO, Base, Reg::IstStatusr, "IRS_IST_STATUSR"),
    row(0x01c0, 4, WO, Base, Reg::MapL2Istr, "IRS_MAP_L2_ISTR"),
    row(0x0200, 8, RW, Virt, Reg::VmtBaser, "IRS_VMT_BASER"),
    row(0x0210, 4, RW, Virt, Reg::VmtCfgr, "IRS_VMT_CFGR"),
    row(0x0214, 4, RO, Virt, Reg::VmtStatusr, "IRS_VMT_STATUSR"),
    row(0x0240, 8, RW, Virt, Reg::VpeSelr, "IRS_VPE_SELR"),
    row(0x0248, 8, RW, Virt, Reg::VpeDbr, "IRS_VPE_DBR"),
    row(0x0250, 8, RO, Virt, Reg::VpeHppir, "IRS_VPE_HPPIR"),
    row(0x0258, 4, RW, Virt, Reg::VpeCr0, "IRS_VPE_CR0"),
    row(0x025c, 4, RO, Virt, Reg::VpeStatusr, "IRS_VPE_STATUSR"),
    row(0x0280, 8, RW, Virt, Reg::VmDbr, "IRS_VM_DBR"),
    row(0x0288, 4, RW, Virt, Reg::VmSelr, "IRS_VM_SELR"),
    row(0x028c, 4, RO, Virt, Reg::VmStatusr, "IRS_VM_STATUSR"),
    row(0x02c0, 8, WO, Virt, Reg::VmapL2Vmtr, "IRS_VMAP_L2_VMTR"),
    row(0x02c8, 8, WO, Virt, Reg::VmapVmr, "IRS_VMAP_VMR"),
    row(0x02d0, 8, WO, Virt, Reg::VmapVistr, "IRS_VMAP_VISTR"),
    row(0x02d8, 8, WO, Virt, Reg::VmapL2Vistr, "IRS_VMAP_L2_VISTR"),
    row(0x02e0, 8, WO, Virt, Reg::VmapVper, "IRS_VMAP_VPER"),
    row(0x0300, 8, WO, Virt, Reg::SaveVmr, "IRS_SAVE_VMR"),
    row(0x0308, 4, RO, Virt, Reg::SaveVmStatusr, "IRS_SAVE_VM_STATUSR"),
    row(0x0340, 4, RO, Absent, Reg::MecIdr, "IRS_MEC_IDR"),
    row(0x0344, 4, RW, Absent, Reg::MecMecidR, "IRS_MEC_MECID_R"),
    row(0x0380, 4, RO, Absent, Reg::MpamIdr, "IRS_MPAM_IDR"),
    row(0x0384, 4, RW, Absent, Reg::MpamPartidR, "IRS_MPAM_PARTID_R"),
    row(0x03c0, 8, RW, Base, Reg::SwerrStatusr, "IRS_SWERR_STATUSR"),
    row(0x03c8, 8, RO, Base, Reg::SwerrSyndromer0, "IRS_SWERR_SYNDROMER0"),
    row(0x03d0, 8, RO, Base, Reg::SwerrSyndromer1, "IRS_SWERR_SYNDROMER1"),
    row(0xffbc, 4, RO, Base, Reg::Devarch, "IRS_DEVARCH"),
    row(0xffd0, 4, RO, Base, Reg::Identification(0), "IRS_PIDR4"),
    row(0xffd4, 4, RO, Base, Reg::Identification(1), "IRS_PIDR5"),
    row(0xffd8, 4, RO, Base, Reg::Identification(2), "IRS_PIDR6"),
    row(0xffdc, 4, RO, Base, Reg::Identification(3), "IRS_PIDR7"),
    row(0xffe0, 4, RO, Base, Reg::Identification(4), "IRS_PIDR0"),
    row(0xffe4, 4, RO, Base, Reg::Identification(5), "IRS_PIDR1"),
    row(0xffe8, 4, RO, Base, Reg::Identification(6), "IRS_PIDR2"),
    row(0xffec, 4, RO, Base, Reg::Identification(7), "IRS_PIDR3"),
    row(0xfff0, 4, RO, Base, Reg::Identification(8), "IRS_CIDR0"),
    row(0xfff4, 4, RO, Base, Reg::Identification(9), "IRS_CIDR1"),
    row(0xfff8, 4, RO, Base, Reg::Identification(10), "IRS_CIDR2"),
    row(0xfffc, 4, RO, Base, Reg::Identification(11), "IRS_CIDR3"),
];

/// A register of the frame, as whoever goes over them all wants to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The architecture's name.
    pub name: &'static str,
    /// Where it is in the frame.
    pub offset: u32,
    /// Its width in bytes.
    pub width: u32,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Whether it is only there with IRS_IDR0.VIRT.
    pub virt: bool,
}

/// The registers of the frame that can exist, by offset.
pub fn registers() -> impl Iterator<Item = Register> {
    let there = REGISTERS.iter().filter(|desc| desc.feature != Absent);
    there.map(|desc| Register {
        name: desc.name,
        offset: desc.offset,
        width: desc.width,
        readable: desc.access != WO,
        writable: desc.access != RO,
        virt: desc.feature == Virt,
    })
}

/// The offset of the status register whose IDLE tells that a write at `offset`
/// is done, if the write is one to wait for.
pub(crate) fn status_of(offset: u32, size: u32) -> Option<u32> {
    Some(match decode(offset, size).ok()?.desc.reg {
        Reg::Cr0 => 0x80,
        Reg::Syncr => 0xc4,
        Reg::SpiVmr | Reg::SpiSelr | Reg::SpiResampler | Reg::SpiCfgr => 0x118,
        Reg::PeSelr | Reg::PeCr0 => 0x144,
        Reg::IstBaser | Reg::MapL2Istr => 0x194,
        Reg::VmtBaser | Reg::VmapL2Vmtr | Reg::VmapVmr => 0x214,
        Reg::VmapVistr | Reg::VmapL2Vistr | Reg::VmapVper => 0x214,
        Reg::VpeSelr | Reg::VpeDbr | Reg::VpeCr0 => 0x25c,
        Reg::VmSelr | Reg::VmDbr => 0x28c,
        Reg::SaveVmr => 0x308,
        _ => return None,
    })
}

/// An access that reaches a register, or part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub desc: &'static Desc,
    /// How far the accessed bits are from bit 0 of the register: 0 or 32.
    pub shift: u32,
    /// The bits of the register that the access covers.
    pub mask: u64,
}

/// Why an access reaches no register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Not something that the bus can ask: an external abort.
    Bus,
    /// No register there.
    Reserved,
    /// The register of that name does not take accesses of that size.
    Size(&'static str),
}

/// Finds what an access of `size` bytes at `offset` reaches.
pub(crate) fn decode(offset: u32, size: u32) -> Result<Target, Miss> {
    if !matches!(size, 4 | 8) || offset % size != 0 || offset >= FRAME_SIZE {
        return Err(Miss::Bus);
    }
    let after = REGISTERS.partition_point(|desc| desc.offset <= offset);
    let desc = after
        .checked_sub(1)
        .map(|index| &REGISTERS[index])
        .filter(|desc| offset < desc.offset + desc.width)
        .ok_or(Miss::Reserved)?;
    if size > desc.width {
        return Err(Miss::Size(desc.name));
    }
    let shift = (offset - desc.offset) * 8;
    let mask = (u64::MAX >> (64 - size * 8)) << shift;
    Ok(Target { desc, shift, mask })
}

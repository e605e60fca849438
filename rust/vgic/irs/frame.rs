// SPDX-License-Identifier: GPL-2.0

//! The guest's IRS configuration frame: a table of registers.
//!
//! A 32-bit register takes 32-bit accesses; a 64-bit register takes 64-bit ones, or 32-bit ones to
//! either half. Everything else is RAZ/WI. A write returns what has to be done about it outside of
//! the frame.

use super::entry::IsteSize;
use super::registers::{idr0, idr1, idr2, ist};
use super::sizes::Sizes;
use super::spi::{Spis, Trigger};

/// Size of the configuration frame in bytes. The SETLPI frame that follows it, of the same size, is
/// RAZ/WI.
pub const FRAME_SIZE: u64 = 0x1_0000;
/// Size of both frames in bytes: KVM_VGIC_V5_IRS_SIZE.
pub const FRAMES_SIZE: u64 = 2 * FRAME_SIZE;

/// A register with a behaviour of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reg {
    Idr(u8),
    Cr0,
    Cr1,
    SyncStatusr,
    SpiSelr,
    SpiDomainr,
    SpiCfgr,
    SpiStatusr,
    PeSelr,
    PeStatusr,
    PeCr0,
    IstBaser,
    IstCfgr,
    IstStatusr,
    /// Reads as this value; writes are ignored.
    Constant(u32),
}

/// The implemented IIDR: Arm (0x43b), KVM's product (0x4b).
const IIDR: u32 = 0x04b0_043b;

use Reg::Constant;
/// RAZ/WI: what it belongs to is not implemented.
const ZERO: Reg = Constant(0);

/// Offset, width in bytes, register; in ascending order.
#[rustfmt::skip]
const REGISTERS: &[(u32, u32, Reg)] = &[
    (0x0000, 4, Reg::Idr(0)), (0x0004, 4, Reg::Idr(1)), (0x0008, 4, Reg::Idr(2)), (0x000c, 4, Reg::Idr(3)),
    (0x0010, 4, Reg::Idr(4)), (0x0014, 4, Reg::Idr(5)), (0x0018, 4, Reg::Idr(6)), (0x001c, 4, Reg::Idr(7)),
    (0x0040, 4, Constant(IIDR)), // IIDR
    (0x0044, 4, ZERO),           // AIDR: an IRS, version 0.0
    (0x0080, 4, Reg::Cr0), (0x0084, 4, Reg::Cr1),
    (0x00c0, 4, ZERO),           // SYNCR
    (0x00c4, 4, Reg::SyncStatusr),
    (0x0100, 8, ZERO),           // SPI_VMR
    (0x0108, 4, Reg::SpiSelr), (0x010c, 4, Reg::SpiDomainr),
    (0x0110, 4, ZERO),           // SPI_RESAMPLER
    (0x0114, 4, Reg::SpiCfgr), (0x0118, 4, Reg::SpiStatusr),
    (0x0140, 4, Reg::PeSelr), (0x0144, 4, Reg::PeStatusr), (0x0148, 4, Reg::PeCr0),
    (0x0180, 8, Reg::IstBaser), (0x0190, 4, Reg::IstCfgr), (0x0194, 4, Reg::IstStatusr),
    (0x01c0, 4, ZERO),           // MAP_L2_ISTR
    (0x0200, 8, ZERO), (0x0210, 4, ZERO), (0x0214, 4, ZERO), // VMT_BASER, _CFGR, _STATUSR
    (0x0240, 8, ZERO), (0x0248, 8, ZERO), (0x0250, 8, ZERO), // VPE_SELR, _DBR, _HPPIR
    (0x0258, 4, ZERO), (0x025c, 4, ZERO),                    // VPE_CR0, _STATUSR
    (0x0280, 8, ZERO), (0x0288, 4, ZERO), (0x028c, 4, ZERO), // VM_DBR, _SELR, _STATUSR
    (0x02c0, 8, ZERO), (0x02c8, 8, ZERO), (0x02d0, 8, ZERO), // VMAP_L2_VMTR, _VMR, _VISTR
    (0x02d8, 8, ZERO), (0x02e0, 8, ZERO),                    // VMAP_L2_VISTR, _VPER
    (0x0300, 8, ZERO), (0x0308, 4, ZERO),                    // SAVE_VMR, SAVE_VM_STATUSR
    (0x0340, 4, ZERO), (0x0344, 4, ZERO),                    // MEC_IDR, MEC_MECID_R
    (0x0380, 4, ZERO), (0x0384, 4, ZERO),                    // MPAM_IDR, MPAM_PARTID_R
    (0x03c0, 8, ZERO), (0x03c8, 8, ZERO), (0x03d0, 8, ZERO), // SWERR_STATUSR, _SYNDROMER0, 1
    (0xffbc, 4, Constant(0x4770_5a19)),                      // DEVARCH
    (0xffd0, 4, Constant(0x04)), (0xffd4, 4, ZERO), (0xffd8, 4, ZERO), (0xffdc, 4, ZERO), // PIDR4 to 7
    (0xffe0, 4, Constant(0x4b)), (0xffe4, 4, Constant(0xb0)),                             // PIDR0, 1
    (0xffe8, 4, Constant(0x0b)), (0xffec, 4, ZERO),                                       // PIDR2, 3
    (0xfff0, 4, Constant(0x0d)), (0xfff4, 4, Constant(0xf0)),                             // CIDR0, 1
    (0xfff8, 4, Constant(0x05)), (0xfffc, 4, Constant(0xb1)),                             // CIDR2, 3
];

/// The register that has the byte at `offset`, with its own offset and its width in bytes.
pub(super) fn find(offset: u64) -> Option<(u32, u32, Reg)> {
    let offset = u32::try_from(offset).ok()?;
    let after = REGISTERS.partition_point(|&(start, ..)| start <= offset);
    let row = *REGISTERS.get(after.checked_sub(1)?)?;
    (offset - row.0 < row.1).then_some(row)
}

/// What an access to the frame reaches.
struct Target {
    reg: Reg,
    /// How far the accessed bits are from bit 0 of the register: 0 or 32.
    shift: u32,
    /// The accessed bits of the register.
    mask: u64,
}

fn decode(offset: u64, size: u32) -> Option<Target> {
    let (start, width, reg) = find(offset)?;
    if !matches!(size, 4 | 8) || size > width || offset % u64::from(size) != 0 {
        return None;
    }
    let shift = (offset as u32 - start) * 8;
    Some(Target {
        reg,
        shift,
        mask: (u64::MAX >> (64 - size * 8)) << shift,
    })
}

/// What the registers show of the VM around them.
pub struct View<'a> {
    /// The host's IRS.
    pub sizes: &'a Sizes,
    /// ID_AA64MMFR0_EL1.PARange, as the guest sees it.
    pub pa_range: u8,
    /// The width of VPE IDs, which are the guest's IAFFIDs.
    pub vpe_id_bits: u32,
    /// How many vCPUs there are.
    pub vcpus: u32,
    /// Whether there is a vCPU with this ID.
    pub has_vcpu: &'a dyn Fn(u16) -> bool,
    /// The SPIs.
    pub spis: &'a Spis,
    /// IRS_CR0.IRSEN.
    pub enabled: bool,
    /// IRS_CR0.IDLE: no vCPU is in the guest with another IRSEN.
    pub idle: bool,
}

/// What has to be done about a guest's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing.
    None,
    /// IRS_CR0.IRSEN has changed to this: every vCPU has to be put and loaded.
    Enable(bool),
    /// An IST for LPI IDs of this many bits is to be made valid; then [`Frame::ist_became_valid`].
    MapLpis(u32, IstBaser),
    /// The IST of the LPIs is to be made invalid; then [`Frame::ist_became_invalid`].
    UnmapLpis,
}

/// A value of IRS_IST_BASER that the guest has written, and that is not in force yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IstBaser(u64);

const STATUSR_IDLE: u64 = 1 << 0;
const STATUSR_V: u64 = 1 << 1;
const PE_STATUSR_ONLINE: u64 = 1 << 2;
const CR0_IRSEN: u64 = 1 << 0;
const CR0_IDLE: u64 = 1 << 1;
/// Cacheability, shareability and the allocation hints.
const CR1_MASK: u64 = 0xffff;
const SPI_SELR_MASK: u64 = 0xff_ffff;
const PE_SELR_MASK: u64 = 0xffff;
const IST_BASER_MASK: u64 = ist::BASER_ADDR.mask() | ist::BASER_VALID.mask();
const IST_CFGR_MASK: u64 = ist::CFGR_STRUCTURE.mask()
    | ist::CFGR_ISTSZ.mask()
    | ist::CFGR_L2SZ.mask()
    | ist::CFGR_LPI_ID_BITS.mask();

/// What the registers hold themselves.
#[derive(Clone, Debug)]
pub struct Frame {
    cr1: u64,
    spi_selr: u64,
    pe_selr: u64,
    pub(super) ist_baser: u64,
    pub(super) ist_cfgr: u64,
}

impl Frame {
    /// The registers as after reset: no SPI is selected, no IST is valid.
    pub fn new() -> Self {
        Self {
            cr1: 0,
            spi_selr: SPI_SELR_MASK,
            pe_selr: 0,
            ist_baser: 0,
            ist_cfgr: 0,
        }
    }

    /// The guest reads `size` bytes at `offset` in the two frames.
    pub fn read(&self, view: &View<'_>, offset: u64, size: u32) -> u64 {
        decode(offset, size).map_or(0, |target| {
            (self.value(view, target.reg) & target.mask) >> target.shift
        })
    }

    /// The guest writes `size` bytes at `offset` in the two frames.
    pub fn write(&mut self, view: &View<'_>, offset: u64, size: u32, value: u64) -> Effect {
        let Some(Target { reg, shift, mask }) = decode(offset, size) else {
            return Effect::None;
        };
        let value = (value << shift) & mask;
        match reg {
            Reg::Cr0 => {
                let enable = value & CR0_IRSEN != 0;
                if enable != view.enabled {
                    return Effect::Enable(enable);
                }
            }
            Reg::SpiCfgr => {
                let trigger = if value & 1 != 0 {
                    Trigger::Level
                } else {
                    Trigger::Edge
                };
                view.spis.set_trigger(self.selected_spi(), trigger);
            }
            Reg::IstCfgr if !self.ist_is_valid() => self.ist_cfgr = value & IST_CFGR_MASK,
            Reg::IstBaser => return self.write_ist_baser(view, (self.ist_baser & !mask) | value),
            reg => self.store(reg, value),
        }
        Effect::None
    }

    /// Writes a register that only holds what is written; others are left.
    pub(super) fn store(&mut self, reg: Reg, value: u64) {
        match reg {
            Reg::Cr1 => self.cr1 = value & CR1_MASK,
            Reg::SpiSelr => self.spi_selr = value & SPI_SELR_MASK,
            Reg::PeSelr => self.pe_selr = value & PE_SELR_MASK,
            _ => {}
        }
    }

    fn write_ist_baser(&mut self, view: &View<'_>, value: u64) -> Effect {
        let value = value & IST_BASER_MASK;
        match (self.ist_is_valid(), ist::BASER_VALID.is_set(value)) {
            // The address is immutable while the IST is valid.
            (true, true) => Effect::None,
            (true, false) => Effect::UnmapLpis,
            (false, false) => {
                self.ist_baser = value;
                Effect::None
            }
            (false, true) => match self.acceptable_lpi_id_bits(view.sizes) {
                Some(id_bits) => Effect::MapLpis(id_bits, IstBaser(value)),
                None => Effect::None,
            },
        }
    }

    /// LPI ID bits of IRS_IST_CFGR, if it describes an IST that the guest can have: linear, of
    /// entries of 4 bytes, as IRS_IDR2 says.
    pub fn acceptable_lpi_id_bits(&self, sizes: &Sizes) -> Option<u32> {
        let id_bits = ist::CFGR_LPI_ID_BITS.get(self.ist_cfgr) as u32;
        let range = sizes.min_lpi_id_bits()..=sizes.max_lpi_id_bits();
        let acceptable = range.contains(&id_bits)
            && ist::CFGR_ISTSZ.get(self.ist_cfgr) == IsteSize::Four.encoding().into()
            && !ist::CFGR_STRUCTURE.is_set(self.ist_cfgr);
        acceptable.then_some(id_bits)
    }

    /// IRS_IST_BASER.VALID.
    pub fn ist_is_valid(&self) -> bool {
        ist::BASER_VALID.is_set(self.ist_baser)
    }

    /// [`Effect::MapLpis`] is done.
    pub fn ist_became_valid(&mut self, baser: IstBaser) {
        self.ist_baser = baser.0;
    }

    /// [`Effect::UnmapLpis`] is done.
    pub fn ist_became_invalid(&mut self) {
        self.ist_baser = ist::BASER_VALID.set(self.ist_baser, 0);
    }

    /// The ID in IRS_SPI_SELR, which may be no SPI's.
    fn selected_spi(&self) -> u32 {
        self.spi_selr as u32
    }

    /// The value of a register, as the guest sees it.
    pub(super) fn value(&self, view: &View<'_>, reg: Reg) -> u64 {
        match reg {
            Reg::Idr(number) => idr(view, number),
            Reg::Cr0 => u64::from(view.idle) * CR0_IDLE | u64::from(view.enabled),
            Reg::Cr1 => self.cr1,
            Reg::SyncStatusr | Reg::IstStatusr => STATUSR_IDLE,
            Reg::SpiSelr => self.spi_selr,
            Reg::SpiDomainr => idr0::INT_DOM_NS,
            Reg::SpiCfgr => u64::from(view.spis.trigger(self.selected_spi()) == Trigger::Level),
            Reg::SpiStatusr if self.selected_spi() < view.spis.count() => STATUSR_IDLE | STATUSR_V,
            Reg::SpiStatusr => STATUSR_IDLE,
            Reg::PeSelr => self.pe_selr,
            Reg::PeStatusr if self.selects_pe(view) => STATUSR_IDLE | STATUSR_V | PE_STATUSR_ONLINE,
            Reg::PeStatusr => STATUSR_IDLE,
            Reg::PeCr0 => u64::from(self.selects_pe(view)),
            Reg::IstBaser => self.ist_baser,
            Reg::IstCfgr => self.ist_cfgr,
            Reg::Constant(value) => value.into(),
        }
    }

    fn selects_pe(&self, view: &View<'_>) -> bool {
        (view.has_vcpu)(self.pe_selr as u16)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

/// IRS_IDR0 to IRS_IDR7: a Non-secure IRS without virtualization, with linear ISTs of 4-byte
/// entries, whose SPIs are all there are.
fn idr(view: &View<'_>, number: u8) -> u64 {
    let sizes = view.sizes;
    match number {
        0 => idr0::INT_DOM.put(idr0::INT_DOM_NS) | idr0::PA_RANGE.put(view.pa_range.into()),
        1 => {
            idr1::PRIORITY_BITS.put(sizes.priority_bits_field())
                | idr1::IAFFID_BITS.put(u64::from(view.vpe_id_bits.saturating_sub(1)))
                | idr1::PE_CNT.put(view.vcpus.into())
        }
        2 => {
            idr2::ID_BITS.put(sizes.max_lpi_id_bits().into())
                | idr2::LPI.mask()
                | idr2::MIN_LPI_ID_BITS.put(sizes.min_lpi_id_bits().into())
        }
        // SPI_RANGE, SPI_IRS_RANGE; SPI_BASE is 0, and so are IDR3 and IDR4.
        5 | 6 => view.spis.count().into(),
        _ => 0,
    }
}

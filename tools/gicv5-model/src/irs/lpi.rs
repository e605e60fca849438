// SPDX-License-Identifier: GPL-2.0-or-later
//! IRS_IST_CFGR and IRS_IST_BASER: where software has put the LPIs' table.

use super::ids::MIN_LPI_ID_BITS;
use super::ist::Geometry;
use crate::config::Config;
use crate::memory::Log;

/// IRS_IST_CFGR's fields.
mod cfgr {
    pub const LPI_ID_BITS: u64 = 0x1f;
    pub const L2SZ_SHIFT: u32 = 5;
    pub const ISTSZ_SHIFT: u32 = 7;
    pub const STRUCTURE: u64 = 1 << 16;
    pub const ALL: u64 = STRUCTURE | 0x1ff;
}

/// IRS_IST_BASER's fields.
mod baser {
    pub const VALID: u64 = 1 << 0;
    pub const ADDR: u64 = ((1 << 56) - 1) & !((1 << 6) - 1);
}

/// What a write to IRS_IST_BASER did to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// There is one now.
    Valid(Geometry),
    /// There is none any more.
    Invalid,
}

/// The registers.
#[derive(Debug)]
pub(crate) struct IstRegs {
    max_id_bits: u32,
    two_levels: bool,
    cfgr: u64,
    baser: u64,
}

impl IstRegs {
    /// Their reset values: IRS_IST_BASER.VALID is 0.
    pub fn new(config: &Config) -> Self {
        Self {
            max_id_bits: config.lpi_id_bits,
            two_levels: !config.ist_linear_only,
            cfgr: 0,
            baser: 0,
        }
    }

    /// IRS_IST_CFGR as read.
    pub fn cfgr(&self) -> u64 {
        self.cfgr
    }

    /// IRS_IST_BASER as read.
    pub fn baser(&self) -> u64 {
        self.baser
    }

    /// A write to IRS_IST_CFGR, ignored while IRS_IST_BASER.VALID is 1.
    pub fn write_cfgr(&mut self, log: &mut dyn Log, value: u64) {
        if self.baser & baser::VALID != 0 {
            log.guest_error(format_args!(
                "IRS_IST_CFGR is read-only while IRS_IST_BASER.VALID is 1"
            ));
            return;
        }
        self.cfgr = value & cfgr::ALL;
    }

    /// A write to IRS_IST_BASER. While VALID is 1 only VALID can be changed,
    /// and to change ADDR takes two writes.
    pub fn write_baser(&mut self, log: &mut dyn Log, value: u64) -> Change {
        let value = value & (baser::ADDR | baser::VALID);
        if self.baser & baser::VALID == 0 {
            self.baser = value;
            if value & baser::VALID == 0 {
                return Change::None;
            }
            return Change::Valid(self.geometry(log));
        }
        if value & baser::VALID == 0 {
            self.baser &= !baser::VALID;
            return Change::Invalid;
        }
        if value != self.baser {
            log.guest_error(format_args!(
                "IRS_IST_BASER.ADDR is read-only while VALID is 1"
            ));
        }
        Change::None
    }

    /// What the registers describe.
    ///
    /// CHOICE, where software breaks a rule: LPI_ID_BITS out of the range that
    /// IRS_IDR2 gives is taken as its nearer end, reserved ISTSZ and L2SZ as
    /// the smallest size, STRUCTURE as linear if there are no two-level
    /// tables, and an address that is not aligned to the table's size is used
    /// as it is.
    fn geometry(&self, log: &mut dyn Log) -> Geometry {
        let asked = (self.cfgr & cfgr::LPI_ID_BITS) as u32;
        let id_bits = asked.clamp(MIN_LPI_ID_BITS, self.max_id_bits);
        if id_bits != asked {
            log.guest_error(format_args!(
                "IRS_IST_CFGR.LPI_ID_BITS is {asked}, taken as {id_bits}"
            ));
        }
        let mut size = |name: &str, shift: u32| match ((self.cfgr >> shift) & 0b11) as u32 {
            0b11 => {
                log.guest_error(format_args!("IRS_IST_CFGR.{name} has a reserved value"));
                0
            }
            size => size,
        };
        let iste_log2 = 2 + size("ISTSZ", cfgr::ISTSZ_SHIFT);
        let l2_log2 = match (self.cfgr & cfgr::STRUCTURE != 0, self.two_levels) {
            (true, true) => Some(12 + 2 * size("L2SZ", cfgr::L2SZ_SHIFT)),
            (true, false) => {
                log.guest_error(format_args!(
                    "IRS_IST_CFGR.STRUCTURE asks for two levels, which IRS_IDR2 does not offer"
                ));
                None
            }
            (false, _) => None,
        };
        let geometry = Geometry {
            base: self.baser & baser::ADDR,
            id_bits,
            iste_log2,
            l2_log2,
        };
        if geometry.base % geometry.alignment() != 0 {
            log.guest_error(format_args!(
                "IRS_IST_BASER.ADDR {:#x} is not aligned to {:#x}",
                geometry.base,
                geometry.alignment()
            ));
        }
        geometry
    }
}

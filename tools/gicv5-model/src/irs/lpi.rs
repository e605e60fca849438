// SPDX-License-Identifier: GPL-2.0-or-later
//! IRS_IST_CFGR and IRS_IST_BASER: where software has put the LPIs' table.

use super::ids::MIN_LPI_ID_BITS;
use super::ist::Geometry;
use super::shape::Shape;
use crate::archive::Archive;
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
    config: Config,
    cfgr: u64,
    baser: u64,
}

impl IstRegs {
    /// Their reset values: IRS_IST_BASER.VALID is 0.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            cfgr: 0,
            baser: 0,
        }
    }

    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.bits(&mut self.cfgr, cfgr::ALL);
        archive.bits(&mut self.baser, baser::ADDR | baser::VALID);
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
    fn geometry(&self, log: &mut dyn Log) -> Geometry {
        let field = |shift: u32| ((self.cfgr >> shift) & 0b11) as u32;
        let shape = Shape {
            base: self.baser & baser::ADDR,
            id_bits: (self.cfgr & cfgr::LPI_ID_BITS) as u32,
            istsz: field(cfgr::ISTSZ_SHIFT),
            l2sz: field(cfgr::L2SZ_SHIFT),
            two_levels: self.cfgr & cfgr::STRUCTURE != 0,
        };
        let id_bits = MIN_LPI_ID_BITS..=self.config.lpi_id_bits;
        shape.geometry(log, &self.config, &"IRS_IST_CFGR", id_bits)
    }
}

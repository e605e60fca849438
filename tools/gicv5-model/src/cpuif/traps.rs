// SPDX-License-Identifier: GPL-2.0-or-later
//! The fine-grained traps, ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2.
//!
//! Their polarity is negative: an access from EL1 traps where the bit is *clear*.

use super::route::{insn_trap_bit, register_trap_bit};
use crate::archive::Archive;
use crate::regs::{Icc, Insn};

/// Bits of ICH_HFGRTR_EL2 that can be written.
const READ_MASK: u64 = 0x1f_00f7;
/// Bits of ICH_HFGRTR_EL2 that are RES1: the one that was ICC_HAPR_EL1's.
const READ_RES1: u64 = 1 << 3;
/// Bits of ICH_HFGWTR_EL2 that can be written.
const WRITE_MASK: u64 = 0x1e_0065;
/// Bits of ICH_HFGITR_EL2 that can be written.
const INSN_MASK: u64 = 0x7ff;

/// The three registers.
///
/// CHOICE: they are UNKNOWN at reset; here they are 0, every trap on, so that
/// software which forgets to set them up notices (Linux: `__init_el2_gicv5`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traps {
    read: u64,
    write: u64,
    insn: u64,
}

impl Traps {
    /// Saves or loads them.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.bits(&mut self.read, READ_MASK);
        archive.bits(&mut self.write, WRITE_MASK);
        archive.bits(&mut self.insn, INSN_MASK);
    }

    /// ICH_HFGRTR_EL2.
    pub fn hfgrtr(&self) -> u64 {
        self.read | READ_RES1
    }

    /// ICH_HFGWTR_EL2.
    pub fn hfgwtr(&self) -> u64 {
        self.write
    }

    /// ICH_HFGITR_EL2.
    pub fn hfgitr(&self) -> u64 {
        self.insn
    }

    /// Writes ICH_HFGRTR_EL2.
    pub fn set_hfgrtr(&mut self, value: u64) {
        self.read = value & READ_MASK;
    }

    /// Writes ICH_HFGWTR_EL2.
    pub fn set_hfgwtr(&mut self, value: u64) {
        self.write = value & WRITE_MASK;
    }

    /// Writes ICH_HFGITR_EL2.
    pub fn set_hfgitr(&mut self, value: u64) {
        self.insn = value & INSN_MASK;
    }

    /// Whether a read of `reg` at EL1 traps.
    pub fn read_of(&self, reg: Icc) -> bool {
        self.read >> register_trap_bit(reg) & 1 == 0
    }

    /// Whether a write of `reg` at EL1 traps. Only registers that can be
    /// written have a bit in ICH_HFGWTR_EL2.
    pub fn write_of(&self, reg: Icc) -> bool {
        let bit = register_trap_bit(reg);
        WRITE_MASK >> bit & 1 != 0 && self.write >> bit & 1 == 0
    }

    /// Whether `insn` at EL1 traps.
    pub fn insn(&self, insn: Insn) -> bool {
        insn_trap_bit(insn).is_some_and(|bit| self.insn >> bit & 1 == 0)
    }
}

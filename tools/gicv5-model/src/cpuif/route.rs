// SPDX-License-Identifier: GPL-2.0-or-later
//! Where an access goes: is it UNDEFINED, does it trap, and if neither, which
//! interface does it reach.

use super::traps::Traps;
use crate::regs::{Icc, Insn, Reg, Sysreg};

/// What the CPU interface needs to know of its PE to place an access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeState {
    /// The current Exception level, 0..=2.
    pub el: u8,
    /// EL2 is implemented and enabled in the current Security state.
    pub el2: bool,
    /// The Effective value of HCR_EL2.
    pub hcr_el2: u64,
    /// SCTLR_ELx.NMI of the current Exception level: interrupts with
    /// Superpriority are acknowledged by GICR CDNMIA and not by GICR CDIA.
    pub nmi: bool,
}

/// The bits of HCR_EL2 that matter here.
pub mod hcr {
    /// Physical IRQ routing; at EL1, the virtual CPU interface is in use.
    pub const IMO: u64 = 1 << 4;
    /// Nested virtualization.
    pub const NV: u64 = 1 << 42;
    /// With NV: not a hypervisor written for HCR_EL2.E2H.
    pub const NV1: u64 = 1 << 43;
    /// With NV: many of EL2's registers are memory to EL1.
    pub const NV2: u64 = 1 << 45;
}

/// What becomes of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is done.
    Done,
    /// It is UNDEFINED.
    Undefined,
    /// It traps to EL2, with EC 0x18 and a system register access syndrome.
    TrapEl2,
    /// It is an access of 8 bytes to memory instead, this many bytes from
    /// VNCR_EL2.BADDR.
    Memory(u16),
}

/// The Current Interrupt Domain, which the ICC_*_EL1 names and the GIC CD*
/// instructions refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The Current Physical Interrupt Domain.
    Physical,
    /// The Virtual Interrupt Domain.
    Virtual,
}

impl PeState {
    /// The Current Interrupt Domain: Virtual at EL1 when HCR_EL2.IMO is set and
    /// ICH_VCTLR_EL2.V3 clear, otherwise physical (D_NSTKG). V3 is RES0 here,
    /// as FEAT_GCIE_LEGACY is not implemented. At EL2 the names are those of
    /// the physical interface, with and without HCR_EL2.E2H.
    pub fn domain(&self) -> Domain {
        if self.el == 1 && self.el2 && self.hcr_el2 & hcr::IMO != 0 {
            Domain::Virtual
        } else {
            Domain::Physical
        }
    }

    /// Whether HCR_EL2.{NV, NV1} is {1, 0}, with which the timers' PPIs are
    /// injected under other numbers (R_GYGNW).
    pub fn redirects_timers(&self) -> bool {
        self.el2 && self.hcr_el2 & (hcr::NV | hcr::NV1) == hcr::NV
    }

    /// What becomes of an access to `row`, under the fine-grained `traps`.
    ///
    /// The order is that of the architecture's access pseudocode: an encoding
    /// that is not defined for the direction is UNDEFINED before any trap; EL0
    /// never has access; then the traps to EL2 apply, whichever domain the
    /// access would reach.
    ///
    /// At EL1 an EL2 register traps to EL2 if HCR_EL2.NV is set and is
    /// UNDEFINED otherwise; with HCR_EL2.NV2, too, those that have a place
    /// there become accesses to memory (R_KZTGX).
    pub fn check(&self, row: &Sysreg, write: bool, traps: &Traps) -> Access {
        let defined = if write {
            row.writable()
        } else {
            row.readable()
        };
        if !defined {
            return Access::Undefined;
        }
        let trapped = |yes: bool, otherwise| {
            if self.el2 && yes {
                Access::TrapEl2
            } else {
                otherwise
            }
        };
        let nested = self.hcr_el2 & hcr::NV != 0;
        let to_memory = self.el2 && nested && self.hcr_el2 & hcr::NV2 != 0;
        match (self.el, row.reg) {
            (1, Reg::Ich(reg)) => match reg.vncr_offset() {
                Some(offset) if to_memory => Access::Memory(offset),
                _ => trapped(nested, Access::Undefined),
            },
            (1, Reg::Insn(insn)) if insn.is_el2() => trapped(nested, Access::Undefined),
            (1, Reg::Icc(reg)) if write => trapped(traps.write_of(reg), Access::Done),
            (1, Reg::Icc(reg)) => trapped(traps.read_of(reg), Access::Done),
            (1, Reg::Insn(insn)) => trapped(traps.insn(insn), Access::Done),
            (2, _) => Access::Done,
            _ => Access::Undefined,
        }
    }
}

/// The bit of ICH_HFGRTR_EL2, and of ICH_HFGWTR_EL2 where that has it, that
/// lets accesses to `reg` pass.
pub(super) const fn register_trap_bit(reg: Icc) -> u32 {
    match reg {
        Icc::Apr => 0,
        Icc::Idr0 => 1,
        Icc::Cr0 => 2,
        Icc::Hppir => 4,
        Icc::Pcr => 5,
        Icc::Icsr => 6,
        Icc::Iaffidr => 7,
        Icc::PpiHmr(_) => 16,
        Icc::PpiEnabler(_) => 17,
        Icc::PpiCpendr(_) | Icc::PpiSpendr(_) => 18,
        Icc::PpiPriorityr(_) => 19,
        Icc::PpiCactiver(_) | Icc::PpiSactiver(_) => 20,
    }
}

/// The bit of ICH_HFGITR_EL2 that lets `insn` pass; the barriers have none, and
/// neither have EL2's instructions.
pub(super) const fn insn_trap_bit(insn: Insn) -> Option<u32> {
    Some(match insn {
        Insn::GsbSys | Insn::GsbAck => return None,
        Insn::Vddis | Insn::Vden | Insn::Vdpri | Insn::Vdaff => return None,
        Insn::Vdpend | Insn::Vdrcfg | Insn::Vddi | Insn::Vdhm => return None,
        Insn::Cden => 0,
        Insn::Cddis => 1,
        Insn::Cdpri => 2,
        Insn::Cdaff => 3,
        Insn::Cdpend => 4,
        Insn::Cdrcfg => 5,
        Insn::Cdhm => 6,
        Insn::Cdeoi => 7,
        Insn::Cddi => 8,
        Insn::Cdia => 9,
        Insn::Cdnmia => 10,
    })
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The operands of the GIC CD* instructions.
//!
//! Fields as in Linux's `GICV5_GIC_CD*_MASK`. Whatever the instruction, TYPE is
//! in 31:29 and ID in 23:0.

use crate::intid::{Intid, Priority};
use crate::irs::{Command, Handling};
use crate::regs::Insn;

/// What an instruction with an operand asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A barrier. Every instruction is complete when it returns, so there is
    /// nothing to wait for.
    Barrier,
    /// GIC CDEOI.
    PriorityDrop,
    /// GIC CDDI, of a PPI or of an interrupt of the IRS.
    Deactivate(Intid),
    /// GIC CDRCFG.
    RequestConfig(Intid),
    /// An instruction that concerns only interrupts of the IRS.
    Command(Command),
}

const fn bit(value: u64, n: u32) -> bool {
    value >> n & 1 != 0
}

impl Operation {
    /// Decodes `insn` with operand `value`; `None` for those without operand,
    /// GICR CDIA and GICR CDNMIA.
    pub fn decode(insn: Insn, value: u64) -> Option<Self> {
        let intid = Intid::from_raw(value as u32);
        let command = match insn {
            Insn::Cdia | Insn::Cdnmia => return None,
            Insn::GsbSys | Insn::GsbAck => return Some(Self::Barrier),
            Insn::Cdeoi => return Some(Self::PriorityDrop),
            Insn::Cddi => return Some(Self::Deactivate(intid)),
            Insn::Cdrcfg => return Some(Self::RequestConfig(intid)),
            Insn::Cden => Command::Enable(intid),
            Insn::Cddis => Command::Disable(intid),
            Insn::Cdpri => Command::SetPriority {
                intid,
                priority: Priority::from_bits(value >> 35),
            },
            Insn::Cdaff => Command::SetAffinity {
                intid,
                iaffid: (value >> 32) as u16,
                irm: bit(value, 28),
            },
            Insn::Cdpend => Command::SetPending {
                intid,
                pending: bit(value, 32),
            },
            Insn::Cdhm => Command::SetHandling {
                intid,
                handling: Handling::from_bit(bit(value, 32)),
            },
        };
        Some(Self::Command(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intid::IntType;

    #[test]
    fn fields() {
        let intid = Intid::new(IntType::Lpi, 0x12_3456);
        let raw = u64::from(intid.raw());
        let decoded = |insn, value| match Operation::decode(insn, value) {
            Some(Operation::Command(command)) => command,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            decoded(Insn::Cdpri, raw | 0x15 << 35),
            Command::SetPriority {
                intid,
                priority: Priority::from_bits(0x15)
            }
        );
        assert_eq!(
            decoded(Insn::Cdaff, raw | 0xbeef << 32 | 1 << 28),
            Command::SetAffinity {
                intid,
                iaffid: 0xbeef,
                irm: true
            }
        );
        for on in [false, true] {
            let value = raw | u64::from(on) << 32;
            let pending = on;
            assert_eq!(
                decoded(Insn::Cdpend, value),
                Command::SetPending { intid, pending }
            );
            let handling = Handling::from_bit(on);
            assert_eq!(
                decoded(Insn::Cdhm, value),
                Command::SetHandling { intid, handling }
            );
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The operands of the GIC CD* and VD* instructions.
//!
//! Fields as in Linux's `GICV5_GIC_CD*_MASK`. Whatever the instruction, TYPE is
//! in 31:29 and ID in 23:0. A VD* instruction has the VM in 47:32, where some of
//! CD* have a field of their own; that of GIC VDPEND, PENDING, is then in bit
//! 63 (KVM for Linux 7.4). CHOICE: so is HM of GIC VDHM, PRIORITY of GIC VDPRI
//! is in 63:59, and the VPE of GIC VDAFF in 63:48: no source at hand has them.

use crate::intid::{Intid, Priority};
use crate::irs::{Command, Handling, Owner};
use crate::regs::Insn;

/// What an instruction with an operand asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A barrier. Every instruction is complete when it returns, so there is
    /// nothing to wait for.
    Barrier,
    /// GSB ACK.
    BarrierAck,
    /// GIC CDEOI.
    PriorityDrop,
    /// GIC CDDI, of a PPI or of an interrupt of the IRS.
    Deactivate(Intid),
    /// GIC CDRCFG.
    RequestConfig(Intid),
    /// An instruction that concerns only interrupts of the IRS.
    Command(Command),
    /// The same, with a name for whose interrupt it is.
    CommandOf(Owner, Command),
    /// GIC VDRCFG: GIC CDRCFG in the Virtual domain, whichever the Current
    /// Interrupt Domain is.
    RequestVirtualConfig(Intid),
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
            Insn::GsbSys => return Some(Self::Barrier),
            Insn::GsbAck => return Some(Self::BarrierAck),
            Insn::Cdeoi => return Some(Self::PriorityDrop),
            Insn::Cddi => return Some(Self::Deactivate(intid)),
            Insn::Cdrcfg => return Some(Self::RequestConfig(intid)),
            Insn::Vdrcfg => return Some(Self::RequestVirtualConfig(intid)),
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
            Insn::Vden => Command::Enable(intid),
            Insn::Vddis => Command::Disable(intid),
            Insn::Vddi => Command::Deactivate(intid),
            Insn::Vdpri => Command::SetPriority {
                intid,
                priority: Priority::from_bits(value >> 59),
            },
            Insn::Vdaff => Command::SetAffinity {
                intid,
                iaffid: (value >> 48) as u16,
                irm: bit(value, 28),
            },
            Insn::Vdpend => Command::SetPending {
                intid,
                pending: bit(value, 63),
            },
            Insn::Vdhm => Command::SetHandling {
                intid,
                handling: Handling::from_bit(bit(value, 63)),
            },
        };
        Some(if insn.is_el2() {
            Self::CommandOf(Owner::Vm((value >> 32) as u16), command)
        } else {
            Self::Command(command)
        })
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

    #[test]
    fn a_vms() {
        let intid = Intid::new(IntType::Spi, 0x12_3456);
        let raw = u64::from(intid.raw()) | 0xabcd << 32;
        let decoded = |insn, value| match Operation::decode(insn, value) {
            Some(Operation::CommandOf(Owner::Vm(0xabcd), command)) => command,
            other => panic!("{other:?}"),
        };
        assert_eq!(decoded(Insn::Vden, raw), Command::Enable(intid));
        assert_eq!(decoded(Insn::Vddis, raw), Command::Disable(intid));
        assert_eq!(decoded(Insn::Vddi, raw), Command::Deactivate(intid));
        assert_eq!(
            decoded(Insn::Vdpri, raw | 0x15 << 59),
            Command::SetPriority {
                intid,
                priority: Priority::from_bits(0x15)
            }
        );
        assert_eq!(
            decoded(Insn::Vdaff, raw | 0xbeef << 48),
            Command::SetAffinity {
                intid,
                iaffid: 0xbeef,
                irm: false
            }
        );
        for on in [false, true] {
            let value = raw | u64::from(on) << 63;
            let pending = on;
            assert_eq!(
                decoded(Insn::Vdpend, value),
                Command::SetPending { intid, pending }
            );
            let handling = Handling::from_bit(on);
            assert_eq!(
                decoded(Insn::Vdhm, value),
                Command::SetHandling { intid, handling }
            );
        }
        assert_eq!(
            Operation::decode(Insn::Vdrcfg, raw),
            Some(Operation::RequestVirtualConfig(intid))
        );
    }
}

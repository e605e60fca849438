// SPDX-License-Identifier: GPL-2.0-or-later
//! What a GIC CD* instruction asks of the IRS.
//!
//! The CPU interface decodes the instruction's operand; this is what it sends
//! over the link. GIC CDEOI changes only the CPU interface, GICR CDIA and
//! GICR CDNMIA come as [`Irs::acknowledge`](super::Irs::acknowledge), and
//! GIC CDRCFG, the only one with an answer, as
//! [`Irs::request_config`](super::Irs::request_config).

use super::state::{Handling, State};
use crate::archive::Archive;
use crate::intid::{Intid, Priority};
use core::fmt;

/// One instruction's effect on one SPI or LPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// GIC CDEN.
    Enable(Intid),
    /// GIC CDDIS.
    Disable(Intid),
    /// GIC CDPRI.
    SetPriority {
        /// Which interrupt.
        intid: Intid,
        /// Its new priority.
        priority: Priority,
    },
    /// GIC CDAFF.
    SetAffinity {
        /// Which interrupt.
        intid: Intid,
        /// The PE that shall take it. A value that no PE has is kept, and the
        /// interrupt then goes nowhere.
        iaffid: u16,
        /// 1ofN routing. RES0 here, because IRS_IDR0.ONE_N is 0; `true` is a
        /// guest error and treated as `false`.
        irm: bool,
    },
    /// GIC CDPEND.
    SetPending {
        /// Which interrupt.
        intid: Intid,
        /// The new Pending state.
        pending: bool,
    },
    /// GIC CDHM.
    SetHandling {
        /// Which interrupt.
        intid: Intid,
        /// The new Handling mode.
        handling: Handling,
    },
    /// GIC CDDI.
    Deactivate(Intid),
}

impl Command {
    /// The interrupt that the command names.
    pub const fn intid(self) -> Intid {
        match self {
            Self::Enable(intid) | Self::Disable(intid) | Self::Deactivate(intid) => intid,
            Self::SetPriority { intid, .. }
            | Self::SetAffinity { intid, .. }
            | Self::SetPending { intid, .. }
            | Self::SetHandling { intid, .. } => intid,
        }
    }

    /// Saves or loads it: which, the interrupt, and the operand.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        let mut intid = self.intid();
        let (mut which, mut operand): (u64, u64) = match *self {
            Self::Enable(_) => (0, 0),
            Self::Disable(_) => (1, 0),
            Self::Deactivate(_) => (2, 0),
            Self::SetPriority { priority, .. } => (3, priority.get().into()),
            Self::SetAffinity { iaffid, irm, .. } => (4, u64::from(iaffid) | u64::from(irm) << 16),
            Self::SetPending { pending, .. } => (5, pending.into()),
            Self::SetHandling { handling, .. } => (6, handling as u64),
        };
        archive.bits(&mut which, 7);
        intid.archive(archive);
        archive.bits(&mut operand, 0x1_ffff);
        *self = match which {
            0 => Self::Enable(intid),
            1 => Self::Disable(intid),
            2 => Self::Deactivate(intid),
            3 => Self::SetPriority {
                intid,
                priority: Priority::from_bits(operand),
            },
            4 => Self::SetAffinity {
                intid,
                iaffid: operand as u16,
                irm: operand >> 16 != 0,
            },
            5 => Self::SetPending {
                intid,
                pending: operand != 0,
            },
            _ => Self::SetHandling {
                intid,
                handling: Handling::from_bit(operand != 0),
            },
        };
    }

    /// The instruction's name, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enable(_) => "GIC CDEN",
            Self::Disable(_) => "GIC CDDIS",
            Self::SetPriority { .. } => "GIC CDPRI",
            Self::SetAffinity { .. } => "GIC CDAFF",
            Self::SetPending { .. } => "GIC CDPEND",
            Self::SetHandling { .. } => "GIC CDHM",
            Self::Deactivate(_) => "GIC CDDI",
        }
    }

    /// Changes `state` as the command says. No command sets Active: only an
    /// acknowledge does.
    pub(crate) fn apply(self, state: &mut State) {
        match self {
            Self::Enable(_) => state.enabled = true,
            Self::Disable(_) => state.enabled = false,
            Self::SetPriority { priority, .. } => state.priority = priority,
            Self::SetAffinity { iaffid, .. } => state.target = iaffid,
            Self::SetPending { pending, .. } => state.pending = pending,
            Self::SetHandling { handling, .. } => state.handling = handling,
            Self::Deactivate(_) => state.active = false,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name(), self.intid())
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The state of one interrupt, the same for SPIs and LPIs, and how it changes.
//!
//! Pending and Active are independent. Pending is set by an event on the
//! interrupt's source or by GIC CDPEND; Active is set by an acknowledge and
//! cleared by GIC CDDI. What an acknowledge does to Pending depends on the
//! Handling mode.

use crate::archive::Archive;
use crate::intid::Priority;

/// How Pending behaves when the interrupt is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Handling {
    /// An acknowledge clears Pending.
    #[default]
    Edge = 0,
    /// An acknowledge leaves Pending, which only the source (or GIC CDPEND)
    /// clears.
    Level = 1,
}

impl Handling {
    /// The HM field of GIC CDHM, of an ISTE and of ICC_ICSR_EL1.
    pub const fn from_bit(level: bool) -> Self {
        if level {
            Self::Level
        } else {
            Self::Edge
        }
    }

    const fn bit(self) -> u64 {
        self as u64
    }
}

/// What an interrupt's source tells the IRS (R_HHKMN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An edge: Pending, and the Handling mode becomes Edge.
    SetEdge,
    /// The line is asserted: Pending, and the Handling mode becomes Level.
    SetLevel,
    /// The line is deasserted: no longer Pending.
    Clear,
}

/// An interrupt's configuration and state: the contents of an ISTE.
///
/// At reset of an SPI all is zero (CHOICE: the fields are UNKNOWN); an LPI
/// starts as what software put into the table, by Linux zero as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Pending.
    pub pending: bool,
    /// Active: acknowledged and not deactivated.
    pub active: bool,
    /// Handling mode.
    pub handling: Handling,
    /// Enabled.
    pub enabled: bool,
    /// Priority.
    pub priority: Priority,
    /// The IAFFID of the PE that takes it; for a virtual interrupt, the VPE ID.
    pub target: u16,
}

impl Default for State {
    fn default() -> Self {
        Self::from_iste(0)
    }
}

/// Fields of the first word of an L2_ISTE, at any ISTE size.
mod iste {
    pub const PENDING: u32 = 1 << 0;
    pub const ACTIVE: u32 = 1 << 1;
    pub const HM: u32 = 1 << 2;
    pub const ENABLE: u32 = 1 << 3;
    // IRM, bit 4: RES0, as IRS_IDR0.ONE_N is 0.
    // HWU, bits 10:9, is for the IRS's own use; this one has none and writes 0.
    pub const PRIORITY_SHIFT: u32 = 11;
    pub const IAFFID_SHIFT: u32 = 16;
}

impl State {
    /// The state that the first word of an ISTE holds. Every word is a state:
    /// the fields that this IRS does not have are ignored.
    pub const fn from_iste(word: u32) -> Self {
        Self {
            pending: word & iste::PENDING != 0,
            active: word & iste::ACTIVE != 0,
            handling: Handling::from_bit(word & iste::HM != 0),
            enabled: word & iste::ENABLE != 0,
            priority: Priority::from_bits((word >> iste::PRIORITY_SHIFT) as u64),
            target: (word >> iste::IAFFID_SHIFT) as u16,
        }
    }

    /// The first word of the ISTE for this state; what is not state is 0.
    pub const fn to_iste(self) -> u32 {
        const fn flag(set: bool, mask: u32) -> u32 {
            if set {
                mask
            } else {
                0
            }
        }
        flag(self.pending, iste::PENDING)
            | flag(self.active, iste::ACTIVE)
            | flag(matches!(self.handling, Handling::Level), iste::HM)
            | flag(self.enabled, iste::ENABLE)
            | ((self.priority.get() as u32) << iste::PRIORITY_SHIFT)
            | ((self.target as u32) << iste::IAFFID_SHIFT)
    }

    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        let mut word = self.to_iste();
        archive.number(&mut word);
        *self = Self::from_iste(word);
        archive.require(self.to_iste() == word);
    }

    /// Whether the interrupt competes for being its target's highest priority
    /// pending interrupt: Enabled, Pending and not Active.
    pub const fn is_candidate(self) -> bool {
        self.enabled && self.pending && !self.active
    }

    /// An event on the source (R_HHKMN).
    pub fn event(&mut self, event: Event) {
        match event {
            Event::SetEdge => self.handling = Handling::Edge,
            Event::SetLevel => self.handling = Handling::Level,
            Event::Clear => {}
        }
        self.pending = event != Event::Clear;
    }

    /// A PE acknowledges the interrupt (GICR CDIA, GICR CDNMIA).
    pub fn acknowledge(&mut self) {
        self.active = true;
        if self.handling == Handling::Edge {
            self.pending = false;
        }
    }
}

/// A value of ICC_ICSR_EL1, the answer to GIC CDRCFG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icsr(u64);

impl Icsr {
    /// F: there is no such interrupt. The other fields are then 0 (CHOICE:
    /// they are UNKNOWN).
    pub const FAULT: Self = Self(1 << 0);

    /// The register's value.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Whether F is set.
    pub const fn is_fault(self) -> bool {
        self.0 & Self::FAULT.0 != 0
    }
}

impl From<State> for Icsr {
    /// Fields as in the kernel's description of ICC_ICSR_EL1; IRM, bit 3, is 0.
    fn from(state: State) -> Self {
        Self(
            ((state.enabled as u64) << 1)
                | ((state.pending as u64) << 2)
                | ((state.active as u64) << 4)
                | (state.handling.bit() << 5)
                | ((state.priority.get() as u64) << 11)
                | ((state.target as u64) << 32),
        )
    }
}

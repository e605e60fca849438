// SPDX-License-Identifier: GPL-2.0-or-later
//! The SPIs: wires into the IRS, and the registers that configure them.

use super::state::{Event, State};
use super::table::{Fault, StateTable};
use crate::memory::Memory;

/// What on the wire makes an event: IRS_SPI_CFGR.TM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trigger {
    /// A rising edge. (CHOICE: the reset value.)
    #[default]
    Edge = 0,
    /// The level, both ways.
    Level = 1,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wire {
    asserted: bool,
    trigger: Trigger,
}

impl Wire {
    /// The event that sampling the wire gives (R_DMTFM).
    fn sample(self) -> Option<Event> {
        match (self.trigger, self.asserted) {
            (Trigger::Edge, true) => Some(Event::SetEdge),
            (Trigger::Edge, false) => None,
            (Trigger::Level, true) => Some(Event::SetLevel),
            (Trigger::Level, false) => Some(Event::Clear),
        }
    }
}

/// All SPIs of the IRS: INTID.ID 0 to n-1.
#[derive(Debug)]
pub(crate) struct SpiBank {
    states: Vec<State>,
    wires: Vec<Wire>,
    /// IRS_SPI_SELR.ID.
    selected: u32,
}

impl SpiBank {
    /// `count` SPIs, their wires deasserted.
    pub fn new(count: u32) -> Self {
        Self {
            states: vec![State::default(); count as usize],
            wires: vec![Wire::default(); count as usize],
            selected: 0,
        }
    }

    /// Everything but what is outside: the wires keep their levels. An
    /// asserted wire makes no event until its trigger mode is set to level or
    /// it is resampled (CHOICE).
    pub fn reset(&mut self) {
        self.states.fill(State::default());
        for wire in &mut self.wires {
            wire.trigger = Trigger::default();
        }
        self.selected = 0;
    }

    fn event(&mut self, id: u32, event: Option<Event>) -> Option<State> {
        let state = self.states.get_mut(id as usize)?;
        state.event(event?);
        Some(*state)
    }

    /// The wire of SPI `id` is now at `asserted` (R_QBXXV). The SPI's state
    /// if an event came of it.
    pub fn set_level(&mut self, id: u32, asserted: bool) -> Option<State> {
        let wire = self.wires.get_mut(id as usize)?;
        if wire.asserted == asserted {
            return None;
        }
        wire.asserted = asserted;
        let event = wire.sample();
        self.event(id, event)
    }

    /// IRS_SPI_RESAMPLER: look at the wire again (R_DMTFM), for instance
    /// after GIC CDPEND has cleared what a level still asserts. The SPI's
    /// state if an event came of it.
    pub fn resample(&mut self, id: u32) -> Option<State> {
        let event = self.wires.get(id as usize)?.sample();
        self.event(id, event)
    }

    /// IRS_SPI_SELR.
    pub fn select(&mut self, id: u32) {
        self.selected = id;
    }

    /// The SPI selected by IRS_SPI_SELR, if there is such an SPI, which is
    /// what IRS_SPI_STATUSR.V says.
    pub fn selected(&self) -> Option<u32> {
        Some(self.selected).filter(|&id| (id as usize) < self.wires.len())
    }

    /// IRS_SPI_SELR as read.
    pub fn selr(&self) -> u32 {
        self.selected
    }

    /// IRS_SPI_CFGR.TM of the selected SPI; 0 when there is none.
    pub fn trigger(&self) -> Trigger {
        self.selected()
            .map_or(Trigger::default(), |id| self.wires[id as usize].trigger)
    }

    /// IRS_SPI_CFGR.TM of the selected SPI: a change of the trigger mode makes
    /// an event of its own (R_KBPXL). To level: the wire's level. To edge:
    /// what an asserted level had made pending is cleared. The SPI's ID and
    /// state if an event came of it.
    pub fn set_trigger(&mut self, trigger: Trigger) -> Option<(u32, State)> {
        let id = self.selected()?;
        let wire = &mut self.wires[id as usize];
        if wire.trigger == trigger {
            return None;
        }
        wire.trigger = trigger;
        let event = match (trigger, wire.asserted) {
            (Trigger::Level, true) => Some(Event::SetLevel),
            (Trigger::Level, false) | (Trigger::Edge, true) => Some(Event::Clear),
            (Trigger::Edge, false) => None,
        };
        Some((id, self.event(id, event)?))
    }
}

impl StateTable for SpiBank {
    /// The index of the SPI.
    type Slot = usize;

    fn load(&self, _: &mut dyn Memory, id: u32) -> Result<(usize, State), Fault> {
        let slot = id as usize;
        let state = self.states.get(slot).ok_or(Fault::NoSuchId)?;
        Ok((slot, *state))
    }

    fn store(&mut self, _: &mut dyn Memory, slot: usize, state: State) -> Result<(), Fault> {
        self.states[slot] = state;
        Ok(())
    }
}

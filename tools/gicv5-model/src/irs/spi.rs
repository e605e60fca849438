// SPDX-License-Identifier: GPL-2.0-or-later
//! The SPIs: wires into the IRS, and the registers that configure them.

use super::domain::Owner;
use super::state::{Event, State};
use super::table::{Fault, StateTable};
use crate::archive::Archive;
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

/// IRS_SPI_VMR.VIRT: the wire drives an SPI of VM_ID instead of the physical
/// one.
const VMR_VIRT: u64 = 1 << 63;
/// IRS_SPI_VMR.VM_ID.
const VMR_VM_ID: u64 = 0xffff;

#[derive(Clone, Copy, Debug, Default)]
struct Wire {
    asserted: bool,
    trigger: Trigger,
    /// IRS_SPI_VMR.
    vmr: u64,
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
            wire.vmr = 0;
        }
        self.selected = 0;
    }

    /// The wire of SPI `id` is now at `asserted` (R_QBXXV). The event that
    /// this makes.
    pub fn set_level(&mut self, id: u32, asserted: bool) -> Option<Event> {
        let wire = self.wires.get_mut(id as usize)?;
        if wire.asserted == asserted {
            return None;
        }
        wire.asserted = asserted;
        wire.sample()
    }

    /// IRS_SPI_RESAMPLER: look at the wire again (R_DMTFM), for instance
    /// after GIC CDPEND has cleared what a level still asserts. The event that
    /// this makes.
    pub fn resample(&self, id: u32) -> Option<Event> {
        self.wires.get(id as usize)?.sample()
    }

    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        for state in &mut self.states {
            state.archive(archive);
        }
        for wire in &mut self.wires {
            archive.flag(&mut wire.asserted);
            let mut level = wire.trigger == Trigger::Level;
            archive.flag(&mut level);
            wire.trigger = if level { Trigger::Level } else { Trigger::Edge };
            archive.bits(&mut wire.vmr, VMR_VIRT | VMR_VM_ID);
        }
        archive.number(&mut self.selected);
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

    /// Whose interrupt the wire of SPI `id` drives.
    pub fn owner(&self, id: u32) -> Owner {
        match self.wires.get(id as usize).map_or(0, |wire| wire.vmr) {
            vmr if vmr & VMR_VIRT != 0 => Owner::Vm(vmr as u16),
            _ => Owner::Physical,
        }
    }

    /// IRS_SPI_VMR of the selected SPI; 0 when there is none.
    pub fn vmr(&self) -> u64 {
        self.selected().map_or(0, |id| self.wires[id as usize].vmr)
    }

    /// Writes IRS_SPI_VMR of the selected SPI, and returns which that is.
    pub fn set_vmr(&mut self, value: u64) -> Option<u32> {
        let id = self.selected()?;
        self.wires[id as usize].vmr = value & (VMR_VIRT | VMR_VM_ID);
        Some(id)
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
    /// the event.
    pub fn set_trigger(&mut self, trigger: Trigger) -> Option<(u32, Event)> {
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
        Some((id, event?))
    }
}

impl StateTable for SpiBank {
    /// The index of the SPI.
    type Slot = usize;

    fn load(&mut self, _: &mut dyn Memory, id: u32) -> Result<(usize, State), Fault> {
        if self.owner(id) != Owner::Physical {
            return Err(Fault::Virtual);
        }
        let slot = id as usize;
        let state = self.states.get(slot).ok_or(Fault::NoSuchId)?;
        Ok((slot, *state))
    }

    fn store(&mut self, _: &mut dyn Memory, slot: usize, state: State) -> Result<(), Fault> {
        self.states[slot] = state;
        Ok(())
    }
}

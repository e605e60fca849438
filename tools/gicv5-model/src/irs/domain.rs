// SPDX-License-Identifier: GPL-2.0-or-later
//! The interrupts of one domain: its SPIs, its LPIs, and who competes.
//!
//! There is one physical domain here (Non-secure). A VM's virtual domain is
//! the same thing with an [`Ist`] for its SPIs as well and VPEs for targets;
//! a doorbell is then what the virtual IRS does when a non-resident VPE's best
//! candidate changes.

use super::candidates::Candidates;
use super::ist::Ist;
use super::state::State;
use super::table::{Fault, StateTable};
use crate::intid::{IntType, Intid};
use crate::memory::Memory;

/// The SPIs and LPIs of one domain, `S` being where the SPIs' states are.
#[derive(Debug)]
pub(crate) struct Domain<S> {
    pub spis: S,
    pub lpis: Ist,
    pub candidates: Candidates,
}

impl<S: StateTable> Domain<S> {
    /// `change`s the state of `intid`, and what follows from it.
    ///
    /// # Errors
    ///
    /// Why `intid` cannot be reached. It is then no longer a candidate, so
    /// that an interrupt which cannot be acknowledged is not presented for
    /// ever (CHOICE).
    pub fn update<R>(
        &mut self,
        mem: &mut dyn Memory,
        intid: Intid,
        change: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Fault> {
        let result = match intid.kind() {
            Some(IntType::Spi) => update_in(&mut self.spis, mem, intid.id(), change),
            Some(IntType::Lpi) => update_in(&mut self.lpis, mem, intid.id(), change),
            Some(IntType::Ppi) | None => Err(Fault::WrongType),
        };
        match result {
            Ok((state, answer)) => {
                self.candidates.update(intid, state);
                Ok(answer)
            }
            Err(fault) => {
                self.candidates.remove(intid);
                Err(fault)
            }
        }
    }
}

/// Read, change, write back if that made a difference.
fn update_in<T: StateTable, R>(
    table: &mut T,
    mem: &mut dyn Memory,
    id: u32,
    change: impl FnOnce(&mut State) -> R,
) -> Result<(State, R), Fault> {
    let (slot, before) = table.load(mem, id)?;
    let mut after = before;
    let answer = change(&mut after);
    if after != before {
        table.store(mem, slot, after)?;
    }
    Ok((after, answer))
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The interrupts of one domain: its SPIs, its LPIs, and who competes.
//!
//! There is one physical domain here (Non-secure), and one virtual domain for
//! each VM, which is the same thing with an [`Ist`] for its SPIs as well and
//! VPEs for targets. Interrupts of two domains never meet, whatever their
//! INTIDs.

use super::candidates::Candidates;
use super::ist::Ist;
use super::state::State;
use super::table::{Fault, StateTable};
use crate::archive::Archive;
use crate::intid::{IntType, Intid};
use crate::memory::Memory;
use core::fmt;

/// Whose an interrupt is: an INTID names one only together with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The physical domain.
    Physical,
    /// The VM with this ID.
    Vm(u16),
}

/// Who takes interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// The PE with this IAFFID, of physical interrupts.
    Pe(u16),
    /// A VPE, of its VM's virtual interrupts.
    Vpe(VpeId),
}

/// A virtual PE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VpeId {
    /// The VM that it belongs to.
    pub vm: u16,
    /// Which of its VPEs; what an interrupt of the VM has for its target.
    pub vpe: u16,
}

impl Taker {
    /// Whose interrupts they are.
    pub const fn owner(self) -> Owner {
        match self {
            Self::Pe(_) => Owner::Physical,
            Self::Vpe(id) => Owner::Vm(id.vm),
        }
    }

    /// What an interrupt has to have for its target to be this one's.
    pub const fn target(self) -> u16 {
        match self {
            Self::Pe(pe) => pe,
            Self::Vpe(id) => id.vpe,
        }
    }
}

impl Owner {
    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        let mut vm = match *self {
            Self::Physical => None,
            Self::Vm(vm) => Some(vm),
        };
        archive.option(&mut vm, |vm, archive| archive.number(vm));
        *self = vm.map_or(Self::Physical, Self::Vm);
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Physical => Ok(()),
            Self::Vm(vm) => write!(f, "VM {vm}'s "),
        }
    }
}

impl fmt::Display for VpeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VPE {} of VM {}", self.vpe, self.vm)
    }
}

/// The SPIs and LPIs of one domain, `S` being where the SPIs' states are.
#[derive(Debug)]
pub(crate) struct Domain<S> {
    pub spis: S,
    pub lpis: Ist,
    pub candidates: Candidates,
}

impl<S: StateTable> Domain<S> {
    /// The address of an ISTE that software has changed under the IRS, if the
    /// last update found one.
    pub fn take_edited(&mut self) -> Option<u64> {
        self.spis.take_edited().or(self.lpis.take_edited())
    }

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

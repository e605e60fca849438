// SPDX-License-Identifier: GPL-2.0-or-later
//! Which VPE is resident on which PE, and the doorbells of those that are not.
//!
//! ICH_CONTEXTR_EL2 is described in Linux's `arch/arm64/tools/sysreg`; what it does
//! is what KVM's `vgic_v5_load` and `vgic_v5_put` rely on.

use super::domain::{Owner, VpeId};
use super::state::Event;
use super::vm::VpeState;
use super::vmt;
use super::Irs;
use crate::intid::{IntType, Intid, Priority};
use crate::memory::Env;

/// What a write to ICH_CONTEXTR_EL2 asks of the IRS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// V: this VPE becomes resident on the PE.
    Enter(VpeId),
    /// Not V: no VPE is. With DB, the one that was has its doorbell rung for
    /// an interrupt of priority DBPM or higher.
    Leave(Option<Priority>),
}

impl Irs {
    /// The VPE that is resident on PE `pe`.
    pub fn resident(&self, pe: u32) -> Option<VpeId> {
        self.residents.get(pe as usize).copied().flatten()
    }

    /// A write to PE `pe`'s ICH_CONTEXTR_EL2. False if the VPE cannot be
    /// resident, because it or its VM is not valid or, CHOICE, because it is
    /// resident elsewhere: no VPE is resident on the PE then, and F reads as 1.
    pub fn set_context(&mut self, env: &mut Env<'_>, pe: u32, context: Context) -> bool {
        let before = self.resident(pe);
        match context {
            Context::Enter(id) if before == Some(id) => true,
            Context::Enter(id) => {
                self.leave(env, pe, None);
                match self.enter(env, pe, id) {
                    Ok(()) => true,
                    Err(why) => {
                        env.log
                            .guest_error(format_args!("{id} cannot be resident: {why}"));
                        false
                    }
                }
            }
            Context::Leave(doorbell) => {
                self.leave(env, pe, doorbell);
                true
            }
        }
    }

    fn enter(&mut self, env: &mut Env<'_>, pe: u32, id: VpeId) -> Result<(), &'static str> {
        let place = self.residents.get_mut(pe as usize).ok_or("no such PE")?;
        let vm = self.vms.get_mut(&id.vm).ok_or("the VM is not valid")?;
        let vpe = vm.vpes.get_mut(&id.vpe).ok_or("it is not valid")?;
        if vpe.resident.is_some() {
            return Err("it is resident on another PE");
        }
        vpe.resident = Some(pe);
        vm.quiescent = false;
        *place = Some(id);
        // CHOICE: being resident ends a request for a doorbell.
        self.change_vpe(env, id, VpeState::cancel);
        Ok(())
    }

    fn leave(&mut self, env: &mut Env<'_>, pe: u32, doorbell: Option<Priority>) {
        let Some(id) = self.residents.get_mut(pe as usize).and_then(Option::take) else {
            return;
        };
        let vm = self.vms.get_mut(&id.vm);
        if let Some(vpe) = vm.and_then(|vm| vm.vpes.get_mut(&id.vpe)) {
            vpe.resident = None;
        }
        match doorbell {
            Some(dbpm) => self.change_vpe(env, id, |state| state.request(dbpm)),
            None => self.ring(env, id),
        }
    }

    /// PE `pe` is reset: nothing is resident on it any longer.
    pub fn reset_pe(&mut self, env: &mut Env<'_>, pe: u32) {
        self.leave(env, pe, None);
    }

    /// No VPE of VM `vm` is resident any longer, which is not valid.
    pub(super) fn drop_residents(&mut self, vm: u16) {
        for place in &mut self.residents {
            if place.is_some_and(|id| id.vm == vm) {
                *place = None;
            }
        }
    }

    /// Changes what a valid VPE's descriptor holds, and rings the doorbell if
    /// that is due then.
    pub(super) fn change_vpe(
        &mut self,
        env: &mut Env<'_>,
        id: VpeId,
        change: impl FnOnce(VpeState) -> VpeState,
    ) {
        let vm = self.vms.get_mut(&id.vm);
        let Some(vpe) = vm.and_then(|vm| vm.vpes.get_mut(&id.vpe)) else {
            return;
        };
        let after = change(vpe.state);
        if after != vpe.state {
            vpe.state = after;
            if let Err(fault) = vmt::write64(env.mem, vpe.vped, after.bits()) {
                env.log
                    .guest_error(format_args!("descriptor of {id}: {fault}"));
            }
        }
        self.ring(env, id);
    }

    /// Rings the doorbell of `id` if that is due (R_CWZMW): the VPE is valid
    /// and not resident, a doorbell is requested, and there is an interrupt for
    /// it of sufficient priority. The request ends with it, and the physical
    /// LPI has an edge (R_KDQNS, R_DHHRM).
    ///
    /// It is a condition and not an event, so this is called whenever any part
    /// of it may have become true.
    pub(super) fn ring(&mut self, env: &mut Env<'_>, id: VpeId) {
        let Some(vm) = self.vms.get(&id.vm) else {
            return;
        };
        let Some(vpe) = vm.vpes.get(&id.vpe) else {
            return;
        };
        if vpe.resident.is_some() {
            return;
        }
        if let Some(lpi) = vpe.state.rings(vm.best(id.vpe)) {
            self.change_vpe(env, id, VpeState::cancel);
            self.lpi_event(env, lpi, Event::SetEdge);
        }
    }

    /// An event for physical LPI `id`, from a doorbell; an ITS would send them
    /// too.
    pub fn lpi_event(&mut self, env: &mut Env<'_>, id: u32, event: Event) {
        let intid = Intid::new(IntType::Lpi, id);
        self.event(env, Owner::Physical, intid, event);
    }
}

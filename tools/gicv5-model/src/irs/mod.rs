// SPDX-License-Identifier: GPL-2.0-or-later
//! The Interrupt Routing Service: one, with one configuration frame, for the
//! Non-secure domain.
//!
//! It keeps the SPIs, finds the LPIs' states in the Interrupt State Table, and
//! tells each PE's CPU interface which interrupt is that PE's highest priority
//! candidate. For each VM it does the same with virtual SPIs and LPIs, whose
//! states are in tables in memory, and with the VPEs that are resident on the
//! PEs. Everything takes effect before the access that asked for it
//! returns (CHOICE), so every IDLE reads as 1 and GSB has nothing to wait for.
//!
//! | file | job |
//! |---|---|
//! | `frame` | which register an access reaches |
//! | `regs` | what each register does |
//! | `ids` | the values of the identification registers |
//! | `pe`, `lpi`, `spi`, `swerr`, `virt` | a group of registers and its state |
//! | `selector` | software that uses a selector on two PEs at once |
//! | `vmt` | the VM table and what hangs from it |
//! | `vm` | a valid VM and its VPEs |
//! | `vmap` | making them valid and invalid |
//! | `changed` | what software must not change meanwhile |
//! | `residency` | which VPE is resident where, and doorbells |
//! | `state` | one interrupt, and how its state changes |
//! | `command` | what the GIC CD* instructions ask |
//! | `table`, `ist`, `shape` | where the states are |
//! | `candidates` | who competes for each PE |
//! | `domain` | the above put together for one domain |

mod candidates;
mod changed;
mod command;
mod domain;
mod frame;
mod ids;
mod ist;
mod lpi;
mod pe;
mod regs;
mod residency;
mod selector;
mod shape;
mod spi;
mod state;
mod swerr;
mod table;
mod virt;
mod vm;
mod vmap;
mod vmt;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use domain::{Owner, Taker, VpeId};
pub(crate) use frame::status_of;
pub use frame::{registers, Register, FRAME_SIZE};
pub use residency::Context;
pub use state::{Event, Handling, Icsr, State};

use crate::archive::Archive;
use crate::config::Config;
use crate::intid::{Candidate, IntType, Intid};
use crate::memory::Env;
use candidates::Candidates;
use domain::Domain;
use ist::Ist;
use selector::Selectors;
use spi::SpiBank;
use std::collections::BTreeMap;
use table::Fault;
use vm::Vm;
use vmt::Vmt;

/// The IRS.
#[derive(Debug)]
pub struct Irs {
    config: Config,
    regs: regs::Regs,
    physical: Domain<SpiBank>,
    /// The VM table, while IRS_VMT_BASER.VALID is 1.
    vmt: Option<Vmt>,
    /// The valid VMs.
    vms: BTreeMap<u16, Vm>,
    /// The VPE that is resident on each PE. A VPE in it is valid and knows it.
    residents: Vec<Option<VpeId>>,
}

impl Irs {
    /// An IRS out of reset, every wire deasserted.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            regs: regs::Regs::new(config),
            physical: Domain {
                spis: SpiBank::new(config.num_spis),
                lpis: Ist::default(),
                candidates: Candidates::new(config.num_pes as usize),
            },
            vmt: None,
            vms: BTreeMap::new(),
            residents: vec![None; config.num_pes as usize],
        }
    }

    /// Cold reset. The wires keep their levels, because they are not the
    /// IRS's; memory keeps the IST.
    pub fn reset(&mut self) {
        self.regs = regs::Regs::new(&self.config);
        self.physical.spis.reset();
        self.physical.lpis.clear();
        self.physical.candidates = Candidates::new(self.config.num_pes as usize);
        self.vmt = None;
        self.vms.clear();
        self.residents.fill(None);
    }

    /// Who uses the selectors of the configuration frame.
    pub(crate) fn selectors(&mut self) -> &mut Selectors {
        &mut self.regs.selectors
    }

    /// The configuration.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Saves or loads it.
    pub(crate) fn archive(&mut self, archive: &mut Archive<'_>) {
        self.regs.archive(archive);
        self.physical.spis.archive(archive);
        self.physical.lpis.archive(archive);
        self.physical.candidates.archive(archive);
        archive.option(&mut self.vmt, Vmt::archive);
        let vpe_id_bits = self.config.knobs.vpe_id_bits;
        let mut vms: Vec<_> = core::mem::take(&mut self.vms)
            .into_iter()
            .map(|(id, vm)| (id, Some(vm)))
            .collect();
        archive.list(&mut vms, |(id, vm), archive| {
            archive.number(id);
            let vm = vm.get_or_insert_with(|| Vm::new(0, [0, 0], 1));
            vm.archive(archive, vpe_id_bits);
        });
        for (id, vm) in vms {
            if let Some(vm) = vm {
                archive.require(!self.vms.contains_key(&id) && self.vmt.is_some());
                self.vms.insert(id, vm);
            }
        }
        for (place, pe) in self.residents.iter_mut().zip(0..) {
            archive.option(place, |id, archive| {
                archive.number(&mut id.vm);
                archive.number(&mut id.vpe);
            });
            let Some(id) = *place else {
                continue;
            };
            // A VPE is valid, and resident on one PE only.
            let vm = self.vms.get_mut(&id.vm);
            let vpe = vm.and_then(|vm| vm.vpes.get_mut(&id.vpe));
            let free = vpe.is_some_and(|vpe| {
                vpe.resident.is_none_or(|on| on == pe) && {
                    vpe.resident = Some(pe);
                    true
                }
            });
            archive.require(free);
        }
    }

    /// The wire of SPI `id` is now at `level`. An `id` without an SPI is
    /// ignored.
    pub fn set_spi_level(&mut self, env: &mut Env<'_>, id: u32, level: bool) {
        if let Some(event) = self.physical.spis.set_level(id, level) {
            self.spi_event(env, id, event);
        }
    }

    fn spi_event(&mut self, env: &mut Env<'_>, id: u32, event: Event) {
        let intid = Intid::new(IntType::Spi, id);
        self.event(env, self.physical.spis.owner(id), intid, event);
    }

    /// The source of an interrupt tells the IRS something (R_HHKMN).
    fn event(&mut self, env: &mut Env<'_>, owner: Owner, intid: Intid, event: Event) {
        let result = self.update(env, owner, intid, |state| state.event(event));
        if let Err(fault) = result {
            self.report(env, "event", owner, intid, fault);
        }
    }

    /// The candidate that `taker` has from the IRS now; none while
    /// IRS_CR0.IRSEN is 0.
    pub fn hppi(&self, taker: Taker) -> Option<Candidate> {
        if !self.regs.enabled() {
            return None;
        }
        match taker {
            Taker::Pe(pe) => self.physical.candidates.best(pe.into()),
            Taker::Vpe(id) => self.vms.get(&id.vm)?.best(id.vpe),
        }
    }

    /// `taker` acknowledges `intid`, which it has as its candidate: Active is
    /// set, and Pending cleared if the Handling mode is Edge.
    ///
    /// False if it cannot, which happens when software changed the IST under
    /// the IRS; the interrupt is then no longer the taker's candidate.
    pub fn acknowledge(&mut self, env: &mut Env<'_>, taker: Taker, intid: Intid) -> bool {
        if !self.regs.enabled() {
            return false;
        }
        let owner = taker.owner();
        let result = self.update(env, owner, intid, |state| {
            let acknowledged = state.is_candidate() && state.target == taker.target();
            if acknowledged {
                state.acknowledge();
            }
            acknowledged
        });
        result.unwrap_or_else(|fault| {
            self.report(env, "acknowledge", owner, intid, fault);
            false
        })
    }

    /// Does what a GIC CD* or GIC VD* instruction asks of one of `owner`'s
    /// interrupts. One that cannot be reached makes it a guest error.
    pub fn command(&mut self, env: &mut Env<'_>, owner: Owner, command: Command) {
        let intid = command.intid();
        if let Command::SetAffinity { irm: true, .. } = command {
            env.log.guest_error(format_args!(
                "{command}: IRM is RES0, as there is no 1ofN routing"
            ));
        }
        let result = self.update(env, owner, intid, |state| command.apply(state));
        if let Err(fault) = result {
            self.report(env, command.name(), owner, intid, fault);
        }
    }

    /// GIC CDRCFG, GIC VDRCFG: the configuration and state of `owner`'s
    /// `intid`.
    pub fn request_config(&mut self, env: &mut Env<'_>, owner: Owner, intid: Intid) -> Icsr {
        match self.update(env, owner, intid, |state| *state) {
            Ok(state) => state.into(),
            Err(fault) => {
                self.report(env, "GIC CDRCFG", owner, intid, fault);
                Icsr::FAULT
            }
        }
    }

    /// `change`s the state of one of `owner`'s interrupts, and what follows
    /// from it.
    fn update<R>(
        &mut self,
        env: &mut Env<'_>,
        owner: Owner,
        intid: Intid,
        change: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Fault> {
        let id = match owner {
            Owner::Physical => {
                let result = self.physical.update(env.mem, intid, change);
                say_edited(env, self.physical.take_edited());
                return result;
            }
            Owner::Vm(id) => id,
        };
        let vm = self.vms.get_mut(&id).ok_or(Fault::NoVm)?;
        let mut target = None;
        let result = vm.domain.update(env.mem, intid, |state| {
            let before = *state;
            let answer = change(state);
            target = Some(state.target);
            vm.quiescent &= *state == before;
            answer
        });
        say_edited(env, vm.domain.take_edited());
        if let Some(vpe) = target {
            self.ring(env, VpeId { vm: id, vpe });
        }
        result
    }

    fn report(&mut self, env: &mut Env<'_>, what: &str, owner: Owner, intid: Intid, fault: Fault) {
        self.regs.swerr.record(owner, intid, fault);
        env.log
            .guest_error(format_args!("{what} of {owner}{intid}: {fault}"));
    }
}

/// Software has changed an entry of a valid IST.
fn say_edited(env: &mut Env<'_>, pa: Option<u64>) {
    if let Some(pa) = pa {
        env.log.guest_error(format_args!(
            "the ISTE at {pa:#x} was changed while its IST is valid"
        ));
    }
}

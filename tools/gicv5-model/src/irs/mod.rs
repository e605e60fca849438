// SPDX-License-Identifier: GPL-2.0-or-later
//! The Interrupt Routing Service: one, with one configuration frame, for the
//! Non-secure domain.
//!
//! It keeps the SPIs, finds the LPIs' states in the Interrupt State Table, and
//! tells each PE's CPU interface which interrupt is that PE's highest priority
//! candidate. Everything takes effect before the access that asked for it
//! returns (CHOICE), so every IDLE reads as 1 and GSB has nothing to wait for.
//!
//! | file | job |
//! |---|---|
//! | `frame` | which register an access reaches |
//! | `regs` | what each register does |
//! | `ids` | the values of the identification registers |
//! | `pe`, `lpi`, `spi`, `swerr`, `virt` | a group of registers and its state |
//! | `state` | one interrupt, and how its state changes |
//! | `command` | what the GIC CD* instructions ask |
//! | `table`, `ist` | where the states are |
//! | `candidates` | who competes for each PE |
//! | `domain` | the above put together for one domain |

mod candidates;
mod command;
mod domain;
mod frame;
mod ids;
mod ist;
mod lpi;
mod pe;
mod regs;
mod spi;
mod state;
mod swerr;
mod table;
mod virt;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use frame::FRAME_SIZE;
pub use state::{Event, Handling, Icsr, State};

use crate::config::Config;
use crate::intid::{Candidate, IntType, Intid};
use crate::memory::Env;
use candidates::Candidates;
use domain::Domain;
use ist::Ist;
use spi::SpiBank;
use table::Fault;

/// The IRS.
#[derive(Debug)]
pub struct Irs {
    config: Config,
    regs: regs::Regs,
    physical: Domain<SpiBank>,
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
        }
    }

    /// Cold reset. The wires keep their levels, because they are not the
    /// IRS's; memory keeps the IST.
    pub fn reset(&mut self) {
        self.regs = regs::Regs::new(&self.config);
        self.physical.spis.reset();
        self.physical.lpis.clear();
        self.physical.candidates = Candidates::new(self.config.num_pes as usize);
    }

    /// The wire of SPI `id` is now at `level`. An `id` without an SPI is
    /// ignored.
    pub fn set_spi_level(&mut self, id: u32, level: bool) {
        let state = self.physical.spis.set_level(id, level);
        self.spi_event(id, state);
    }

    fn spi_event(&mut self, id: u32, state: Option<State>) {
        if let Some(state) = state {
            let intid = Intid::new(IntType::Spi, id);
            self.physical.candidates.update(intid, state);
        }
    }

    /// The candidate that PE `pe`'s CPU interface has from the IRS now; none
    /// while IRS_CR0.IRSEN is 0.
    pub fn hppi(&self, pe: u32) -> Option<Candidate> {
        if !self.regs.enabled() {
            return None;
        }
        self.physical.candidates.best(pe as usize)
    }

    /// PE `pe` acknowledges `intid`, which it has as its candidate: Active is
    /// set, and Pending cleared if the Handling mode is Edge.
    ///
    /// False if it cannot, which happens when software changed the IST under
    /// the IRS; the interrupt is then no longer the PE's candidate.
    pub fn acknowledge(&mut self, env: &mut Env<'_>, pe: u32, intid: Intid) -> bool {
        if !self.regs.enabled() {
            return false;
        }
        let result = self.physical.update(env.mem, intid, |state| {
            let acknowledged = state.is_candidate() && u32::from(state.target) == pe;
            if acknowledged {
                state.acknowledge();
            }
            acknowledged
        });
        result.unwrap_or_else(|fault| {
            self.report(env, "acknowledge", intid, fault);
            false
        })
    }

    /// Does what a GIC CD* instruction asks. An interrupt that cannot be
    /// reached makes it a guest error.
    pub fn command(&mut self, env: &mut Env<'_>, command: Command) {
        let intid = command.intid();
        if let Command::SetAffinity { irm: true, .. } = command {
            env.log.guest_error(format_args!(
                "{command}: IRM is RES0, as IRS_IDR0.ONE_N is 0"
            ));
        }
        let result = self
            .physical
            .update(env.mem, intid, |state| command.apply(state));
        if let Err(fault) = result {
            self.report(env, command.name(), intid, fault);
        }
    }

    /// GIC CDRCFG: the configuration and state of `intid`.
    pub fn request_config(&mut self, env: &mut Env<'_>, intid: Intid) -> Icsr {
        match self.physical.update(env.mem, intid, |state| *state) {
            Ok(state) => state.into(),
            Err(fault) => {
                self.report(env, "GIC CDRCFG", intid, fault);
                Icsr::FAULT
            }
        }
    }

    fn report(&mut self, env: &mut Env<'_>, what: &str, intid: Intid, fault: Fault) {
        self.regs.swerr.record(intid, fault);
        env.log
            .guest_error(format_args!("{what} of {intid}: {fault}"));
    }
}

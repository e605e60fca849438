// SPDX-License-Identifier: GPL-2.0-or-later
//! A machine around the model: registers by name, memory, and a log.
// Each test program uses its own part of this.
#![allow(dead_code)]

use gicv5_model::config::Config;
use gicv5_model::cpuif::route::{hcr, Access, PeState};
use gicv5_model::memory::{Env, Log, Memory};
use gicv5_model::regs::{find, Sysreg, TABLE};
use gicv5_model::{Gicv5, Lines};

/// Memory that faults everywhere: these tests have no LPIs.
pub struct NoMemory;

impl Memory for NoMemory {
    fn read(&mut self, _: u64, _: &mut [u8]) -> bool {
        false
    }
    fn write(&mut self, _: u64, _: &[u8]) -> bool {
        false
    }
}

/// The guest errors so far.
#[derive(Default)]
pub struct Errors(pub Vec<String>);

impl Log for Errors {
    fn guest_error(&mut self, msg: core::fmt::Arguments<'_>) {
        self.0.push(msg.to_string());
    }
}

/// At EL2, the host's own view.
pub const EL2: PeState = PeState {
    el: 2,
    el2: true,
    hcr_el2: hcr::IMO,
    nmi: false,
};

/// A guest at EL1, on the virtual interface.
pub const GUEST: PeState = PeState { el: 1, ..EL2 };

/// EL1 of a PE without EL2.
pub const EL1: PeState = PeState {
    el: 1,
    el2: false,
    hcr_el2: 0,
    nmi: false,
};

/// A model with its surroundings.
pub struct Machine {
    pub gic: Gicv5,
    pub errors: Errors,
    pub pe: u32,
    pub state: PeState,
}

/// The row of the table with this name.
pub fn row(name: &str) -> &'static Sysreg {
    &TABLE[find(name).unwrap_or_else(|| panic!("no register {name}"))]
}

impl Machine {
    /// Out of reset, with `num_pes` PEs and 64 SPIs, at EL2 of PE 0.
    pub fn new(num_pes: u32) -> Self {
        Self::with(&Config::new(num_pes, 64, true, 0, false).unwrap())
    }

    /// The same with another configuration.
    pub fn with(config: &Config) -> Self {
        Self {
            gic: Gicv5::new(config),
            errors: Errors::default(),
            pe: 0,
            state: EL2,
        }
    }

    /// The same with every fine-grained trap of every PE off.
    pub fn untrapped(num_pes: u32) -> Self {
        Self::untrapped_with(&Config::new(num_pes, 64, true, 0, false).unwrap())
    }

    /// The same with another configuration.
    pub fn untrapped_with(config: &Config) -> Self {
        let mut machine = Self::with(config);
        for pe in 0..config.num_pes {
            machine.pe = pe;
            for name in ["ICH_HFGRTR_EL2", "ICH_HFGWTR_EL2", "ICH_HFGITR_EL2"] {
                machine.msr(name, u64::MAX);
            }
        }
        machine.pe = 0;
        machine
    }

    /// Runs `f` at another Exception level or PE state.
    pub fn at<T>(&mut self, state: PeState, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = core::mem::replace(&mut self.state, state);
        let result = f(self);
        self.state = before;
        result
    }

    /// What becomes of an access.
    pub fn check(&self, name: &str, write: bool) -> Access {
        self.gic.check(self.pe, row(name), write, &self.state)
    }

    /// MRS or SYSL, which has to be allowed.
    pub fn mrs(&mut self, name: &str) -> u64 {
        assert_eq!(self.check(name, false), Access::Done, "read of {name}");
        let Self {
            gic,
            errors,
            pe,
            state,
        } = self;
        let mut mem = NoMemory;
        let mut env = Env {
            mem: &mut mem,
            log: errors,
        };
        gic.read(&mut env, *pe, row(name), state)
    }

    /// MSR or SYS, which has to be allowed.
    pub fn msr(&mut self, name: &str, value: u64) {
        assert_eq!(self.check(name, true), Access::Done, "write of {name}");
        let Self {
            gic,
            errors,
            pe,
            state,
        } = self;
        let mut mem = NoMemory;
        let mut env = Env {
            mem: &mut mem,
            log: errors,
        };
        gic.write(&mut env, *pe, row(name), value, state);
    }

    /// A 32-bit write to the IRS's configuration frame.
    pub fn irs_write(&mut self, offset: u32, value: u64) {
        let mut mem = NoMemory;
        let mut env = Env {
            mem: &mut mem,
            log: &mut self.errors,
        };
        assert!(self.gic.irs_write(&mut env, offset, 4, value));
    }

    /// Resets the CPU interface of PE `pe`.
    pub fn reset_pe(&mut self, pe: u32) {
        let mut mem = NoMemory;
        let mut env = Env {
            mem: &mut mem,
            log: &mut self.errors,
        };
        self.gic.reset_pe(&mut env, pe);
    }

    /// The wire of SPI `id`.
    pub fn spi_wire(&mut self, id: u32, level: bool) {
        let mut mem = NoMemory;
        let mut env = Env {
            mem: &mut mem,
            log: &mut self.errors,
        };
        self.gic.set_spi(&mut env, id, level);
    }

    /// The lines of the current PE.
    pub fn lines(&self) -> Lines {
        self.gic.lines(self.pe)
    }

    /// The wire of PPI `id` of the current PE.
    pub fn wire(&mut self, id: u32, level: bool) {
        self.gic.set_ppi(self.pe, id, level);
    }

    /// Sets the priority of PPI `id` in `prefix` ("ICC" or "ICH").
    pub fn set_priority(&mut self, prefix: &str, id: u32, priority: u64) {
        let el = if prefix == "ICC" { 1 } else { 2 };
        let name = format!("{prefix}_PPI_PRIORITYR{}_EL{el}", id / 8);
        let shift = id % 8 * 8;
        let value = self.mrs(&name) & !(0xff << shift) | priority << shift;
        self.msr(&name, value);
    }
}

/// The INTID of PPI `id`.
pub const fn ppi(id: u32) -> u64 {
    1 << 29 | id as u64
}

/// The INTID of SPI `id`.
pub const fn spi(id: u32) -> u64 {
    3 << 29 | id as u64
}

/// What GICR CDIA and HPPIR return for `intid`.
pub const fn valid(intid: u64) -> u64 {
    1 << 32 | intid
}

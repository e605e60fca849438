// SPDX-License-Identifier: GPL-2.0-or-later
//! Tests of the IRS: its files against naive references, and the whole.

mod frame;
mod hostile;
mod ist;
mod registers;
mod routing;
mod state;

use super::{Command, Irs, Owner, Taker};
use crate::config::Config;
use crate::intid::{Candidate, IntType, Intid};
use crate::memory::{Env, Log, Memory};
use std::collections::HashMap;
use std::ops::Range;

/// Memory that is zero until written, remembers what was accessed, and faults
/// where told to.
#[derive(Default)]
pub struct Ram {
    bytes: HashMap<u64, u8>,
    pub accesses: Vec<(u64, usize)>,
    pub faults: Vec<Range<u64>>,
    pub read_only: bool,
}

impl Ram {
    fn reach(&mut self, pa: u64, len: usize) -> bool {
        self.accesses.push((pa, len));
        let end = pa + len as u64;
        !self
            .faults
            .iter()
            .any(|bad| pa < bad.end && bad.start < end)
    }

    pub fn peek<const N: usize>(&self, pa: u64) -> [u8; N] {
        core::array::from_fn(|i| self.bytes.get(&(pa + i as u64)).copied().unwrap_or(0))
    }

    pub fn peek32(&self, pa: u64) -> u32 {
        u32::from_le_bytes(self.peek(pa))
    }

    pub fn peek64(&self, pa: u64) -> u64 {
        u64::from_le_bytes(self.peek(pa))
    }

    pub fn poke(&mut self, pa: u64, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            self.bytes.insert(pa + i as u64, *byte);
        }
    }
}

impl Memory for Ram {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        let ok = self.reach(pa, buf.len());
        for (i, byte) in buf.iter_mut().enumerate() {
            *byte = self.bytes.get(&(pa + i as u64)).copied().unwrap_or(0);
        }
        ok
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        let ok = self.reach(pa, buf.len()) && !self.read_only;
        if ok {
            self.poke(pa, buf);
        }
        ok
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

/// An IRS with memory and a log.
pub struct Machine {
    pub irs: Irs,
    pub ram: Ram,
    pub errors: Errors,
}

/// Runs `$call` on the machine's IRS with the environment as `$env`.
macro_rules! on {
    ($machine:expr, $method:ident $(, $arg:expr)*) => {{
        let machine = &mut $machine;
        let mut env = Env { mem: &mut machine.ram, log: &mut machine.errors };
        machine.irs.$method(&mut env $(, $arg)*)
    }};
}

/// Where the tests put the first level of the IST.
pub const IST_BASE: u64 = 0x4000_0000;

impl Machine {
    pub fn new(config: &Config) -> Self {
        Self {
            irs: Irs::new(config),
            ram: Ram::default(),
            errors: Errors::default(),
        }
    }

    /// `pes` PEs, `spis` SPIs, virtualisation, 16 LPI ID bits, IRSEN set.
    pub fn enabled(pes: u32, spis: u32) -> Self {
        let mut machine = Self::new(&Config::new(pes, spis, true, 16, false).unwrap());
        machine.write32(0x80, 1);
        machine
    }

    /// The same with a linear IST at [`IST_BASE`].
    pub fn with_lpis(pes: u32, spis: u32) -> Self {
        let mut machine = Self::enabled(pes, spis);
        machine.write32(0x190, 16);
        machine.write64(0x180, IST_BASE | 1);
        machine
    }

    pub fn read32(&mut self, offset: u32) -> u32 {
        on!(*self, read, offset, 4).unwrap() as u32
    }

    pub fn read64(&mut self, offset: u32) -> u64 {
        on!(*self, read, offset, 8).unwrap()
    }

    pub fn write32(&mut self, offset: u32, value: u32) {
        assert!(on!(*self, write, offset, 4, value.into()));
    }

    pub fn write64(&mut self, offset: u32, value: u64) {
        assert!(on!(*self, write, offset, 8, value));
    }

    pub fn command(&mut self, command: Command) {
        on!(*self, command, Owner::Physical, command);
    }

    pub fn icsr(&mut self, intid: Intid) -> u64 {
        on!(*self, request_config, Owner::Physical, intid).raw()
    }

    pub fn acknowledge(&mut self, pe: u32, intid: Intid) -> bool {
        on!(*self, acknowledge, Taker::Pe(pe as u16), intid)
    }

    pub fn hppi(&self, pe: u32) -> Option<Candidate> {
        self.irs.hppi(Taker::Pe(pe as u16))
    }

    pub fn wire(&mut self, id: u32, level: bool) {
        on!(*self, set_spi_level, id, level);
    }

    /// How many guest errors `action` makes.
    pub fn errors_of(&mut self, action: impl FnOnce(&mut Self)) -> usize {
        let before = self.errors.0.len();
        action(self);
        self.errors.0.len() - before
    }
}

pub fn spi(id: u32) -> Intid {
    Intid::new(IntType::Spi, id)
}

pub fn lpi(id: u32) -> Intid {
    Intid::new(IntType::Lpi, id)
}

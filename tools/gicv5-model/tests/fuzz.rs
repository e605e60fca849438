// SPDX-License-Identifier: GPL-2.0-or-later
//! Anything at all, for a bounded time, at the whole model.
//!
//! Every call of the interface with arbitrary arguments, in arbitrary order:
//! registers and instructions that exist, on PEs that may not; frame offsets
//! and sizes that are and are not right; wires without an interrupt; resets;
//! and memory that holds anything, changes by itself, and faults. The model
//! must not panic (tests are built with overflow checks), must come back, and
//! must keep what is listed in [`Fuzzer::invariants`].
//!
//! GICV5_FUZZ_SECONDS bounds the time (default 5), GICV5_FUZZ_SEED repeats a
//! run; what failed is printed with its seed. It goes on beyond the time until
//! every register and instruction was reached, and fails if one never is.

mod common;
mod hostile;
mod reached;

use common::{EL2, GUEST};
use gicv5_model::config::{Config, Delay, Knobs};
use gicv5_model::cpuif::ppi::PpiSet;
use gicv5_model::cpuif::route::{Access, Domain, PeState};
use gicv5_model::intid::{IntType, Intid};
use gicv5_model::irs::registers;
use gicv5_model::memory::Env;
use gicv5_model::regs::{find, Reg, TABLE};
use gicv5_model::{Gicv5, Lines};
use hostile::{Errors, Hostile, Random};
use reached::Reached;
use std::collections::HashMap;
use std::time::{Duration, Instant};

struct Fuzzer {
    gic: Gicv5,
    config: Config,
    random: Random,
    memory: Hostile,
    log: Errors,
    lines: Vec<Lines>,
    /// How many PPIs, LPIs, SPIs, and VMs' LPIs and SPIs were acknowledged.
    acknowledged: [u64; 5],
    reached: Reached,
}

/// The most bytes that any one call may move: a level 2 table of the largest
/// size and its level 1 entry, twice.
const MOST_TRAFFIC: usize = 4 << 20;

impl Fuzzer {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let pick = |random: &mut Random, few: u64, most: u64| {
            if random.one_in(4) {
                most as u32
            } else {
                random.below(few) as u32
            }
        };
        let num_pes = pick(&mut random, 4, 15) + 1;
        let num_spis = pick(&mut random, 80, 1024);
        let bits = 14 + random.below(11) as u32;
        let mut config =
            Config::new(num_pes, num_spis, random.one_in(2), bits, random.one_in(4)).unwrap();
        let knobs = Knobs {
            vm_id_bits: 8 + random.below(9) as u32,
            vmt_two_level: random.one_in(2),
            vmd_log2: random.one_in(2).then_some(12),
            vped_log2: 3 + random.below(4) as u32,
            vpe_id_bits: pick(&mut random, 6, 8) + 1,
            istmd_id_bits: random.one_in(2).then_some(15),
            ist_l2_sizes: 1 + random.below(7) as u32,
        };
        config = config.with_knobs(knobs).unwrap();
        if random.one_in(4) {
            config.delay = Delay {
                steps: random.below(20) as u32,
                stuck: random.one_in(4).then(|| random.below(0x400) as u32),
            };
        }
        config.gicmnt = random.one_in(2);
        config.high_ppis = random.next() & random.next();
        let memory = Hostile {
            bytes: HashMap::new(),
            random: Random(random.next()),
            faults: random.one_in(2),
            fickle: random.one_in(4),
            traffic: 0,
        };
        Self {
            gic: Gicv5::new(&config),
            lines: vec![Lines::default(); num_pes as usize],
            config,
            random,
            memory,
            log: Errors::default(),
            acknowledged: [0; 5],
            reached: Reached::nothing(),
        }
    }

    fn pe(&mut self) -> u32 {
        match self.random.below(32) {
            0 => self.random.next() as u32,
            _ => self.random.below(self.config.num_pes.into()) as u32,
        }
    }

    fn state(&mut self) -> PeState {
        let random = &mut self.random;
        PeState {
            el: [1, 1, 2, 2, 2, random.next() as u8][random.below(6) as usize],
            el2: !random.one_in(4),
            hcr_el2: [0, 1 << 4, 1 << 4, random.next()][random.below(4) as usize],
            nmi: random.one_in(4),
        }
    }

    /// One access to a system register, only if the model says that it is done;
    /// now and then without asking, which must do no harm either.
    fn sysreg(&mut self) {
        let (pe, state) = (self.pe(), self.state());
        let row = &TABLE[self.random.below(TABLE.len() as u64) as usize];
        let write = match row.reg {
            Reg::Insn(_) => row.writable(),
            _ => self.random.one_in(2),
        };
        let ask = !self.random.one_in(64);
        if ask && self.gic.check(pe, row, write, &state) != Access::Done {
            return;
        }
        let value = self.random.value();
        let defined = if write {
            row.writable()
        } else {
            row.readable()
        };
        if ask && defined {
            self.reached.one(row.name.to_str().unwrap(), write);
        }
        let mut env = Env {
            mem: &mut self.memory,
            log: &mut self.log,
        };
        if !write {
            let got = self.gic.read(&mut env, pe, row, &state);
            if row.is_insn() && got >> 32 != 0 {
                let intid = Intid::from_raw(got as u32);
                assert_eq!(got, 1 << 32 | u64::from(intid.raw()));
                self.acknowledge(state.domain(), intid);
            }
            return;
        }
        self.gic.write(&mut env, pe, row, value, &state);
        if row.readable() && !row.is_insn() {
            // A register without side effects reads as itself when what it
            // reads as is written; unless something else takes effect between
            // the two, or the answer is not to be seen before an ISB.
            let first = self.gic.read(&mut env, pe, row, &state);
            let clears = row.name.to_bytes().starts_with(b"ICC_PPI_C");
            if !clears && self.config.delay.steps == 0 {
                self.gic.write(&mut env, pe, row, first, &state);
                let second = self.gic.read(&mut env, pe, row, &state);
                assert_eq!(first, second, "{:?}", row.name);
            }
        }
    }

    fn acknowledge(&mut self, domain: Domain, intid: Intid) {
        let id = intid.id();
        let a_vms = domain == Domain::Virtual;
        let (n, exists) = match intid.kind().expect("a type that exists") {
            IntType::Ppi => (0, self.config.ppis().contains(PpiSet::only(id))),
            IntType::Lpi => (
                1 + 2 * usize::from(a_vms),
                id >> self.config.lpi_id_bits == 0,
            ),
            IntType::Spi if a_vms => (4, true),
            IntType::Spi => (2, id < self.config.num_spis),
        };
        assert!(exists, "{intid} was acknowledged");
        self.acknowledged[n] += 1;
    }

    fn frame(&mut self) {
        let offset = match self.random.below(16) {
            0 => self.random.next() as u32,
            1 => self.random.below(0x1_0000) as u32,
            2..=4 => {
                let n = self.random.below(registers().count() as u64) as usize;
                registers().nth(n).map_or(0, |reg| reg.offset)
            }
            _ => self.random.below(0x90) as u32 * 8 + 4 * self.random.below(2) as u32,
        };
        let size = match self.random.below(32) {
            0 => self.random.next() as u32,
            1..=8 => 8,
            _ => 4,
        };
        let value = self.random.value();
        let by = self.random.one_in(2).then(|| self.pe());
        let write = !self.random.one_in(3);
        let mut env = Env {
            mem: &mut self.memory,
            log: &mut self.log,
        };
        let done = if write {
            self.gic.irs_write_by(&mut env, by, offset, size, value)
        } else {
            self.gic.irs_read_by(&mut env, by, offset, size).is_some()
        };
        if done {
            self.reached.frame(self.config.virt, offset, size, write);
        }
    }

    /// An exception, a return from one, or an ISB.
    fn synchronize(&mut self) {
        let (pe, state) = (self.pe(), self.state());
        self.gic.pe_state(pe, &state);
        self.gic.synchronize(pe);
    }

    /// What an operating system would do, so that LPIs and SPIs get anywhere.
    fn orderly(&mut self) {
        let pe = self.random.below(self.config.num_pes.into());
        let base = self.random.below(4) << 20;
        let bits = 14 + self.random.below(u64::from(self.config.lpi_id_bits) - 13);
        let structure = self.random.below(2) << 16;
        let spi = self.random.below(u64::from(self.config.num_spis) + 1);
        let istsz = self.random.below(4) << 7;
        let writes = [
            (0x80, 4, 1),
            (0x190, 4, bits | structure | istsz),
            (0x180, 8, base | 1),
            (0x108, 4, spi),
            (0x114, 4, self.random.below(2)),
        ];
        for (offset, size, value) in writes {
            let mut env = Env {
                mem: &mut self.memory,
                log: &mut self.log,
            };
            self.gic.irs_write(&mut env, offset, size, value);
        }
        let ppis = self.random.value();
        let spendr = self.random.below(16);
        for (name, value) in [
            ("ICC_APR_EL1", 0),
            ("ICC_PCR_EL1", 31),
            ("ICC_CR0_EL1", 1),
            ("ICC_PPI_ENABLER0_EL1", ppis),
            ("ICC_PPI_SPENDR0_EL1", spendr),
            ("ICC_PPI_CACTIVER0_EL1", ppis),
            ("ICH_APR_EL2", 0),
            ("ICH_VCTLR_EL2", 1),
            ("ICH_VMCR_EL2", u64::MAX),
            ("ICH_PPI_ENABLER0_EL2", u64::MAX),
            ("ICH_PPI_PENDR0_EL2", ppis),
            ("ICH_HFGITR_EL2", u64::MAX),
        ] {
            self.set(pe as u32, name, value);
        }
        for ty in [2, 3] {
            let intid = ty << 29 | self.random.below(64);
            for (name, operand) in [
                ("GIC_CDAFF", intid | pe << 32),
                ("GIC_CDPRI", intid | self.random.below(32) << 35),
                ("GIC_CDEN", intid),
                ("GIC_CDPEND", intid | 1 << 32),
            ] {
                self.set(pe as u32, name, operand);
            }
        }
    }

    /// What a hypervisor would do, so that a VM gets somewhere.
    fn orderly_vm(&mut self) {
        let knobs = self.config.knobs.clone();
        let pe = self.random.below(self.config.num_pes.into()) as u32;
        let vm = self.random.below(8);
        let vpe = self.random.below(2);
        let bits = u64::from(knobs.vm_id_bits);
        let two_level = u64::from(knobs.vmt_two_level && self.random.one_in(2));
        let (vmt, vmte) = (
            0x80_0000,
            [0x80_0000, 0x84_0000][two_level as usize] + vm * 32,
        );
        let vpet = 0x88_0000 + vm * 64;
        let ist = |n: u64| 0x90_0000 + (vm << 17 | n << 16);
        let structure = self.random.below(2) << 58;
        let words = [
            (vmt, 0x84_0000 * two_level),
            (vmte, 0x8a_0000),
            (vmte + 8, vpet | 1 << 59),
            (vmte + 16, ist(0) | 14 << 59 | structure),
            (vmte + 24, ist(1) | 5 << 59),
            (vpet + vpe * 8, 0x8c_0000 + vm * 128 + vpe * 64),
        ];
        for (pa, word) in words {
            // Not that of another VM, or it would be a rule broken each time.
            if two_level == 0 || pa != vmt {
                self.memory.put(pa, word);
            }
        }
        let virt = 3 << 62 | vpe << 32 | vm;
        let writes = [
            (0x80, 4, 1),
            (0x210, 4, bits | two_level << 16),
            (0x200, 8, vmt | 1),
            (0x2c0, 8, 1 << 63 | vm),
            (0x2c8, 8, 1 << 63 | vm),
            (0x2d0, 8, 1 << 63 | vm << 32 | 2 << 29),
            (0x2d0, 8, 1 << 63 | vm << 32 | 3 << 29),
            (0x2d8, 8, 1 << 63 | vm << 32 | 2 << 29 | 3),
            (0x2e0, 8, 1 << 63 | vm << 32 | vpe),
            (0x240, 8, virt & !(1 << 62)),
            (
                0x248,
                8,
                3 << 62 | self.random.below(32) << 32 | self.random.below(64),
            ),
        ];
        for (offset, size, value) in writes {
            let mut env = Env {
                mem: &mut self.memory,
                log: &mut self.log,
            };
            self.gic.irs_write(&mut env, offset, size, value);
        }
        for ty in [2, 3] {
            let intid = ty << 29 | vm << 32 | self.random.below(32);
            for (name, operand) in [
                ("GIC_VDAFF", vpe << 48),
                ("GIC_VDPRI", self.random.next() & 0x1f << 59),
                ("GIC_VDEN", 0),
                ("GIC_VDPEND", 1 << 63),
            ] {
                self.set(pe, name, intid | operand);
            }
        }
        let context = [
            1 << 63 | vpe << 32 | vm,
            1 << 63 | vpe << 32 | vm,
            1 << 60 | self.random.below(32) << 55,
        ];
        for (name, value) in [
            ("ICH_APR_EL2", 0),
            ("ICH_VCTLR_EL2", 1),
            ("ICH_VMCR_EL2", u64::MAX),
            ("ICH_HFGITR_EL2", u64::MAX),
            ("ICH_CONTEXTR_EL2", context[self.random.below(3) as usize]),
        ] {
            self.set(pe, name, value);
        }
        let row = &TABLE[find("GICR_CDIA").unwrap()];
        let mut env = Env {
            mem: &mut self.memory,
            log: &mut self.log,
        };
        let got = self.gic.read(&mut env, pe, row, &GUEST);
        if got != 0 {
            self.acknowledge(Domain::Virtual, Intid::from_raw(got as u32));
        }
    }

    /// Goes on with a copy that was made by saving and restoring; and nothing
    /// that is not a state does harm.
    fn snapshot(&mut self) {
        let bytes = self.gic.save();
        let mut copy = Gicv5::new(&self.config);
        copy.restore(&bytes).expect("what was saved");
        assert_eq!(copy.save(), bytes);
        self.gic = copy;
        let mut bad = bytes;
        let n = self.random.below(bad.len() as u64) as usize;
        match self.random.below(3) {
            0 => bad.truncate(n),
            1 => bad[n] ^= 1 << self.random.below(8),
            _ => bad[n] = self.random.next() as u8,
        }
        let mut other = Gicv5::new(&self.config);
        if other.restore(&bad).is_ok() {
            // Whatever it is, it can be used.
            core::mem::swap(&mut self.gic, &mut other);
            self.sysreg();
            self.frame();
            core::mem::swap(&mut self.gic, &mut other);
        }
    }

    fn set(&mut self, pe: u32, name: &str, value: u64) {
        let row = &TABLE[find(name).unwrap()];
        let mut env = Env {
            mem: &mut self.memory,
            log: &mut self.log,
        };
        self.gic.write(&mut env, pe, row, value, &EL2);
    }

    fn step(&mut self) {
        self.memory.traffic = 0;
        match self.random.below(64) {
            0 if self.random.one_in(8) => self.gic.reset(),
            1 => {
                let pe = self.pe();
                let mut env = Env {
                    mem: &mut self.memory,
                    log: &mut self.log,
                };
                self.gic.reset_pe(&mut env, pe);
            }
            2..=5 => {
                let (pe, level) = (self.pe(), self.random.one_in(2));
                let id = [self.random.below(32), self.random.next()][self.random.below(2) as usize];
                self.gic.set_ppi(pe, id as u32, level);
            }
            6..=9 => {
                let level = self.random.one_in(2);
                let id = [self.random.below(64), self.random.next()][self.random.below(2) as usize];
                let mut env = Env {
                    mem: &mut self.memory,
                    log: &mut self.log,
                };
                self.gic.set_spi(&mut env, id as u32, level);
            }
            10 => self.orderly(),
            11 if self.config.virt => self.orderly_vm(),
            13 => self.snapshot(),
            14 | 15 => self.synchronize(),
            12 => {
                let mut env = Env {
                    mem: &mut self.memory,
                    log: &mut self.log,
                };
                self.gic.step(&mut env);
            }
            11..=26 => self.frame(),
            _ => self.sysreg(),
        }
        assert!(
            self.memory.traffic <= MOST_TRAFFIC,
            "{} bytes moved by one call",
            self.memory.traffic
        );
        self.invariants();
    }

    /// What holds after any call:
    /// - the lines of a PE only change if the model said that they may have;
    /// - a PE has at most one physical and one virtual line.
    fn invariants(&mut self) {
        let stale: Vec<u32> = self.gic.take_stale().iter().collect();
        assert!(stale.iter().all(|pe| *pe < self.config.num_pes));
        for pe in 0..self.config.num_pes {
            let now = self.gic.lines(pe);
            let before = core::mem::replace(&mut self.lines[pe as usize], now);
            assert!(
                now == before || stale.contains(&pe),
                "PE {pe} changed unsaid"
            );
            let both =
                |a: Lines, b: Lines| now.bits() & a.bits() != 0 && now.bits() & b.bits() != 0;
            assert!(!both(Lines::IRQ, Lines::NMI) && !both(Lines::VIRQ, Lines::VNMI));
        }
    }
}

/// Tells how to repeat a run that failed.
struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat it: GICV5_FUZZ_SEED={}", self.0);
        }
    }
}

/// After so many runs everything was reached, whatever the seed.
const ENOUGH_RUNS: u64 = 60;

#[test]
fn anything_at_all() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seconds = number("GICV5_FUZZ_SECONDS").unwrap_or(5);
    let fixed = number("GICV5_FUZZ_SEED");
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut seed = fixed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64
    });
    let (mut runs, mut steps, mut errors) = (0u64, 0u64, 0u64);
    let mut acknowledged = [0u64; 5];
    let mut reached = Reached::nothing();
    loop {
        let _told = TellSeed(seed);
        let mut fuzzer = Fuzzer::new(seed);
        let mut slowest = Duration::ZERO;
        for _ in 0..4000 {
            let start = Instant::now();
            fuzzer.step();
            slowest = slowest.max(start.elapsed());
            steps += 1;
        }
        assert!(
            slowest < Duration::from_secs(20),
            "one call took {slowest:?}"
        );
        runs += 1;
        errors += fuzzer.log.0;
        for (sum, n) in acknowledged.iter_mut().zip(fuzzer.acknowledged) {
            *sum += n;
        }
        reached.add(&fuzzer.reached);
        // Where it is slow the time is not enough; but some runs have to be.
        let all = reached.missing().is_empty() && acknowledged.iter().all(|n| *n > 0);
        let over = Instant::now() >= until && (all || seconds == 0 || runs >= ENOUGH_RUNS);
        if fixed.is_some() || over {
            break;
        }
        seed = Random(seed).next();
    }
    println!(
        "{runs} runs, {steps} steps, {errors} guest errors, {acknowledged:?} PPIs, LPIs, SPIs, VMs' LPIs, SPIs"
    );
    let least = reached.0.iter().min_by_key(|(_, count)| **count);
    let ((name, way), count) = least.expect("a table");
    println!(
        "{} reads and writes of registers, and instructions, were reached; the one that was least is {way} of {name}, {count} times",
        reached.0.len()
    );
    if fixed.is_none() && seconds > 0 {
        assert!(
            acknowledged.iter().all(|n| *n > 0),
            "it does not get anywhere"
        );
        assert_eq!(reached.missing(), [""; 0], "never reached");
    }
}

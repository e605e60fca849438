// SPDX-License-Identifier: GPL-2.0-or-later
//! Software that does anything, on memory that holds anything.

use super::Errors;
use crate::config::Config;
use crate::intid::{Intid, Priority};
use crate::irs::{Command, Handling, Irs, Owner, Taker};
use crate::memory::{Env, Memory};
use proptest::prelude::*;
use std::collections::HashMap;

/// Memory full of a function of the address, with holes; a written word stays
/// written.
struct Wild {
    seed: u64,
    words: HashMap<u64, u64>,
    accesses: Vec<(u64, usize, u64)>,
}

impl Wild {
    fn word(&self, pa: u64) -> u64 {
        if let Some(word) = self.words.get(&(pa & !7)) {
            return *word;
        }
        let mut x = (pa & !7) ^ self.seed;
        for _ in 0..3 {
            x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        // Valid entries and tables on top of each other are what hurts.
        match x >> 60 {
            0..8 => x & 0x00ff_ffff_ffff_ffff | 1,
            8..12 => x & 0x0001_f000 | 1,
            _ => x,
        }
    }

    fn faults(&self, pa: u64) -> bool {
        (pa >> 12) & 7 == self.seed & 7
    }
}

impl Memory for Wild {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        let word = self.word(pa) >> (pa % 8 * 8);
        self.accesses.push((pa, buf.len(), word));
        buf.copy_from_slice(&word.to_le_bytes()[..buf.len()]);
        !self.faults(pa)
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        self.accesses.push((pa, buf.len(), 0));
        let shift = pa % 8 * 8;
        let mask = (u64::MAX >> (64 - buf.len() * 8)) << shift;
        let mut bytes = [0; 8];
        bytes[..buf.len()].copy_from_slice(buf);
        let word = self.word(pa) & !mask | (u64::from_le_bytes(bytes) << shift) & mask;
        self.words.insert(pa & !7, word);
        !self.faults(pa)
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Read(u32, u32),
    Write(u32, u32, u64),
    Command(Command),
    Config(Intid),
    Acknowledge(u32, Intid),
    Take(u32),
    Wire(u32, bool),
    Reset,
}

fn intid() -> impl Strategy<Value = Intid> {
    prop_oneof![
        any::<u32>().prop_map(Intid::from_raw),
        (1u32..5, 0u32..64).prop_map(|(ty, id)| Intid::from_raw((ty << 29) | id)),
        (0u32..(1 << 16)).prop_map(|id| Intid::from_raw((2 << 29) | id)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let offset = prop_oneof![
        (0u32..0x100).prop_map(|n| n * 4),
        any::<u16>().prop_map(u32::from),
        any::<u32>()
    ];
    let size = prop_oneof![8 => prop::sample::select(vec![4u32, 8]), 1 => any::<u32>()];
    let command = (intid(), 0..7, any::<u64>()).prop_map(|(intid, kind, x)| match kind {
        0 => Command::Enable(intid),
        1 => Command::Disable(intid),
        2 => Command::SetPriority {
            intid,
            priority: Priority::from_bits(x),
        },
        3 => Command::SetAffinity {
            intid,
            iaffid: x as u16 & 0x1f,
            irm: x >> 63 != 0,
        },
        4 => Command::SetPending {
            intid,
            pending: x & 3 != 0,
        },
        5 => Command::SetHandling {
            intid,
            handling: Handling::from_bit(x & 1 != 0),
        },
        _ => Command::Deactivate(intid),
    });
    prop_oneof![
        2 => (offset.clone(), size.clone()).prop_map(|(offset, size)| Op::Read(offset, size)),
        3 => (offset, size, any::<u64>()).prop_map(|(offset, size, x)| Op::Write(offset, size, x)),
        // The registers of the IST, or nothing much would happen.
        2 => any::<u32>().prop_map(|x| Op::Write(0x190, 4, (x | (1 << 4)).into())),
        3 => any::<u64>().prop_map(|x| Op::Write(0x180, 8, x)),
        2 => any::<u64>().prop_map(|x| Op::Write(0x1c0, 4, x)),
        1 => Just(Op::Write(0x80, 4, 1)),
        8 => command.prop_map(Op::Command),
        1 => intid().prop_map(Op::Config),
        1 => (any::<u32>(), intid()).prop_map(|(pe, intid)| Op::Acknowledge(pe, intid)),
        3 => (0u32..20).prop_map(Op::Take),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(id, high)| Op::Wire(id & 0x7ff, high)),
        1 => Just(Op::Reset),
    ]
}

/// The bounds of the first level, in bytes, from the registers and nothing
/// else: what software has given to the IRS.
fn bounds(baser: u64, cfgr: u64, max_bits: u64, levels: bool) -> Option<(u64, u64, Option<u64>)> {
    if baser & 1 == 0 {
        return None;
    }
    let base = baser & 0x00ff_ffff_ffff_ffc0;
    let ids = 1u64 << (cfgr & 0x1f).clamp(14, max_bits);
    let iste = [4, 8, 16, 4][((cfgr >> 7) & 3) as usize];
    if (cfgr >> 16) & 1 == 0 || !levels {
        return Some((base, base + ids * iste, None));
    }
    let l2 = [0x1000, 0x4000, 0x1_0000, 0x1000][((cfgr >> 5) & 3) as usize];
    Some((base, base + ids.div_ceil(l2 / iste) * 8, Some(l2)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// No panic; few memory accesses for each step; none outside the tables.
    #[test]
    fn stays_within_its_tables(
        seed: u64,
        pes in 1u32..=16,
        spis in 0u32..64,
        bits in 14u32..=24,
        linear: bool,
        ops in prop::collection::vec(op(), 1..200),
    ) {
        let config = Config::new(pes, spis, false, bits, linear).unwrap();
        let mut irs = Irs::new(&config);
        let mut wild = Wild { seed, words: HashMap::new(), accesses: Vec::new() };
        for op in ops {
            let mut errors = Errors::default();
            // The registers before the step, as the walk in it sees them.
            let mut env = Env { mem: &mut wild, log: &mut errors };
            let baser = irs.read(&mut env, 0x180, 8).unwrap();
            let cfgr = irs.read(&mut env, 0x190, 4).unwrap();
            match op {
                Op::Read(offset, size) => {
                    irs.read(&mut env, offset, size);
                }
                Op::Write(offset, size, value) => {
                    irs.write(&mut env, offset, size, value);
                }
                Op::Command(command) => irs.command(&mut env, Owner::Physical, command),
                Op::Config(intid) => {
                    irs.request_config(&mut env, Owner::Physical, intid);
                }
                Op::Acknowledge(pe, intid) => {
                    irs.acknowledge(&mut env, Taker::Pe(pe as u16), intid);
                }
                Op::Take(pe) => {
                    if let Some(candidate) = irs.hppi(Taker::Pe(pe as u16)) {
                        prop_assert!(pe < pes);
                        irs.acknowledge(&mut env, Taker::Pe(pe as u16), candidate.intid);
                        prop_assert_ne!(irs.hppi(Taker::Pe(pe as u16)), Some(candidate));
                    }
                }
                Op::Wire(id, high) => irs.set_spi_level(&mut env, id, high),
                Op::Reset => irs.reset(),
            }
            let accesses = core::mem::take(&mut wild.accesses);
            prop_assert!(accesses.len() <= 3, "{:?}: {:?}", op, accesses);
            prop_assert!(errors.0.len() <= 5, "{:?}: {:?}", op, errors.0);
            let Some((start, end, l2)) = bounds(baser, cfgr, bits.into(), !linear) else {
                prop_assert!(accesses.is_empty());
                continue;
            };
            // Two levels: the first access is to an L1_ISTE, and the rest are
            // to the same, or to the table that it names.
            let first = accesses.first().copied();
            for (n, (pa, len, _)) in accesses.into_iter().enumerate() {
                let last = pa + len as u64;
                let mut ok = start <= pa && last <= end;
                if let (Some(l2), Some((_, _, l1e)), true) = (l2, first, n > 0) {
                    let table = l1e & 0x00ff_ffff_ffff_f000;
                    ok |= l1e & 1 != 0 && table <= pa && last <= table + l2;
                }
                prop_assert!(ok, "{:?}: {:#x}+{}", op, pa, len);
            }
        }
    }
}

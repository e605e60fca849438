// SPDX-License-Identifier: GPL-2.0-or-later
//! The whole IRS against a reference that keeps every interrupt in a map and
//! searches all of them for each PE's candidate.

use super::{lpi, spi, Machine, IST_BASE};
use crate::intid::{Intid, Priority};
use crate::irs::{Command, Handling};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SPIS: u32 = 5;
/// LPIs used, out of 2^16; some more are named that do not exist.
const LPIS: [u32; 5] = [0, 1, 0x3ff, 0x400, 0xffff];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Interrupt {
    pending: bool,
    active: bool,
    level: bool,
    enabled: bool,
    priority: u8,
    iaffid: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wire {
    high: bool,
    level_triggered: bool,
}

struct Reference {
    interrupts: BTreeMap<u32, Interrupt>,
    wires: [Wire; SPIS as usize],
}

impl Reference {
    fn new() -> Self {
        let ids = (0..SPIS).map(spi).chain(LPIS.map(lpi));
        Self {
            interrupts: ids.map(|id| (id.raw(), Interrupt::default())).collect(),
            wires: Default::default(),
        }
    }

    /// The candidate by looking at all: lowest priority value, then INTID.
    fn hppi(&self, pe: u32) -> Option<(u8, u32)> {
        self.interrupts
            .iter()
            .filter(|(_, i)| i.enabled && i.pending && !i.active && u32::from(i.iaffid) == pe)
            .map(|(intid, i)| (i.priority, *intid))
            .min()
    }

    fn icsr(&self, intid: Intid) -> u64 {
        let Some(i) = self.interrupts.get(&intid.raw()) else {
            return 1;
        };
        let mut value = (u64::from(i.iaffid) << 32) | (u64::from(i.priority) << 11);
        for (bit, set) in [(1, i.enabled), (2, i.pending), (4, i.active), (5, i.level)] {
            value |= u64::from(set) << bit;
        }
        value
    }

    fn wire(&mut self, id: u32, high: bool) {
        let wire = &mut self.wires[id as usize];
        let i = self.interrupts.get_mut(&spi(id).raw()).unwrap();
        match (wire.high, high, wire.level_triggered) {
            (false, true, level) => (i.pending, i.level) = (true, level),
            (true, false, true) => i.pending = false,
            _ => {}
        }
        wire.high = high;
    }

    fn resample(&mut self, id: u32) {
        let wire = self.wires[id as usize];
        let i = self.interrupts.get_mut(&spi(id).raw()).unwrap();
        if wire.high {
            (i.pending, i.level) = (true, wire.level_triggered);
        } else if wire.level_triggered {
            i.pending = false;
        }
    }

    fn trigger(&mut self, id: u32, level: bool) {
        let wire = &mut self.wires[id as usize];
        if wire.level_triggered == level {
            return;
        }
        wire.level_triggered = level;
        let i = self.interrupts.get_mut(&spi(id).raw()).unwrap();
        if level {
            i.pending = wire.high;
            i.level |= wire.high;
        } else if wire.high {
            i.pending = false;
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Command(Command),
    Wire(u32, bool),
    Trigger(u32, bool),
    Resample(u32),
    /// A PE takes its candidate.
    Take(u32),
    /// A PE tries to take an interrupt that may not be its candidate.
    Grab(u32, Intid),
}

fn intid() -> impl Strategy<Value = Intid> {
    prop_oneof![
        8 => (0..SPIS).prop_map(spi),
        8 => prop::sample::select(&LPIS[..]).prop_map(lpi),
        1 => any::<u32>().prop_map(|raw| Intid::from_raw(raw | (1 << 16))),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let command = (intid(), 0..7, any::<bool>(), 0u64..32, 0u16..6).prop_map(
        |(intid, kind, flag, priority, iaffid)| match kind {
            0 => Command::Enable(intid),
            1 => Command::Disable(intid),
            2 => Command::SetPriority {
                intid,
                priority: Priority::from_bits(priority),
            },
            3 => Command::SetAffinity {
                intid,
                iaffid,
                irm: flag && iaffid == 5,
            },
            4 => Command::SetPending {
                intid,
                pending: flag,
            },
            5 => Command::SetHandling {
                intid,
                handling: Handling::from_bit(flag),
            },
            _ => Command::Deactivate(intid),
        },
    );
    prop_oneof![
        12 => command.prop_map(Op::Command),
        4 => intid().prop_map(|intid| Op::Command(Command::SetPending { intid, pending: true })),
        3 => (0..SPIS, any::<bool>()).prop_map(|(id, high)| Op::Wire(id, high)),
        2 => (0..SPIS, any::<bool>()).prop_map(|(id, level)| Op::Trigger(id, level)),
        1 => (0..SPIS).prop_map(Op::Resample),
        4 => (0u32..5).prop_map(Op::Take),
        1 => (0u32..5, intid()).prop_map(|(pe, intid)| Op::Grab(pe, intid)),
    ]
}

fn apply(reference: &mut Reference, command: Command) {
    let Some(i) = reference.interrupts.get_mut(&command.intid().raw()) else {
        return;
    };
    match command {
        Command::Enable(_) => i.enabled = true,
        Command::Disable(_) => i.enabled = false,
        Command::SetPriority { priority, .. } => i.priority = priority.get(),
        Command::SetAffinity { iaffid, .. } => i.iaffid = iaffid,
        Command::SetPending { pending, .. } => i.pending = pending,
        Command::SetHandling { handling, .. } => i.level = handling == Handling::Level,
        Command::Deactivate(_) => i.active = false,
    }
}

fn acknowledge(reference: &mut Reference, pe: u32, intid: Intid) -> bool {
    let Some(i) = reference.interrupts.get_mut(&intid.raw()) else {
        return false;
    };
    if !(i.enabled && i.pending && !i.active && u32::from(i.iaffid) == pe) {
        return false;
    }
    i.active = true;
    i.pending = i.level;
    true
}

fn check(machine: &mut Machine, reference: &Reference, pes: u32) -> Result<(), TestCaseError> {
    for pe in 0..=pes {
        let found = machine.hppi(pe).map(|c| (c.priority.get(), c.intid.raw()));
        let expected = if pe < pes { reference.hppi(pe) } else { None };
        prop_assert_eq!(found, expected, "PE {}", pe);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn equals_a_search(pes in 1u32..=4, two_level: bool, ops in prop::collection::vec(op(), 1..120)) {
        let mut machine = Machine::enabled(pes, SPIS);
        machine.write32(0x190, 16 | (u32::from(two_level) << 16));
        machine.write64(0x180, IST_BASE | 1);
        if two_level {
            for id in LPIS {
                let index = u64::from(id >> 10);
                machine.ram.poke(IST_BASE + 8 * index, &(0x8000_0000 | (index << 12)).to_le_bytes());
                machine.write32(0x1c0, id);
            }
        }
        let mut reference = Reference::new();
        // IDs beyond 16 bits, or with no second level, are nowhere.
        for op in ops {
            match op {
                Op::Command(command) => {
                    machine.command(command);
                    apply(&mut reference, command);
                }
                Op::Wire(id, high) => {
                    machine.wire(id, high);
                    reference.wire(id, high);
                }
                Op::Trigger(id, level) => {
                    machine.write32(0x108, id);
                    machine.write32(0x114, level.into());
                    reference.trigger(id, level);
                }
                Op::Resample(id) => {
                    machine.write32(0x110, id);
                    reference.resample(id);
                }
                Op::Take(pe) => {
                    if let Some(candidate) = machine.hppi(pe) {
                        prop_assert!(machine.acknowledge(pe, candidate.intid));
                        prop_assert!(acknowledge(&mut reference, pe, candidate.intid));
                    }
                }
                Op::Grab(pe, intid) => {
                    let expected = acknowledge(&mut reference, pe, intid);
                    prop_assert_eq!(machine.acknowledge(pe, intid), expected);
                }
            }
            check(&mut machine, &reference, pes)?;
        }
        for intid in (0..SPIS + 2).map(spi).chain(LPIS.map(lpi)).chain([lpi(1 << 20)]) {
            prop_assert_eq!(machine.icsr(intid), reference.icsr(intid), "{}", intid);
        }
        // Reading the configuration changed nothing.
        check(&mut machine, &reference, pes)?;
    }
}

/// Memory is the truth: each change of an LPI is there when the command is
/// done, and one made behind the IRS's back is noticed at the next command.
#[test]
fn memory_is_the_truth() {
    let mut machine = Machine::with_lpis(2, 0);
    let intid = lpi(7);
    let word = IST_BASE + 7 * 4;
    machine.command(Command::SetPriority {
        intid,
        priority: Priority::from_bits(3),
    });
    machine.command(Command::SetAffinity {
        intid,
        iaffid: 1,
        irm: false,
    });
    machine.command(Command::Enable(intid));
    machine.command(Command::SetPending {
        intid,
        pending: true,
    });
    assert_eq!(machine.ram.peek32(word), (1 << 16) | (3 << 11) | 0b1001);
    assert_eq!(machine.hppi(1).unwrap().intid, intid);

    machine.ram.poke(word, &[0; 4]);
    assert_eq!(machine.hppi(1).unwrap().intid, intid);
    assert!(!machine.acknowledge(1, intid));
    assert_eq!(machine.hppi(1), None);
    assert_eq!(machine.ram.peek32(word), 0);
}

/// An interrupt whose ISTE can no longer be written is not presented for ever.
#[test]
fn unwritable_interrupt_is_dropped() {
    let mut machine = Machine::with_lpis(1, 0);
    machine.command(Command::Enable(lpi(7)));
    machine.command(Command::SetPending {
        intid: lpi(7),
        pending: true,
    });
    machine.ram.read_only = true;
    assert!(!machine.acknowledge(0, lpi(7)));
    assert_eq!(machine.hppi(0), None);
}

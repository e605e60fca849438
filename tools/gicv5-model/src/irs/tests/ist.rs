// SPDX-License-Identifier: GPL-2.0-or-later
//! Walks of the IST against a flat array, for every structure and size.

use super::super::ist::{Geometry, Ist};
use super::super::state::State;
use super::super::table::{Fault, StateTable};
use super::{Ram, IST_BASE};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Second levels go here, far enough from each other at any size.
const L2_BASE: u64 = 0x8_0000_0000;

#[derive(Clone, Copy, Debug)]
enum Op {
    Map(u32),
    Load(u32),
    Store(u32, u32),
}

fn geometry() -> impl Strategy<Value = Geometry> {
    let l2 = prop_oneof![
        Just(None),
        prop::sample::select(vec![12, 14, 16]).prop_map(Some)
    ];
    (1u32..=24, 2u32..=4, l2).prop_map(|(id_bits, iste_log2, l2_log2)| Geometry {
        base: IST_BASE,
        id_bits,
        iste_log2,
        l2_log2,
    })
}

/// IDs within the table mostly, near each other often, sometimes too large.
fn ops(id_bits: u32) -> impl Strategy<Value = Vec<Op>> {
    let id = prop_oneof![
        0u32..(1 << id_bits),
        0u32..(1 << id_bits.min(4)),
        0u32..(1 << 24),
    ];
    let op = (id, any::<u32>(), 0..4).prop_map(|(id, word, kind)| match kind {
        0 => Op::Map(id),
        1 => Op::Load(id),
        _ => Op::Store(id, word),
    });
    prop::collection::vec(op, 1..40)
}

/// Software's own view of where things are, by long division.
struct Layout {
    iste: u64,
    per_l2: Option<u64>,
    entries: u64,
}

impl Layout {
    fn new(geometry: Geometry) -> Self {
        let iste = 1 << geometry.iste_log2;
        Self {
            iste,
            per_l2: geometry.l2_log2.map(|log2| (1 << log2) / iste),
            entries: 1 << geometry.id_bits,
        }
    }

    fn l2_table(&self, id: u32) -> u64 {
        L2_BASE + u64::from(id) / self.per_l2.unwrap() * 0x10_0000
    }

    fn l1_entry(&self, id: u32) -> u64 {
        IST_BASE + u64::from(id) / self.per_l2.unwrap() * 8
    }

    fn iste(&self, id: u32) -> u64 {
        match self.per_l2 {
            None => IST_BASE + u64::from(id) * self.iste,
            Some(n) => self.l2_table(id) + u64::from(id) % n * self.iste,
        }
    }
}

proptest! {
    #[test]
    fn equals_a_flat_array(
        (geometry, ops) in geometry().prop_flat_map(|g| (Just(g), ops(g.id_bits)))
    ) {
        let layout = Layout::new(geometry);
        let mut ram = Ram::default();
        let mut ist = Ist::default();
        ist.set(geometry, false);
        let mut flat: BTreeMap<u32, State> = BTreeMap::new();
        let mut mapped: BTreeSet<u64> = BTreeSet::new();
        for op in ops {
            let (Op::Map(id) | Op::Load(id) | Op::Store(id, _)) = op;
            let inside = u64::from(id) < layout.entries;
            let reachable = match layout.per_l2 {
                None => Ok(()),
                Some(n) if mapped.contains(&(u64::from(id) / n)) => Ok(()),
                Some(_) => Err(Fault::L1Invalid { pa: layout.l1_entry(id) }),
            };
            let reachable = if inside { reachable } else { Err(Fault::NoSuchId) };
            ram.accesses.clear();
            match op {
                Op::Map(id) => {
                    let expected = match layout.per_l2 {
                        _ if !inside => Err(Fault::NoSuchId),
                        None => Err(Fault::Linear),
                        Some(n) => {
                            // What gicv5_irs_iste_alloc() does first; bits that
                            // are not the address must not get into it.
                            if mapped.insert(u64::from(id) / n) {
                                let l1e = layout.l2_table(id) | 0xab00_0000_0000_0000;
                                ram.poke(layout.l1_entry(id), &l1e.to_le_bytes());
                            }
                            Ok(())
                        }
                    };
                    prop_assert_eq!(ist.map_l2(&mut ram, id), expected);
                    if expected.is_ok() {
                        let l1e = ram.peek64(layout.l1_entry(id));
                        prop_assert_eq!(l1e, layout.l2_table(id) | 0xab00_0000_0000_0001);
                    }
                }
                Op::Load(id) => {
                    let expected = flat.get(&id).copied().unwrap_or_default();
                    let found = ist.load(&mut ram, id);
                    prop_assert_eq!(found, reachable.map(|()| (layout.iste(id), expected)));
                }
                Op::Store(id, word) => {
                    let state = State::from_iste(word);
                    let slot = ist.load(&mut ram, id).map(|(slot, _)| slot);
                    prop_assert_eq!(slot, reachable.map(|()| layout.iste(id)));
                    if let Ok(slot) = slot {
                        prop_assert_eq!(ist.store(&mut ram, slot, state), Ok(()));
                        prop_assert_eq!(ram.peek32(layout.iste(id)), state.to_iste());
                        flat.insert(id, state);
                    }
                }
            }
            // Nothing outside the first level or the one second level.
            for &(pa, len) in &ram.accesses {
                let end = pa + len as u64;
                let first = IST_BASE..IST_BASE + geometry.first_level_size();
                let within_first = first.contains(&pa) && end <= first.end;
                let within_second = layout.per_l2.is_some_and(|n| {
                    let l2 = layout.l2_table(id);
                    pa >= l2 && end <= l2 + n * layout.iste
                });
                prop_assert!(within_first || within_second, "{:#x}+{}", pa, len);
            }
            prop_assert!(ram.accesses.len() <= 3);
        }
        // Metadata is not the state's business.
        if layout.iste > 4 {
            for id in flat.keys() {
                prop_assert_eq!(ram.peek32(layout.iste(*id) + 4), 0);
            }
        }
    }

    /// The sizes that `gicv5_irs_init_ist_linear()` and `_two_level()`
    /// allocate hold the table, and nothing smaller would.
    #[test]
    fn first_level_is_what_linux_allocates(geometry in geometry()) {
        let istsz = geometry.iste_log2 - 2;
        let n = match geometry.l2_log2 {
            None => geometry.id_bits + 1 + istsz,
            Some(l2) => {
                let l2_bits = (10 - istsz) + (l2 - 12);
                (geometry.id_bits + 2).saturating_sub(l2_bits)
            }
        };
        prop_assert_eq!(geometry.alignment(), 2u64 << n.max(5));
        prop_assert!(geometry.first_level_size() <= geometry.alignment());
        if geometry.alignment() > 64 {
            prop_assert_eq!(geometry.first_level_size(), geometry.alignment());
        }
    }
}

#[test]
fn no_table_no_interrupt() {
    let mut ram = Ram::default();
    let mut ist = Ist::default();
    assert_eq!(ist.load(&mut ram, 0), Err(Fault::NoTable));
    assert_eq!(ist.map_l2(&mut ram, 0), Err(Fault::NoTable));
    let geometry = Geometry {
        base: IST_BASE,
        id_bits: 14,
        iste_log2: 2,
        l2_log2: None,
    };
    ist.set(geometry, false);
    assert!(ist.load(&mut ram, 0).is_ok());
    ram.accesses.clear();
    ist.clear();
    assert_eq!(ist.load(&mut ram, 0), Err(Fault::NoTable));
    assert!(ram.accesses.is_empty());
}

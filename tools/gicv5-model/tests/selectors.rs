// SPDX-License-Identifier: GPL-2.0-or-later
//! Two PEs at one selector: whoever keeps the other one away is never accused,
//! whoever does not always is.

mod hyp;

use gicv5_model::config::{Delay, Knobs};
use hyp::{irs, Hyp, M};
use proptest::prelude::*;

/// A selector, its status, and what is reached through it.
#[derive(Clone, Copy, Debug)]
struct Selector {
    selr: (u32, u32),
    status: u32,
    selected: &'static [(u32, u32)],
}

/// Offset and size of each register.
const SELECTORS: [Selector; 4] = [
    Selector {
        selr: (irs::SPI_SELR, 4),
        status: irs::SPI_STATUSR,
        selected: &[(irs::SPI_CFGR, 4), (irs::SPI_VMR, 8)],
    },
    Selector {
        selr: (irs::PE_SELR, 4),
        status: irs::PE_STATUSR,
        selected: &[(irs::PE_CR0, 4)],
    },
    Selector {
        selr: (irs::VPE_SELR, 8),
        status: irs::VPE_STATUSR,
        selected: &[(irs::VPE_CR0, 4), (irs::VPE_DBR, 8)],
    },
    Selector {
        selr: (irs::VM_SELR, 4),
        status: irs::VM_STATUSR,
        selected: &[(irs::VM_DBR, 8)],
    },
];

#[derive(Clone, Copy, Debug)]
enum Access {
    Select,
    Wait,
    Read(usize),
    Write(usize),
}

/// Everything from a selection to the last access that depends on it.
#[derive(Clone, Debug)]
struct Transaction {
    selector: usize,
    accesses: Vec<Access>,
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let uses = prop::collection::vec((0usize..2, any::<bool>()), 0..3);
    (0..SELECTORS.len(), uses).prop_map(|(selector, uses)| {
        let mut accesses = vec![Access::Select, Access::Wait];
        for (which, write) in uses {
            let which = which % SELECTORS[selector].selected.len();
            accesses.push(if write {
                Access::Write(which)
            } else {
                Access::Read(which)
            });
            if write {
                accesses.push(Access::Wait);
            }
        }
        Transaction { selector, accesses }
    })
}

/// Does one access as PE `pe`. What is selected is valid, and nothing is
/// changed, so that the only mistakes are the selectors'.
fn access(hyp: &mut Hyp, pe: u32, selector: Selector, access: Access) {
    hyp.by = Some(pe);
    let (offset, size) = match access {
        Access::Select => selector.selr,
        Access::Wait => return hyp.wait(selector.status),
        Access::Read(which) | Access::Write(which) => selector.selected[which],
    };
    match access {
        Access::Select if offset == irs::VPE_SELR => {
            hyp.irs_write(offset, size, M | u64::from(pe) << 32 | 5);
        }
        Access::Select if offset == irs::VM_SELR => hyp.irs_write(offset, size, 5),
        Access::Select => hyp.irs_write(offset, size, pe.into()),
        Access::Read(_) => {
            hyp.irs_read(offset, size);
        }
        _ => hyp.irs_write(offset, size, 0),
    }
}

/// A PE's transactions, as one list of accesses, each with its transaction.
fn program(transactions: &[Transaction]) -> Vec<(usize, Selector, usize, Access)> {
    let numbered = transactions.iter().enumerate();
    numbered
        .flat_map(|(n, t)| {
            let kind = t.selector;
            t.accesses
                .iter()
                .map(move |a| (n, SELECTORS[kind], kind, *a))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn only_a_selection_that_overtakes_is_a_fault(
        programs in (prop::collection::vec(transaction(), 1..4), prop::collection::vec(transaction(), 1..4)),
        turns in prop::collection::vec(0usize..2, 0..60),
        whole in any::<bool>(),
        steps in prop::sample::select(vec![0u32, 3]),
    ) {
        let delay = Delay { steps, stuck: None };
        let mut hyp = Hyp::slow(2, false, Knobs::default(), delay, None);
        hyp.vm(5, 2);
        hyp.no_errors();
        let programs = [program(&programs.0), program(&programs.1)];
        let mut at = [0, 0];
        let mut overtaken = false;
        for turn in turns.into_iter().chain([0, 1].into_iter().cycle()) {
            if at[0] == programs[0].len() && at[1] == programs[1].len() {
                break;
            }
            // A turn is an access, or all of a transaction.
            let Some(&(number, ..)) = programs[turn].get(at[turn]) else {
                continue;
            };
            while let Some(&(n, selector, kind, what)) = programs[turn].get(at[turn]) {
                if n != number {
                    break;
                }
                // The other PE is between two accesses of one transaction.
                let other = 1 - turn;
                let before = at[other].checked_sub(1).map(|i| programs[other][i]);
                let after = programs[other].get(at[other]);
                if let (Some((a, ..)), Some((b, _, its, _))) = (before, after) {
                    let selects = matches!(what, Access::Select);
                    overtaken |= selects && a == *b && *its == kind;
                }
                access(&mut hyp, turn as u32, selector, what);
                at[turn] += 1;
                if !whole {
                    break;
                }
            }
        }
        prop_assert_eq!(!hyp.errors.0.is_empty(), overtaken, "{:?}", hyp.errors.0);
        prop_assert!(!(whole && overtaken));
    }
}

#[test]
fn what_is_said_of_it() {
    let mut hyp = Hyp::new(2, false, Knobs::default());
    let mut access = |pe, n: usize, what| {
        let errors = hyp.errors_of(|hyp| access(hyp, pe, SELECTORS[n], what));
        (errors > 0).then(|| hyp.errors.0.last().unwrap().clone())
    };
    assert_eq!(access(0, 0, Access::Select), None);
    assert_eq!(access(1, 1, Access::Select), None, "another selector");
    assert_eq!(
        access(1, 0, Access::Select).as_deref(),
        Some("IRS_SPI_SELR: PE 1 selects before PE 0 has seen IDLE of what it selected")
    );
    assert_eq!(access(1, 0, Access::Wait), None);
    assert_eq!(
        access(0, 0, Access::Write(0)).as_deref(),
        Some("IRS_SPI_SELR: PE 0 reaches what PE 1 has selected")
    );
    // It may be a wait before a selection.
    assert_eq!(access(1, 0, Access::Wait), None);
    assert_eq!(access(0, 0, Access::Wait), None);
    assert_eq!(access(0, 0, Access::Select), None);
}

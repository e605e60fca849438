// SPDX-License-Identifier: GPL-2.0-or-later
//! One interrupt's state against the state diagrams, drawn as a table.

use super::super::state::{Event, Handling, Icsr, State};
use crate::intid::Priority;
use proptest::prelude::*;

/// The four states of the diagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Pending,
    Active,
    Both,
}
use Phase::{Active, Both, Idle, Pending};

#[derive(Clone, Copy, Debug)]
enum Step {
    SetEdge,
    SetLevel,
    Clear,
    Acknowledge,
}

/// Rows: from. Columns: the phase after SET_EDGE or SET_LEVEL, after CLEAR,
/// after an acknowledge with edge and with level handling.
const DIAGRAM: [(Phase, [Phase; 4]); 4] = [
    (Idle, [Pending, Idle, Active, Active]),
    (Pending, [Pending, Idle, Active, Both]),
    (Active, [Both, Active, Active, Active]),
    (Both, [Both, Active, Active, Both]),
];

fn phase(state: State) -> Phase {
    match (state.pending, state.active) {
        (false, false) => Idle,
        (true, false) => Pending,
        (false, true) => Active,
        (true, true) => Both,
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::SetEdge),
        Just(Step::SetLevel),
        Just(Step::Clear),
        Just(Step::Acknowledge),
    ]
}

proptest! {
    #[test]
    fn follows_the_diagrams(word: u32, steps in prop::collection::vec(step(), 0..20)) {
        let mut state = State::from_iste(word);
        for step in steps {
            let before = state;
            let row = DIAGRAM.iter().find(|row| row.0 == phase(before)).unwrap().1;
            let (column, handling) = match step {
                Step::SetEdge => (0, Handling::Edge),
                Step::SetLevel => (0, Handling::Level),
                Step::Clear => (1, before.handling),
                Step::Acknowledge => (2 + before.handling as usize, before.handling),
            };
            match step {
                Step::SetEdge => state.event(Event::SetEdge),
                Step::SetLevel => state.event(Event::SetLevel),
                Step::Clear => state.event(Event::Clear),
                Step::Acknowledge => state.acknowledge(),
            }
            prop_assert_eq!(phase(state), row[column]);
            prop_assert_eq!(state.handling, handling);
            prop_assert_eq!(
                (state.enabled, state.priority, state.target),
                (before.enabled, before.priority, before.target)
            );
            prop_assert_eq!(
                state.is_candidate(),
                state.enabled && phase(state) == Phase::Pending
            );
        }
    }

    #[test]
    fn iste_and_back(word: u32) {
        let state = State::from_iste(word);
        // Pending, Active, HM, Enable; Priority; IAFFID.
        prop_assert_eq!(state.to_iste(), word & 0xffff_f80f);
        prop_assert_eq!(State::from_iste(state.to_iste()), state);
    }

    #[test]
    fn icsr_has_the_iste_in_other_places(word: u32) {
        let bit = |n: u32| u64::from((word >> n) & 1);
        let icsr = Icsr::from(State::from_iste(word));
        prop_assert!(!icsr.is_fault());
        let expected = (bit(3) << 1) + (bit(0) << 2) + (bit(1) << 4) + (bit(2) << 5)
            + (u64::from((word >> 11) & 31) << 11) + (u64::from(word >> 16) << 32);
        prop_assert_eq!(icsr.raw(), expected);
    }
}

#[test]
fn zero_is_the_reset_state() {
    let state = State::default();
    assert_eq!(state.to_iste(), 0);
    assert_eq!(state.priority, Priority::SUPER);
    assert!(!state.is_candidate());
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Which interrupts compete for each target, and which of them wins.
//!
//! An index over the interrupt state tables: only interrupts that are Enabled,
//! Pending and not Active are in it, so finding the highest priority one costs
//! nothing, however large the tables are, and an update costs the logarithm of
//! the number of candidates.

use super::state::State;
use crate::archive::Archive;
use crate::intid::{Candidate, IntType, Intid, Priority};
use core::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

/// A candidate in the order in which they win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rank(Priority, Intid);

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The candidates for targets 0..n: the PEs, or the VPEs of a VM.
///
/// CHOICE: among candidates of equal priority the one with the lower INTID
/// wins, an LPI therefore before an SPI.
#[derive(Debug)]
pub(crate) struct Candidates {
    by_target: Vec<BTreeSet<Rank>>,
    /// Where in `by_target` an interrupt is.
    place: HashMap<Intid, (u16, Priority)>,
    /// The first of each set.
    best: Vec<Option<Candidate>>,
}

impl Candidates {
    /// No candidates, for `targets` targets.
    pub fn new(targets: usize) -> Self {
        Self {
            by_target: vec![BTreeSet::new(); targets],
            place: HashMap::new(),
            best: vec![None; targets],
        }
    }

    /// The number of targets.
    pub fn targets(&self) -> usize {
        self.by_target.len()
    }

    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        let mut all: Vec<_> = self.place.iter().map(|(id, place)| (*id, *place)).collect();
        all.sort_unstable();
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        *self = Self::new(self.by_target.len());
        archive.list(&mut all, |entry, archive| {
            let nothing = (Intid::from_raw(0), (0, Priority::SUPER));
            let (intid, (target, priority)) = entry.get_or_insert(nothing);
            intid.archive(archive);
            archive.number(target);
            archive.priority(priority);
        });
        for (intid, (target, priority)) in all.into_iter().flatten() {
            let mut state = State {
                enabled: true,
                pending: true,
                priority,
                target,
                ..State::default()
            };
            state.active = false;
            self.update(intid, state);
            let there = self.place.contains_key(&intid);
            archive.require(there && matches!(intid.kind(), Some(IntType::Lpi | IntType::Spi)));
        }
    }

    /// The winner for `target`; `None` also when there is no such target.
    pub fn best(&self, target: usize) -> Option<Candidate> {
        self.best.get(target).copied().flatten()
    }

    /// `intid` is now in state `state`. An interrupt whose target does not
    /// exist is no candidate.
    pub fn update(&mut self, intid: Intid, state: State) {
        let exists = usize::from(state.target) < self.by_target.len();
        let place = (state.is_candidate() && exists).then_some((state.target, state.priority));
        if self.place.get(&intid).copied() == place {
            return;
        }
        self.remove(intid);
        if let Some((target, priority)) = place {
            self.place.insert(intid, (target, priority));
            self.by_target[usize::from(target)].insert(Rank(priority, intid));
            self.refresh(target);
        }
    }

    /// `intid` can no longer be reached.
    pub fn remove(&mut self, intid: Intid) {
        if let Some((target, priority)) = self.place.remove(&intid) {
            self.by_target[usize::from(target)].remove(&Rank(priority, intid));
            self.refresh(target);
        }
    }

    /// No interrupt of type `ty` can be reached any longer.
    pub fn remove_all(&mut self, ty: IntType) {
        self.place.retain(|intid, _| intid.kind() != Some(ty));
        for set in &mut self.by_target {
            set.retain(|Rank(_, intid)| intid.kind() != Some(ty));
        }
        for target in 0..self.by_target.len() {
            self.refresh(target as u16);
        }
    }

    fn refresh(&mut self, target: u16) {
        let target = usize::from(target);
        self.best[target] = self.by_target[target]
            .first()
            .map(|&Rank(priority, intid)| Candidate { intid, priority });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    thread_local! {
        /// How often two candidates were compared.
        pub static COMPARISONS: Cell<u64> = const { Cell::new(0) };
    }

    /// The comparisons that `action` makes.
    fn comparisons<T>(action: impl FnOnce() -> T) -> (u64, T) {
        let before = COMPARISONS.get();
        let result = action();
        (COMPARISONS.get() - before, result)
    }

    fn pending(priority: u8) -> State {
        State {
            pending: true,
            enabled: true,
            priority: Priority::from_bits(priority.into()),
            ..State::default()
        }
    }

    /// What an interrupt costs does not grow with the number that are pending,
    /// or with its logarithm only.
    #[test]
    fn an_interrupt_among_many() {
        for count in [10u32, 1_000, 60_000] {
            let mut candidates = Candidates::new(2);
            let lpi = |n: u32| Intid::new(IntType::Lpi, n);
            // In no order, at few priorities.
            let scattered = |n: u32| n.wrapping_mul(0x9e37_79b1) >> 8;
            for n in 0..count {
                candidates.update(lpi(scattered(n)), pending(n as u8 % 30));
            }
            // A node of the tree has at most 11 entries, and at least 5.
            let most = 11 * (1 + u64::from(count.ilog2()) / 2);
            let mut worst = 0;
            for n in 0..100 {
                let (selecting, best) = comparisons(|| candidates.best(0));
                assert_eq!(selecting, 0, "{count} pending");
                let best = best.expect("one of them").intid;
                // It is acknowledged, another one comes, one changes.
                let other = lpi(scattered(count + n));
                let (cost, ()) = comparisons(|| candidates.update(best, State::default()));
                worst = worst.max(cost);
                let (cost, ()) = comparisons(|| candidates.update(other, pending(31)));
                worst = worst.max(cost);
                let (cost, ()) = comparisons(|| candidates.update(other, pending(n as u8 % 30)));
                worst = worst.max(cost / 2);
            }
            assert!(worst > 0 && worst <= most, "{count} pending: {worst}");
        }
    }
}

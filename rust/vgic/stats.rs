// SPDX-License-Identifier: GPL-2.0

//! Counters of one vCPU, for debugfs.

use super::word::Word;

/// Something worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)]
pub enum Event {
    Load,
    Put,
    Entry,
    Inject,
    DirectInjection,
    Trap,
}

impl Event {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them with the name debugfs shows, in the order of their discriminants.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Load, "loads"),
        (Self::Put, "puts"),
        (Self::Entry, "entries"),
        (Self::Inject, "injections"),
        (Self::DirectInjection, "direct-injection changes"),
        (Self::Trap, "traps"),
    ];
}

/// How often each [`Event`] happened. Approximate where two threads count at once.
pub struct Stats([Word; Event::COUNT]);

impl Stats {
    pub(in crate::vgic) fn new() -> Self {
        Self(core::array::from_fn(|_| Word::new(0)))
    }

    #[inline(always)]
    pub(in crate::vgic) fn count(&self, event: Event) {
        // Loom would try every interleaving of these too, and nothing depends on one.
        if cfg!(not(loom)) {
            self.0[event as usize].bump();
        }
    }

    /// How often `event` happened.
    pub fn get(&self, event: Event) -> u64 {
        self.0[event as usize].load()
    }
}

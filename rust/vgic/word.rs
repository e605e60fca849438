// SPDX-License-Identifier: GPL-2.0

//! The one shared-memory cell that threads meet at: a 64-bit word.
//!
//! In the kernel it is the kernel's atomic, because kernel code shares the kernel's memory model
//! with the C it races with. On the host it is core's, and under `--cfg loom` it is loom's, which
//! tries every interleaving and every value that a relaxed load may return.
//!
//! Plain accesses are relaxed: no reader combines two words into a decision that a third thread
//! could invalidate without also kicking the vCPU (see [`super::cpuif::Inputs::inject`]). The
//! read-modify-writes are fully ordered, so that an injection is visible before the kick that
//! announces it.

#[cfg(CONFIG_RUST)]
use kernel::sync::atomic::{Acquire, Atomic, Full, Relaxed};

#[cfg(all(not(CONFIG_RUST), not(loom)))]
use core::sync::atomic::{AtomicU64 as Cell, Ordering};

#[cfg(all(not(CONFIG_RUST), loom))]
use loom::sync::atomic::{AtomicU64 as Cell, Ordering};

/// A word that any thread may read and change.
pub struct Word(
    #[cfg(CONFIG_RUST)] Atomic<u64>,
    #[cfg(not(CONFIG_RUST))] Cell,
);

#[cfg(CONFIG_RUST)]
impl Word {
    /// Makes a word that holds `value`.
    pub fn new(value: u64) -> Self {
        Self(Atomic::new(value))
    }

    /// Reads, relaxed.
    #[inline(always)]
    pub fn load(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Reads, acquiring what a thread wrote before its [`Word::set`] or [`Word::clear`].
    #[inline(always)]
    pub fn observe(&self) -> u64 {
        self.0.load(Acquire)
    }

    /// Writes, relaxed.
    #[inline(always)]
    pub fn store(&self, value: u64) {
        self.0.store(value, Relaxed)
    }

    /// Replaces `old` by `new` if the word holds `old`; otherwise says what it holds.
    #[inline(always)]
    fn replace(&self, old: u64, new: u64) -> Result<u64, u64> {
        self.0.cmpxchg(old, new, Full)
    }

    /// Sets the bits of `bits`, fully ordered; returns the word from before.
    #[inline]
    pub fn set(&self, bits: u64) -> u64 {
        self.update(|word| word | bits)
    }

    /// Clears the bits of `bits`, fully ordered; returns the word from before.
    #[inline]
    pub fn clear(&self, bits: u64) -> u64 {
        self.update(|word| word & !bits)
    }

    // The kernel's Rust atomics have no fetch_or and fetch_and yet. This is not what loom is given:
    // it remembers one access to a word, and the read here would hide another thread's from it, and
    // with that every interleaving of the two.
    #[inline]
    fn update(&self, change: impl Fn(u64) -> u64) -> u64 {
        let mut old = self.load();
        loop {
            match self.replace(old, change(old)) {
                Ok(_) => return old,
                Err(now) => old = now,
            }
        }
    }
}

#[cfg(not(CONFIG_RUST))]
impl Word {
    /// Makes a word that holds `value`.
    pub fn new(value: u64) -> Self {
        Self(Cell::new(value))
    }

    /// Reads, relaxed.
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Reads, acquiring what a thread wrote before its [`Word::set`] or [`Word::clear`].
    pub fn observe(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Writes, relaxed.
    pub fn store(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed)
    }

    fn replace(&self, old: u64, new: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
    }

    /// Sets the bits of `bits`, fully ordered; returns the word from before.
    pub fn set(&self, bits: u64) -> u64 {
        self.0.fetch_or(bits, Ordering::SeqCst)
    }

    /// Clears the bits of `bits`, fully ordered; returns the word from before.
    pub fn clear(&self, bits: u64) -> u64 {
        self.0.fetch_and(!bits, Ordering::SeqCst)
    }
}

impl Word {
    /// As [`Word::set`], but only a relaxed read if all of `bits` are set: for a caller that needs
    /// no order where nothing changes.
    #[inline]
    pub fn set_if_clear(&self, bits: u64) -> u64 {
        // Loom remembers one access to a word: the look would hide another thread's from it.
        if cfg!(not(loom)) {
            let now = self.load();
            if now & bits == bits {
                return now;
            }
        }
        self.set(bits)
    }

    /// As [`Word::clear`], but only a relaxed read if none of `bits` is set: for a caller that
    /// needs no order where nothing changes.
    #[inline]
    pub fn clear_if_set(&self, bits: u64) -> u64 {
        // See above.
        if cfg!(not(loom)) {
            let now = self.load();
            if now & bits == 0 {
                return now;
            }
        }
        self.clear(bits)
    }

    /// Removes the bits of `bits` and returns those that were set. Fully ordered if there were
    /// any; only a relaxed read if there were none, which is the common case on guest entry.
    #[inline(always)]
    pub fn take(&self, bits: u64) -> u64 {
        if self.load() & bits == 0 {
            return 0;
        }
        self.clear(bits) & bits
    }

    /// Puts `new` into a word that holds 0; otherwise says what it holds.
    pub fn claim(&self, new: u64) -> Result<(), u64> {
        self.replace(0, new).map(|_| ())
    }

    /// Adds 1, relaxed and not atomic as a whole: a statistic, with one writer or a tolerated miss.
    #[inline(always)]
    pub fn bump(&self) {
        self.store(self.load().wrapping_add(1));
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Random values, and memory that is not to be trusted.

use gicv5_model::memory::{Log, Memory};
use std::collections::HashMap;

/// SplitMix64.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A value with few bits set, all, none, or any; or an address or INTID.
    pub fn value(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => self.next(),
            3 => 1 << self.below(64),
            4 => self.next() & self.next() & self.next(),
            5 => self.below(16) << 12 | self.below(2),
            6 => self.below(256),
            _ => self.below(8) << 29 | self.below(40) | self.next() << 32,
        }
    }
}

/// Sparse memory; what was never written is random and stays that, unless the
/// memory is of the kind that changes by itself.
pub struct Hostile {
    pub bytes: HashMap<u64, u8>,
    pub random: Random,
    pub faults: bool,
    pub fickle: bool,
    /// Bytes that one call of the model has moved.
    pub traffic: usize,
}

impl Hostile {
    fn byte(&mut self, pa: u64) -> u8 {
        if self.fickle && self.random.one_in(16) {
            return self.random.next() as u8;
        }
        let random = &mut self.random;
        *self
            .bytes
            .entry(pa)
            .or_insert_with(|| match random.below(3) {
                0 => 0,
                1 => 0xff,
                _ => random.next() as u8,
            })
    }
}

impl Hostile {
    pub fn put(&mut self, pa: u64, word: u64) {
        for (pa, byte) in (pa..).zip(word.to_le_bytes()) {
            self.bytes.insert(pa, byte);
        }
    }
}

impl Memory for Hostile {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        self.traffic += buf.len();
        if self.faults && self.random.one_in(8) {
            buf.fill(0xa5);
            return false;
        }
        for (n, byte) in buf.iter_mut().enumerate() {
            *byte = self.byte(pa.wrapping_add(n as u64));
        }
        true
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        self.traffic += buf.len();
        if self.faults && self.random.one_in(8) {
            return false;
        }
        for (n, byte) in buf.iter().enumerate() {
            self.bytes.insert(pa.wrapping_add(n as u64), *byte);
        }
        true
    }
}

/// The number of guest errors.
#[derive(Default)]
pub struct Errors(pub u64);

impl Log for Errors {
    fn guest_error(&mut self, msg: core::fmt::Arguments<'_>) {
        let msg = msg.to_string();
        assert!(!msg.contains(['\n', '\0']), "{msg:?}");
        self.0 += 1;
    }
}

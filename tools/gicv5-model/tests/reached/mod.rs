// SPDX-License-Identifier: GPL-2.0-or-later
//! Which registers and instructions the fuzzer has reached.

use gicv5_model::irs::registers;
use gicv5_model::regs::TABLE;
use std::collections::BTreeMap;

/// How often each register and instruction was read, and was written: an access
/// that the model did, and not one that trapped or was UNDEFINED.
#[derive(Clone)]
pub struct Reached(pub BTreeMap<(String, &'static str), u64>);

impl Reached {
    /// Of everything that there is, nothing.
    pub fn nothing() -> Self {
        let rows = TABLE.iter().map(|row| {
            let name = row.name.to_str().unwrap().to_string();
            (name, row.readable(), row.writable())
        });
        let frame = registers().map(|reg| (reg.name.to_string(), reg.readable, reg.writable));
        let ways = rows.chain(frame).flat_map(|(name, readable, writable)| {
            let read = readable.then(|| (name.clone(), "read"));
            read.into_iter().chain(writable.then_some((name, "write")))
        });
        Self(ways.map(|way| (way, 0)).collect())
    }

    pub fn one(&mut self, name: &str, write: bool) {
        let way = if write { "write" } else { "read" };
        let count = self.0.get_mut(&(name.to_string(), way));
        *count.unwrap_or_else(|| panic!("no {way} of {name}")) += 1;
    }

    /// An access to the frame reaches the register that it is to.
    pub fn frame(&mut self, virt: bool, offset: u32, size: u32, write: bool) {
        let reg = registers().find(|reg| {
            let part = if size == 4 { offset & !7 } else { offset };
            reg.offset == offset || reg.width == 8 && reg.offset == part
        });
        let there = reg.filter(|reg| {
            let way = if write { reg.writable } else { reg.readable };
            way && (virt || !reg.virt) && (size == 4 || size == reg.width) && offset % size == 0
        });
        if let Some(reg) = there {
            self.one(reg.name, write);
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, n) in self.0.values_mut().zip(other.0.values()) {
            *sum += n;
        }
    }

    pub fn missing(&self) -> Vec<String> {
        let never = self.0.iter().filter(|(_, count)| **count == 0);
        never
            .map(|((name, way), _)| format!("{way} of {name}"))
            .collect()
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory that the CPU and the IRS share, and who may touch which part of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use vgic_v5::irs::{Block, Error, Result};

#[derive(Default)]
struct State {
    pieces: BTreeMap<u64, Vec<u8>>,
    /// What the IRS has.
    owned: Vec<Range<u64>>,
    faults: Vec<String>,
    leaked: usize,
    next: u64,
}

#[derive(Clone, Default)]
pub struct Memory {
    state: Rc<RefCell<State>>,
    /// Allocations until one fails.
    budget: Rc<Cell<Option<u32>>>,
}

/// An allocation.
pub struct Piece {
    memory: Memory,
    address: u64,
    size: usize,
}

impl Memory {
    /// The allocation after `count` more fails.
    pub fn fail_after(&self, count: u32) {
        self.budget.set(Some(count));
    }

    /// Whether the allocation that was to fail has.
    pub fn has_failed(&self) -> bool {
        self.budget.take().is_none()
    }

    pub fn spend(&self) -> Result {
        match self.budget.get() {
            Some(0) => {
                self.budget.set(None);
                Err(Error::NoMemory)
            }
            Some(left) => {
                self.budget.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn allocate(&self, size: usize, align: usize) -> Result<Piece> {
        assert!(align.is_power_of_two());
        self.spend()?;
        let mut state = self.state.borrow_mut();
        let address = (state.next.max(1 << 32)).next_multiple_of(align as u64);
        // Never adjacent, never used again.
        state.next = address + size as u64 + 8;
        state.pieces.insert(address, vec![0; size]);
        Ok(Piece {
            memory: self.clone(),
            address,
            size,
        })
    }

    pub fn allocated(&self) -> usize {
        self.state.borrow().pieces.len()
    }

    pub fn leaked(&self) -> usize {
        self.state.borrow().leaked
    }

    pub fn faults(&self) -> Vec<String> {
        self.state.borrow().faults.clone()
    }

    pub fn fault(&self, what: String) {
        self.state.borrow_mut().faults.push(what);
    }

    /// The IRS has `size` bytes at `address` now.
    pub fn own(&self, address: u64, size: u64) {
        let mut state = self.state.borrow_mut();
        let inside = state
            .pieces
            .range(..=address)
            .next_back()
            .is_some_and(|(start, bytes)| address + size <= start + bytes.len() as u64);
        if !inside {
            state
                .faults
                .push(format!("{size:#x} bytes at {address:#x} are no memory"));
        }
        if address % size.next_power_of_two() != 0 {
            state
                .faults
                .push(format!("{size:#x} bytes at {address:#x} are not aligned"));
        }
        state.owned.push(address..address + size);
    }

    /// The IRS gives it back.
    pub fn disown(&self, address: u64) {
        self.state
            .borrow_mut()
            .owned
            .retain(|range| range.start != address);
    }

    fn at<T>(&self, address: u64, size: usize, access: impl FnOnce(&mut [u8]) -> T) -> Option<T> {
        let mut state = self.state.borrow_mut();
        let (start, bytes) = state.pieces.range_mut(..=address).next_back()?;
        let offset = (address - start) as usize;
        Some(access(bytes.get_mut(offset..offset + size)?))
    }

    /// The IRS reads; whether there is memory.
    pub fn peek(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.at(address, bytes.len(), |it| bytes.copy_from_slice(it))
            .is_some()
    }

    /// The IRS reads.
    pub fn read64(&self, address: u64) -> u64 {
        self.at(address, 8, |it| {
            u64::from_le_bytes((&*it).try_into().unwrap())
        })
        .unwrap_or_else(|| {
            self.fault(format!("the IRS reads at {address:#x}"));
            0
        })
    }

    pub fn read32(&self, address: u64) -> u32 {
        self.at(address, 4, |it| {
            u32::from_le_bytes((&*it).try_into().unwrap())
        })
        .unwrap_or_else(|| {
            self.fault(format!("the IRS reads at {address:#x}"));
            0
        })
    }

    /// The IRS writes.
    pub fn write(&self, address: u64, value: &[u8]) {
        if self
            .at(address, value.len(), |it| it.copy_from_slice(value))
            .is_none()
        {
            self.fault(format!("the IRS writes at {address:#x}"));
        }
    }

    fn check(&self, what: &str, range: Range<u64>) {
        let mut state = self.state.borrow_mut();
        let hit = state
            .owned
            .iter()
            .find(|owned| owned.start < range.end && range.start < owned.end)
            .cloned();
        if let Some(owned) = hit {
            state.faults.push(format!(
                "{what} of {range:#x?} in {owned:#x?}, which the IRS has"
            ));
        }
    }
}

impl Piece {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if offset + bytes.len() > self.size {
            self.memory
                .fault(format!("a write beyond the end of {:#x}", self.address));
            return;
        }
        let address = self.address + offset as u64;
        self.memory
            .check("write", address..address + bytes.len() as u64);
        self.memory.write(address, bytes);
    }
}

impl Block for Piece {
    fn address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read32(&self, offset: usize) -> u32 {
        self.memory.read32(self.address + offset as u64)
    }

    fn write32(&mut self, offset: usize, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    fn read64(&self, offset: usize) -> u64 {
        self.memory.read64(self.address + offset as u64)
    }

    fn write64(&mut self, offset: usize, value: u64) {
        self.write(offset, &value.to_le_bytes());
    }

    fn zero(&mut self, offset: usize, size: usize) {
        self.write(offset, &vec![0; size]);
    }

    fn synchronize(&self, offset: usize, size: usize) {
        assert!(offset + size <= self.size);
    }

    fn leak(self) {
        self.memory.state.borrow_mut().leaked += 1;
        std::mem::forget(self);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.memory
            .check("free", self.address..self.address + self.size as u64);
        self.memory.state.borrow_mut().pieces.remove(&self.address);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A host whose IRS is as strict as the architecture allows.
//!
//! It keeps its own copy of all that is valid, believes nothing that is edited under its hands, and
//! writes down whatever software must not do: an edit or a free of memory that it has, a command out
//! of order. Any allocation and any command can be made to fail.

#![allow(dead_code, unused_imports)] // Each test uses its part.

mod irs;
mod memory;

pub use irs::Fault;
pub use memory::{Memory, Piece};

use std::cell::{Cell, RefCell};
use vgic_v5::irs::{Cpu, Error, Host, HostIrs, List, Result, SharedMemory, Sizes, VmId, VmTable};

/// What the identification registers say, where hosts differ.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    pub vmt_two_level: bool,
    pub vmd: bool,
    /// ISTMD_SZ, if there is metadata.
    pub istmd: Option<u32>,
    /// IST_L2SZ, if there are two levels.
    pub l2: Option<u32>,
}

impl Features {
    pub const PLAIN: Self = Self {
        vmt_two_level: false,
        vmd: false,
        istmd: None,
        l2: None,
    };

    /// Every choice that selects other code.
    pub fn all() -> impl Iterator<Item = Self> {
        let bools = [false, true];
        bools.into_iter().flat_map(move |vmt_two_level| {
            bools.into_iter().flat_map(move |vmd| {
                [None, Some(0), Some(14), Some(20)]
                    .into_iter()
                    .flat_map(move |istmd| {
                        [None, Some(1), Some(2), Some(4), Some(7)]
                            .into_iter()
                            .map(move |l2| Self {
                                vmt_two_level,
                                vmd,
                                istmd,
                                l2,
                            })
                    })
            })
        })
    }

    pub fn idr(self) -> [u32; 5] {
        let istmd = self.istmd.map_or(0, |size| size << 15 | 1 << 14);
        let l2 = self.l2.map_or(0, |sizes| sizes << 11 | 1 << 10);
        [
            1 << 6 | 1,
            4 << 20 | 3 << 16 | 4,
            istmd | l2 | 6 << 6 | 1 << 5 | 16,
            u32::from(self.vmt_two_level) << 10 | 9 << 5 | 4 << 1 | u32::from(self.vmd),
            8 << 6 | 5,
        ]
    }
}

/// The host.
pub struct TestHost {
    pub memory: memory::Memory,
    pub irs: RefCell<irs::Irs>,
    sizes: Sizes,
    table: RefCell<Option<VmTable<Piece>>>,
    locked: Cell<bool>,
}

impl TestHost {
    pub fn new(features: Features) -> Self {
        Self::with_page_size(features, 4096)
    }

    pub fn with_page_size(features: Features, page_size: usize) -> Self {
        let sizes = Sizes::new(features.idr(), page_size).unwrap();
        Self {
            memory: memory::Memory::default(),
            irs: RefCell::new(irs::Irs::new(features)),
            sizes,
            table: RefCell::new(None),
            locked: Cell::new(false),
        }
    }

    pub fn install(&self) -> Result {
        let table = VmTable::install(self, &self.sizes)?;
        *self.table.borrow_mut() = Some(table);
        Ok(())
    }

    pub fn remove(&self) -> Result {
        let table = self.table.borrow_mut().take().ok_or(Error::NoDevice)?;
        table.remove(self)
    }

    pub fn ids_in_use(&self) -> u32 {
        self.table.borrow().as_ref().map_or(0, VmTable::in_use)
    }

    /// A VM ID of this number.
    pub fn vm_id(&self, number: u16) -> VmId {
        let slots = (0..=number).map(|_| self.with_table(|table| table.claim(self)).unwrap());
        slots.last().unwrap().vm()
    }

    pub fn sizes_max(&self) -> u32 {
        self.sizes.max_vcpus()
    }

    /// Panics if software did what it must not.
    pub fn assert_innocent(&self) {
        let faults = self.memory.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    pub fn cpu(&self) -> TestCpu<'_> {
        TestCpu(self)
    }
}

impl HostIrs for TestHost {
    fn read32(&self, offset: u32) -> u32 {
        assert!(self.locked.get(), "the registers are not ours");
        self.irs.borrow_mut().read32(offset)
    }

    fn write32(&self, offset: u32, value: u32) {
        assert!(self.locked.get(), "the registers are not ours");
        self.irs
            .borrow_mut()
            .write(&self.memory, offset, value.into());
    }

    fn read64(&self, offset: u32) -> u64 {
        assert!(self.locked.get(), "the registers are not ours");
        self.irs.borrow_mut().read64(offset)
    }

    fn write64(&self, offset: u32, value: u64) {
        assert!(self.locked.get(), "the registers are not ours");
        self.irs.borrow_mut().write(&self.memory, offset, value);
    }

    fn relax(&self) {}

    fn exclusive<T>(&self, operation: impl FnOnce() -> T) -> T {
        assert!(!self.locked.replace(true), "taken twice");
        let result = operation();
        self.locked.set(false);
        result
    }
}

impl SharedMemory for TestHost {
    type Block = Piece;

    fn allocate(&self, size: usize, align: usize) -> Result<Piece> {
        self.memory.allocate(size, align)
    }

    fn list<T>(&self, capacity: usize) -> Result<List<T>> {
        self.memory.spend()?;
        List::with_capacity(capacity)
    }
}

impl Host for TestHost {
    fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    fn with_table<T>(&self, change: impl FnOnce(&mut VmTable<Piece>) -> Result<T>) -> Result<T> {
        let mut table = self.table.borrow_mut();
        change(table.as_mut().ok_or(Error::NoDevice)?)
    }
}

/// A CPU of the host, of which only the virtual commands matter.
pub struct TestCpu<'a>(&'a TestHost);

impl Cpu for TestCpu<'_> {
    fn enter_context(&mut self, _contextr: u64) -> u64 {
        unimplemented!("no VPE is loaded here")
    }

    fn leave_context(&mut self, _contextr: u64) {
        unimplemented!("no VPE is loaded here")
    }

    fn vdpend(&mut self, operand: u64) {
        self.0.irs.borrow_mut().vdpend(&self.0.memory, operand);
    }

    fn complete(&mut self) {}
}

/// Whether all that was allocated has been freed.
pub fn nothing_left(host: &TestHost) -> bool {
    host.memory.allocated() == 0
}

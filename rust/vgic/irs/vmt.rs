// SPDX-License-Identifier: GPL-2.0

//! The host's table of VMs, and VM IDs.

use super::entry::{self, L1_VMTE_SIZE, L2_VMT_ENTRIES, VMTE_SIZE};
use super::error::{Error, Result};
use super::host::{Commands, IstKind, VmId};
use super::list::List;
use super::ports::{natural_alignment, Block, HostIrs, SharedMemory};
use super::sizes::Sizes;
use super::table::{Lent, Single, VmtGone};

const L2_VMT_SIZE: usize = L2_VMT_ENTRIES * VMTE_SIZE;

type LentBlock<B> = Lent<Single<B>, VmtGone>;

/// A second-level table. It stays for the life of the VM table.
struct Second<B: Block> {
    table: LentBlock<B>,
    /// Whether the IRS is known to have it. If not, the command that gives it timed out.
    mapped: bool,
}

/// A VM ID, and with it a VMTE that is not valid and that nobody else uses.
///
/// Dropping it keeps the ID from being used ever again; [`VmTable::release`] returns it.
#[derive(Debug)]
#[must_use]
pub struct Slot(VmId);

impl Slot {
    /// The ID.
    pub fn vm(&self) -> VmId {
        self.0
    }
}

/// The installed VM table.
pub struct VmTable<B: Block> {
    /// The only table, or the first level.
    top: LentBlock<B>,
    /// By index in the first level; empty if the table is linear.
    second: List<Option<Second<B>>>,
    /// A bit for each VM ID that is in use.
    used: List<u64>,
}

impl<B: Block> VmTable<B> {
    /// Allocates an empty table and installs it.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`]; [`Error::Busy`] if the IRS has one already; [`Error::Timeout`].
    pub fn install<H>(host: &H, sizes: &Sizes) -> Result<Self>
    where
        H: HostIrs + SharedMemory<Block = B>,
    {
        let vms = 1_usize << sizes.vm_id_bits();
        let mut used = host.list(vms.div_ceil(64))?;
        for _ in 0..vms.div_ceil(64) {
            used.push(0)?;
        }
        let mut second = List::new();
        let size = if sizes.vmt_two_level() {
            let tables = vms.div_ceil(L2_VMT_ENTRIES);
            second = host.list(tables)?;
            for _ in 0..tables {
                second.push(None)?;
            }
            tables * L1_VMTE_SIZE
        } else {
            vms * VMTE_SIZE
        };
        let top = host.allocate(size, natural_alignment(size)?)?;
        let address = top.address();
        let top = Lent::new(Single(top));
        let commands = Commands(host);
        match commands.install_vmt(address, sizes.vm_id_bits(), sizes.vmt_two_level()) {
            Ok(()) => Ok(Self { top, second, used }),
            // Another's table is there: the IRS was not told of this one.
            Err(Error::Busy) => {
                drop(top.take_back(&VmtGone::proven_not_installed()));
                Err(Error::Busy)
            }
            Err(error) => {
                match commands.remove_vmt() {
                    Ok(gone) => drop(top.take_back(&gone)),
                    Err(_) => top.leak(),
                }
                Err(error)
            }
        }
    }

    /// Takes the table from the IRS and frees it. No VM is left, or memory of those that are has
    /// been leaked.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`]; the table's memory is leaked.
    pub fn remove<H: HostIrs>(self, host: &H) -> Result {
        match Commands(host).remove_vmt() {
            Ok(gone) => {
                drop(self.top.take_back(&gone));
                self.second.consume(|second| {
                    if let Some(second) = second {
                        drop(second.table.take_back(&gone));
                    }
                });
                Ok(())
            }
            Err(error) => {
                self.top.leak();
                self.second.consume(|second| {
                    if let Some(second) = second {
                        second.table.leak();
                    }
                });
                Err(error)
            }
        }
    }

    /// How many VM IDs are in use, or lost.
    pub fn in_use(&self) -> u32 {
        self.used.iter().map(|word| word.count_ones()).sum()
    }

    /// How many VM IDs there are.
    pub fn capacity(&self) -> u32 {
        self.used.len() as u32 * u64::BITS
    }

    /// How many second-level tables there are, and can be; `None` if the table is linear.
    pub fn second_level(&self) -> Option<(usize, usize)> {
        let present = self.second.iter().filter(|second| second.is_some());
        (!self.second.is_empty()).then(|| (present.count(), self.second.len()))
    }

    /// Finds a free VM ID, and makes sure that its VMTE exists, is not valid and is zero.
    ///
    /// # Errors
    ///
    /// [`Error::NoVmId`]; [`Error::NoMemory`] or [`Error::Timeout`] for a second-level table;
    /// [`Error::Busy`] if the VMTE is valid although nobody uses it; its ID is not tried again.
    pub fn claim<H>(&mut self, host: &H) -> Result<Slot>
    where
        H: HostIrs + SharedMemory<Block = B>,
    {
        let vm = self.first_free().ok_or(Error::NoVmId)?;
        self.ensure_second(host, vm)?;
        self.mark(vm, true);
        let slot = Slot(vm);
        let (table, offset) = self.vmte(vm).ok_or(Error::NoVmId)?;
        table.synchronize(offset, VMTE_SIZE);
        if entry::VALID.is_set(table.read64(offset)) {
            return Err(Error::Busy);
        }
        table.zero(offset, VMTE_SIZE);
        table.synchronize(offset, VMTE_SIZE);
        Ok(slot)
    }

    /// Returns a VM ID, whose VMTE is not valid.
    pub fn release(&mut self, slot: Slot) {
        if let Some((table, offset)) = self.vmte(slot.0) {
            table.zero(offset, VMTE_SIZE);
            table.synchronize(offset, VMTE_SIZE);
        }
        self.mark(slot.0, false);
    }

    /// Writes a VMTE that is not valid.
    pub(super) fn write_vmte(&mut self, slot: &Slot, words: [u64; 4]) {
        if let Some((table, offset)) = self.vmte(slot.0) {
            for (index, word) in words.into_iter().enumerate() {
                table.write64(offset + 8 * index, word);
            }
            table.synchronize(offset, VMTE_SIZE);
        }
    }

    /// Writes the section of a VMTE that describes an IST. That section is not valid; the VMTE may
    /// be.
    pub(super) fn write_ist(&mut self, slot: &Slot, kind: IstKind, descriptor: u64) {
        let word = match kind {
            IstKind::Lpi => 2,
            IstKind::Spi => 3,
        };
        if let Some((table, offset)) = self.vmte(slot.0) {
            table.write64(offset + 8 * word, descriptor);
            table.synchronize(offset, VMTE_SIZE);
        }
    }

    fn first_free(&self) -> Option<VmId> {
        let (index, word) = self
            .used
            .iter()
            .enumerate()
            .find(|(_, word)| **word != u64::MAX)?;
        u16::try_from(index * 64 + word.trailing_ones() as usize)
            .ok()
            .map(VmId)
    }

    fn mark(&mut self, vm: VmId, used: bool) {
        let bit = 1 << (vm.0 % 64);
        if let Some(word) = self.used.get_mut(usize::from(vm.0) / 64) {
            *word = if used { *word | bit } else { *word & !bit };
        }
    }

    /// The table with the VMTE of `vm`, and where in it.
    fn vmte(&mut self, vm: VmId) -> Option<(&mut B, usize)> {
        let index = usize::from(vm.0);
        if self.second.is_empty() {
            return Some((&mut self.top.invalid_entries().0, index * VMTE_SIZE));
        }
        let second = self.second.get_mut(index / L2_VMT_ENTRIES)?.as_mut()?;
        let table = &mut second.table.invalid_entries().0;
        Some((table, index % L2_VMT_ENTRIES * VMTE_SIZE))
    }

    /// Makes sure that the second-level table with `vm` is there, if there are such tables.
    fn ensure_second<H>(&mut self, host: &H, vm: VmId) -> Result
    where
        H: HostIrs + SharedMemory<Block = B>,
    {
        let index = usize::from(vm.0) / L2_VMT_ENTRIES;
        let Some(place) = self.second.get_mut(index) else {
            return Ok(());
        };
        let top = &mut self.top.invalid_entries().0;
        let offset = index * L1_VMTE_SIZE;
        let second = match place {
            Some(second) => second,
            None => {
                let table = host.allocate(L2_VMT_SIZE, L2_VMT_SIZE)?;
                top.write64(offset, entry::l1_vmte(table.address()));
                top.synchronize(offset, L1_VMTE_SIZE);
                place.insert(Second {
                    table: Lent::new(Single(table)),
                    mapped: false,
                })
            }
        };
        if !second.mapped {
            // An earlier command may have been done after it was given up.
            top.synchronize(offset, L1_VMTE_SIZE);
            if !entry::VALID.is_set(top.read64(offset)) {
                Commands(host).map_l2_vmt(vm)?;
            }
            second.mapped = true;
        }
        Ok(())
    }
}

/// The host: its IRS, memory that the two share, and the table of VMs.
pub trait Host: HostIrs + SharedMemory {
    /// How large the host's tables are, and what their entries look like.
    fn sizes(&self) -> &Sizes;

    /// Runs `change` with the host's VM table to itself. May sleep; taken inside a VM's own lock.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] if there is no table.
    fn with_table<T>(
        &self,
        change: impl FnOnce(&mut VmTable<Self::Block>) -> Result<T>,
    ) -> Result<T>;
}

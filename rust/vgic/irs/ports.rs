// SPDX-License-Identifier: GPL-2.0

//! What the virtual IRS needs of the machine around it.

use super::error::{Error, Result};
use super::list::List;

/// The configuration frame of the physical IRS.
///
/// Accesses are ordered as accesses to a device are, and after what was written to memory before.
pub trait HostIrs {
    /// Reads a 32-bit register at byte `offset`.
    fn read32(&self, offset: u32) -> u32;
    /// Writes a 32-bit register.
    fn write32(&self, offset: u32, value: u32);
    /// Reads a 64-bit register.
    fn read64(&self, offset: u32) -> u64;
    /// Writes a 64-bit register.
    fn write64(&self, offset: u32, value: u64);
    /// Waits about a microsecond, between two polls of a status register. Does not sleep.
    fn relax(&self);
    /// Runs `operation` while nobody else uses the registers of the virtual tables. Does not sleep;
    /// `operation` must not either.
    fn exclusive<T>(&self, operation: impl FnOnce() -> T) -> T;
}

/// A piece of memory that the IRS can access, freed when dropped.
///
/// Offsets are in bytes, and aligned to the access. An access beyond the end reads as 0 and writes
/// nothing. All values are little-endian in memory.
pub trait Block: Sized {
    /// The physical address of its first byte.
    fn address(&self) -> u64;
    /// Its size in bytes.
    fn size(&self) -> usize;
    /// Reads a word.
    fn read32(&self, offset: usize) -> u32;
    /// Writes a word.
    fn write32(&mut self, offset: usize, value: u32);
    /// Reads a double word.
    fn read64(&self, offset: usize) -> u64;
    /// Writes a double word.
    fn write64(&mut self, offset: usize, value: u64);
    /// Zeroes `size` bytes from `offset`.
    fn zero(&mut self, offset: usize, size: usize);
    /// Makes the CPU's and the IRS's view of `size` bytes from `offset` the same: what was written
    /// here is visible there, and what is read here afterwards is what was written there. A barrier,
    /// and cache maintenance if the IRS is not coherent.
    fn synchronize(&self, offset: usize, size: usize);
    /// Never frees the memory: the IRS may still access it. Says so in the log, and counts it.
    fn leak(self);
}

/// Where memory for the IRS comes from.
pub trait SharedMemory {
    /// What is allocated.
    type Block: Block;

    /// Allocates `size` bytes of zeroes at a multiple of `align`, a power of two. May sleep.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    fn allocate(&self, size: usize, align: usize) -> Result<Self::Block>;

    /// Allocates an array for the CPU's own use. May sleep.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    fn list<T>(&self, capacity: usize) -> Result<List<T>> {
        List::with_capacity(capacity)
    }
}

/// The CPU that this runs on, with preemption off for the two that concern residency.
pub trait Cpu {
    /// Writes ICH_CONTEXTR_EL2 with V set, and returns what it reads as after an ISB.
    fn enter_context(&mut self, contextr: u64) -> u64;
    /// Makes earlier stores visible to the other CPUs, writes ICH_CONTEXTR_EL2 with V clear, and
    /// synchronizes.
    fn leave_context(&mut self, contextr: u64);
    /// GIC VDPEND: sets or clears the pending state of a virtual interrupt, after earlier stores are
    /// visible to the other CPUs. Any context.
    fn vdpend(&mut self, operand: u64);
    /// Waits until earlier [`Self::vdpend`]s have taken effect, before later loads. Any context.
    fn complete(&mut self);
}

/// Turns an allocation's size into its alignment: tables are naturally aligned (D_LSPBK and the
/// address fields of the entries), and at least as much as the widest of those fields asks for.
pub(super) fn natural_alignment(size: usize) -> Result<usize> {
    size.checked_next_power_of_two()
        .map(|align| align.max(64))
        .ok_or(Error::TooBig)
}

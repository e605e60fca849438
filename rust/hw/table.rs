// SPDX-License-Identifier: GPL-2.0

//! Pages that the CPU shares with the IRS.

use crate::bindings;
use crate::vgic::irs::{Block, Error};
use core::arch::asm;
use core::ptr::NonNull;
use kernel::bindings as kbindings;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

/// Bytes that were left to the IRS, because it did not give them back.
static LEAKED: Atomic<u64> = Atomic::new(0);

/// How many bytes were left to the IRS so far.
pub(crate) fn leaked() -> u64 {
    LEAKED.load(Relaxed)
}

/// Contiguous pages.
///
/// # Invariants
///
/// `memory` is an allocation of `size` bytes by `alloc_pages_exact()`, ours until `drop`.
pub(crate) struct Pages {
    memory: NonNull<u8>,
    size: usize,
    non_coherent: bool,
}

// SAFETY: The memory is not bound to a thread.
unsafe impl Send for Pages {}
// SAFETY: A shared reference only reads.
unsafe impl Sync for Pages {}

impl Pages {
    /// Allocates `size` bytes of zeroes. May sleep.
    ///
    /// The page allocator aligns what it gives to its size, rounded up to a power of two, which is
    /// all that `align` may ask for.
    pub(crate) fn allocate(size: usize, align: usize, non_coherent: bool) -> Result<Self, Error> {
        if align > size.next_power_of_two().max(kernel::page::PAGE_SIZE) {
            return Err(Error::NoMemory);
        }
        let flags = kbindings::GFP_KERNEL_ACCOUNT | kbindings::__GFP_ZERO | kbindings::__GFP_NOWARN;
        // SAFETY: May be called with any size in a context that can sleep.
        let memory = unsafe { kbindings::alloc_pages_exact_noprof(size, flags) };
        let pages = Self {
            // INVARIANT: It was allocated just now.
            memory: NonNull::new(memory.cast()).ok_or(Error::NoMemory)?,
            size,
            non_coherent,
        };
        // The zeroes too.
        pages.synchronize(0, size);
        Ok(pages)
    }

    /// The `T` at `offset`, if it is inside.
    fn at<T>(&self, offset: usize) -> Option<NonNull<T>> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.size || offset % align_of::<T>() != 0 {
            return None;
        }
        // SAFETY: In bounds, as was just checked.
        Some(unsafe { self.memory.add(offset) }.cast())
    }

    fn read<T: Default>(&self, offset: usize) -> T {
        let Some(at) = self.at::<T>(offset) else {
            return T::default();
        };
        // Volatile, as the IRS may write it.
        // SAFETY: Inside of our allocation and aligned, by `at`.
        unsafe { at.read_volatile() }
    }

    fn write<T>(&mut self, offset: usize, value: T) {
        if let Some(at) = self.at::<T>(offset) {
            // Volatile, as the IRS may read it.
            // SAFETY: Inside of our allocation and aligned, by `at`.
            unsafe { at.write_volatile(value) }
        }
    }
}

impl Block for Pages {
    fn address(&self) -> u64 {
        // SAFETY: Written at boot, long before modules are loaded.
        let start = unsafe { bindings::memstart_addr } as u64;
        // The address of the linear map, without a tag of KASAN's.
        let linear = self.memory.as_ptr().addr() as u64 | 0xff << 56;
        linear
            .wrapping_sub(u64::MAX << bindings::VGIC_V5_VA_BITS)
            .wrapping_add(start)
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read32(&self, offset: usize) -> u32 {
        u32::from_le(self.read(offset))
    }

    fn write32(&mut self, offset: usize, value: u32) {
        self.write(offset, value.to_le());
    }

    fn read64(&self, offset: usize) -> u64 {
        u64::from_le(self.read(offset))
    }

    fn write64(&mut self, offset: usize, value: u64) {
        self.write(offset, value.to_le());
    }

    fn zero(&mut self, offset: usize, size: usize) {
        let end = offset.saturating_add(size).min(self.size);
        for at in offset..end {
            self.write(at, 0_u8);
        }
    }

    fn synchronize(&self, offset: usize, size: usize) {
        // SAFETY: A barrier only orders what this CPU does.
        unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
        let end = offset.saturating_add(size).min(self.size);
        if self.non_coherent && offset < end {
            // SAFETY: In bounds, as was just checked.
            let start = unsafe { self.memory.add(offset) };
            // SAFETY: The range is inside of our allocation.
            unsafe { bindings::kvm_vgic_v5_clean_inval(start.as_ptr().cast(), end - offset) };
        }
    }

    fn leak(self) {
        LEAKED.fetch_add(self.size as u64, Relaxed);
        pr_warn!("the IRS keeps {} bytes of memory\n", self.size);
        core::mem::forget(self);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant, and of that size.
        unsafe { kbindings::free_pages_exact(self.memory.as_ptr().cast(), self.size) }
    }
}

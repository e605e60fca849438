// SPDX-License-Identifier: GPL-2.0

//! Each CPU's [`RegisterCache`], in per-CPU memory.

use crate::bindings;
use crate::vgic::cpuif::RegisterCache;
use core::cell::UnsafeCell;

/// Per-CPU data. What Rust sees as the static is the template that the module loader copies for
/// each CPU: nobody accesses it.
#[repr(align(64))]
struct PerCpu<T>(UnsafeCell<T>);

// SAFETY: Each CPU accesses its own copy only (`cache_of`).
unsafe impl<T> Sync for PerCpu<T> {}

/// The kernel crate has no DEFINE_PER_CPU; this is what that does.
#[link_section = ".data..percpu"]
static CACHE: PerCpu<RegisterCache> = PerCpu(UnsafeCell::new(RegisterCache::new()));

/// The register cache of `cpu`.
///
/// # Safety
///
/// `cpu` is the CPU that this runs on; preemption stays disabled for `'a`, in which this is called
/// once, and not from an interrupt.
#[inline(always)]
pub(crate) unsafe fn cache_of<'a>(cpu: usize) -> &'a mut RegisterCache {
    let offsets = (&raw const bindings::__per_cpu_offset).cast::<usize>();
    let offset = offsets.wrapping_add(cpu);
    // SAFETY: The array has an element for each CPU, written before any module was loaded.
    let offset = unsafe { *offset };
    let address = (&raw const CACHE).addr().wrapping_add(offset);
    let cache = core::ptr::with_exposed_provenance_mut::<RegisterCache>(address);
    // SAFETY: The module loader put this CPU's copy there. Only this CPU uses it, in one operation
    // at a time: preemption is off, and no operation that interrupts call takes a cache.
    unsafe { &mut *cache }
}

/// Changes when somebody other than this module may have written the registers of this CPU.
///
/// # Safety
///
/// Preemption is disabled.
#[inline(always)]
pub(crate) unsafe fn epoch() -> u64 {
    // SAFETY: The caller vouches for the context, which is all that the function asks for.
    unsafe { bindings::kvm_vgic_v5_regs_epoch() }
}

// SPDX-License-Identifier: GPL-2.0

//! From C's pointers to ours.
//!
//! KVM calls an operation with a `struct kvm` or a `struct kvm_vcpu` that it keeps valid for the
//! call, and after the operation that made our data ([`super::lifecycle`]) until the one that
//! undoes it. Each function below is one step from there.

use crate::bindings;
use crate::logic::{Intid, PpiId, Shadow, Vcpu, Vm};
use core::cell::UnsafeCell;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};

/// The VM's data.
///
/// # Safety
///
/// `kvm` is valid, and between our `create` and `destroy`, for `'a`.
#[inline(always)]
pub(crate) unsafe fn vm<'a>(kvm: *mut bindings::kvm) -> &'a Vm {
    // SAFETY: The caller vouches for `kvm`.
    let data = unsafe { (*kvm).arch.vgic.gicv5_vm.private };
    // SAFETY: `create` put a `Vm` there, which is only ever shared, until `destroy`.
    unsafe { &*data.cast::<Vm>() }
}

/// The VM of a vCPU.
///
/// # Safety
///
/// `vcpu` is valid.
#[inline(always)]
pub(crate) unsafe fn kvm(vcpu: *mut bindings::kvm_vcpu) -> *mut bindings::kvm {
    // SAFETY: The caller vouches for `vcpu`; a vCPU's VM outlives it.
    unsafe { (*vcpu).kvm }
}

/// The vCPU's data.
///
/// # Safety
///
/// `vcpu` is valid, and between our `vcpu_create` and `vcpu_destroy`, for `'a`.
#[inline(always)]
pub(crate) unsafe fn vcpu<'a>(vcpu: *mut bindings::kvm_vcpu) -> &'a Vcpu {
    // SAFETY: The caller vouches for `vcpu`.
    let data = unsafe { (*vcpu).arch.vgic_cpu.v5_private };
    // SAFETY: `vcpu_create` put a `Vcpu` there, which is only ever shared, until `vcpu_destroy`.
    unsafe { &*data.cast::<Vcpu>() }
}

/// The vCPU's ID.
///
/// # Safety
///
/// `vcpu` is valid.
pub(crate) unsafe fn vcpu_id(vcpu: *mut bindings::kvm_vcpu) -> c_int {
    // SAFETY: The caller vouches for `vcpu`, whose ID never changes.
    unsafe { (*vcpu).vcpu_id }
}

/// The architected PPI with this INTID.
pub(crate) fn ppi(intid: u32) -> Option<PpiId> {
    Intid::decode(intid).and_then(Intid::architected_ppi)
}

/// One CPU's [`Shadow`], on cache lines of its own.
#[repr(align(128))]
struct Slot(UnsafeCell<Shadow>);

/// The shadows of all CPUs. There is one such table while the module is loaded.
pub(crate) struct Shadows {
    // Reached through `SLOTS`.
    _slots: KVec<Slot>,
}

// SAFETY: A slot is only accessed by its own CPU (see `shadow`).
unsafe impl Send for Shadows {}
// SAFETY: As above.
unsafe impl Sync for Shadows {}

/// The slots of the [`Shadows`] there are.
static SLOTS: Atomic<*mut Slot> = Atomic::new(core::ptr::null_mut());

impl Shadows {
    /// Makes a shadow for each CPU that can ever be there.
    pub(crate) fn new() -> Result<Self> {
        let count = kernel::cpu::nr_cpu_ids() as usize;
        let mut slots = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            slots.push(Slot(UnsafeCell::new(Shadow::new())), GFP_KERNEL)?;
        }
        SLOTS.store(slots.as_mut_ptr(), Release);
        // Moving the vector does not move what it holds.
        Ok(Self { _slots: slots })
    }
}

impl Drop for Shadows {
    fn drop(&mut self) {
        SLOTS.store(core::ptr::null_mut(), Release);
    }
}

/// The shadow of the CPU that `vcpu` is on, which is this one.
///
/// # Safety
///
/// `vcpu` is valid and on this CPU (`vcpu->cpu` says so from before `load` until after `put`);
/// preemption stays disabled for `'a`, in which this is called once. A [`Shadows`] exists.
#[inline(always)]
pub(crate) unsafe fn shadow<'a>(vcpu: *mut bindings::kvm_vcpu) -> &'a mut Shadow {
    // SAFETY: The caller vouches for `vcpu`.
    let cpu = unsafe { (*vcpu).cpu };
    let first = SLOTS.load(Acquire);
    // SAFETY: A CPU's number is below `nr_cpu_ids()`, which is how many slots there are.
    let slot = unsafe { first.add(cpu as usize) };
    // SAFETY: The slot is valid, as the table exists.
    let shadow = unsafe { (*slot).0.get() };
    // SAFETY: Only this CPU uses it, in one operation at a time: preemption is off, and no
    // operation that interrupts call takes a shadow.
    unsafe { &mut *shadow }
}

/// How often somebody else may have written the registers of this CPU.
///
/// # Safety
///
/// Preemption is disabled.
#[inline(always)]
pub(crate) unsafe fn epoch() -> u64 {
    // SAFETY: The caller vouches for the context.
    unsafe { bindings::kvm_vgic_v5_regs_epoch() }
}

/// The online vCPUs of a VM, in the order of their creation.
///
/// # Safety
///
/// `kvm` is valid while the iterator is used.
pub(crate) unsafe fn vcpus(
    kvm: *mut bindings::kvm,
) -> impl Iterator<Item = *mut bindings::kvm_vcpu> {
    // SAFETY: `kvm` is valid.
    let array = unsafe { &raw mut (*kvm).vcpu_array };
    (0..).map_while(move |index| {
        // SAFETY: The array is valid as long as the VM is; a lookup takes no lock.
        let vcpu = unsafe { bindings::xa_load(array, index) }.cast::<bindings::kvm_vcpu>();
        (!vcpu.is_null()).then_some(vcpu)
    })
}

/// Whether KVM_DEV_ARM_VGIC_CTRL_INIT was done.
///
/// # Safety
///
/// `kvm` is valid.
pub(crate) unsafe fn is_initialized(kvm: *mut bindings::kvm) -> bool {
    // SAFETY: The caller vouches for `kvm`; the flag goes from false to true once.
    unsafe { (*kvm).arch.vgic.initialized }
}

/// Whether a VM's vCPUs have EL2.
///
/// # Safety
///
/// `kvm` is valid.
pub(crate) unsafe fn has_el2(kvm: *mut bindings::kvm) -> bool {
    // SAFETY: The caller vouches for `kvm`; features do not change once a vCPU is initialized.
    let features = unsafe { (*kvm).arch.vcpu_features };
    features
        .first()
        .is_some_and(|word| word & (1 << bindings::KVM_ARM_VCPU_HAS_EL2) != 0)
}

/// Whether any vCPU of the VM ever ran.
///
/// # Safety
///
/// `kvm` is valid.
pub(crate) unsafe fn has_run(kvm: *mut bindings::kvm) -> bool {
    // SAFETY: The caller vouches for `kvm`; the bit is set once and for all.
    let flags = unsafe { (*kvm).arch.flags };
    flags & (1 << bindings::KVM_ARCH_FLAG_HAS_RAN_ONCE) != 0
}

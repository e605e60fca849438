// SPDX-License-Identifier: GPL-2.0

//! VMs and vCPUs come and go, and are reset.

use super::{context, view};
use crate::bindings;
use crate::logic::{PpiMask, Residency, Vcpu, Vm};
use kernel::error::from_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

/// The PPIs that the host's PEs have.
fn implemented() -> PpiMask {
    // SAFETY: KVM writes it while it initializes, long before a module can be loaded.
    let ppis = unsafe {
        bindings::kvm_vgic_global_state
            .vgic_v5_ppi_caps
            .impl_ppi_mask
    };
    PpiMask::from_bits(ppis.first().copied().unwrap_or(0) as u64)
}

/// # Safety
///
/// As `create` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn create(kvm: *mut bindings::kvm) -> c_int {
    from_result(|| {
        let vm = KBox::new(Vm::new(implemented()), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: `kvm` is valid, and nothing else writes the field.
        unsafe { (*kvm).arch.vgic.gicv5_vm.private = KBox::into_raw(vm).cast() };
        Ok(0)
    })
}

/// # Safety
///
/// As `destroy` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn destroy(kvm: *mut bindings::kvm) {
    // SAFETY: `kvm` is valid, and nothing else accesses the field any more.
    let field = unsafe { &mut (*kvm).arch.vgic.gicv5_vm.private };
    let vm = core::mem::replace(field, core::ptr::null_mut()).cast::<Vm>();
    if !vm.is_null() {
        // SAFETY: `create` made it with `into_raw`, and its vCPUs, the last users, are gone.
        drop(unsafe { KBox::from_raw(vm) });
    }
}

/// # Safety
///
/// As `init` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn init(kvm: *mut bindings::kvm) -> c_int {
    from_result(|| {
        // SAFETY: `kvm` is valid.
        let has_vcpus = unsafe { context::vcpus(kvm) }.next().is_some();
        // SAFETY: As above.
        if has_vcpus && unsafe { context::has_el2(kvm) } {
            pr_err!("a nested guest cannot have a GICv5: its vCPUs have EL2\n");
            return Err(EINVAL);
        }
        // SAFETY: `kvm` is valid, and has our data.
        unsafe { view::create(kvm) };
        Ok(0)
    })
}

/// # Safety
///
/// As `map_resources` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn map_resources(kvm: *mut bindings::kvm) -> c_int {
    // SAFETY: `kvm` is valid.
    if unsafe { context::is_initialized(kvm) } {
        0
    } else {
        EBUSY.to_errno()
    }
}

/// # Safety
///
/// As `finalize` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn finalize(kvm: *mut bindings::kvm) -> c_int {
    // SAFETY: `kvm` is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    // SAFETY: `kvm` is valid.
    let vcpus = unsafe { context::vcpus(kvm) };
    vm.finalize(vcpus.map(|vcpu| {
        // SAFETY: An online vCPU of a VM with our GIC is valid and has our data.
        unsafe { context::vcpu(vcpu) }
    }));
    0
}

/// # Safety
///
/// As `vcpu_create` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn vcpu_create(vcpu: *mut bindings::kvm_vcpu) -> c_int {
    // 64 bits never run out.
    static NEXT: Atomic<u64> = Atomic::new(1);

    from_result(|| {
        let token = NEXT.fetch_add(1, Relaxed);
        let data = KBox::new(Vcpu::new(token), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: `vcpu` is valid, and nothing else writes the field.
        unsafe { (*vcpu).arch.vgic_cpu.v5_private = KBox::into_raw(data).cast() };
        Ok(0)
    })
}

/// # Safety
///
/// As `vcpu_destroy` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn vcpu_destroy(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and nothing else accesses the field any more.
    let field = unsafe { &mut (*vcpu).arch.vgic_cpu.v5_private };
    let data = core::mem::replace(field, core::ptr::null_mut()).cast::<Vcpu>();
    if !data.is_null() {
        // SAFETY: `vcpu_create` made it with `into_raw`, and the vCPU no longer runs.
        drop(unsafe { KBox::from_raw(data) });
    }
}

/// # Safety
///
/// As `vcpu_reset` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn vcpu_reset(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    if let Residency::Parked(parked) = data.residency() {
        parked.reset();
    }
}

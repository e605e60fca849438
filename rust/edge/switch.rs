// SPDX-License-Identifier: GPL-2.0

//! The world switch. `R` is how the host's mode reaches the registers.

use super::{context, interrupts};
use crate::bindings;
use crate::logic::{Reg, Residency};
use crate::regs::Local;

/// # Safety
///
/// As `load` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn load<R: Local>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and has our data.
    let Residency::Parked(parked) = (unsafe { context::vcpu(vcpu) }).residency() else {
        // KVM loads a vCPU twice that was scheduled out in WFI.
        return;
    };
    // SAFETY: The vCPU comes to this CPU, and preemption is disabled.
    let shadow = unsafe { context::shadow(vcpu) };
    if crate::module_parameters::retain.value() {
        // SAFETY: As above.
        shadow.sync(unsafe { context::epoch() });
    } else {
        shadow.forget();
    }
    // SAFETY: As above.
    parked.load(shadow, &mut unsafe { R::of(vcpu) });
}

/// # Safety
///
/// As `put` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn put<R: Local>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and has our data.
    let Residency::Resident(resident) = (unsafe { context::vcpu(vcpu) }).residency() else {
        // KVM puts a vCPU twice that is scheduled out in WFI.
        return;
    };
    // SAFETY: The vCPU is on this CPU, and preemption is disabled.
    let shadow = unsafe { context::shadow(vcpu) };
    // SAFETY: As above.
    resident.put(shadow, &mut unsafe { R::of(vcpu) });
}

/// # Safety
///
/// As `flush_hwstate` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn flush<R: Local>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    // SAFETY: `vcpu` is valid.
    let kvm = unsafe { context::kvm(vcpu) };
    // SAFETY: Its VM is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    // SAFETY: The vCPU is on this CPU, and interrupts are disabled.
    let shadow = unsafe { context::shadow(vcpu) };
    // SAFETY: As above.
    let mut regs = unsafe { R::of(vcpu) };
    if let Residency::Resident(resident) = data.residency() {
        resident.flush(vm, shadow, &mut regs);
    }
}

/// # Safety
///
/// As `sync_hwstate` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn sync<R: Local>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    // SAFETY: `vcpu` is valid.
    let kvm = unsafe { context::kvm(vcpu) };
    // SAFETY: Its VM is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    // SAFETY: The vCPU is on this CPU, and interrupts are disabled.
    let shadow = unsafe { context::shadow(vcpu) };
    // SAFETY: As above.
    let mut regs = unsafe { R::of(vcpu) };
    if let Residency::Resident(resident) = data.residency() {
        resident.fold(vm, shadow, &mut regs);
    }
}

/// # Safety
///
/// As `pending_irq` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn pending_irq(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    // SAFETY: `vcpu` is valid.
    let kvm = unsafe { context::kvm(vcpu) };
    // SAFETY: Its VM is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    data.has_pending(vm, || {
        // SAFETY: `vcpu` is valid, and a VM with a GICv5 needs a host with one.
        unsafe { interrupts::physical(vcpu) }
    })
}

/// # Safety
///
/// As `get_ppi_regs` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn get_ppi_regs<R: Local>(
    vcpu: *mut bindings::kvm_vcpu,
    out: *mut bindings::vgic_v5_ppi_regs,
) {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    // SAFETY: The vCPU is on this CPU, and interrupts are disabled.
    let regs = unsafe { R::of(vcpu) };
    let direct = data.direct().bits();
    let seen = bindings::vgic_v5_ppi_regs {
        // What the register holds for a direct PPI means nothing.
        pendr: regs.read(Reg::Pendr0) & !direct,
        activer: regs.read(Reg::Activer0),
        enabler: regs.read(Reg::Enabler0),
        // After a sync the register is 0 already.
        dvir: direct,
    };
    // SAFETY: `out` is valid, and ours to write.
    unsafe { out.write(seen) };
}

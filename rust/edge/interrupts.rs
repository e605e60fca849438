// SPDX-License-Identifier: GPL-2.0

//! Injection, owners, direct injection.

use super::context;
use crate::bindings;
use crate::logic::{Injection, Owner, PpiMask, Residency, WireError};
use crate::sysregs::{SystemRegister, ICC_PPI_SPENDR0_EL1};
use kernel::error::from_result;
use kernel::prelude::*;

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Owned => EEXIST,
            WireError::Full => ENOSPC,
        }
    }
}

/// KVM's pointer to an in-kernel device, of which only the identity counts.
fn owner(owner: *mut c_void) -> Option<Owner> {
    Owner::new(owner as u64)
}

/// The pending physical PPIs of the CPU that `vcpu` is on.
///
/// Only the vCPU's own thread can ask, as it is where the vCPU's timers are in the hardware whenever
/// it runs: their physical PPIs are pending as they fire, though masked in the host. It may be
/// preempted and moved before the register is read; then the timers are where it is moved to.
/// Anybody else gets none, which at worst costs a vCPU in WFI the boost of a directed yield.
///
/// # Safety
///
/// `vcpu` is valid; the host has a GICv5.
#[inline]
pub(super) unsafe fn physical(vcpu: *mut bindings::kvm_vcpu) -> PpiMask {
    // SAFETY: May be called from anywhere.
    if unsafe { bindings::kvm_get_running_vcpu() } != vcpu {
        return PpiMask::NONE;
    }
    // SAFETY: The host has a GICv5, and reading the register has no effect.
    let pending = unsafe { ICC_PPI_SPENDR0_EL1::read() };
    PpiMask::from_bits(pending.into_raw())
}

/// # Safety
///
/// As `inject_irq` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn inject_irq(
    _kvm: *mut bindings::kvm,
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
    level: bool,
    by: *mut c_void,
) -> c_int {
    let Some(ppi) = context::ppi(intid) else {
        return EINVAL.to_errno();
    };
    if vcpu.is_null() {
        return EINVAL.to_errno();
    }
    // SAFETY: `vcpu` is valid if there is one, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    match data.inject(ppi, level, owner(by)) {
        // SAFETY: `vcpu` is valid.
        Injection::Changed => unsafe { bindings::kvm_vgic_v5_kick(vcpu) },
        // Not an error, so that a caller that lost a race for the PPI does no harm.
        Injection::Unchanged | Injection::NotOwner => {}
    }
    0
}

/// # Safety
///
/// As `userspace_ppi` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn userspace_ppi(kvm: *mut bindings::kvm, intid: u32) -> bool {
    // SAFETY: `kvm` is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    context::ppi(intid).is_some_and(|ppi| vm.userspace().contains(ppi))
}

/// # Safety
///
/// As `set_owner` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn set_owner(
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
    device: *mut c_void,
) -> c_int {
    from_result(|| {
        let ppi = context::ppi(intid).ok_or(EINVAL)?;
        let device = owner(device).ok_or(EINVAL)?;
        // SAFETY: `vcpu` is valid, and has our data.
        let data = unsafe { context::vcpu(vcpu) };
        data.wires().set_owner(ppi, device)?;
        Ok(0)
    })
}

/// Of the callbacks that there are for a `struct vgic_irq`, none is of use here: what
/// `get_input_level` says the physical PPI's pending state says too (see [`physical`]).
///
/// # Safety
///
/// As `set_irq_ops` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn set_irq_ops(
    _vcpu: *mut bindings::kvm_vcpu,
    _intid: u32,
    _ops: *const bindings::irq_ops,
) {
}

/// The physical INTID.ID behind one of Linux's interrupt numbers.
fn hwirq(host_irq: c_uint) -> Result<u32> {
    // SAFETY: May be called with any number; null if there is no such interrupt.
    let mut data = unsafe { bindings::irq_get_irq_data(host_irq) };
    if data.is_null() {
        pr_err!("no interrupt descriptor for host interrupt {}\n", host_irq);
        return Err(EINVAL);
    }
    loop {
        // SAFETY: Valid: the host's timer interrupts are never freed.
        let parent = unsafe { (*data).parent_data };
        if parent.is_null() {
            break;
        }
        data = parent;
    }
    // SAFETY: As above.
    Ok(unsafe { (*data).hwirq } as u32)
}

/// # Safety
///
/// As `map_phys_irq` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn map_phys_irq(
    vcpu: *mut bindings::kvm_vcpu,
    host_irq: c_uint,
    intid: u32,
) -> c_int {
    from_result(|| {
        let ppi = context::ppi(intid).ok_or(EINVAL)?;
        // SAFETY: `vcpu` is valid, and has our data.
        let data = unsafe { context::vcpu(vcpu) };
        data.map(ppi, hwirq(host_irq)?)?;
        Ok(0)
    })
}

/// # Safety
///
/// As `unmap_phys_irq` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn unmap_phys_irq(vcpu: *mut bindings::kvm_vcpu, intid: u32) -> c_int {
    let Some(ppi) = context::ppi(intid) else {
        return EINVAL.to_errno();
    };
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    data.unmap(ppi);
    0
}

/// # Safety
///
/// As `get_map` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn get_map(vcpu: *mut bindings::kvm_vcpu, intid: u32) -> c_int {
    // SAFETY: `vcpu` is valid, and has our data.
    let wires = unsafe { context::vcpu(vcpu) }.wires();
    context::ppi(intid)
        .and_then(|ppi| wires.hwirq(ppi))
        .map_or(-1, |hwirq| hwirq as c_int)
}

/// # Safety
///
/// As `map_is_active` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn map_is_active(vcpu: *mut bindings::kvm_vcpu, intid: u32) -> bool {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    context::ppi(intid).is_some_and(|ppi| data.is_mapped_active(ppi))
}

/// # Safety
///
/// As `reset_mapped_irq` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn reset_mapped_irq(vcpu: *mut bindings::kvm_vcpu, intid: u32) {
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    if let (Some(ppi), Residency::Parked(parked)) = (context::ppi(intid), data.residency()) {
        parked.reset_mapped(ppi);
    }
}

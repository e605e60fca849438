// SPDX-License-Identifier: GPL-2.0

//! Accesses of the guest's that trap.

use super::context;
use crate::bindings;
use crate::logic::TrappedRegister;

/// # Safety
///
/// As `access_sysreg` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn access_sysreg(
    vcpu: *mut bindings::kvm_vcpu,
    sysreg: u32,
    value: *mut u64,
    is_write: bool,
) -> bool {
    let Some(register) = TrappedRegister::decode(sysreg) else {
        return false;
    };
    // SAFETY: `vcpu` is valid, and has our data.
    let data = unsafe { context::vcpu(vcpu) };
    // SAFETY: `vcpu` is valid.
    let kvm = unsafe { context::kvm(vcpu) };
    // SAFETY: Its VM is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    if is_write {
        // SAFETY: `value` is valid.
        let written = unsafe { *value };
        return register.write(vm, data, written).is_ok();
    }
    // SAFETY: `vcpu` is valid.
    let vpe = unsafe { context::vcpu_id(vcpu) } as u16;
    match register.read(vm, data, vpe) {
        Ok(read) => {
            // SAFETY: `value` is valid, and ours to write.
            unsafe { *value = read };
            true
        }
        Err(_) => false,
    }
}

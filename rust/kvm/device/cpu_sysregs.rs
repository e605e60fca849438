// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS: the CPU interfaces' registers, to save and to restore them.

use crate::kvm::gicv5::Request;
use crate::vgic::cpuif::{Parked, UserRegister, VmPpis};
use crate::vgic::Vcpu;
use kernel::prelude::*;

/// The affinity of the vCPU that is meant: bits 63:32, laid out as in MPIDR_EL1.
fn affinity(request: &Request<'_>) -> u64 {
    let affinity = request.attr >> 32;
    // Aff3 is not next to Aff2 in MPIDR_EL1.
    ((affinity & 0xff00_0000) << 8) | (affinity & 0x00ff_ffff)
}

/// The register that is meant: bits 15:0. Bits 31:16 are RES0.
fn register(request: &Request<'_>) -> Option<UserRegister> {
    u16::try_from(request.attr as u32)
        .ok()
        .and_then(UserRegister::decode)
}

/// Calls `access` with the vCPU that is meant while none of its VM runs.
///
/// # Errors
///
/// EBUSY if one does, or if the VM is not initialized; EINVAL if there is no such vCPU.
fn with_vcpu<T>(
    request: &Request<'_>,
    access: impl FnOnce(&VmPpis, &Parked<'_>) -> Result<T>,
) -> Result<T> {
    let mut vcpus = request.kvm.lock_vcpus()?;
    if !vcpus.kvm().is_initialized() {
        return Err(EBUSY);
    }
    let vcpu = vcpus.vcpu_by_affinity(affinity(request)).ok_or(EINVAL)?;
    // Only who holds its mutex loads it, which is us.
    let parked = Vcpu::load_state(vcpu).parked().ok_or(EBUSY)?;
    access(request.kvm.data().ppis(), &parked)
}

/// Returns ENXIO for unknown registers, EINVAL for an affinity that no vCPU has.
pub(super) fn has(request: &Request<'_>) -> Result {
    register(request).ok_or(ENXIO)?;
    let vcpu = request.kvm.vcpu_by_affinity(affinity(request));
    vcpu.map(|_| ()).ok_or(EINVAL)
}

/// Returns ENOENT for unknown registers; for other errors see [`with_vcpu`].
pub(super) fn get(request: &Request<'_>) -> Result {
    let register = register(request).ok_or(ENOENT)?;
    let value = with_vcpu(request, |ppis, vcpu| Ok(register.get(ppis, vcpu)))?;
    request.words(1).writer().write(&value)
}

/// Returns ENOENT for unknown registers, EINVAL for values that they cannot hold, EBUSY once a
/// vCPU has run; for other errors see [`with_vcpu`].
pub(super) fn set(request: &Request<'_>) -> Result {
    let register = register(request).ok_or(ENOENT)?;
    let value: u64 = request.words(1).reader().read()?;
    with_vcpu(request, |ppis, vcpu| {
        if request.kvm.has_run() {
            return Err(EBUSY);
        }
        register.set(ppis, vcpu, value).map_err(|_| EINVAL)
    })
}

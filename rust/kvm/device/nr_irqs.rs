// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_NR_IRQS: how many SPIs a VM has.

use crate::kvm::gicv5::Request;
use kernel::prelude::*;

/// Returns ENXIO for unknown attributes, and on hosts that cannot give a VM an IRS.
pub(super) fn has(request: &Request<'_>) -> Result {
    if request.attr == 0 && crate::kvm::irs::max_vcpus().is_some() {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// 0 before INIT if it was not set.
pub(super) fn get(request: &Request<'_>) -> Result {
    has(request)?;
    let initialized = request.kvm.is_initialized();
    let spis = request.kvm.data().irs().config.lock().spis(initialized);
    request.bytes(size_of::<u32>()).writer().write(&spis)
}

/// Returns EINVAL unless it is a multiple of 32 from 32 to 1024, EBUSY if it was set before, after
/// INIT, or while a vCPU is in use.
pub(super) fn set(request: &Request<'_>) -> Result {
    has(request)?;
    let spis: u32 = request.bytes(size_of::<u32>()).reader().read()?;
    // Neither INIT nor the IRS's address comes between the look and the change.
    let vcpus = request.kvm.lock_vcpus()?;
    let kvm = vcpus.kvm();
    let mut config = kvm.data().irs().config.lock();
    Ok(config.set_spis(spis, kvm.is_initialized())?)
}

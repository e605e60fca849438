// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_ADDR: where the guest finds its IRS.

use crate::bindings::KVM_VGIC_V5_ADDR_TYPE_IRS;
use crate::kvm::gicv5::Request;
use kernel::prelude::*;

/// Returns ENXIO for other addresses, and on hosts that cannot give a VM an IRS.
pub(super) fn has(request: &Request<'_>) -> Result {
    let known = request.attr == u64::from(KVM_VGIC_V5_ADDR_TYPE_IRS);
    if known && crate::kvm::irs::max_vcpus().is_some() {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// All ones before it was set.
pub(super) fn get(request: &Request<'_>) -> Result {
    has(request)?;
    let address = request.kvm.data().irs().config.lock().address();
    request.words(1).writer().write(&address)
}

/// Returns EEXIST if it was set, EINVAL for an address that is not a multiple of 64 KiB, E2BIG for
/// one that is too high, EBUSY if the VM has run without. After INIT, this makes the IRS if there
/// was to be none so far: see INIT for its errors.
pub(super) fn set(request: &Request<'_>) -> Result {
    has(request)?;
    let address: u64 = request.words(1).reader().read()?;
    let vcpus = request.kvm.lock_vcpus()?;
    let kvm = vcpus.kvm();
    let slot = kvm.data().irs();
    let mut config = *slot.config.lock();
    config.set_address(address, 1 << kvm.ipa_bits())?;
    if kvm.has_run() {
        return Err(EBUSY);
    }
    if kvm.is_initialized() {
        slot.create(kvm)?;
    }
    *slot.config.lock() = config;
    Ok(())
}

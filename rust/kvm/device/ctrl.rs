// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_CTRL: which PPIs userspace may drive.

use crate::bindings::KVM_DEV_ARM_VGIC_USERSPACE_PPIS;
use crate::kvm::gicv5::Request;
use kernel::prelude::*;

/// Returns ENXIO for unknown attributes.
pub(super) fn has(request: &Request<'_>) -> Result {
    if request.attr == u64::from(KVM_DEV_ARM_VGIC_USERSPACE_PPIS) {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// Two words, a bit for each PPI. None before the VM is initialized.
pub(super) fn get(request: &Request<'_>) -> Result {
    has(request)?;
    let ppis = if request.kvm.is_initialized() {
        request.kvm.data().ppis().userspace().bits()
    } else {
        0
    };
    let mut writer = request.words(2).writer();
    writer.write(&ppis)?;
    // PPIs 64 to 127 belong to no guest.
    writer.write(&0u64)
}

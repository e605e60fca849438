// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_IRS_REGS: the IRS's registers, to save and to restore them.

use crate::hw::irs::PhysicalIrs;
use crate::kvm::gicv5::Request;
use crate::vgic::irs::{Control, Shared, Stage, UserReg};
use kernel::prelude::*;

/// Returns ENXIO for unknown registers, EINVAL for an offset inside of one, or without a vCPU.
pub(super) fn has(request: &Request<'_>) -> Result {
    if crate::kvm::irs::max_vcpus().is_none() {
        return Err(ENXIO);
    }
    UserReg::parse(request.attr)?;
    request.kvm.vcpus().next().map(|_| ()).ok_or(EINVAL)
}

fn with_control<T>(
    request: &Request<'_>,
    write: bool,
    access: impl FnOnce(&mut Control<PhysicalIrs>, &PhysicalIrs, &Shared) -> Result<T>,
) -> Result<T> {
    let vcpus = request.kvm.lock_vcpus()?;
    let kvm = vcpus.kvm();
    let slot = kvm.data().irs();
    let stage = Stage {
        initialized: kvm.is_initialized(),
        has_run: kvm.has_run(),
        placed: slot.config.lock().is_placed(),
    };
    stage.allows(write)?;
    slot.get().ok_or(ENXIO)?.with_control(access)?
}

/// A register, as 64 bits.
pub(super) fn get(request: &Request<'_>) -> Result {
    has(request)?;
    let reg = UserReg::parse(request.attr)?;
    let value = with_control(request, false, |control, host, shared| {
        Ok(control.user_read(host, shared, reg))
    })?;
    request.words(1).writer().write(&value)
}

/// Returns EINVAL for values that this VM, or this host, cannot have; EBUSY before INIT, and once a
/// vCPU has run; ENXIO without an address.
pub(super) fn set(request: &Request<'_>) -> Result {
    has(request)?;
    let reg = UserReg::parse(request.attr)?;
    let value: u64 = request.words(1).reader().read()?;
    with_control(request, true, |control, host, shared| {
        Ok(control.user_write(host, shared, reg, value)?)
    })
}

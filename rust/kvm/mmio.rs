// SPDX-License-Identifier: GPL-2.0

//! The IRS's frames in the guest's memory map: accesses that KVM's bus brings.

use super::gicv5::{GicV5, Kvm};
use super::types::KvmVcpu;
use crate::bindings;
use crate::vgic::irs::{Action, Error, FRAMES_SIZE};
use core::cell::UnsafeCell;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

/// What KVM's bus knows of the frames.
pub(super) struct IoDevice {
    device: UnsafeCell<bindings::kvm_io_device>,
    /// Where they are; written before they are on the bus.
    address: Atomic<u64>,
}

// SAFETY: `device` is written before it is used, and never again.
unsafe impl Send for IoDevice {}
// SAFETY: `device` is constant.
unsafe impl Sync for IoDevice {}

/// The table of handlers.
struct Ops(bindings::kvm_io_device_ops);

// SAFETY: Never written.
unsafe impl Sync for Ops {}

static OPS: Ops = Ops(bindings::kvm_io_device_ops {
    read: Some(read),
    write: Some(write),
    // It goes with the VM's IRS.
    destructor: None,
});

/// For KVM: not ours.
const NOT_OURS: c_int = -(kernel::bindings::EOPNOTSUPP as c_int);

impl IoDevice {
    pub(super) fn new() -> Self {
        Self {
            device: UnsafeCell::new(bindings::kvm_io_device { ops: &OPS.0 }),
            address: Atomic::new(0),
        }
    }
}

/// Puts the frames on the bus. slots_lock is held.
///
/// # Errors
///
/// ENOMEM; EEXIST if there is something else.
pub(super) fn register(kvm: Kvm<'_>, address: u64) -> Result {
    let Some(irs) = kvm.data().irs().get() else {
        return Ok(());
    };
    irs.io.address.store(address, Relaxed);
    // SAFETY: The VM is valid, and its slots_lock is held by the caller. The device stays where it
    // is until the VM's IRS goes, which is after its buses.
    to_result(unsafe {
        bindings::kvm_io_bus_register_dev(
            kvm.as_ptr(),
            bindings::kvm_bus_KVM_MMIO_BUS,
            address,
            FRAMES_SIZE as c_int,
            irs.io.device.get(),
        )
    })
}

/// The access's place in the frames and its size, if it is one that reaches them.
fn target(vcpu: KvmVcpu<'_, GicV5>, address: u64, size: c_int) -> Option<(u64, u32)> {
    let irs = vcpu.kvm().data().irs().get()?;
    let offset = address.checked_sub(irs.io.address.load(Relaxed))?;
    let size = u32::try_from(size).ok().filter(|size| *size <= 8)?;
    (offset < FRAMES_SIZE).then_some((offset, size))
}

/// # Safety
///
/// `vcpu` is a vCPU of ours, `value` has room for `size` bytes.
unsafe extern "C" fn read(
    vcpu: *mut bindings::kvm_vcpu,
    _device: *mut bindings::kvm_io_device,
    address: u64,
    size: c_int,
    value: *mut c_void,
) -> c_int {
    // SAFETY: The caller vouches for it: only VMs of ours have the device.
    let vcpu = unsafe { KvmVcpu::<GicV5>::from_raw(vcpu) };
    let Some((offset, size)) = target(vcpu, address, size) else {
        return NOT_OURS;
    };
    let read = vcpu.kvm().data().irs().get().and_then(|irs| {
        irs.with_control(|control, host, shared| control.guest_read(host, shared, offset, size))
            .ok()
    });
    let bytes = read.unwrap_or(0).to_le_bytes();
    // SAFETY: The caller vouches for `value`; `target` has checked the size.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), value.cast(), size as usize) };
    0
}

/// # Safety
///
/// `vcpu` is a vCPU of ours, `value` has `size` bytes.
unsafe extern "C" fn write(
    vcpu: *mut bindings::kvm_vcpu,
    _device: *mut bindings::kvm_io_device,
    address: u64,
    size: c_int,
    value: *const c_void,
) -> c_int {
    // SAFETY: The caller vouches for it: only VMs of ours have the device.
    let vcpu = unsafe { KvmVcpu::<GicV5>::from_raw(vcpu) };
    let Some((offset, size)) = target(vcpu, address, size) else {
        return NOT_OURS;
    };
    let mut bytes = [0; 8];
    // SAFETY: The caller vouches for `value`; `target` has checked the size.
    unsafe {
        core::ptr::copy_nonoverlapping(value.cast(), bytes.as_mut_ptr(), size as usize);
    }
    let value = u64::from_le_bytes(bytes);
    let kvm = vcpu.kvm();
    let action = kvm.data().irs().get().map(|irs| {
        irs.with_control(|control, host, shared| {
            control.guest_write(host, shared, offset, size, value)
        })
    });
    match action {
        Some(Ok(Action::Reload)) => kvm.reload(),
        Some(Ok(Action::Kill)) => {
            pr_err!("an IST was not given up: {:?}\n", Error::Dead);
            kvm.kill();
        }
        Some(Ok(Action::None) | Err(_)) | None => {}
    }
    0
}

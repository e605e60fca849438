// SPDX-License-Identifier: GPL-2.0

//! A device on KVM's MMIO bus: what the bus calls, and what it knows of the device.

use super::types::{Data, Kvm, KvmVcpu};
use crate::bindings;
use core::cell::UnsafeCell;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

/// A backend whose VMs have frames of registers on the bus.
pub(crate) trait Frames: Data {
    /// What the bus knows of the frames. It is part of the VM's data, and does not move.
    fn frames(kvm: Kvm<'_, Self>) -> &IoDevice;

    /// The guest reads up to 8 bytes at `offset` in the frames. `None` if there are none. May sleep.
    fn read(vcpu: KvmVcpu<'_, Self>, offset: u64, bytes: &mut [u8]) -> Option<()>;

    /// The guest writes up to 8 bytes. `None` if there are no frames. May sleep.
    fn write(vcpu: KvmVcpu<'_, Self>, offset: u64, bytes: &[u8]) -> Option<()>;
}

/// The frames, as the bus knows them.
pub(crate) struct IoDevice {
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

impl Ops {
    /// Those of `B`. Constant.
    fn of<B: Frames>() -> &'static Self {
        const {
            &Self(bindings::kvm_io_device_ops {
                read: Some(read::<B>),
                write: Some(write::<B>),
                // It goes with the VM's data.
                destructor: None,
            })
        }
    }
}

/// For KVM: not ours.
const NOT_OURS: c_int = -(kernel::bindings::EOPNOTSUPP as c_int);

impl IoDevice {
    /// Frames that are not on the bus, and whose accesses go to `B`.
    pub(crate) fn new<B: Frames>() -> Self {
        let ops = &Ops::of::<B>().0;
        Self {
            device: UnsafeCell::new(bindings::kvm_io_device { ops }),
            address: Atomic::new(0),
        }
    }
}

/// Puts the frames of a VM on the bus, `size` bytes at `address`. slots_lock is held.
///
/// # Errors
///
/// ENOMEM; EEXIST if there is something else.
pub(crate) fn register<B: Frames>(kvm: Kvm<'_, B>, address: u64, size: u32) -> Result {
    let frames = B::frames(kvm);
    frames.address.store(address, Relaxed);
    // SAFETY: The VM is valid, and its slots_lock is held by the caller. The device stays where it
    // is until the VM's data goes, which is after its buses.
    to_result(unsafe {
        bindings::kvm_io_bus_register_dev(
            kvm.as_ptr(),
            bindings::kvm_bus_KVM_MMIO_BUS,
            address,
            size as c_int,
            frames.device.get(),
        )
    })
}

/// What the bus calls: an access of `size` bytes, which are at `value`.
macro_rules! accesses {
    ($($name:ident($pointer:ty, $bytes:path);)*) => {$(
        /// # Safety
        ///
        /// `vcpu` is a vCPU of a VM that has the device; `value` has `size` bytes.
        unsafe extern "C" fn $name<B: Frames>(
            vcpu: *mut bindings::kvm_vcpu,
            _device: *mut bindings::kvm_io_device,
            address: u64,
            size: c_int,
            value: $pointer,
        ) -> c_int {
            // SAFETY: The caller vouches for it: only VMs of ours have the device.
            let vcpu = unsafe { KvmVcpu::<B>::from_raw(vcpu) };
            let start = B::frames(vcpu.kvm()).address.load(Relaxed);
            let (Some(offset), 0..=8) = (address.checked_sub(start), size) else {
                return NOT_OURS;
            };
            // SAFETY: The caller vouches for `value`; nobody else uses it meanwhile.
            let bytes = unsafe { $bytes(value.cast(), size as usize) };
            match B::$name(vcpu, offset, bytes) {
                Some(()) => 0,
                None => NOT_OURS,
            }
        }
    )*};
}

accesses! {
    read(*mut c_void, core::slice::from_raw_parts_mut);
    write(*const c_void, core::slice::from_raw_parts);
}

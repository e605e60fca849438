// SPDX-License-Identifier: GPL-2.0

//! The device's attributes: which PPIs userspace may drive, and the CPU interfaces' registers.
//!
//! KVM_DEV_ARM_VGIC_CTRL_INIT is not here: KVM's core does that one.

use super::context;
use crate::bindings;
use crate::logic::{Parked, Residency, UserRegister, Vm};
use kernel::error::{from_result, to_result};
use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice};

/// What an attribute names.
enum Attribute {
    /// KVM_DEV_ARM_VGIC_USERSPACE_PPIS: two words.
    UserspacePpis,
    /// KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS: one word.
    Register {
        /// Affinity of the vCPU, laid out as in MPIDR_EL1.
        mpidr: u64,
        register: UserRegister,
    },
}

impl Attribute {
    /// Decodes group and attribute. ENXIO for what there is not.
    fn decode(attr: &bindings::kvm_device_attr) -> Result<Self> {
        match attr.group {
            bindings::KVM_DEV_ARM_VGIC_GRP_CTRL
                if attr.attr == u64::from(bindings::KVM_DEV_ARM_VGIC_USERSPACE_PPIS) =>
            {
                Ok(Self::UserspacePpis)
            }
            bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => {
                // Affinity 63:32, RES0 31:16, register 15:0.
                let register = u16::try_from(attr.attr as u32)
                    .ok()
                    .and_then(UserRegister::decode)
                    .ok_or(ENXIO)?;
                let affinity = attr.attr >> 32;
                // Aff3 is not next to Aff2 in MPIDR_EL1.
                let mpidr = ((affinity & 0xff00_0000) << 8) | (affinity & 0x00ff_ffff);
                Ok(Self::Register { mpidr, register })
            }
            _ => Err(ENXIO),
        }
    }
}

/// What userspace asks of a device: an attribute, and its own memory for the value.
struct Request {
    kvm: *mut bindings::kvm,
    attribute: Attribute,
    memory: UserPtr,
}

impl Request {
    /// ENXIO for an attribute that there is not.
    ///
    /// # Safety
    ///
    /// `dev` and `attr` are valid, and nobody writes them.
    unsafe fn new(
        dev: *mut bindings::kvm_device,
        attr: *mut bindings::kvm_device_attr,
    ) -> Result<Self> {
        // SAFETY: The caller vouches for `attr`.
        let attr = unsafe { &*attr };
        Ok(Self {
            // SAFETY: The caller vouches for `dev`.
            kvm: unsafe { (*dev).kvm },
            attribute: Attribute::decode(attr)?,
            memory: UserPtr::from_addr(attr.addr as usize),
        })
    }

    /// Userspace's memory, this much of it.
    fn words(&self, count: usize) -> UserSlice {
        UserSlice::new(self.memory, count * size_of::<u64>())
    }
}

/// The vCPU with this affinity, or EINVAL.
///
/// # Safety
///
/// `kvm` is valid.
unsafe fn find_vcpu(kvm: *mut bindings::kvm, mpidr: u64) -> Result<*mut bindings::kvm_vcpu> {
    // SAFETY: The caller vouches for `kvm`.
    let vcpu = unsafe { bindings::kvm_mpidr_to_vcpu(kvm, mpidr as c_ulong) };
    if vcpu.is_null() {
        return Err(EINVAL);
    }
    Ok(vcpu)
}

/// Runs `access` on a vCPU while none of its VM runs, or is EBUSY.
///
/// # Safety
///
/// `kvm` is valid, and has our data.
unsafe fn with_vcpu<T>(
    kvm: *mut bindings::kvm,
    mpidr: u64,
    access: impl FnOnce(&Vm, &Parked<'_>) -> Result<T>,
) -> Result<T> {
    // SAFETY: `kvm` is valid. The cast is to what the kernel crate calls the same C type.
    let lock = unsafe { &raw mut (*kvm).lock }.cast::<kernel::bindings::mutex>();
    // SAFETY: The lock is valid as long as the VM is; no lock of KVM's is held here.
    unsafe { kernel::bindings::mutex_lock(lock) };
    // SAFETY: `kvm` is valid and its lock is held.
    let result = to_result(unsafe { bindings::kvm_trylock_all_vcpus(kvm) })
        .map_err(|_| EBUSY)
        .and_then(|()| {
            // SAFETY: As above; all vCPUs are locked.
            let result = unsafe { with_locked_vcpu(kvm, mpidr, access) };
            // SAFETY: They were locked above.
            unsafe { bindings::kvm_unlock_all_vcpus(kvm) };
            result
        });
    // SAFETY: It was locked above.
    unsafe { kernel::bindings::mutex_unlock(lock) };
    result
}

/// # Safety
///
/// `kvm` is valid, has our data, and all its vCPUs are locked.
unsafe fn with_locked_vcpu<T>(
    kvm: *mut bindings::kvm,
    mpidr: u64,
    access: impl FnOnce(&Vm, &Parked<'_>) -> Result<T>,
) -> Result<T> {
    // SAFETY: The caller vouches for `kvm`.
    if !unsafe { context::is_initialized(kvm) } {
        return Err(EBUSY);
    }
    // SAFETY: As above.
    let vcpu = unsafe { find_vcpu(kvm, mpidr) }?;
    // SAFETY: As above.
    let vm = unsafe { context::vm(kvm) };
    // SAFETY: An online vCPU of the VM is valid, and has our data.
    match unsafe { context::vcpu(vcpu) }.residency() {
        Residency::Parked(parked) => access(vm, &parked),
        // A vCPU is only loaded by who holds its mutex, which is us.
        Residency::Resident(_) => Err(EBUSY),
    }
}

/// # Safety
///
/// As `get_attr` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn get(
    dev: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> c_int {
    from_result(|| {
        // SAFETY: The operation's caller vouches for both.
        let request = unsafe { Request::new(dev, attr) }?;
        let kvm = request.kvm;
        match request.attribute {
            Attribute::UserspacePpis => {
                // None is known to be userspace's before the VM is initialized.
                // SAFETY: A device's VM is valid.
                let ppis = if unsafe { context::is_initialized(kvm) } {
                    // SAFETY: As above, and it has our data.
                    unsafe { context::vm(kvm) }.userspace().bits()
                } else {
                    0
                };
                let mut writer = request.words(2).writer();
                writer.write(&ppis)?;
                // PPIs 64 to 127 belong to no guest.
                writer.write(&0u64)?;
            }
            Attribute::Register { mpidr, register } => {
                let get = |vm: &Vm, vcpu: &Parked<'_>| Ok(register.get(vm, vcpu));
                // SAFETY: A device's VM is valid, and has our data.
                let value = unsafe { with_vcpu(kvm, mpidr, get) }?;
                request.words(1).writer().write(&value)?;
            }
        }
        Ok(0)
    })
}

/// # Safety
///
/// As `set_attr` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn set(
    dev: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> c_int {
    from_result(|| {
        // SAFETY: The operation's caller vouches for both.
        let request = unsafe { Request::new(dev, attr) }?;
        let kvm = request.kvm;
        let Attribute::Register { mpidr, register } = request.attribute else {
            return Err(ENXIO);
        };
        let value: u64 = request.words(1).reader().read()?;
        let set = |vm: &Vm, vcpu: &Parked<'_>| {
            // SAFETY: A device's VM is valid.
            if unsafe { context::has_run(kvm) } {
                return Err(EBUSY);
            }
            register.set(vm, vcpu, value).map_err(|_| EINVAL)
        };
        // SAFETY: A device's VM is valid, and has our data.
        unsafe { with_vcpu(kvm, mpidr, set) }?;
        Ok(0)
    })
}

/// # Safety
///
/// As `has_attr` of `struct vgic_v5_backend`.
pub(super) unsafe extern "C" fn has(
    dev: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> c_int {
    from_result(|| {
        // SAFETY: The operation's caller vouches for both.
        let request = unsafe { Request::new(dev, attr) }?;
        let kvm = request.kvm;
        match request.attribute {
            Attribute::UserspacePpis => {}
            Attribute::Register { mpidr, .. } => {
                // SAFETY: A device's VM is valid.
                unsafe { find_vcpu(kvm, mpidr) }?;
            }
        }
        Ok(0)
    })
}

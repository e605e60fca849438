// SPDX-License-Identifier: GPL-2.0

//! What C calls. Each function makes Rust's values of C's arguments, calls the operation, and makes
//! C's value of the outcome. `B` is the backend, `R` how the host's mode reaches the registers.
//!
//! # Safety
//!
//! KVM calls these as `include/kvm/arm_vgic.h` says: with a VM or a vCPU that is valid for the call,
//! and that has the data that `create` made and `destroy` has not taken back.

#![expect(clippy::missing_safety_doc, reason = "said once for all of them above")]
#![expect(
    clippy::disallowed_methods,
    reason = "as_char_ptr() cannot be called in a constant"
)]

use super::backend::{Backend, VcpuOps, VmOps};
use super::types::{attach, detach, Kvm, KvmVcpu, OnCpu, OwnVcpu, Request};
use crate::bindings;
use crate::hw::cpuif::Local;
use crate::vgic::cpuif::{Owner, PpiId};
use crate::vgic::intid::Intid;
use core::mem::offset_of;
use kernel::error::from_result;
use kernel::module::this_module;
use kernel::prelude::*;

/// A table of operations.
#[repr(transparent)]
pub(super) struct Table(bindings::vgic_v5_backend);

// SAFETY: Never written.
unsafe impl Sync for Table {}
// SAFETY: Never written, and not bound to a thread.
unsafe impl Send for Table {}

impl Table {
    /// The table of `B` on a host whose registers are `R`. Constant; the same at each call.
    pub(super) fn of<B: Backend, R: Local>() -> &'static Self {
        const { &Self(operations::<B, R>()) }
    }

    pub(super) fn as_ptr(&self) -> *const bindings::vgic_v5_backend {
        &self.0
    }
}

const fn operations<B: Backend, R: Local>() -> bindings::vgic_v5_backend {
    bindings::vgic_v5_backend {
        size: size_of::<bindings::vgic_v5_backend>(),
        kvm_size: size_of::<bindings::kvm>(),
        vcpu_size: size_of::<bindings::kvm_vcpu>(),

        owner: this_module::<crate::VgicV5>().as_ptr().cast(),
        name: B::NAME.as_ptr().cast(),

        vm: const { &vm_ops::<B>() },
        vcpu: const { &vcpu_ops::<B>() },
        sw: const { &switch_ops::<B, R>() },
        irq: const { &irq_ops::<B>() },
        irs: const { &irs_ops::<B>() },
        device: const { &kvm_arm_vgic_v5_ops::<B>() },
    }
}

const fn vm_ops<B: Backend>() -> bindings::vgic_v5_vm_ops {
    bindings::vgic_v5_vm_ops {
        create: Some(create::<B>),
        destroy: Some(destroy::<B>),
        init: Some(init::<B>),
        map_resources: Some(map_resources::<B>),
        finalize: Some(finalize::<B>),
    }
}

const fn vcpu_ops<B: Backend>() -> bindings::vgic_v5_vcpu_ops {
    bindings::vgic_v5_vcpu_ops {
        create: Some(vcpu_create::<B>),
        destroy: Some(vcpu_destroy::<B>),
        reset: Some(vcpu_reset::<B>),
        access_sysreg: Some(access_sysreg::<B>),
    }
}

const fn switch_ops<B: Backend, R: Local>() -> bindings::vgic_v5_switch_ops {
    bindings::vgic_v5_switch_ops {
        load: Some(load::<B, R>),
        put: Some(put::<B, R>),
        flush_hwstate: Some(flush_hwstate::<B, R>),
        sync_hwstate: Some(sync_hwstate::<B, R>),
        pending_irq: Some(pending_irq::<B>),
        get_ppi_regs: Some(get_ppi_regs::<B, R>),
    }
}

const fn irq_ops<B: Backend>() -> bindings::vgic_v5_irq_ops {
    bindings::vgic_v5_irq_ops {
        inject_irq: Some(inject_irq::<B>),
        userspace_ppi: Some(userspace_ppi::<B>),
        set_owner: Some(set_owner::<B>),
        set_irq_ops: Some(set_irq_ops),
        map_phys_irq: Some(map_phys_irq::<B>),
        unmap_phys_irq: Some(unmap_phys_irq::<B>),
        get_map: Some(get_map::<B>),
        map_is_active: Some(map_is_active::<B>),
        reset_mapped_irq: Some(reset_mapped_irq::<B>),
    }
}

const fn irs_ops<B: Backend>() -> bindings::vgic_v5_irs_ops {
    bindings::vgic_v5_irs_ops {
        max_vcpus: Some(max_vcpus::<B>),
        register_iodev: Some(register_iodev::<B>),
    }
}

/// The VM's device. Creating and destroying it is KVM's own.
const fn kvm_arm_vgic_v5_ops<B: Backend>() -> bindings::kvm_device_ops {
    bindings::kvm_device_ops {
        name: c"kvm-arm-vgic-v5".as_ptr().cast(),
        create: None,
        init: None,
        destroy: None,
        release: None,
        set_attr: Some(set_attr::<B>),
        get_attr: Some(get_attr::<B>),
        has_attr: Some(has_attr::<B>),
        ioctl: None,
        mmap: None,
    }
}

/// 0, or a negative error.
#[inline(always)]
fn status(result: Result) -> c_int {
    from_result(|| result.map(|()| 0))
}

/// The architected PPI with this INTID.
#[inline(always)]
fn ppi(intid: u32) -> Result<PpiId> {
    Intid::decode(intid)
        .and_then(Intid::architected_ppi)
        .ok_or(EINVAL)
}

/// KVM's pointer to an in-kernel device, of which only the identity counts.
#[inline(always)]
fn owner(device: *mut c_void) -> Option<Owner> {
    Owner::new(device.addr() as u64)
}

/// Where a VM has our data.
fn vm_data(kvm: *mut bindings::kvm) -> *mut *mut c_void {
    let offset = offset_of!(bindings::kvm, arch.vgic.gicv5_vm.private);
    kvm.wrapping_byte_add(offset).cast()
}

/// Where a vCPU has our data.
fn vcpu_data(vcpu: *mut bindings::kvm_vcpu) -> *mut *mut c_void {
    let offset = offset_of!(bindings::kvm_vcpu, arch.vgic_cpu.v5_private);
    vcpu.wrapping_byte_add(offset).cast()
}

unsafe extern "C" fn create<B: Backend>(kvm: *mut bindings::kvm) -> c_int {
    from_result(|| {
        let data = <B as VmOps>::create()?;
        // SAFETY: The VM is valid and was never given data; nobody else knows it.
        unsafe { attach(vm_data(kvm), data) };
        Ok(0)
    })
}

unsafe extern "C" fn destroy<B: Backend>(kvm: *mut bindings::kvm) {
    // SAFETY: The VM is valid, and its vCPUs, the last users of its data, are gone.
    drop(unsafe { detach::<B::Vm>(vm_data(kvm)) });
}

/// Operations on a VM.
macro_rules! vm_operations {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<B: Backend>(kvm: *mut bindings::kvm) -> c_int {
            // SAFETY: The VM is valid, and has our data.
            status(B::$name(unsafe { Kvm::from_raw(kvm) }))
        }
    )*};
}

vm_operations! { init map_resources finalize }

unsafe extern "C" fn vcpu_create<B: Backend>(vcpu: *mut bindings::kvm_vcpu) -> c_int {
    from_result(|| {
        let data = <B as VcpuOps>::create()?;
        // SAFETY: The vCPU is valid and was never given data; nobody else knows it.
        unsafe { attach(vcpu_data(vcpu), data) };
        Ok(0)
    })
}

unsafe extern "C" fn vcpu_destroy<B: Backend>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: The vCPU is valid, no longer runs, and nobody can find it any more.
    drop(unsafe { detach::<B::Vcpu>(vcpu_data(vcpu)) });
}

unsafe extern "C" fn vcpu_reset<B: Backend>(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: The vCPU is valid, has our data, and its mutex is held.
    B::reset(unsafe { OwnVcpu::from_raw(vcpu) })
}

unsafe extern "C" fn access_sysreg<B: Backend>(
    vcpu: *mut bindings::kvm_vcpu,
    sysreg: u32,
    value: *mut u64,
    is_write: bool,
) -> bool {
    // SAFETY: The vCPU is valid, and has our data.
    let vcpu = unsafe { KvmVcpu::from_raw(vcpu) };
    // SAFETY: It is valid, and ours alone for the call.
    let value = unsafe { &mut *value };
    if is_write {
        return B::write(vcpu, sysreg, *value).is_some();
    }
    B::read(vcpu, sysreg).map(|read| *value = read).is_some()
}

/// Steps of the world switch.
macro_rules! switch_operations {
    ($($name:ident = $operation:ident;)*) => {$(
        unsafe extern "C" fn $name<B: Backend, R: Local>(vcpu: *mut bindings::kvm_vcpu) {
            // SAFETY: The vCPU's own thread calls this on the CPU that the vCPU is on, with
            // preemption disabled.
            B::$operation(unsafe { OnCpu::<B, R>::from_raw(vcpu) })
        }
    )*};
}

switch_operations! {
    load = load;
    put = put;
    flush_hwstate = flush;
    sync_hwstate = sync;
}

unsafe extern "C" fn pending_irq<B: Backend>(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: The vCPU is valid, and has our data.
    B::pending(unsafe { KvmVcpu::from_raw(vcpu) })
}

unsafe extern "C" fn get_ppi_regs<B: Backend, R: Local>(
    vcpu: *mut bindings::kvm_vcpu,
    out: *mut bindings::vgic_v5_ppi_regs,
) {
    // SAFETY: The vCPU's own thread asks on this CPU, with interrupts disabled, between two of the
    // operations above.
    let regs = B::ppi_regs(unsafe { OnCpu::<B, R>::from_raw(vcpu) });
    let regs = bindings::vgic_v5_ppi_regs {
        pendr: regs.pending,
        activer: regs.active,
        enabler: regs.enabled,
        dvir: regs.direct,
    };
    // SAFETY: It is valid, and ours alone for the call.
    unsafe { out.write(regs) };
}

unsafe extern "C" fn inject_irq<B: Backend>(
    kvm: *mut bindings::kvm,
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
    level: bool,
    by: *mut c_void,
) -> c_int {
    let Some(intid) = Intid::decode(intid) else {
        return EINVAL.to_errno();
    };
    let vcpu = (!vcpu.is_null()).then(|| {
        // SAFETY: A vCPU that is not null is valid, and has our data.
        unsafe { KvmVcpu::<B>::from_raw(vcpu) }
    });
    // SAFETY: The VM is valid, and has our data.
    let kvm = unsafe { Kvm::from_raw(kvm) };
    status(B::inject(kvm, vcpu, intid, level, owner(by)))
}

unsafe extern "C" fn userspace_ppi<B: Backend>(kvm: *mut bindings::kvm, intid: u32) -> bool {
    // SAFETY: The VM is valid, and has our data.
    let kvm = unsafe { Kvm::from_raw(kvm) };
    ppi(intid).is_ok_and(|ppi| B::is_userspace_ppi(kvm, ppi))
}

/// Of the callbacks that there are for a `struct vgic_irq`, none is of use here: what
/// `get_input_level` says the physical PPI's pending state says, too.
unsafe extern "C" fn set_irq_ops(
    _vcpu: *mut bindings::kvm_vcpu,
    _intid: u32,
    _ops: *const bindings::irq_ops,
) {
}

unsafe extern "C" fn map_phys_irq<B: Backend>(
    vcpu: *mut bindings::kvm_vcpu,
    host_irq: c_uint,
    intid: u32,
) -> c_int {
    // SAFETY: The vCPU is valid, and has our data.
    let vcpu = unsafe { KvmVcpu::from_raw(vcpu) };
    status(ppi(intid).and_then(|ppi| B::map(vcpu, ppi, host_irq)))
}

/// Operations on a PPI of a vCPU's, of whose number nothing is known yet.
macro_rules! ppi_operations {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($vcpu:ident, $ppi:ident $(, $arg:ident: $type:ty)?) -> $out:ty $body:block
    )*) => {$(
        $(#[$doc])*
        unsafe extern "C" fn $name<B: Backend>(
            vcpu: *mut bindings::kvm_vcpu,
            intid: u32,
            $($arg: $type,)?
        ) -> $out {
            // SAFETY: The vCPU is valid, and has our data.
            let $vcpu = unsafe { KvmVcpu::<B>::from_raw(vcpu) };
            let $ppi = ppi(intid);
            $body
        }
    )*};
}

ppi_operations! {
    fn set_owner(vcpu, ppi, device: *mut c_void) -> c_int {
        status(ppi.and_then(|ppi| B::set_owner(vcpu, ppi, owner(device).ok_or(EINVAL)?)))
    }

    fn unmap_phys_irq(vcpu, ppi) -> c_int {
        status(ppi.map(|ppi| B::unmap(vcpu, ppi)))
    }

    /// -1 if the PPI is tied to none.
    fn get_map(vcpu, ppi) -> c_int {
        let hwirq = ppi.ok().and_then(|ppi| B::hwirq(vcpu, ppi));
        hwirq.map_or(-1, |hwirq| hwirq as c_int)
    }

    fn map_is_active(vcpu, ppi) -> bool {
        ppi.is_ok_and(|ppi| B::is_mapped_active(vcpu, ppi))
    }
}

unsafe extern "C" fn reset_mapped_irq<B: Backend>(vcpu: *mut bindings::kvm_vcpu, intid: u32) {
    // SAFETY: The vCPU is valid, has our data, and its mutex is held.
    let vcpu = unsafe { OwnVcpu::from_raw(vcpu) };
    if let Ok(ppi) = ppi(intid) {
        B::reset_mapped(vcpu, ppi);
    }
}

/// Operations on a device.
macro_rules! device_operations {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<B: Backend>(
            dev: *mut bindings::kvm_device,
            attr: *mut bindings::kvm_device_attr,
        ) -> c_int {
            // SAFETY: KVM holds the device, and the attribute is its copy.
            status(B::$name(unsafe { Request::from_raw(dev, attr) }))
        }
    )*};
}

/// Without an IRS of the host's, KVM's own limit.
unsafe extern "C" fn max_vcpus<B: Backend>(_kvm: *mut bindings::kvm) -> c_uint {
    B::max_vcpus().unwrap_or(bindings::VGIC_V5_MAX_CPUS)
}

unsafe extern "C" fn register_iodev<B: Backend>(kvm: *mut bindings::kvm) -> c_int {
    // SAFETY: The VM is valid, and has our data.
    status(B::register_iodev(unsafe { Kvm::from_raw(kvm) }))
}

device_operations! { set_attr get_attr has_attr }

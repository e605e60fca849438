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

/// Data comes and goes: `$place` is where `$structure` has it.
macro_rules! data_operations {
    ($($create:ident $destroy:ident: $ops:ident, $data:ident of $structure:ident at $place:ident;)*) => {$(
        unsafe extern "C" fn $create<B: Backend>(raw: *mut bindings::$structure) -> c_int {
            from_result(|| {
                let data = <B as $ops>::create()?;
                // SAFETY: It is valid and was never given data; nobody else knows it.
                unsafe { attach($place(raw), data) };
                Ok(0)
            })
        }

        unsafe extern "C" fn $destroy<B: Backend>(raw: *mut bindings::$structure) {
            // SAFETY: It is valid, and nobody uses its data any more: a VM's vCPUs are gone, a vCPU
            // does not run and cannot be found.
            drop(unsafe { detach::<B::$data>($place(raw)) });
        }
    )*};
}

data_operations! {
    create destroy: VmOps, Vm of kvm at vm_data;
    vcpu_create vcpu_destroy: VcpuOps, Vcpu of kvm_vcpu at vcpu_data;
}

/// Operations on a VM, a vCPU, or a vCPU whose mutex is held: what `$value` makes of C's pointer.
macro_rules! operations {
    ($($value:ident of $raw:ident: $(
        $(#[$doc:meta])*
        fn $name:ident($subject:ident $(, $arg:ident: $type:ty)*) -> $out:ty $body:block
    )*;)*) => {$($(
        $(#[$doc])*
        unsafe extern "C" fn $name<B: Backend>(
            raw: *mut bindings::$raw,
            $($arg: $type,)*
        ) -> $out {
            // SAFETY: It is valid, and has our data. For an `OwnVcpu`: KVM holds the vCPU's mutex.
            let $subject = unsafe { $value::<B>::from_raw(raw) };
            $body
        }
    )*)*};
}

operations! {
    Kvm of kvm:

    fn init(kvm) -> c_int {
        status(B::init(kvm))
    }

    fn map_resources(kvm) -> c_int {
        status(B::map_resources(kvm))
    }

    fn finalize(kvm) -> c_int {
        status(B::finalize(kvm))
    }

    fn register_iodev(kvm) -> c_int {
        status(B::register_iodev(kvm))
    }

    fn userspace_ppi(kvm, intid: u32) -> bool {
        ppi(intid).is_ok_and(|ppi| B::is_userspace_ppi(kvm, ppi))
    }

    fn inject_irq(
        kvm,
        vcpu: *mut bindings::kvm_vcpu,
        intid: u32,
        level: bool,
        by: *mut c_void
    ) -> c_int {
        let vcpu = (!vcpu.is_null()).then(|| {
            // SAFETY: A vCPU that is not null is valid, and has our data.
            unsafe { KvmVcpu::<B>::from_raw(vcpu) }
        });
        let intid = Intid::decode(intid).ok_or(EINVAL);
        status(intid.and_then(|intid| B::inject(kvm, vcpu, intid, level, owner(by))))
    };

    KvmVcpu of kvm_vcpu:

    fn access_sysreg(vcpu, sysreg: u32, value: *mut u64, is_write: bool) -> bool {
        // SAFETY: It is valid, and ours alone for the call.
        let value = unsafe { &mut *value };
        if is_write {
            return B::write(vcpu, sysreg, *value).is_some();
        }
        B::read(vcpu, sysreg).map(|read| *value = read).is_some()
    }

    fn pending_irq(vcpu) -> bool {
        B::pending(vcpu)
    }

    fn map_phys_irq(vcpu, host_irq: c_uint, intid: u32) -> c_int {
        status(ppi(intid).and_then(|ppi| B::map(vcpu, ppi, host_irq)))
    }

    fn set_owner(vcpu, intid: u32, device: *mut c_void) -> c_int {
        let owner = owner(device).ok_or(EINVAL);
        status(ppi(intid).and_then(|ppi| B::set_owner(vcpu, ppi, owner?)))
    }

    fn unmap_phys_irq(vcpu, intid: u32) -> c_int {
        status(ppi(intid).map(|ppi| B::unmap(vcpu, ppi)))
    }

    /// -1 if the PPI is tied to none.
    fn get_map(vcpu, intid: u32) -> c_int {
        let hwirq = ppi(intid).ok().and_then(|ppi| B::hwirq(vcpu, ppi));
        hwirq.map_or(-1, |hwirq| hwirq as c_int)
    }

    fn map_is_active(vcpu, intid: u32) -> bool {
        ppi(intid).is_ok_and(|ppi| B::is_mapped_active(vcpu, ppi))
    };

    OwnVcpu of kvm_vcpu:

    fn vcpu_reset(vcpu) -> () {
        B::reset(vcpu)
    }

    fn reset_mapped_irq(vcpu, intid: u32) -> () {
        if let Ok(ppi) = ppi(intid) {
            B::reset_mapped(vcpu, ppi);
        }
    };
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

/// Of the callbacks that there are for a `struct vgic_irq`, none is of use here: what
/// `get_input_level` says the physical PPI's pending state says, too.
unsafe extern "C" fn set_irq_ops(
    _vcpu: *mut bindings::kvm_vcpu,
    _intid: u32,
    _ops: *const bindings::irq_ops,
) {
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

device_operations! { set_attr get_attr has_attr }

// SPDX-License-Identifier: GPL-2.0

//! What a backend does for KVM: the operations of `struct vgic_v5_backend` in Rust's types, a
//! trait for each group.
//!
//! `include/kvm/arm_vgic.h` of the patched kernel says when each is called and under which locks;
//! [`super::trampolines`] turns C's calls into these.

use super::types::{Data, Kvm, KvmVcpu, OnCpu, OwnVcpu, Request};
use crate::hw::cpuif::Local;
use crate::vgic::cpuif::{Owner, PpiId};
use crate::vgic::intid::Intid;
use kernel::prelude::*;

/// A backend.
pub(crate) trait Backend:
    VmOps + VcpuOps + SysregOps + SwitchOps + IrqOps + IrsOps + DeviceOps
{
    /// What KVM's `vgic_v5_backend` parameter calls it.
    const NAME: &'static CStr;
}

/// A VM's life.
pub(crate) trait VmOps: Data {
    /// A new VM gets a GICv5. Its data is dropped when the VM goes.
    fn create() -> Result<Self::Vm>;

    /// KVM_DEV_ARM_VGIC_CTRL_INIT.
    fn init(kvm: Kvm<'_, Self>) -> Result;

    /// A vCPU is about to run for the first time.
    fn map_resources(kvm: Kvm<'_, Self>) -> Result;

    /// A vCPU is about to run for the first time, and has its devices.
    fn finalize(kvm: Kvm<'_, Self>) -> Result;
}

/// A vCPU's life.
pub(crate) trait VcpuOps: Data {
    /// A VM with a GICv5 gets a vCPU. Its data is dropped when the vCPU goes.
    fn create() -> Result<Self::Vcpu>;

    /// KVM_ARM_VCPU_INIT, or PSCI's CPU_ON.
    fn reset(vcpu: OwnVcpu<'_, Self>);
}

/// Accesses of the guest's that trap, by the register's `sys_reg()` number.
pub(crate) trait SysregOps: Data {
    /// What the guest reads; `None` if the access is UNDEFINED.
    fn read(vcpu: KvmVcpu<'_, Self>, sysreg: u32) -> Option<u64>;

    /// Does what the guest's write does; `None` if the access is UNDEFINED.
    fn write(vcpu: KvmVcpu<'_, Self>, sysreg: u32, value: u64) -> Option<()>;
}

/// What a CPU's registers hold of a vCPU's PPIs, for tracepoints.
pub(crate) struct PpiRegs {
    /// Pending, but for the direct ones.
    pub(crate) pending: u64,
    /// Active.
    pub(crate) active: u64,
    /// Enabled.
    pub(crate) enabled: u64,
    /// Directly injected.
    pub(crate) direct: u64,
}

/// The world switch. `R` is how the host's mode reaches the registers.
pub(crate) trait SwitchOps: Data {
    /// The vCPU comes to this CPU. KVM does this twice for one that was scheduled out in WFI.
    fn load<R: Local>(on: OnCpu<'_, Self, R>);

    /// The vCPU leaves this CPU. KVM does this twice for one that is scheduled out in WFI.
    fn put<R: Local>(on: OnCpu<'_, Self, R>);

    /// Last thing before the guest runs; interrupts are disabled.
    fn flush<R: Local>(on: OnCpu<'_, Self, R>);

    /// First thing after the guest ran; interrupts are disabled.
    fn sync<R: Local>(on: OnCpu<'_, Self, R>);

    /// Whether the vCPU, which does not run, has an interrupt to wake up for.
    fn pending(vcpu: KvmVcpu<'_, Self>) -> bool;

    /// What the registers hold; interrupts are disabled.
    fn ppi_regs<R: Local>(on: OnCpu<'_, Self, R>) -> PpiRegs;
}

/// Injection, owners and mappings of interrupts.
pub(crate) trait IrqOps: Data {
    /// A device, or userspace if `by` is `None`, drives an interrupt. May be called from any
    /// context.
    fn inject(
        kvm: Kvm<'_, Self>,
        vcpu: Option<KvmVcpu<'_, Self>>,
        intid: Intid,
        level: bool,
        by: Option<Owner>,
    ) -> Result;

    /// Whether userspace may drive a PPI.
    fn is_userspace_ppi(kvm: Kvm<'_, Self>, ppi: PpiId) -> bool;

    /// A device claims a PPI.
    fn set_owner(vcpu: KvmVcpu<'_, Self>, ppi: PpiId, owner: Owner) -> Result;

    /// Ties a PPI to the physical one behind Linux's interrupt `host_irq`.
    fn map(vcpu: KvmVcpu<'_, Self>, ppi: PpiId, host_irq: u32) -> Result;

    /// Unties a PPI.
    fn unmap(vcpu: KvmVcpu<'_, Self>, ppi: PpiId);

    /// INTID.ID of the physical PPI that a PPI is tied to.
    fn hwirq(vcpu: KvmVcpu<'_, Self>, ppi: PpiId) -> Option<u32>;

    /// Whether a PPI is tied to a physical one, and active.
    fn is_mapped_active(vcpu: KvmVcpu<'_, Self>, ppi: PpiId) -> bool;

    /// The device of a tied PPI is reset.
    fn reset_mapped(vcpu: OwnVcpu<'_, Self>, ppi: PpiId);
}

/// The virtual IRS.
pub(crate) trait IrsOps: Data {
    /// How many vCPUs a VM can have at most, if its IRS bounds that.
    fn max_vcpus() -> Option<u32>;

    /// Puts the IRS's frames on KVM's bus. slots_lock is held.
    fn register_iodev(kvm: Kvm<'_, Self>) -> Result;
}

/// The device's attributes, but for KVM_DEV_ARM_VGIC_CTRL_INIT. No lock is held.
pub(crate) trait DeviceOps: Data {
    /// KVM_SET_DEVICE_ATTR.
    fn set_attr(request: Request<'_, Self>) -> Result;

    /// KVM_GET_DEVICE_ATTR.
    fn get_attr(request: Request<'_, Self>) -> Result;

    /// KVM_HAS_DEVICE_ATTR.
    fn has_attr(request: Request<'_, Self>) -> Result;
}

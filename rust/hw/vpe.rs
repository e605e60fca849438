// SPDX-License-Identifier: GPL-2.0

//! Which VPE is resident on this CPU, and the pending state of virtual interrupts.

use super::cpuif::is_vhe;
use crate::bindings;
use crate::sysregs::{SystemRegister, ICH_CONTEXTR_EL2};
use crate::vgic::irs::Cpu;
use core::arch::asm;

/// The CPU that this runs on: by its own registers if the kernel is at EL2, by hypercalls if not.
pub(crate) struct HostCpu;

/// Writes ICH_CONTEXTR_EL2, and returns what it reads as afterwards.
#[inline]
fn set_context(contextr: u64) -> u64 {
    if !is_vhe() {
        // SAFETY: Callers of `Cpu` have preemption off; the VM has a GICv5.
        return unsafe { bindings::kvm_vgic_v5_set_context(contextr) };
    }
    // SAFETY: At EL2 of a host with GICv5; only a guest is subject to the register.
    unsafe { ICH_CONTEXTR_EL2::write(ICH_CONTEXTR_EL2::from_raw(contextr)) };
    // SAFETY: ISB only orders what this CPU does.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
    // SAFETY: At EL2 of a host with GICv5; reading it has no effect.
    unsafe { ICH_CONTEXTR_EL2::read() }.into_raw()
}

impl Cpu for HostCpu {
    #[inline]
    fn enter_context(&mut self, contextr: u64) -> u64 {
        set_context(contextr)
    }

    #[inline]
    fn leave_context(&mut self, contextr: u64) {
        // SAFETY: A barrier only orders what this CPU does.
        unsafe { asm!("dsb st", options(nostack, preserves_flags)) };
        set_context(contextr);
    }

    #[inline]
    fn vdpend(&mut self, operand: u64) {
        // What the device wrote to memory must be there when the guest takes its interrupt.
        // SAFETY: A barrier only orders what this CPU does.
        unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
        // The kernel's table of registers has no instructions, so C executes it, at EL2.
        // SAFETY: May be called anywhere; it concerns nothing but a VM's interrupt.
        unsafe { bindings::kvm_vgic_v5_vdpend(operand) };
    }

    #[inline]
    fn complete(&mut self) {
        // In C, as no assembler knows GSB SYS yet.
        // SAFETY: Barriers only order what this CPU does, which has a GICv5.
        unsafe { bindings::kvm_vgic_v5_complete() };
    }
}

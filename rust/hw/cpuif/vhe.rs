// SPDX-License-Identifier: GPL-2.0

//! The kernel runs at EL2: the registers are an `msr` and an `mrs` away.

use super::local::Local;
use crate::bindings;
use crate::sysregs::{Layout, SystemRegister};
use crate::vgic::cpuif::registers::RegisterVisitor;
use crate::vgic::cpuif::Reg;
use crate::vgic::ports::CpuRegisters;
use core::arch::asm;
use core::marker::PhantomData;

/// Whether the kernel runs at EL2.
pub(crate) fn is_vhe() -> bool {
    let current_el: u64;
    // SAFETY: CurrentEL can be read anywhere, and reading it has no effect.
    unsafe { asm!("mrs {}, CurrentEL", out(reg) current_el, options(nomem, nostack)) };
    // CurrentEL.EL, bits 3:2.
    (current_el >> 2) & 3 == 2
}

/// This CPU's registers. Not `Send`: another CPU's are others.
pub(crate) struct Vhe(PhantomData<*const ()>);

/// Reads the register that it visits.
struct Read;

impl RegisterVisitor for Read {
    type Output = u64;

    #[inline(always)]
    fn visit<S: SystemRegister>(self) -> u64 {
        // SAFETY: Only a `Vhe` makes this visit, and `Local::of`'s caller vouches for a host with
        // GICv5 at EL2, where each of the registers exists and reading it has no effect.
        unsafe { S::read() }.into_raw()
    }
}

/// Writes the register that it visits.
struct Write(u64);

impl RegisterVisitor for Write {
    type Output = ();

    #[inline(always)]
    fn visit<S: SystemRegister>(self) {
        let value = S::Value::from_raw(self.0);
        // SAFETY: Only a `Vhe` makes this visit, and `Local::of`'s caller vouches for a host with
        // GICv5 at EL2, with preemption off and nobody but a guest subject to the register.
        unsafe { S::write(value) }
    }
}

impl CpuRegisters for Vhe {
    #[inline(always)]
    fn read(&self, reg: Reg) -> u64 {
        reg.visit(Read)
    }

    #[inline(always)]
    fn write(&mut self, reg: Reg, value: u64) {
        reg.visit(Write(value))
    }

    #[inline(always)]
    fn synchronize(&mut self) {
        // SAFETY: ISB only orders what this CPU does.
        unsafe { asm!("isb", options(nostack, preserves_flags)) }
    }
}

impl Local for Vhe {
    #[inline(always)]
    unsafe fn of(_vcpu: *mut bindings::kvm_vcpu) -> Self {
        Self(PhantomData)
    }
}

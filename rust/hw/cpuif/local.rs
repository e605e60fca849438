// SPDX-License-Identifier: GPL-2.0

//! What the registers of a CPU are to the world switch, whichever way they are reached.

use crate::bindings;
use crate::vgic::ports::CpuRegisters;

/// Registers that belong to the CPU this runs on.
pub(crate) trait Local: CpuRegisters {
    /// The registers that `vcpu` is switched through.
    ///
    /// # Safety
    ///
    /// `vcpu` is a valid vCPU of a VM with a GICv5, which is about to be, or is, loaded on this
    /// CPU; preemption stays disabled for as long as the result is used.
    unsafe fn of(vcpu: *mut bindings::kvm_vcpu) -> Self;
}

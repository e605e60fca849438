// SPDX-License-Identifier: GPL-2.0

//! The registers of this CPU's virtual interface, as the host's mode lets the kernel reach them.

use crate::bindings;
use crate::logic::Registers;

mod nvhe;
mod vhe;

pub(crate) use nvhe::Nvhe;
pub(crate) use vhe::Vhe;

/// Registers that belong to the CPU this runs on.
pub(crate) trait Local: Registers {
    /// The registers that `vcpu` is switched through.
    ///
    /// # Safety
    ///
    /// `vcpu` is a valid vCPU of a VM with a GICv5, which is about to be, or is, loaded on this
    /// CPU; preemption stays disabled for as long as the result is used.
    unsafe fn of(vcpu: *mut bindings::kvm_vcpu) -> Self;
}

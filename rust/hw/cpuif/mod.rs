// SPDX-License-Identifier: GPL-2.0

//! The registers of this CPU's virtual interface, as the host's mode lets the kernel reach them,
//! and what they are known to hold.

use crate::bindings;
use crate::vgic::ports::CpuRegisters;

mod cache;
mod nvhe;
mod vhe;

pub(crate) use cache::{cache_of, epoch};
pub(crate) use nvhe::Nvhe;
pub(crate) use vhe::{is_vhe, Vhe};

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

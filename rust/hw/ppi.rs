// SPDX-License-Identifier: GPL-2.0

//! The host's physical PPIs.

use crate::bindings;
use crate::sysregs::{SystemRegister, ICC_PPI_SPENDR0_EL1, ID_AA64PFR2_EL1, ID_AA64PFR2_EL1_GCIE};
use crate::vgic::cpuif::PpiMask;
use core::arch::asm;
use kernel::prelude::*;

/// Whether this CPU has a GICv5 CPU interface.
pub(crate) fn has_gicv5() -> bool {
    // SAFETY: It is in the space of ID registers, which reads as 0 where there is no register.
    let pfr2 = unsafe { ID_AA64PFR2_EL1::read() };
    pfr2.gcie_at_least(ID_AA64PFR2_EL1_GCIE::IMP)
}

/// The PPIs that the host's PEs have.
pub(crate) fn implemented() -> PpiMask {
    // SAFETY: KVM writes it while it initializes, long before a module can be loaded.
    let ppis = unsafe {
        bindings::kvm_vgic_global_state
            .vgic_v5_ppi_caps
            .impl_ppi_mask
    };
    PpiMask::from_bits(ppis.first().copied().unwrap_or(0) as u64)
}

/// The pending PPIs of the CPU that this runs on. Without a GICv5, which no VM of ours is on, the
/// read is UNDEFINED.
#[inline]
pub(crate) fn pending() -> PpiMask {
    // A timer that was restored just now must have reached its PPI.
    // SAFETY: ISB only orders what this CPU does.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
    // SAFETY: `has_gicv5` was true on registration, and reading the register has no effect.
    let pending = unsafe { ICC_PPI_SPENDR0_EL1::read() };
    PpiMask::from_bits(pending.into_raw())
}

/// The physical INTID.ID behind one of Linux's interrupt numbers.
///
/// # Errors
///
/// EINVAL if there is no such interrupt.
pub(crate) fn hwirq(host_irq: c_uint) -> Result<u32> {
    // SAFETY: May be called with any number; null if there is no such interrupt.
    let mut data = unsafe { bindings::irq_get_irq_data(host_irq) };
    let mut hwirq = None;
    // The outermost interrupt controller is the GIC.
    // SAFETY: Null or valid: KVM asks for the host's timer interrupts, which are never freed.
    while let Some(level) = unsafe { data.as_ref() } {
        hwirq = Some(level.hwirq as u32);
        data = level.parent_data;
    }
    hwirq.ok_or_else(|| {
        pr_err!("no interrupt descriptor for host interrupt {}\n", host_irq);
        EINVAL
    })
}

// SPDX-License-Identifier: GPL-2.0

//! Doorbells: host LPIs that wake vCPUs.

use crate::bindings;
use crate::vgic::irs::Vpe;
use kernel::bindings as kbindings;
use kernel::error::to_result;
use kernel::prelude::*;

/// What the handler gets.
struct Bell {
    vpe: Vpe,
    vcpu: *mut bindings::kvm_vcpu,
}

/// A host LPI, requested, and the VPE that it wakes.
///
/// # Invariants
///
/// `irq` was allocated in the LPI domain, and requested with `bell` as its cookie.
pub(crate) struct Doorbell {
    bell: KBox<Bell>,
    irq: c_uint,
    lpi: u32,
}

// SAFETY: What it points to, a vCPU, may be kicked by any thread; the VPE is shared by design.
unsafe impl Send for Doorbell {}
// SAFETY: A shared doorbell only gives access to its VPE, which is shared by design.
unsafe impl Sync for Doorbell {}

/// The doorbell rings.
///
/// # Safety
///
/// `cookie` is a valid [`Bell`].
unsafe extern "C" fn ring(_irq: c_int, cookie: *mut c_void) -> kbindings::irqreturn_t {
    // SAFETY: The caller vouches for it.
    let bell = unsafe { &*cookie.cast::<Bell>() };
    bell.vpe.ring();
    // SAFETY: The vCPU outlives its doorbell, by the contract of `Doorbell::new`.
    unsafe { bindings::kvm_vgic_v5_kick(bell.vcpu) };
    kbindings::irqreturn::IRQ_HANDLED
}

impl Doorbell {
    /// Allocates and requests an LPI for a vCPU. May sleep.
    ///
    /// # Errors
    ///
    /// ENODEV if the host has no LPIs; ENOMEM; ENOSPC.
    ///
    /// # Safety
    ///
    /// `vcpu` is valid until the result is dropped.
    pub(crate) unsafe fn new(vcpu: *mut bindings::kvm_vcpu) -> Result<Self> {
        // SAFETY: Written at boot.
        let domain = unsafe { bindings::gicv5_global_data.lpi_domain };
        if domain.is_null() {
            return Err(ENODEV);
        }
        let mut bell = KBox::new(
            Bell {
                vpe: Vpe::new(),
                vcpu,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let node = kbindings::NUMA_NO_NODE;
        let null = core::ptr::null_mut();
        // SAFETY: The domain is valid, and takes no argument.
        let irq = unsafe {
            kbindings::__irq_domain_alloc_irqs(domain.cast(), -1, 1, node, null, false, null.cast())
        };
        to_result(irq)?;
        let irq = irq as c_uint;
        let cookie = (&raw mut *bell).cast();
        // SAFETY: The interrupt was allocated just now; the cookie is what the handler takes, and
        // stays where it is until the interrupt is freed.
        let requested = unsafe {
            kbindings::request_threaded_irq(irq, Some(ring), None, 0, c"vcpu".as_char_ptr(), cookie)
        };
        if let Err(error) = to_result(requested) {
            // SAFETY: It was allocated just now, and nobody uses it.
            unsafe { kbindings::irq_domain_free_irqs(irq, 1) };
            return Err(error);
        }
        // SAFETY: May be called with any number.
        let data = unsafe { kbindings::irq_get_irq_data(irq) };
        // SAFETY: The interrupt is allocated, so this is not null, and valid until it is freed.
        let lpi = unsafe { (*data).hwirq } as u32;
        // INVARIANT: As was just done.
        Ok(Self { bell, irq, lpi })
    }

    /// The VPE.
    #[inline(always)]
    pub(crate) fn vpe(&self) -> &Vpe {
        &self.bell.vpe
    }

    /// The LPI's ID, without its type.
    pub(crate) fn lpi(&self) -> u32 {
        self.lpi
    }

    /// Keeps the LPI from being used by anybody else: the IRS may still ring it.
    pub(crate) fn leak(self) {
        self.silence();
        core::mem::forget(self);
    }

    fn silence(&self) {
        let cookie = (&raw const *self.bell).cast_mut().cast();
        // SAFETY: Requested with this cookie by the type invariant; waits for the handler.
        unsafe { kbindings::free_irq(self.irq, cookie) };
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        self.silence();
        // SAFETY: Allocated by the type invariant; nobody uses it.
        unsafe { kbindings::irq_domain_free_irqs(self.irq, 1) };
    }
}

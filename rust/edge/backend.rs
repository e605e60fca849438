// SPDX-License-Identifier: GPL-2.0

//! The table of operations, and its registration with KVM.

use super::context::Shadows;
use super::{attributes, interrupts, lifecycle, switch, traps, view};
use crate::bindings;
use crate::regs::{Local, Nvhe, Vhe};
use crate::sysregs::{SystemRegister, ICH_HFGRTR_EL2, ID_AA64PFR2_EL1, ID_AA64PFR2_EL1_GCIE};
use core::arch::asm;
use kernel::bindings as kbindings;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};

/// What KVM's `vgic_v5_backend` parameter calls it.
pub(crate) const NAME: &CStr = c"rust";

/// What has to stay where it is while KVM may look at it.
struct Tables {
    backend: bindings::vgic_v5_backend,
    files: kbindings::file_operations,
}

/// The registered backend. There is one while the module is loaded.
pub(crate) struct Backend {
    // Unregistered before either is freed.
    tables: KBox<Tables>,
    _shadows: Shadows,
}

// SAFETY: The tables are written before KVM sees them and never again.
unsafe impl Send for Backend {}
// SAFETY: As above.
unsafe impl Sync for Backend {}

static FILES: Atomic<*mut kbindings::file_operations> = Atomic::new(core::ptr::null_mut());

/// The operations of the files that [`view`] makes.
pub(super) fn file_operations() -> Option<*const kbindings::file_operations> {
    let files = FILES.load(Acquire);
    (!files.is_null()).then_some(files.cast_const())
}

/// The operations, with the world switch by way of `R`.
fn operations<R: Local>(owner: *mut kbindings::module) -> bindings::vgic_v5_backend {
    bindings::vgic_v5_backend {
        owner: owner.cast(),
        name: NAME.as_char_ptr(),
        hfgrtr_traps: ICH_HFGRTR_EL2::new().with_icc_ppi_hmrn_el1(true).into_raw()
            & !ICH_HFGRTR_EL2::RES1,

        create: Some(lifecycle::create),
        destroy: Some(lifecycle::destroy),
        init: Some(lifecycle::init),
        map_resources: Some(lifecycle::map_resources),
        finalize: Some(lifecycle::finalize),

        vcpu_create: Some(lifecycle::vcpu_create),
        vcpu_destroy: Some(lifecycle::vcpu_destroy),
        vcpu_reset: Some(lifecycle::vcpu_reset),

        load: Some(switch::load::<R>),
        put: Some(switch::put::<R>),
        flush_hwstate: Some(switch::flush::<R>),
        sync_hwstate: Some(switch::sync::<R>),
        pending_irq: Some(switch::pending_irq),
        get_ppi_regs: Some(switch::get_ppi_regs::<R>),

        inject_irq: Some(interrupts::inject_irq),
        userspace_ppi: Some(interrupts::userspace_ppi),
        set_owner: Some(interrupts::set_owner),
        set_irq_ops: Some(interrupts::set_irq_ops),
        map_phys_irq: Some(interrupts::map_phys_irq),
        unmap_phys_irq: Some(interrupts::unmap_phys_irq),
        get_map: Some(interrupts::get_map),
        map_is_active: Some(interrupts::map_is_active),
        reset_mapped_irq: Some(interrupts::reset_mapped_irq),

        access_sysreg: Some(traps::access_sysreg),

        set_attr: Some(attributes::set),
        get_attr: Some(attributes::get),
        has_attr: Some(attributes::has),
    }
}

/// Whether the kernel runs at EL2.
fn is_vhe() -> bool {
    let current_el: u64;
    // SAFETY: CurrentEL can be read anywhere, and reading it has no effect.
    unsafe { asm!("mrs {}, CurrentEL", out(reg) current_el, options(nomem, nostack)) };
    // CurrentEL.EL, bits 3:2.
    (current_el >> 2) & 3 == 2
}

/// Whether this CPU has a GICv5 CPU interface.
fn has_gicv5() -> bool {
    // SAFETY: It is in the space of ID registers, which reads as 0 where there is no register.
    let pfr2 = unsafe { ID_AA64PFR2_EL1::read() };
    pfr2.gcie_at_least(ID_AA64PFR2_EL1_GCIE::IMP)
}

impl Backend {
    /// Offers the backend to new VMs.
    ///
    /// # Errors
    ///
    /// ENODEV if there is no GICv5, or none that KVM can virtualize; EOPNOTSUPP in protected mode;
    /// EBUSY if KVM takes no more backends; ENOMEM. Says which on the kernel's log.
    pub(crate) fn register(module: &'static ThisModule) -> Result<Self> {
        if !has_gicv5() {
            pr_err!("this machine has no GICv5\n");
            return Err(ENODEV);
        }
        let owner = module.as_ptr();
        let vhe = is_vhe();
        let tables = KBox::new(
            Tables {
                backend: if vhe {
                    operations::<Vhe>(owner)
                } else {
                    operations::<Nvhe>(owner)
                },
                files: kbindings::file_operations {
                    owner,
                    open: Some(view::open),
                    read: Some(kbindings::seq_read),
                    llseek: Some(kbindings::seq_lseek),
                    release: Some(kbindings::single_release),
                    ..pin_init::zeroed()
                },
            },
            GFP_KERNEL,
        )?;
        let shadows = Shadows::new()?;
        FILES.store((&raw const tables.files).cast_mut(), Release);
        // SAFETY: The table stays until `drop` unregisters it, and the operations are what it says.
        to_result(unsafe { bindings::kvm_register_vgic_v5_backend(&tables.backend) }).inspect_err(
            |error| match error.to_errno() {
                errno if errno == EOPNOTSUPP.to_errno() => {
                    pr_err!("GICv5 guests are not supported in protected mode\n")
                }
                errno if errno == EBUSY.to_errno() => {
                    pr_err!("KVM takes no more GICv5 backends\n")
                }
                errno if errno == ENODEV.to_errno() => {
                    pr_err!("KVM is off, or this machine's GICv5 cannot virtualize\n")
                }
                errno => pr_err!("KVM refuses the backend: error {}\n", errno),
            },
        )?;
        pr_info!(
            "GICv5 backend \"{}\", {} host\n",
            NAME.to_str().unwrap_or("?"),
            if vhe { "VHE" } else { "nVHE" }
        );
        Ok(Self {
            tables,
            _shadows: shadows,
        })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // SAFETY: `register` registered it. No VM has it any more, or the module would be in use.
        unsafe { bindings::kvm_unregister_vgic_v5_backend(&self.tables.backend) };
        FILES.store(core::ptr::null_mut(), Release);
    }
}

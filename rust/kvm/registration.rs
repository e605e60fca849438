// SPDX-License-Identifier: GPL-2.0

//! Offers the backend to KVM for as long as the module is loaded.

use super::backend::Backend;
use super::gicv5::GicV5;
use super::trampolines::Table;
use crate::bindings;
use crate::hw::cpuif::{is_vhe, Nvhe, Vhe};
use crate::hw::ppi::has_gicv5;
use kernel::error::to_result;
use kernel::prelude::*;

impl Backend for GicV5 {
    const NAME: &'static CStr = c"rust";
}

/// The registered backend.
///
/// # Invariants
///
/// It is registered.
pub(crate) struct Registration(&'static Table);

impl Registration {
    /// Offers the backend to new VMs.
    ///
    /// # Errors
    ///
    /// ENOEXEC if the module was built for another kernel; ENODEV if there is no GICv5, or none
    /// that KVM can virtualize; EOPNOTSUPP in protected mode; EBUSY if KVM takes no more backends.
    /// Logs the reason.
    pub(crate) fn new() -> Result<Self> {
        if !has_gicv5() {
            pr_err!("this machine has no GICv5\n");
            return Err(ENODEV);
        }
        let (table, mode) = if is_vhe() {
            (Table::of::<GicV5, Vhe>(), "VHE")
        } else {
            (Table::of::<GicV5, Nvhe>(), "nVHE")
        };
        // SAFETY: The table is constant, and its operations are what KVM's header asks for.
        to_result(unsafe { bindings::kvm_register_vgic_v5_backend(table.as_ptr()) })
            .inspect_err(Self::explain)?;
        let name = GicV5::NAME.to_str().unwrap_or("?");
        pr_info!("GICv5 backend \"{}\", {} host\n", name, mode);
        // INVARIANT: It was registered just now.
        Ok(Self(table))
    }

    /// Logs why KVM did not take the backend.
    fn explain(error: &Error) {
        match error.to_errno() {
            errno if errno == EOPNOTSUPP.to_errno() => {
                pr_err!("GICv5 guests are not supported in protected mode\n")
            }
            errno if errno == ENOEXEC.to_errno() => {
                pr_err!("the module was built for another kernel\n")
            }
            errno if errno == EBUSY.to_errno() => pr_err!("KVM takes no more GICv5 backends\n"),
            errno if errno == ENODEV.to_errno() => {
                pr_err!("KVM is off, or this machine's GICv5 cannot virtualize\n")
            }
            errno => pr_err!("KVM refuses the backend: error {}\n", errno),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: Registered by the type invariant. No VM has it any more, or the module would be
        // in use.
        unsafe { bindings::kvm_unregister_vgic_v5_backend(self.0.as_ptr()) }
    }
}

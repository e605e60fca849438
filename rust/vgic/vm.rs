// SPDX-License-Identifier: GPL-2.0

//! What all vCPUs of a VM have in common.

use super::cpuif::{PpiMask, VmPpis};

/// A VM's GIC, apart from its vCPUs' CPU interfaces.
pub struct Vm {
    ppis: VmPpis,
}

impl Vm {
    /// A VM on a host whose PEs have the PPIs of `implemented`.
    pub fn new(implemented: PpiMask) -> Self {
        Self {
            ppis: VmPpis::new(implemented),
        }
    }

    /// The PPIs that its vCPUs have.
    #[inline(always)]
    pub fn ppis(&self) -> &VmPpis {
        &self.ppis
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The virtual CPU interface's state, and its world switch.

use crate::regs::*;
use rt::gic::{set_priority_in, PRI_LOWEST};

/// What one vCPU's GIC consists of at EL2, as KVM saves it
/// (vgic-v5-sr.c: `__vgic_v5_save_ppi_state` and its neighbours).
#[derive(Clone, Copy)]
pub struct VGic {
    pub vmcr: u64,
    pub apr: u64,
    pub dvir: u64,
    pub enabler: u64,
    pub pendr: u64,
    pub activer: u64,
    pub priorityr: [u64; 8],
}

impl VGic {
    /// Enabled, no mask, nothing pending, active or enabled, all priorities 0.
    pub const OPEN: Self = Self {
        vmcr: VMCR_EN | PRI_LOWEST << VMCR_VPMR_SHIFT,
        apr: 0,
        dvir: 0,
        enabler: 0,
        pendr: 0,
        activer: 0,
        priorityr: [0; 8],
    };

    /// Load into the hardware; DVI first, as its PPIs' pending is not ours.
    pub fn load(&self) {
        ICH_PPI_DVIR0_EL2.write(self.dvir);
        ICH_PPI_DVIR1_EL2.write(0);
        ICH_PPI_ACTIVER0_EL2.write(self.activer);
        ICH_PPI_ACTIVER1_EL2.write(0);
        ICH_PPI_ENABLER0_EL2.write(self.enabler);
        ICH_PPI_ENABLER1_EL2.write(0);
        ICH_PPI_PENDR0_EL2.write(self.pendr & !self.dvir);
        ICH_PPI_PENDR1_EL2.write(0);
        for (n, reg) in ICH_PPI_PRIORITYR.iter().enumerate() {
            reg.write(self.priorityr.get(n).copied().unwrap_or(0));
        }
        ICH_APR_EL2.write(self.apr);
        ICH_VMCR_EL2.write(self.vmcr);
        ICH_VCTLR_EL2.write(VCTLR_EN);
    }

    /// Save from the hardware, and switch DVI off.
    pub fn save(&mut self) {
        self.vmcr = ICH_VMCR_EL2.read();
        self.apr = ICH_APR_EL2.read();
        self.enabler = ICH_PPI_ENABLER0_EL2.read();
        self.activer = ICH_PPI_ACTIVER0_EL2.read();
        self.pendr = ICH_PPI_PENDR0_EL2.read();
        for (slot, reg) in self.priorityr.iter_mut().zip(ICH_PPI_PRIORITYR) {
            *slot = reg.read();
        }
        ICH_PPI_DVIR0_EL2.write(0);
        ICH_VCTLR_EL2.write(0);
    }
}

/// Set the priority of one virtual PPI in the hardware.
pub fn set_vppi_priority(ppi: u32, priority: u64) {
    set_priority_in(&ICH_PPI_PRIORITYR, ppi, priority);
}

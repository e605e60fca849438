// SPDX-License-Identifier: GPL-2.0-or-later
//! IRS_PE_SELR, IRS_PE_STATUSR and IRS_PE_CR0: the PEs the IRS serves.
//!
//! The IAFFID of PE n is n. IRS_PE_CR0.DPS keeps 1ofN interrupts away from the
//! PE; there are none here (IRS_IDR0.ONE_N is 0), so the field is RES0 and the
//! write by `gicv5_irs_register_cpu()` changes nothing.

/// IRS_PE_STATUSR.IDLE. CHOICE: everything takes effect at once.
const IDLE: u64 = 1 << 0;
/// IRS_PE_STATUSR.V: IRS_PE_SELR names a PE.
const V: u64 = 1 << 1;
/// IRS_PE_STATUSR.ONLINE. CHOICE: every PE's link is always up.
const ONLINE: u64 = 1 << 2;

/// The PE registers.
#[derive(Debug)]
pub(crate) struct Pes {
    count: u32,
    /// IRS_PE_SELR.IAFFID.
    pub selr: u16,
}

impl Pes {
    /// `count` PEs.
    pub fn new(count: u32) -> Self {
        Self { count, selr: 0 }
    }

    /// The value of IRS_PE_STATUSR.
    pub fn statusr(&self) -> u64 {
        if u32::from(self.selr) < self.count {
            IDLE | V | ONLINE
        } else {
            IDLE
        }
    }
}

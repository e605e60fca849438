// SPDX-License-Identifier: GPL-2.0-or-later
//! What the IRS says of itself.

use crate::config::Config;

/// IRS_IDR2.MIN_LPI_ID_BITS. CHOICE: 14, the most the architecture allows.
pub(crate) const MIN_LPI_ID_BITS: u32 = 14;
/// IRS_IDR1.IAFFID_BITS plus 1. CHOICE: all 16, so that what GIC CDAFF writes
/// is what GIC CDRCFG reads, even if no PE has it.
const IAFFID_BITS: u32 = 16;
/// IRS_IDR1.PRI_BITS plus 1.
const PRIORITY_BITS: u32 = 5;

/// IRS_IDR0.
mod idr0 {
    /// INT_DOM: the frame is the Non-secure domain's.
    pub const INT_DOM_NS: u32 = 1;
    /// PA_RANGE: 56 bits. The model does not know how much memory there is;
    /// an access that nothing answers is a fault like any other.
    pub const PA_RANGE_56: u32 = 7 << 2;
    /// Virtualisation (`gicv5_irs_init()` asks for it).
    pub const VIRT: u32 = 1 << 6;
    // ONE_N 7, VIRT_ONE_N 8, SETLPI 9, MEC 10, MPAM 11: CHOICE: not there.
    /// Software error reporting.
    pub const SWE: u32 = 1 << 12;
    // IRSID, bits 31:16: CHOICE: 0.
}

/// IRS_IDR2.
mod idr2 {
    /// Physical LPIs (without them Linux gives up).
    pub const LPI: u32 = 1 << 5;
    pub const MIN_LPI_ID_BITS_SHIFT: u32 = 6;
    /// Two-level ISTs.
    pub const IST_LEVELS: u32 = 1 << 10;
    /// Which of 4, 16 and 64 KiB a second level can have.
    pub const IST_L2SZ_SHIFT: u32 = 11;
    /// An ISTE has metadata.
    pub const ISTMD: u32 = 1 << 14;
    pub const ISTMD_SZ_SHIFT: u32 = 15;
}

/// IRS_IDR3.
mod idr3 {
    /// A VM has a descriptor of 2^VMD_SZ bytes.
    pub const VMD: u32 = 1 << 0;
    pub const VMD_SZ_SHIFT: u32 = 1;
    pub const VM_ID_BITS_SHIFT: u32 = 5;
    /// Two-level VM tables.
    pub const VMT_LEVELS: u32 = 1 << 10;
}

/// IRS_IDR4: VPED_SZ from bit 0, and VPE_ID_BITS, minus 1.
const IDR4_VPE_ID_BITS_SHIFT: u32 = 6;

/// Arm's JEP106 code, continuation code in 11:8 (CHOICE: as other models of a
/// GICv5 do, no hardware being public).
const IMPLEMENTER: u32 = 0x43b;
/// CHOICE: 'M' for model.
const PRODUCT_ID: u32 = 0x4d;

/// The value of IRS_IDR`n`.
pub(crate) fn idr(config: &Config, n: u8) -> u32 {
    let knobs = &config.knobs;
    match n {
        0 => {
            idr0::INT_DOM_NS
                | idr0::PA_RANGE_56
                | if config.virt { idr0::VIRT } else { 0 }
                | idr0::SWE
        }
        1 => config.num_pes | ((IAFFID_BITS - 1) << 16) | ((PRIORITY_BITS - 1) << 20),
        2 => {
            let levels = if config.ist_linear_only {
                0
            } else {
                idr2::IST_LEVELS | (knobs.ist_l2_sizes << idr2::IST_L2SZ_SHIFT)
            };
            let metadata = knobs
                .istmd_id_bits
                .map_or(0, |bits| idr2::ISTMD | (bits << idr2::ISTMD_SZ_SHIFT));
            config.lpi_id_bits
                | idr2::LPI
                | (MIN_LPI_ID_BITS << idr2::MIN_LPI_ID_BITS_SHIFT)
                | levels
                | metadata
        }
        3 if config.virt => {
            let levels = if knobs.vmt_two_level {
                idr3::VMT_LEVELS
            } else {
                0
            };
            let descriptor = knobs
                .vmd_log2
                .map_or(0, |log2| idr3::VMD | (log2 << idr3::VMD_SZ_SHIFT));
            (knobs.vm_id_bits << idr3::VM_ID_BITS_SHIFT) | levels | descriptor
        }
        4 if config.virt => knobs.vped_log2 | ((knobs.vpe_id_bits - 1) << IDR4_VPE_ID_BITS_SHIFT),
        // SPI_RANGE, of the system, and SPI_IRS_RANGE, of this IRS: it is the
        // only one.
        5 | 6 => config.num_spis,
        // IRS_IDR7.SPI_BASE, or RES0.
        _ => 0,
    }
}

/// The value of IRS_IIDR: ProductID 31:20, Variant 19:16, Revision 15:12,
/// Implementer 11:0.
pub(crate) const IIDR: u32 = (PRODUCT_ID << 20) | IMPLEMENTER;
/// The value of IRS_AIDR: the IRS of a GICv5.0.
pub(crate) const AIDR: u32 = 0;
/// The value of IRS_DEVARCH: Arm in 31:21, PRESENT, ARCHID 0x5a19.
pub(crate) const DEVARCH: u32 = (0x23b << 21) | (1 << 20) | 0x5a19;

/// IRS_PIDR4 to 7, IRS_PIDR0 to 3 and IRS_CIDR0 to 3: what IRS_IIDR says, in
/// CoreSight's arrangement.
pub(crate) const IDENTIFICATION: [u8; 12] = [
    (IMPLEMENTER >> 8) as u8,
    0,
    0,
    0,
    PRODUCT_ID as u8,
    (PRODUCT_ID >> 8) as u8 | ((IMPLEMENTER as u8 & 0xf) << 4),
    (1 << 3) | ((IMPLEMENTER as u8 & 0x70) >> 4),
    0,
    0x0d,
    0xf0,
    0x05,
    0xb1,
];

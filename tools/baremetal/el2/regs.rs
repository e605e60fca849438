// SPDX-License-Identifier: GPL-2.0
//! EL2's registers: the virtual GIC, and what else a hypervisor touches.

use rt::cpu::Reg;
use rt::{sysreg, sysregs};

sysregs! {
    ICH_APR_EL2 = "S3_4_C12_C8_4";
    ICH_HFGRTR_EL2 = "S3_4_C12_C9_4";
    ICH_HFGWTR_EL2 = "S3_4_C12_C9_6";
    ICH_HFGITR_EL2 = "S3_4_C12_C9_7";
    ICH_PPI_DVIR0_EL2 = "S3_4_C12_C10_0";
    ICH_PPI_DVIR1_EL2 = "S3_4_C12_C10_1";
    ICH_PPI_ENABLER0_EL2 = "S3_4_C12_C10_2";
    ICH_PPI_ENABLER1_EL2 = "S3_4_C12_C10_3";
    ICH_PPI_PENDR0_EL2 = "S3_4_C12_C10_4";
    ICH_PPI_PENDR1_EL2 = "S3_4_C12_C10_5";
    ICH_PPI_ACTIVER0_EL2 = "S3_4_C12_C10_6";
    ICH_PPI_ACTIVER1_EL2 = "S3_4_C12_C10_7";
    ICH_VCTLR_EL2 = "S3_4_C12_C11_4";
    ICH_CONTEXTR_EL2 = "S3_4_C12_C11_6";
    ICH_VMCR_EL2 = "S3_4_C12_C11_7";
    ICH_HPPIR_EL2 = "S3_4_C12_C8_5";

    HCR_EL2 = "HCR_EL2";
    CNTHCTL_EL2 = "CNTHCTL_EL2";
    VMPIDR_EL2 = "VMPIDR_EL2";
    VBAR_EL2 = "VBAR_EL2";
    ESR_EL2 = "ESR_EL2";
    SP_EL1 = "SP_EL1";
    VNCR_EL2 = "S3_4_C2_C2_0";
    // The guest's EL1 registers, by the names that E2H makes necessary.
    SCTLR_EL12 = "S3_5_C1_C0_0";
    SPSR_EL12 = "S3_5_C4_C0_0";
    ELR_EL12 = "S3_5_C4_C0_1";
    ESR_EL12 = "S3_5_C5_C2_0";
    VBAR_EL12 = "S3_5_C12_C0_0";
    CNTP_CTL_EL02 = "S3_5_C14_C2_1";
    CNTP_CVAL_EL02 = "S3_5_C14_C2_2";
    CNTV_CTL_EL02 = "S3_5_C14_C3_1";
    CNTV_CVAL_EL02 = "S3_5_C14_C3_2";
    CNTHP_CTL_EL2 = "S3_4_C14_C2_1";
    CNTHP_TVAL_EL2 = "S3_4_C14_C2_0";
}

/// ICH_PPI_PRIORITYR<n>_EL2, eight PPIs each.
pub const ICH_PPI_PRIORITYR: [Reg; 16] = [
    sysreg!("ICH_PPI_PRIORITYR0_EL2", "S3_4_C12_C14_0"),
    sysreg!("ICH_PPI_PRIORITYR1_EL2", "S3_4_C12_C14_1"),
    sysreg!("ICH_PPI_PRIORITYR2_EL2", "S3_4_C12_C14_2"),
    sysreg!("ICH_PPI_PRIORITYR3_EL2", "S3_4_C12_C14_3"),
    sysreg!("ICH_PPI_PRIORITYR4_EL2", "S3_4_C12_C14_4"),
    sysreg!("ICH_PPI_PRIORITYR5_EL2", "S3_4_C12_C14_5"),
    sysreg!("ICH_PPI_PRIORITYR6_EL2", "S3_4_C12_C14_6"),
    sysreg!("ICH_PPI_PRIORITYR7_EL2", "S3_4_C12_C14_7"),
    sysreg!("ICH_PPI_PRIORITYR8_EL2", "S3_4_C12_C15_0"),
    sysreg!("ICH_PPI_PRIORITYR9_EL2", "S3_4_C12_C15_1"),
    sysreg!("ICH_PPI_PRIORITYR10_EL2", "S3_4_C12_C15_2"),
    sysreg!("ICH_PPI_PRIORITYR11_EL2", "S3_4_C12_C15_3"),
    sysreg!("ICH_PPI_PRIORITYR12_EL2", "S3_4_C12_C15_4"),
    sysreg!("ICH_PPI_PRIORITYR13_EL2", "S3_4_C12_C15_5"),
    sysreg!("ICH_PPI_PRIORITYR14_EL2", "S3_4_C12_C15_6"),
    sysreg!("ICH_PPI_PRIORITYR15_EL2", "S3_4_C12_C15_7"),
];

/// HCR_EL2.{FMO, IMO, AMO}: physical interrupts come to EL2, and EL1 has the
/// virtual CPU interface.
pub const HCR_MO: u64 = 1 << 3 | 1 << 4 | 1 << 5;
/// HCR_EL2.TWI: a guest's WFI traps.
pub const HCR_TWI: u64 = 1 << 13;
/// HCR_EL2.TGE
pub const HCR_TGE: u64 = 1 << 27;
/// HCR_EL2.{E2H, RW}: a VHE host with an AArch64 EL1.
pub const HCR_E2H_RW: u64 = 1 << 34 | 1 << 31;
/// HCR_EL2 of the host itself.
pub const HCR_HOST: u64 = HCR_E2H_RW | HCR_TGE;
/// HCR_EL2 while a guest runs.
pub const HCR_GUEST: u64 = HCR_E2H_RW | HCR_MO;

/// CNTHCTL_EL2.{EL1PTEN, EL1PCTEN} of the E2H layout: the guest may use the
/// EL1 physical timer.
pub const CNTHCTL_EL1P: u64 = 1 << 11 | 1 << 10;

/// ICH_VCTLR_EL2.En
pub const VCTLR_EN: u64 = 1;
/// ICH_CONTEXTR_EL2.V
pub const CONTEXTR_V: u64 = 1 << 63;
/// ICH_CONTEXTR_EL2.F
pub const CONTEXTR_F: u64 = 1 << 62;
/// ICH_CONTEXTR_EL2.IRICHPPIDIS
pub const CONTEXTR_IRICHPPIDIS: u64 = 1 << 61;
/// ICH_CONTEXTR_EL2.DB
pub const CONTEXTR_DB: u64 = 1 << 60;
/// ICH_CONTEXTR_EL2.DBPM, bits 59:55
pub const CONTEXTR_DBPM_SHIFT: u32 = 55;
/// HCR_EL2.NV: EL1 is a hypervisor.
pub const HCR_NV: u64 = 1 << 42;
/// HCR_EL2.NV1: it was not written for HCR_EL2.E2H.
pub const HCR_NV1: u64 = 1 << 43;
/// HCR_EL2.{NV, NV2}: EL1 is a hypervisor whose registers are in memory.
pub const HCR_NV_NV2: u64 = 1 << 42 | 1 << 45;
/// ICH_VMCR_EL2.EN
pub const VMCR_EN: u64 = 1;
/// ICH_VMCR_EL2.VPMR, bits 31:27
pub const VMCR_VPMR_SHIFT: u32 = 27;

// SPDX-License-Identifier: GPL-2.0
//! Accesses that are UNDEFINED: the wrong direction, unallocated encodings,
//! other GICs' registers, EL2's registers with no EL2, and everything at EL0.

use rt::cpu::Reg;
use rt::trap::{at_el0, probe};
use rt::{gic, say, sysinsns, sysregs};

sysregs! {
    // Dropped from the architecture before GICv5 was final.
    ICC_HAPR_EL1 = "S3_1_C12_C0_3";
    // Unallocated in the blocks that hold GICv5's registers.
    UNALLOCATED_S3_1_C12_C0_4 = "S3_1_C12_C0_4";
    UNALLOCATED_S3_1_C12_C0_7 = "S3_1_C12_C0_7";
    // GICv3's CPU interface, absent here (ID_AA64PFR0_EL1.GIC is 0).
    ICC_PMR_EL1 = "S3_0_C4_C6_0";
    ICC_IAR1_EL1 = "S3_0_C12_C12_0";
    ICC_SRE_EL1 = "S3_0_C12_C12_5";
    ICC_BPR1_EL1 = "S3_0_C12_C12_3";
    ICC_SGI1R_EL1 = "S3_0_C12_C11_5";
    // EL2's, at EL1.
    ICH_APR_EL2 = "S3_4_C12_C8_4";
    ICH_HFGRTR_EL2 = "S3_4_C12_C9_4";
    ICH_PPI_DVIR0_EL2 = "S3_4_C12_C10_0";
    ICH_PPI_ENABLER0_EL2 = "S3_4_C12_C10_2";
    ICH_VCTLR_EL2 = "S3_4_C12_C11_4";
    ICH_VMCR_EL2 = "S3_4_C12_C11_7";
    ICH_PPI_PRIORITYR0_EL2 = "S3_4_C12_C14_0";
}

sysinsns! {
    UNALLOCATED_SYS_C12_C1_6 = "#0, C12, C1, #6";
    UNALLOCATED_SYS_C12_C2_7 = "#0, C12, C2, #7";
    UNALLOCATED_SYS_C12_C3_2 = "#0, C12, C3, #2";
}

const READ_ONLY: [Reg; 5] = [
    gic::ICC_PPI_HMR0_EL1,
    gic::ICC_PPI_HMR1_EL1,
    gic::ICC_IDR0_EL1,
    gic::ICC_HPPIR_EL1,
    gic::ICC_IAFFIDR_EL1,
];

const READ_INSNS: [Reg; 2] = [gic::GICR_CDIA, gic::GICR_CDNMIA];

const WRITE_INSNS: [Reg; 9] = [
    gic::GIC_CDDIS,
    gic::GIC_CDEN,
    gic::GIC_CDPRI,
    gic::GIC_CDAFF,
    gic::GIC_CDPEND,
    gic::GIC_CDRCFG,
    gic::GIC_CDEOI,
    gic::GIC_CDDI,
    gic::GIC_CDHM,
];

const ABSENT: [Reg; 18] = [
    ICC_HAPR_EL1,
    UNALLOCATED_S3_1_C12_C0_4,
    UNALLOCATED_S3_1_C12_C0_7,
    UNALLOCATED_SYS_C12_C1_6,
    UNALLOCATED_SYS_C12_C2_7,
    UNALLOCATED_SYS_C12_C3_2,
    ICC_PMR_EL1,
    ICC_IAR1_EL1,
    ICC_SRE_EL1,
    ICC_BPR1_EL1,
    ICC_SGI1R_EL1,
    ICH_APR_EL2,
    ICH_HFGRTR_EL2,
    ICH_PPI_DVIR0_EL2,
    ICH_PPI_ENABLER0_EL2,
    ICH_VCTLR_EL2,
    ICH_VMCR_EL2,
    ICH_PPI_PRIORITYR0_EL2,
];

const AT_EL0: [Reg; 6] = [
    gic::ICC_PCR_EL1,
    gic::ICC_HPPIR_EL1,
    gic::ICC_PPI_ENABLER0_EL1,
    gic::ICC_PPI_PRIORITYR[0],
    gic::GICR_CDIA,
    gic::ICC_IDR0_EL1,
];

fn report(level: &str, verb: &str, reg: &Reg, refused: Option<rt::trap::Syndrome>) {
    match refused {
        Some(syndrome) => say!("undef/{level} {verb} {}: {syndrome}", reg.name),
        None => say!("undef/{level} {verb} {}: done", reg.name),
    }
}

pub fn run() {
    for reg in READ_ONLY {
        report("EL1", "write", &reg, probe(|| reg.write(0)).err());
    }
    for reg in READ_INSNS {
        report("EL1", "SYS", &reg, probe(|| reg.write(0)).err());
    }
    for reg in WRITE_INSNS {
        report("EL1", "SYSL", &reg, probe(|| reg.read()).err());
    }
    for reg in ABSENT {
        report("EL1", "read", &reg, probe(|| reg.read()).err());
        report("EL1", "write", &reg, probe(|| reg.write(0)).err());
    }
    for reg in AT_EL0 {
        report("EL0", "read", &reg, probe(|| at_el0(reg.reader())).err());
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What an instruction is, as far as the bench cares, from its 32 bits.
//!
//! Encodings: Arm ARM, C4.1.88 "Branches, Exception Generating and System
//! instructions".

use gicv5_model::regs::TABLE;

/// The hint whose execution is a mark of a program under measurement.
///
/// Unallocated in the architecture, where it does nothing. The program gives
/// the mark's number in x0 and its argument in x1 (`tools/bench/guest/mark.h`).
pub const MARK_HINT: u32 = 0x7e;

/// What the bench wants to know about an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Access to a GICv5 system register, or a GICv5 system instruction; the
    /// index is that of its row in [`gicv5_model::regs::TABLE`].
    Gic(usize),
    /// A barrier: its index among [`barriers`].
    Barrier(usize),
    /// The hint that is a mark.
    Mark,
    /// Exception return.
    Eret,
    /// Everything else.
    Other,
}

/// Limitation of a DSB or DMB, by CRm.
const LIMITS: [&str; 16] = [
    "#0", "OSHLD", "OSHST", "OSH", "#4", "NSHLD", "NSHST", "NSH", "#8", "ISHLD", "ISHST", "ISH",
    "#12", "LD", "ST", "SY",
];
const DSB: usize = 0;
const DMB: usize = DSB + LIMITS.len();
const DSB_NXS: usize = DMB + LIMITS.len();
const ISB: usize = DSB_NXS + LIMITS.len();
const SB: usize = ISB + 1;

/// The number of barriers that are told apart.
pub const BARRIERS: usize = SB + 1;

/// The name of barrier `index`, as an assembler spells it.
///
/// # Panics
///
/// If there is no such barrier.
pub fn barrier_name(index: usize) -> String {
    assert!(index < BARRIERS);
    match index {
        ISB => "ISB".into(),
        SB => "SB".into(),
        _ => {
            let limit = LIMITS[index % LIMITS.len()];
            match index - index % LIMITS.len() {
                DSB => format!("DSB {limit}"),
                DMB => format!("DMB {limit}"),
                _ => format!("DSB {limit}nXS"),
            }
        }
    }
}

/// Classifies an A64 instruction.
pub fn classify(insn: u32) -> Class {
    const ERET: u32 = 0xd69f_03e0;
    const SYSTEM: u32 = 0b11_0101_0100;

    let field = |low: u32, width: u32| (insn >> low) & ((1 << width) - 1);

    if insn == ERET {
        return Class::Eret;
    }
    if field(22, 10) != SYSTEM {
        return Class::Other;
    }
    let [op0, op1, crn, crm, op2] = [
        field(19, 2),
        field(16, 3),
        field(12, 4),
        field(8, 4),
        field(5, 3),
    ];
    match (op0, op1, crn) {
        (0, 3, 2) if crm << 3 | op2 == MARK_HINT => Class::Mark,
        (0, 3, 3) => {
            let limit = crm as usize;
            match op2 {
                1 => Class::Barrier(DSB_NXS + limit),
                4 => Class::Barrier(DSB + limit),
                5 => Class::Barrier(DMB + limit),
                6 => Class::Barrier(ISB),
                7 => Class::Barrier(SB),
                _ => Class::Other,
            }
        }
        (1.., _, _) => {
            let encoding = [op0, op1, crn, crm, op2].map(|f| f as u8);
            TABLE
                .iter()
                .position(|row| row.encoding == encoding)
                .map_or(Class::Other, Class::Gic)
        }
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gic(insn: u32) -> &'static str {
        match classify(insn) {
            Class::Gic(row) => TABLE[row].name.to_str().unwrap(),
            other => panic!("{insn:#x} is {other:?}"),
        }
    }

    fn barrier(insn: u32) -> String {
        match classify(insn) {
            Class::Barrier(index) => barrier_name(index),
            other => panic!("{insn:#x} is {other:?}"),
        }
    }

    // The words are what clang's assembler makes of the text beside them.
    #[test]
    fn knows_gicv5_accesses() {
        assert_eq!(gic(0xd51c_ca80), "ICH_PPI_PENDR0_EL2"); // msr s3_4_c12_c10_4, x0
        assert_eq!(gic(0xd53c_ca80), "ICH_PPI_PENDR0_EL2"); // mrs x0, s3_4_c12_c10_4
        assert_eq!(gic(0xd518_ca83), "ICC_ICSR_EL1"); // msr s3_0_c12_c10_4, x3
        assert_eq!(gic(0xd528_c305), "GICR_CDIA"); // sysl x5, #0, c12, c3, #0
        assert_eq!(gic(0xd508_c03f), "GSB_ACK"); // sys #0, c12, c0, #1
    }

    #[test]
    fn knows_barriers() {
        assert_eq!(barrier(0xd503_3f9f), "DSB SY");
        assert_eq!(barrier(0xd503_3b9f), "DSB ISH");
        assert_eq!(barrier(0xd503_3bbf), "DMB ISH");
        assert_eq!(barrier(0xd503_3fdf), "ISB");
        assert_eq!(barrier(0xd503_30ff), "SB");
    }

    #[test]
    fn knows_the_rest() {
        assert_eq!(classify(0xd503_2fdf), Class::Mark); // hint #126
        assert_eq!(classify(0xd503_201f), Class::Other); // nop
        assert_eq!(classify(0xd503_203f), Class::Other); // yield
        assert_eq!(classify(0xd503_3f5f), Class::Other); // clrex
        assert_eq!(classify(0xd69f_03e0), Class::Eret);
        assert_eq!(classify(0xd538_1000), Class::Other); // mrs x0, sctlr_el1
        assert_eq!(classify(0xd65f_03c0), Class::Other); // ret
    }

    #[test]
    fn every_row_of_the_table_is_found() {
        for row in &TABLE {
            let [op0, op1, crn, crm, op2] = row.encoding.map(u32::from);
            let insn = 0xd500_0000 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
            assert_eq!(gic(insn), row.name.to_str().unwrap());
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Fine-grained traps, and what is UNDEFINED at EL1 whatever EL2 says.
//!
//! ICH_HFGRTR_EL2, ICH_HFGWTR_EL2 and ICH_HFGITR_EL2 have negative polarity: a
//! clear bit traps to EL2 with EC 0x18 (arch/arm64/tools/sysreg lists the bits;
//! KVM's config.c relies on the polarity).

use crate::guest::{stack, Exit, Guest};
use crate::regs::*;
use crate::vcpu::VGic;
use crate::{check_eq, check_same, tap};
use rt::cpu::Reg;
use rt::gic::*;
use rt::say;
use rt::sysregs;
use rt::trap::probe;

/// One register or instruction, and the bits that let it pass.
struct Row {
    reg: Reg,
    /// Bit of ICH_HFGRTR_EL2, or of ICH_HFGITR_EL2 for an instruction.
    read: Option<u32>,
    /// Bit of ICH_HFGWTR_EL2, or of ICH_HFGITR_EL2 for an instruction.
    write: Option<u32>,
    insn: bool,
}

const fn rw(reg: Reg, bit: u32) -> Row {
    Row {
        reg,
        read: Some(bit),
        write: Some(bit),
        insn: false,
    }
}

const fn ro(reg: Reg, bit: u32) -> Row {
    Row {
        reg,
        read: Some(bit),
        write: None,
        insn: false,
    }
}

const fn sys(reg: Reg, bit: u32) -> Row {
    Row {
        reg,
        read: None,
        write: Some(bit),
        insn: true,
    }
}

const fn sysl(reg: Reg, bit: u32) -> Row {
    Row {
        reg,
        read: Some(bit),
        write: None,
        insn: true,
    }
}

static ROWS: [Row; 46] = [
    rw(ICC_APR_EL1, 0),
    ro(ICC_IDR0_EL1, 1),
    rw(ICC_CR0_EL1, 2),
    ro(ICC_HPPIR_EL1, 4),
    rw(ICC_PCR_EL1, 5),
    rw(ICC_ICSR_EL1, 6),
    ro(ICC_IAFFIDR_EL1, 7),
    ro(ICC_PPI_HMR0_EL1, 16),
    ro(ICC_PPI_HMR1_EL1, 16),
    rw(ICC_PPI_ENABLER0_EL1, 17),
    rw(ICC_PPI_ENABLER1_EL1, 17),
    rw(ICC_PPI_CPENDR0_EL1, 18),
    rw(ICC_PPI_CPENDR1_EL1, 18),
    rw(ICC_PPI_SPENDR0_EL1, 18),
    rw(ICC_PPI_SPENDR1_EL1, 18),
    rw(ICC_PPI_PRIORITYR[0], 19),
    rw(ICC_PPI_PRIORITYR[1], 19),
    rw(ICC_PPI_PRIORITYR[2], 19),
    rw(ICC_PPI_PRIORITYR[3], 19),
    rw(ICC_PPI_PRIORITYR[4], 19),
    rw(ICC_PPI_PRIORITYR[5], 19),
    rw(ICC_PPI_PRIORITYR[6], 19),
    rw(ICC_PPI_PRIORITYR[7], 19),
    rw(ICC_PPI_PRIORITYR[8], 19),
    rw(ICC_PPI_PRIORITYR[9], 19),
    rw(ICC_PPI_PRIORITYR[10], 19),
    rw(ICC_PPI_PRIORITYR[11], 19),
    rw(ICC_PPI_PRIORITYR[12], 19),
    rw(ICC_PPI_PRIORITYR[13], 19),
    rw(ICC_PPI_PRIORITYR[14], 19),
    rw(ICC_PPI_PRIORITYR[15], 19),
    rw(ICC_PPI_CACTIVER0_EL1, 20),
    rw(ICC_PPI_CACTIVER1_EL1, 20),
    rw(ICC_PPI_SACTIVER0_EL1, 20),
    rw(ICC_PPI_SACTIVER1_EL1, 20),
    sys(GIC_CDEN, 0),
    sys(GIC_CDDIS, 1),
    sys(GIC_CDPRI, 2),
    sys(GIC_CDAFF, 3),
    sys(GIC_CDPEND, 4),
    sys(GIC_CDRCFG, 5),
    sys(GIC_CDHM, 6),
    sys(GIC_CDEOI, 7),
    sys(GIC_CDDI, 8),
    sysl(GICR_CDIA, 9),
    sysl(GICR_CDNMIA, 10),
];

/// The guest's body: one access, by row, the direction in bit 32.
extern "C" fn access(arg: u64) -> u64 {
    let row = &ROWS[arg as usize & 0xffff];
    if arg >> 32 == 0 {
        row.reg.read();
    } else {
        row.reg.write(0);
    }
    0
}

/// ISS of EC 0x18, from the fields of the MRS, MSR, SYS or SYSL itself: op0
/// 21:20, op2 19:17, op1 16:14, CRn 13:10, Rt 9:5, CRm 4:1, direction 0.
fn expected_iss(instruction: u32) -> u64 {
    let field = |low: u32, width: u32| u64::from(instruction >> low & ((1 << width) - 1));
    field(19, 2) << 20
        | field(5, 3) << 17
        | field(16, 3) << 14
        | field(12, 4) << 10
        | field(0, 5) << 5
        | field(8, 4) << 1
        | field(21, 1)
}

/// Set the three trap registers: all `others` but bit `bit` of `reg`.
fn set_traps(reg: &Reg, bit: u32, others: bool) {
    let rest = if others { !0 } else { 0 };
    for trap in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
        trap.write(if trap.name == reg.name {
            rest ^ 1 << bit
        } else {
            rest
        });
    }
}

fn one(index: usize, row: &Row, write: bool, bit: u32) {
    let trap = match (row.insn, write) {
        (true, _) => ICH_HFGITR_EL2,
        (false, false) => ICH_HFGRTR_EL2,
        (false, true) => ICH_HFGWTR_EL2,
    };
    let arg = index as u64 | (write as u64) << 32;
    let verb = if write { "write" } else { "read" };

    set_traps(&trap, bit, true);
    let mut guest = Guest::new(stack(0), access, arg);
    let exit = guest.run();
    let mut good = false;
    if let Exit::Trap(syndrome) = exit {
        let iss = expected_iss(guest.trapped_instruction());
        // IL, bit 25, is set for a 32-bit instruction.
        good = syndrome.ec() == 0x18 && syndrome.iss() == iss && syndrome.0 >> 25 & 1 == 1;
        guest.skip();
        good &= guest.run() == Exit::Done(0);
    }
    // Only that bit set, the other 63 and both other registers clear: passes.
    set_traps(&trap, bit, false);
    let passes = Guest::new(stack(0), access, arg).run();
    tap::point(
        good && passes == Exit::Done(0),
        format_args!(
            "{verb} of {} traps by bit {bit} of {} alone",
            row.reg.name, trap.name
        ),
    );
    if !good || passes != Exit::Done(0) {
        let iss = expected_iss(guest.trapped_instruction());
        say!("# bit clear: {exit}, wanted ISS {iss:#x}; only that bit set: {passes}");
    }
}

pub fn run() {
    VGic::OPEN.load();
    for (index, row) in ROWS.iter().enumerate() {
        if let Some(bit) = row.read {
            one(index, row, false, bit);
        }
        if let Some(bit) = row.write {
            one(index, row, true, bit);
        }
    }
    no_effect();
    el2_untouched();
    undefined();
    for reg in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
        reg.write(!0);
    }
}

/// A trapped access has not been done.
fn no_effect() {
    extern "C" fn body(_: u64) -> u64 {
        ICC_PCR_EL1.write(3);
        GICR_CDIA.read();
        0
    }
    ICH_PPI_ENABLER0_EL2.write(1 << SW_PPI);
    ICH_PPI_PENDR0_EL2.write(1 << SW_PPI);
    ICH_VMCR_EL2.write(VGic::OPEN.vmcr);
    for reg in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
        reg.write(0);
    }
    let mut guest = Guest::new(stack(0), body, 0);
    let first = guest.run();
    tap::point(
        matches!(first, Exit::Trap(_)),
        format_args!("ICC_PCR_EL1 is trapped"),
    );
    check_eq!(
        ICH_VMCR_EL2.read(),
        VGic::OPEN.vmcr,
        "and the trapped write is not done"
    );
    guest.skip();
    let second = guest.run();
    tap::point(
        matches!(second, Exit::Trap(_)),
        format_args!("GICR CDIA is trapped"),
    );
    check_eq!(ICH_APR_EL2.read(), 0, "and nothing is acknowledged");
    VGic::OPEN.load();
}

/// The traps are for EL1: EL2 passes with every bit clear.
fn el2_untouched() {
    for reg in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
        reg.write(0);
    }
    let done = probe(|| {
        ICC_PCR_EL1.write(17);
        ICC_PCR_EL1.read()
    });
    tap::point(done == Ok(17), format_args!("EL2 itself is not trapped"));
    ICC_PCR_EL1.write(PRI_LOWEST);
    // Only fields are kept: RES0 reads as zero (bit 3 of HFGRTR is RES1).
    for (reg, fields) in [
        (ICH_HFGRTR_EL2, 0x1f_00ff),
        (ICH_HFGWTR_EL2, 0x1e_0065),
        (ICH_HFGITR_EL2, 0x7ff),
    ] {
        reg.write(!0);
        check_eq!(
            reg.read() & !fields,
            0,
            "{} keeps its fields only",
            reg.name
        );
    }
}

sysregs! {
    ICC_HAPR_EL1 = "S3_1_C12_C0_3";
}

static AT_EL1: [(Reg, bool); 16] = [
    (ICC_HPPIR_EL1, true),
    (ICC_IDR0_EL1, true),
    (ICC_IAFFIDR_EL1, true),
    (ICC_PPI_HMR0_EL1, true),
    (ICC_HAPR_EL1, false),
    (GICR_CDIA, true),
    (GIC_CDEOI, false),
    (ICH_APR_EL2, false),
    (ICH_HFGITR_EL2, true),
    (ICH_PPI_DVIR0_EL2, false),
    (ICH_PPI_DVIR0_EL2, true),
    (ICH_PPI_ENABLER0_EL2, true),
    (ICH_PPI_PRIORITYR[3], true),
    (ICH_VCTLR_EL2, false),
    (ICH_CONTEXTR_EL2, true),
    (ICH_VMCR_EL2, true),
];

/// The wrong direction, and EL2's registers, are UNDEFINED at EL1: the guest
/// gets EC 0 itself, and EL2 hears nothing though every trap is set.
fn undefined() {
    extern "C" fn body(index: u64) -> u64 {
        let (reg, write) = AT_EL1[index as usize];
        let refused = if write {
            probe(|| reg.write(0)).err()
        } else {
            probe(|| reg.read()).err()
        };
        refused.map_or(1, |s| s.ec() << 32 | s.iss())
    }
    for (index, (reg, write)) in AT_EL1.iter().enumerate() {
        let verb = if *write { "write" } else { "read" };
        for traps in [0, !0] {
            for reg in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
                reg.write(traps);
            }
            let exit = Guest::new(stack(0), body, index as u64).run();
            check_same!(
                exit,
                Exit::Done(0),
                "{verb} of {} at EL1 is UNDEFINED, traps {}",
                reg.name,
                if traps == 0 { "on" } else { "off" }
            );
        }
    }
}

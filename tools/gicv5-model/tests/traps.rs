// SPDX-License-Identifier: GPL-2.0-or-later
//! Where each access goes, for every register and instruction at every
//! Exception level, with and without EL2, under every trap bit.
//!
//! The expectation is a table of its own, with the names and bits as in the
//! kernel's descriptions of ICH_HFGRTR_EL2, ICH_HFGWTR_EL2 and ICH_HFGITR_EL2.

mod common;

use common::{row, Machine, EL2};
use gicv5_model::cpuif::route::{Access, PeState};
use gicv5_model::regs::{Sysreg, TABLE};

/// The start of a name, the bit that lets reads pass, the bit that lets writes
/// pass. `None` is UNDEFINED in that direction; `Some(None)` cannot be trapped.
type Rule = (&'static str, Option<Option<u32>>, Option<Option<u32>>);

const fn rw(name: &'static str, bit: u32) -> Rule {
    (name, Some(Some(bit)), Some(Some(bit)))
}

const fn ro(name: &'static str, bit: u32) -> Rule {
    (name, Some(Some(bit)), None)
}

const fn wo(name: &'static str, bit: u32) -> Rule {
    (name, None, Some(Some(bit)))
}

/// By the start of the name; the first that fits counts.
const RULES: [Rule; 30] = [
    rw("ICC_PPI_SACTIVER", 20),
    rw("ICC_PPI_CACTIVER", 20),
    rw("ICC_PPI_PRIORITYR", 19),
    rw("ICC_PPI_SPENDR", 18),
    rw("ICC_PPI_CPENDR", 18),
    rw("ICC_PPI_ENABLER", 17),
    ro("ICC_PPI_HMR", 16),
    ro("ICC_IAFFIDR_EL1", 7),
    rw("ICC_ICSR_EL1", 6),
    rw("ICC_PCR_EL1", 5),
    ro("ICC_HPPIR_EL1", 4),
    rw("ICC_CR0_EL1", 2),
    ro("ICC_IDR0_EL1", 1),
    rw("ICC_APR_EL1", 0),
    ro("GICR_CDNMIA", 10),
    ro("GICR_CDIA", 9),
    wo("GIC_CDDIS", 1),
    wo("GIC_CDDI", 8),
    wo("GIC_CDEOI", 7),
    wo("GIC_CDHM", 6),
    wo("GIC_CDRCFG", 5),
    wo("GIC_CDPEND", 4),
    wo("GIC_CDAFF", 3),
    wo("GIC_CDPRI", 2),
    wo("GIC_CDEN", 0),
    ("GIC_VD", None, Some(None)),
    ("GSB_SYS", None, Some(None)),
    ("GSB_ACK", None, Some(None)),
    ("ICH_HPPIR_EL2", Some(None), None),
    ("ICH_", Some(None), Some(None)),
];

const IMO: u64 = 1 << 4;
const TGE: u64 = 1 << 27;
const E2H: u64 = 1 << 34;
const NV: u64 = 1 << 42;
const NV2: u64 = 1 << 45;

/// The places of EL2's registers with NV2 (R_KZTGX): the name without ICH_ and
/// _EL2, or its start and a number; the offset; the step from one number to the
/// next.
const PLACES: [(&str, u16, u16); 12] = [
    ("APR", 0xb00, 0),
    ("CONTEXTR", 0xb08, 0),
    ("HFGITR", 0xb10, 0),
    ("HFGRTR", 0xb18, 0),
    ("HFGWTR", 0xb20, 0),
    ("VCTLR", 0xb28, 0),
    ("VMCR", 0x4c8, 0),
    ("PPI_ACTIVER", 0xb30, 8),
    ("PPI_DVIR", 0xb40, 8),
    ("PPI_ENABLER", 0xb50, 8),
    ("PPI_PENDR", 0xb60, 8),
    ("PPI_PRIORITYR", 0xb80, 8),
];

fn place(name: &str) -> Option<u16> {
    let name = name.strip_prefix("ICH_")?.strip_suffix("_EL2")?;
    let digits = name.find(|c: char| c.is_ascii_digit());
    let (start, number) = name.split_at(digits.unwrap_or(name.len()));
    let (_, offset, step) = PLACES.iter().find(|(it, ..)| *it == start)?;
    Some(offset + step * number.parse().unwrap_or(0))
}

fn name(row: &Sysreg) -> &str {
    row.name.to_str().unwrap()
}

/// The trap bit of one direction of `row`; `None` is UNDEFINED.
fn rule(row: &Sysreg, write: bool) -> Option<Option<u32>> {
    let (_, read_bit, write_bit) = RULES
        .iter()
        .find(|(start, ..)| name(row).starts_with(start))
        .unwrap_or_else(|| panic!("no rule for {}", name(row)));
    *if write { write_bit } else { read_bit }
}

fn expected(row: &Sysreg, write: bool, state: &PeState, [r, w, i]: [u64; 3]) -> Access {
    let Some(bit) = rule(row, write) else {
        return Access::Undefined;
    };
    let hypervisors = ["ICH_", "GIC_VD"]
        .iter()
        .any(|start| name(row).starts_with(start));
    match state.el {
        1 if hypervisors && state.el2 && state.hcr_el2 & NV != 0 => match place(name(row)) {
            Some(offset) if state.hcr_el2 & NV2 != 0 => Access::Memory(offset),
            _ => Access::TrapEl2,
        },
        1 if hypervisors => Access::Undefined,
        1 => {
            let passes = match (row.is_insn(), write) {
                (true, _) => i,
                (false, false) => r,
                (false, true) => w,
            };
            match bit {
                Some(bit) if state.el2 && passes >> bit & 1 == 0 => Access::TrapEl2,
                _ => Access::Done,
            }
        }
        2 => Access::Done,
        _ => Access::Undefined,
    }
}

fn set_traps(machine: &mut Machine, [r, w, i]: [u64; 3]) {
    machine.state = EL2;
    machine.msr("ICH_HFGRTR_EL2", r);
    machine.msr("ICH_HFGWTR_EL2", w);
    machine.msr("ICH_HFGITR_EL2", i);
}

/// Every combination of the trap registers with at most one bit off the rest.
fn trap_values() -> Vec<[u64; 3]> {
    let mut values = vec![[0; 3], [u64::MAX; 3]];
    for register in 0..3 {
        for bit in 0..22 {
            let mut one_clear = [u64::MAX; 3];
            one_clear[register] &= !(1 << bit);
            let mut one_set = [0; 3];
            one_set[register] |= 1 << bit;
            values.extend([one_clear, one_set]);
        }
    }
    values
}

#[test]
fn every_access() {
    let mut machine = Machine::new(1);
    let mut trapped = 0;
    for traps in trap_values() {
        set_traps(&mut machine, traps);
        for (el2, hcr_el2) in [
            (false, 0),
            (false, IMO | NV),
            (true, IMO | NV | NV2),
            (true, IMO | NV2),
            (false, NV | NV2),
            (true, 0),
            (true, IMO),
            (true, E2H),
            (true, E2H | IMO | NV),
            (true, E2H | TGE | IMO),
            (true, NV),
        ] {
            for el in 0..=3 {
                let state = PeState {
                    el,
                    el2,
                    hcr_el2,
                    nmi: false,
                };
                machine.state = state;
                for row in &TABLE {
                    for write in [false, true] {
                        let got = machine.check(name(row), write);
                        assert_eq!(
                            got,
                            expected(row, write, &state, traps),
                            "{} write={write} {state:?} {traps:x?}",
                            name(row)
                        );
                        trapped += usize::from(got == Access::TrapEl2);
                    }
                }
            }
        }
    }
    assert!(trapped > 1000);
}

#[test]
fn the_registers_own_masks() {
    let mut machine = Machine::new(1);
    assert_eq!(machine.mrs("ICH_HFGRTR_EL2"), 1 << 3, "reset: RES1 alone");
    assert_eq!(machine.mrs("ICH_HFGWTR_EL2"), 0);
    assert_eq!(machine.mrs("ICH_HFGITR_EL2"), 0);
    set_traps(&mut machine, [u64::MAX; 3]);
    let mut bits = [1 << 3, 0, 0];
    for row in &TABLE {
        for write in [false, true] {
            if let Some(Some(bit)) = rule(row, write) {
                let register = if row.is_insn() { 2 } else { usize::from(write) };
                bits[register] |= 1u64 << bit;
            }
        }
    }
    assert_eq!(machine.mrs("ICH_HFGRTR_EL2"), bits[0]);
    assert_eq!(machine.mrs("ICH_HFGWTR_EL2"), bits[1]);
    assert_eq!(machine.mrs("ICH_HFGITR_EL2"), bits[2]);
    set_traps(&mut machine, [0; 3]);
    assert_eq!(machine.mrs("ICH_HFGRTR_EL2"), 1 << 3, "RES1 stays");
}

#[test]
fn traps_are_per_pe_and_go_with_its_reset() {
    let mut machine = Machine::untrapped(2);
    let guest = common::GUEST;
    let check = |machine: &mut Machine, pe| {
        machine.pe = pe;
        machine.at(guest, |machine| machine.check("ICC_PCR_EL1", true))
    };
    machine.reset_pe(1);
    assert_eq!(check(&mut machine, 0), Access::Done);
    assert_eq!(check(&mut machine, 1), Access::TrapEl2);
}

#[test]
fn no_such_pe() {
    let machine = Machine::new(2);
    for row in &TABLE {
        for write in [false, true] {
            assert_eq!(machine.gic.check(2, row, write, &EL2), Access::Undefined);
        }
    }
    assert_eq!(machine.gic.lines(2).bits(), 0);
    assert_eq!(row("GSB_SYS").encoding, [1, 0, 12, 0, 0]);
}

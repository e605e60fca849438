// SPDX-License-Identifier: GPL-2.0-or-later
//! The physical interface, by example: what a kernel at EL1 or EL2 does.

mod common;

use common::{ppi, spi, valid, Machine, EL1, EL2};
use gicv5_model::cpuif::route::PeState;
use gicv5_model::Lines;

const SW_PPI: u32 = 3;
const PMUIRQ: u32 = 23;
const CNTV: u32 = 27;
const CNTP: u32 = 30;

/// As Linux's `gicv5_cpu_enable_interrupts` leaves it, all PPIs of `ids` on.
fn host(ids: &[u32]) -> Machine {
    let mut machine = Machine::untrapped(2);
    for n in 0..16 {
        machine.msr(&format!("ICC_PPI_PRIORITYR{n}_EL1"), 0x1f1f_1f1f_1f1f_1f1f);
    }
    machine.msr("ICC_PCR_EL1", 0x1f);
    machine.msr("ICC_CR0_EL1", 1);
    let enabled = ids.iter().fold(0, |set, id| set | 1 << id);
    machine.msr("ICC_PPI_ENABLER0_EL1", enabled);
    machine
}

#[test]
fn identification() {
    let mut machine = Machine::new(3);
    assert_eq!(machine.mrs("ICC_IDR0_EL1"), 0x41);
    assert_eq!(machine.mrs("ICC_PPI_HMR0_EL1"), 0x5ec0_0000);
    assert_eq!(machine.mrs("ICC_PPI_HMR1_EL1"), 0);
    machine.pe = 2;
    assert_eq!(machine.mrs("ICC_IAFFIDR_EL1"), 2);
    assert_eq!(machine.mrs("ICC_CR0_EL1"), 0b110);
}

#[test]
fn reserved_bits() {
    let mut machine = host(&[]);
    for (name, bits) in [
        ("ICC_PCR_EL1", 0x1f),
        ("ICC_APR_EL1", 0xffff_ffff),
        ("ICC_CR0_EL1", 0b111),
        ("ICC_ICSR_EL1", 0xffff_0000_f83f),
        ("ICC_PPI_ENABLER0_EL1", 0x5ec0_0008),
        ("ICC_PPI_ENABLER1_EL1", 0),
        ("ICC_PPI_SACTIVER0_EL1", 0x5ec0_0008),
        ("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI),
        ("ICC_PPI_PRIORITYR0_EL1", 0x1f << 24),
        ("ICC_PPI_PRIORITYR3_EL1", 0x001f_001f_1f1f_1f00),
        ("ICC_PPI_PRIORITYR8_EL1", 0),
        ("ICH_VMCR_EL2", 0xf800_0001),
        ("ICH_APR_EL2", 0xffff_ffff),
        ("ICH_VCTLR_EL2", 1),
        // F, as there is no such VPE.
        ("ICH_CONTEXTR_EL2", 0xff80_ffff_0000_ffff),
        ("ICH_PPI_PENDR0_EL2", 0x5ec0_0008),
        ("ICH_PPI_DVIR0_EL2", 0x5ec0_0008),
        ("ICH_PPI_DVIR1_EL2", 0),
    ] {
        machine.msr(name, u64::MAX);
        assert_eq!(machine.mrs(name), bits, "{name}");
    }
}

#[test]
fn a_level_interrupt_from_wire_to_deactivation() {
    let mut machine = host(&[CNTP]);
    machine.wire(CNTP, true);
    assert_eq!(machine.lines(), Lines::IRQ);
    assert_eq!(machine.mrs("ICC_HPPIR_EL1"), valid(ppi(CNTP)));
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
    assert_eq!(machine.mrs("ICC_APR_EL1"), 1 << 31);
    assert_eq!(machine.mrs("ICC_PPI_SACTIVER0_EL1"), 1 << CNTP);
    assert_eq!(machine.lines().bits(), 0);
    assert_eq!(machine.mrs("GICR_CDIA"), 0, "there is no second one");
    machine.msr("GIC_CDEOI", 0);
    assert_eq!(machine.lines().bits(), 0, "still active");
    machine.msr("GIC_CDDI", ppi(CNTP));
    assert_eq!(machine.lines(), Lines::IRQ, "still pending: it is level");
    machine.wire(CNTP, false);
    assert_eq!(machine.lines().bits(), 0);
}

#[test]
fn deactivation_before_the_priority_drop() {
    let mut machine = host(&[CNTP]);
    machine.wire(CNTP, true);
    machine.mrs("GICR_CDIA");
    machine.msr("GIC_CDDI", ppi(CNTP));
    assert_eq!(machine.lines().bits(), 0, "its own priority is running");
    assert_eq!(machine.mrs("ICC_HPPIR_EL1"), 0);
    machine.msr("GIC_CDEOI", 0);
    assert_eq!(machine.lines(), Lines::IRQ);
}

#[test]
fn an_edge_interrupt_is_pending_until_acknowledged() {
    let mut machine = host(&[SW_PPI]);
    machine.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI | 1 << CNTV);
    assert_eq!(
        machine.mrs("ICC_PPI_CPENDR0_EL1"),
        1 << SW_PPI,
        "Pending of a level PPI is read-only"
    );
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(SW_PPI)));
    assert_eq!(machine.mrs("ICC_PPI_SPENDR0_EL1"), 0);
    machine.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    assert_eq!(machine.lines().bits(), 0, "pending again, but active");
    machine.msr("GIC_CDEOI", 0);
    machine.msr("GIC_CDDI", ppi(SW_PPI));
    assert_eq!(machine.lines(), Lines::IRQ);
    machine.msr("ICC_PPI_CPENDR0_EL1", 1 << SW_PPI);
    assert_eq!(machine.lines().bits(), 0);
    machine.wire(SW_PPI, true);
    machine.wire(SW_PPI, false);
    assert_eq!(machine.lines(), Lines::IRQ, "a pulse on the wire stays");
}

#[test]
fn priorities_mask_and_preempt() {
    let mut machine = host(&[PMUIRQ, CNTV, CNTP]);
    machine.set_priority("ICC", CNTV, 20);
    machine.set_priority("ICC", CNTP, 10);
    machine.set_priority("ICC", PMUIRQ, 20);
    machine.wire(CNTV, true);
    machine.wire(PMUIRQ, true);
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(PMUIRQ)), "lower number");
    assert_eq!(machine.lines().bits(), 0, "20 does not preempt 20");
    machine.wire(CNTP, true);
    machine.msr("ICC_PCR_EL1", 9);
    assert_eq!(machine.lines().bits(), 0, "10 is below a mask of 9");
    machine.msr("ICC_PCR_EL1", 10);
    assert_eq!(machine.lines(), Lines::IRQ, "10 passes a mask of 10");
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
    assert_eq!(machine.mrs("ICC_APR_EL1"), 1 << 20 | 1 << 10);
    machine.msr("GIC_CDEOI", 0);
    assert_eq!(machine.mrs("ICC_APR_EL1"), 1 << 20);
    machine.msr("ICC_PCR_EL1", 0x1f);
    machine.msr("ICC_CR0_EL1", 0);
    machine.msr("GIC_CDEOI", 0);
    assert_eq!(machine.lines().bits(), 0, "not enabled");
    assert_eq!(machine.mrs("ICC_HPPIR_EL1"), 0);
    machine.msr("ICC_CR0_EL1", 1);
    assert_eq!(machine.lines(), Lines::IRQ);
}

#[test]
fn superpriority() {
    let nmi = PeState { nmi: true, ..EL2 };
    let mut machine = host(&[CNTP]);
    machine.set_priority("ICC", CNTP, 0);
    machine.wire(CNTP, true);
    assert_eq!(machine.lines(), Lines::NMI);
    // Without SCTLR_ELx.NMI it is an interrupt like any other.
    assert_eq!(machine.mrs("GICR_CDNMIA"), 0);
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
    machine.msr("GIC_CDEOI", 0);
    machine.msr("GIC_CDDI", ppi(CNTP));
    machine.state = nmi;
    assert_eq!(machine.mrs("GICR_CDIA"), 0);
    assert_eq!(machine.mrs("ICC_APR_EL1"), 0, "nothing was acknowledged");
    assert_eq!(machine.mrs("GICR_CDNMIA"), valid(ppi(CNTP)));
    machine.msr("GIC_CDEOI", 0);
    machine.msr("GIC_CDDI", ppi(CNTP));
    machine.set_priority("ICC", CNTP, 1);
    assert_eq!(machine.mrs("GICR_CDNMIA"), 0);
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
}

#[test]
fn el1_without_el2_has_the_same_interface() {
    let mut machine = host(&[CNTP]);
    machine.wire(CNTP, true);
    machine.state = EL1;
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
    machine.state = EL2;
    assert_eq!(machine.mrs("ICC_APR_EL1"), 1 << 31);
}

#[test]
fn spis_and_ppis_compete() {
    let mut machine = host(&[CNTP]);
    machine.irs_write(0x80, 1);
    machine.irs_write(0x108, 5);
    machine.irs_write(0x114, 1);
    for insn in ["GIC_CDAFF", "GIC_CDEN"] {
        machine.msr(insn, spi(5));
    }
    machine.msr("GIC_CDPRI", spi(5) | 31 << 35);
    machine.spi_wire(5, true);
    assert_eq!(machine.lines(), Lines::IRQ);
    assert_eq!(machine.mrs("ICC_HPPIR_EL1"), valid(spi(5)));
    machine.wire(CNTP, true);
    assert_eq!(
        machine.mrs("ICC_HPPIR_EL1"),
        valid(ppi(CNTP)),
        "the PPI wins a tie"
    );
    machine.msr("GIC_CDPRI", spi(5) | 30 << 35);
    assert_eq!(machine.mrs("GICR_CDIA"), valid(spi(5)));
    assert_eq!(machine.mrs("ICC_APR_EL1"), 1 << 30);
    machine.msr("GIC_CDRCFG", spi(5));
    assert_eq!(machine.mrs("ICC_ICSR_EL1"), 30 << 11 | 0b11_0110);
    machine.msr("GIC_CDEOI", 0);
    machine.spi_wire(5, false);
    machine.msr("GIC_CDDI", spi(5));
    machine.msr("GIC_CDRCFG", spi(5));
    assert_eq!(machine.mrs("ICC_ICSR_EL1"), 30 << 11 | 0b10_0010);
    assert_eq!(machine.mrs("GICR_CDIA"), valid(ppi(CNTP)));
    assert_eq!(machine.errors.0, Vec::<String>::new());
}

#[test]
fn instructions_that_name_what_they_must_not() {
    let mut machine = host(&[]);
    let intids = [ppi(CNTP), 0, 4 << 29, spi(64), 2 << 29 | 7];
    let mut errors = 0;
    for intid in intids {
        for insn in [
            "GIC_CDEN",
            "GIC_CDDIS",
            "GIC_CDPRI",
            "GIC_CDAFF",
            "GIC_CDPEND",
            "GIC_CDHM",
        ] {
            machine.msr(insn, intid);
            errors += 1;
            assert_eq!(machine.errors.0.len(), errors, "{insn} {intid:#x}");
        }
        machine.msr("GIC_CDRCFG", intid);
        errors += 1;
        assert_eq!(machine.errors.0.len(), errors, "{intid:#x}");
        assert_eq!(machine.mrs("ICC_ICSR_EL1"), 1, "F alone");
    }
    for intid in [ppi(31), ppi(64), ppi(128), 0, spi(64)] {
        machine.msr("GIC_CDDI", intid);
        errors += 1;
        assert_eq!(machine.errors.0.len(), errors, "CDDI {intid:#x}");
    }
    machine.msr("GSB_SYS", u64::MAX);
    machine.msr("GSB_ACK", u64::MAX);
    assert_eq!(machine.errors.0.len(), errors);
}

#[test]
fn reset_keeps_the_wires_and_nothing_else() {
    let mut machine = host(&[CNTP, SW_PPI]);
    machine.wire(CNTP, true);
    machine.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    machine.mrs("GICR_CDIA");
    machine.msr("ICC_ICSR_EL1", u64::MAX);
    machine.msr("ICH_VMCR_EL2", u64::MAX);
    machine.msr("ICH_CONTEXTR_EL2", 1 << 63 | 5 << 32);
    machine.pe = 1;
    machine.msr("ICC_PCR_EL1", 7);
    machine.reset_pe(0);
    assert_eq!(machine.mrs("ICC_PCR_EL1"), 7, "PE 1 is not concerned");
    machine.pe = 0;
    let fresh = Machine::new(2);
    let (mut fresh, mut left) = (fresh, machine);
    fresh.wire(CNTP, true);
    for row in &gicv5_model::regs::TABLE {
        let name = row.name.to_str().unwrap();
        if row.readable() && !row.is_insn() {
            assert_eq!(left.mrs(name), fresh.mrs(name), "{name}");
        }
    }
    assert_eq!(left.mrs("ICC_PPI_SPENDR0_EL1"), 1 << CNTP);
    left.gic.reset();
    left.pe = 1;
    assert_eq!(left.mrs("ICC_PCR_EL1"), 0);
}

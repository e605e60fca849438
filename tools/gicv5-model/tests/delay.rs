// SPDX-License-Identifier: GPL-2.0-or-later
//! Operations that take their time, and software that does not wait for them.

mod hyp;

use gicv5_model::config::{Delay, Knobs};
use gicv5_model::Lines;
use hyp::{irs, Hyp, GSB_ACK, GSB_SYS, ISB, LPI, M, SPI};
use std::collections::BTreeSet;

const VALID: u64 = 1 << 32;

fn slow(steps: u32, stuck: Option<u32>, forget: Option<usize>) -> Hyp {
    let knobs = Knobs {
        vmt_two_level: true,
        ..Knobs::default()
    };
    Hyp::slow(2, false, knobs, Delay { steps, stuck }, forget)
}

/// Everything from the tables to the end of a guest's LPI, with all waits.
/// What a step should have brought about and did not is the error.
fn life(hyp: &mut Hyp) -> Result<(), String> {
    let expect = |what: &str, got: u64, expected: u64| match got == expected {
        true => Ok(()),
        false => Err(format!("{what}: {got:#x}, not {expected:#x}")),
    };
    hyp.vm(5, 2);
    let loaded = hyp.load(0, 5, 1);
    expect("load", loaded.into(), 1)?;
    for (name, operand) in [
        ("GIC_CDAFF", 1 << 32),
        ("GIC_CDPRI", 3 << 35),
        ("GIC_CDHM", 0),
        ("GIC_CDEN", 0),
        ("GIC_CDPEND", 1 << 32),
    ] {
        hyp.guest_msr(0, name, LPI | 9 | operand);
    }
    hyp.gsb(0);
    expect(
        "line",
        hyp.gic.lines(0).bits().into(),
        Lines::VIRQ.bits().into(),
    )?;
    expect("CDIA", hyp.guest_mrs(0, "GICR_CDIA"), VALID | LPI | 9)?;
    hyp.gsb_ack(0);
    hyp.guest_msr(0, "GIC_CDEOI", 0);
    hyp.guest_msr(0, "GIC_CDDI", LPI | 9);
    expect(
        "state",
        hyp.guest_icsr(0, LPI | 9),
        1 << 32 | 3 << 11 | 0b10,
    )?;
    // A doorbell.
    hyp.guest_msr(0, "GIC_CDPEND", 1 << 32 | LPI | 9);
    hyp.gsb(0);
    hyp.put(0, Some(31));
    expect("doorbell", hyp.rung(5, 1).into(), 1)?;
    match hyp.errors.0.first() {
        None => Ok(()),
        Some(error) => Err(error.clone()),
    }
}

#[test]
fn software_that_waits_does_not_notice() {
    for steps in [0, 1, 2, 7, 30] {
        assert_eq!(life(&mut slow(steps, None, None)), Ok(()), "{steps} steps");
    }
}

#[test]
fn software_that_forgets_a_wait_is_caught() {
    let mut all = slow(50, None, None);
    assert_eq!(life(&mut all), Ok(()));
    let mut caught = BTreeSet::new();
    for (wait, kind) in all.waits.into_iter().enumerate() {
        let result = std::panic::catch_unwind(|| life(&mut slow(50, None, Some(wait))));
        if !matches!(result, Ok(Ok(()))) {
            caught.insert(kind);
        }
        // Without delays nobody notices.
        assert_eq!(life(&mut slow(0, None, Some(wait))), Ok(()));
    }
    // Nothing depends on the physical side's before its time is over.
    let expected = [GSB_SYS, GSB_ACK, ISB, irs::VMT_STATUSR, irs::VPE_STATUSR];
    assert_eq!(caught, BTreeSet::from(expected));
}

#[test]
fn what_is_read_before_a_synchronization() {
    let mut hyp = slow(9, None, None);
    hyp.vm(5, 2);
    hyp.no_errors();
    hyp.msr(0, "GIC_CDPRI", 7 << 35 | SPI | 1);
    // The answer, and F.
    hyp.msr(0, "GIC_CDRCFG", SPI | 1);
    assert_eq!(
        hyp.errors_of(|hyp| assert_eq!(hyp.mrs(0, "ICC_ICSR_EL1"), 0)),
        1
    );
    hyp.gic.synchronize(1);
    assert_eq!(
        hyp.errors_of(|hyp| assert_eq!(hyp.mrs(0, "ICC_ICSR_EL1"), 0)),
        1,
        "another PE's"
    );
    hyp.replace();
    hyp.isb(0);
    let read = |hyp: &mut Hyp| hyp.mrs(0, "ICC_ICSR_EL1");
    assert_eq!(hyp.errors_of(|hyp| assert_eq!(read(hyp), 7 << 11)), 0);
    let errors = hyp.errors_of(|hyp| hyp.msr(0, "ICH_CONTEXTR_EL2", M | 9));
    assert_eq!(errors, 1, "there is no VM 9");
    let contextr = |hyp: &mut Hyp| hyp.mrs(0, "ICH_CONTEXTR_EL2");
    assert_eq!(hyp.errors_of(|hyp| assert_eq!(contextr(hyp), M | 9)), 1);
    hyp.isb(0);
    let fault = M | 1 << 62 | 9;
    assert_eq!(hyp.errors_of(|hyp| assert_eq!(contextr(hyp), fault)), 0);
    // In finite time it is there without, and a later direct write counts.
    hyp.msr(0, "GIC_CDRCFG", SPI | 2);
    (0..9).for_each(|_| hyp.step());
    assert_eq!(hyp.errors_of(|hyp| assert_eq!(read(hyp), 0)), 0);
    hyp.msr(0, "GIC_CDRCFG", SPI | 1);
    hyp.msr(0, "ICC_ICSR_EL1", 2);
    assert_eq!(hyp.errors_of(|hyp| assert_eq!(read(hyp), 2)), 0);
}

#[test]
fn idle_comes_after_so_many_polls() {
    let mut hyp = slow(3, None, None);
    hyp.irs_write(irs::SPI_SELR, 4, 2);
    for _ in 0..3 {
        assert_eq!(hyp.irs_read(irs::SPI_STATUSR, 4), 0);
    }
    assert_eq!(hyp.irs_read(irs::SPI_STATUSR, 4), 0b11);
    assert_eq!(hyp.irs_read(irs::SPI_SELR, 4), 2);
    // A write before that is lost, and said to the log; other groups have
    // nothing to do with it.
    hyp.irs_write(irs::SPI_SELR, 4, 3);
    assert_eq!(hyp.errors_of(|hyp| hyp.irs_write(irs::SPI_CFGR, 4, 1)), 1);
    assert_eq!(hyp.errors_of(|hyp| hyp.irs_write(irs::VM_SELR, 4, 1)), 0);
    hyp.wait(irs::SPI_STATUSR);
    assert_eq!(hyp.irs_read(irs::SPI_SELR, 4), 3);
    assert_eq!(hyp.irs_read(irs::SPI_CFGR, 4), 0);
}

#[test]
fn a_command_waits_for_its_own_pe() {
    let mut hyp = slow(20, None, None);
    let pending = |hyp: &Hyp| hyp.gic.lines(0) != Lines::default();
    hyp.msr(1, "GIC_CDEN", SPI | 1);
    hyp.msr(1, "GIC_CDPEND", VALID | SPI | 1);
    hyp.msr(0, "GSB_SYS", 0);
    assert!(!pending(&hyp), "another PE's barrier");
    hyp.msr(1, "GSB_ACK", 0);
    assert!(!pending(&hyp), "another barrier");
    hyp.msr(1, "GSB_SYS", 0);
    assert!(pending(&hyp));
    // One PE's commands for one interrupt are in order, and GIC CDRCFG is one.
    hyp.msr(1, "GIC_CDPEND", SPI | 1);
    hyp.msr(1, "GIC_CDPRI", 7 << 35 | SPI | 1);
    hyp.msr(1, "GIC_CDRCFG", SPI | 1);
    hyp.isb(1);
    assert_eq!(hyp.mrs(1, "ICC_ICSR_EL1"), 7 << 11 | 0b10);
}

#[test]
fn time_passes_without_an_access() {
    let mut hyp = slow(5, None, None);
    hyp.msr(0, "GIC_CDEN", SPI | 1);
    hyp.msr(0, "GIC_CDPEND", VALID | SPI | 1);
    for step in 0.. {
        if hyp.gic.lines(0) != Lines::default() {
            assert_eq!(step, 5);
            break;
        }
        hyp.step();
    }
}

#[test]
fn an_operation_that_never_ends() {
    let mut hyp = slow(0, Some(irs::VMAP_VISTR), None);
    hyp.create_vm(5, 1);
    hyp.no_errors();
    hyp.irs_write(irs::VMAP_VISTR, 8, M | 5 << 32 | LPI);
    hyp.wait(irs::VMT_STATUSR);
    assert_eq!(hyp.errors.0, ["timeout at 0x214"]);
    hyp.irs_write(irs::VMAP_VMR, 8, M | 1 << 62 | 5);
    assert_eq!(hyp.errors.0.len(), 2, "still not IDLE");
    hyp.irs_write(irs::VPE_SELR, 8, M);
    assert_eq!(hyp.irs_read(irs::VPE_STATUSR, 4) & 1, 1, "others are");
}

#[test]
fn a_deactivate_before_the_acknowledge() {
    for (ack, state) in [(true, 0b10), (false, 0b1_0010)] {
        let mut hyp = slow(9, None, None);
        hyp.msr(0, "GIC_CDEN", SPI | 1);
        hyp.msr(0, "GIC_CDPEND", VALID | SPI | 1);
        hyp.msr(0, "GSB_SYS", 0);
        assert_eq!(hyp.mrs(0, "GICR_CDIA"), VALID | SPI | 1);
        if ack {
            hyp.msr(0, "GSB_ACK", 0);
        }
        hyp.msr(0, "GIC_CDEOI", 0);
        hyp.msr(0, "GIC_CDDI", SPI | 1);
        assert_eq!(hyp.icsr(SPI | 1), state);
        assert_eq!(hyp.errors.0.is_empty(), ack);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Saving and restoring by example; `tests/fuzz.rs` and `tests/vms_reference.rs`
//! do it amid anything.

mod hyp;

use gicv5_model::config::{Config, Delay, Knobs};
use gicv5_model::regs::TABLE;
use gicv5_model::{Gicv5, Lines, RestoreError};
use hyp::{irs, Hyp, LPI, M, SPI};

/// A machine with something everywhere: a VM with a resident VPE and interrupts
/// of every kind in every state, a command that waits, a wire.
fn busy(steps: u32) -> Hyp {
    let delay = Delay { steps, stuck: None };
    let mut hyp = Hyp::slow(2, false, Knobs::default(), delay, None);
    hyp.vm(5, 2);
    assert!(hyp.load(1, 5, 1));
    for intid in [LPI | 3, SPI | 4] {
        for (name, operand) in [
            ("AFF", 1 << 32),
            ("PRI", 6 << 35),
            ("EN", 0),
            ("PEND", 1 << 32),
        ] {
            hyp.guest_msr(1, &format!("GIC_CD{name}"), intid | operand);
        }
    }
    hyp.gsb(1);
    assert_eq!(hyp.guest_mrs(1, "GICR_CDIA"), 1 << 32 | LPI | 3);
    hyp.guest_msr(1, "GIC_CDEOI", 0);
    hyp.msr(0, "ICH_PPI_ENABLER0_EL2", 8);
    hyp.msr(0, "ICC_PPI_ENABLER0_EL1", 1 << 27);
    hyp.msr(0, "ICC_PPI_PRIORITYR3_EL1", 5 << 24);
    hyp.gic.set_ppi(0, 27, true);
    hyp.irs_write(irs::SPI_SELR, 4, 9);
    hyp.wait(irs::SPI_STATUSR);
    hyp.irs_write(irs::SPI_CFGR, 4, 1);
    hyp.wait(irs::SPI_STATUSR);
    hyp.wire(9, true);
    hyp.no_errors();
    hyp
}

/// Everything that can be read without changing anything.
fn visible(hyp: &mut Hyp) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for pe in 0..2 {
        all.push((format!("lines {pe}"), hyp.gic.lines(pe).bits().into()));
        for row in TABLE.iter().filter(|row| row.readable() && !row.is_insn()) {
            let name = row.name.to_str().unwrap();
            all.push((format!("{name} {pe}"), hyp.mrs(pe, name)));
            if name.starts_with("ICC") {
                all.push((format!("guest's {name} {pe}"), hyp.guest_mrs(pe, name)));
            }
        }
    }
    for offset in (0..0x400).step_by(4) {
        all.push((format!("{offset:#x}"), hyp.irs_read(offset, 4)));
    }
    all
}

#[test]
fn the_copy_looks_the_same() {
    let mut hyp = busy(0);
    // An interrupt of each kind that waits, and one that is being handled.
    for intid in [SPI | 20, SPI | 21, LPI | 20] {
        for (name, operand) in [("AFF", 1 << 32), ("PRI", 6 << 35), ("EN", 0)] {
            hyp.msr(0, &format!("GIC_CD{name}"), intid | operand);
        }
    }
    for intid in [SPI | 20, SPI | 21] {
        hyp.msr(0, "GIC_CDPEND", 1 << 32 | intid);
        if intid == SPI | 20 {
            assert_eq!(hyp.mrs(1, "GICR_CDIA"), 1 << 32 | intid);
        }
    }
    hyp.guest_mrs(1, "GICR_CDIA");
    hyp.msr(1, "ICC_APR_EL1", 1 << 7);
    hyp.irs_write(irs::VM_SELR, 4, 5);
    hyp.irs_write(irs::SAVE_VMR, 8, 3 << 62 | 5);
    hyp.irs_write(irs::SPI_VMR, 8, M | 5);
    hyp.msr(0, "GIC_CDRCFG", LPI | 20);
    let before = visible(&mut hyp);
    hyp.replace();
    assert_eq!(visible(&mut hyp), before);
    assert_eq!(hyp.mrs(1, "ICC_HPPIR_EL1"), 1 << 32 | SPI | 21);
}

#[test]
fn the_copy_is_the_same() {
    let mut hyp = busy(40);
    let bytes = hyp.gic.save();
    assert_eq!(hyp.gic.save(), bytes, "saving changes nothing");
    hyp.replace();
    assert_eq!(hyp.gic.save(), bytes);
    assert_eq!(hyp.gic.take_stale().iter().count(), 2, "all lines");
    assert_eq!(hyp.gic.lines(0), Lines::IRQ);
    assert_eq!(hyp.gic.lines(1), Lines::VIRQ);
    hyp.msr(0, "GIC_CDEN", SPI | 9);
    hyp.replace();
    assert_eq!(hyp.icsr(SPI | 9), 0b10_0110, "what waited is done");
    assert_eq!(hyp.guest_mrs(1, "GICR_CDIA"), 1 << 32 | SPI | 4);
    hyp.replace();
    // Without GSB ACK.
    assert_eq!(
        hyp.errors_of(|hyp| hyp.guest_msr(1, "GIC_CDDI", SPI | 4)),
        1
    );
    hyp.put(1, Some(31));
    hyp.replace();
    hyp.msr(0, "GIC_VDEN", 5 << 32 | SPI | 4);
    hyp.msr(0, "GIC_VDDI", 5 << 32 | LPI | 3);
    hyp.msr(0, "GIC_VDPEND", M | 5 << 32 | LPI | 3);
    hyp.gsb(0);
    hyp.replace();
    assert!(hyp.rung(5, 1));
}

#[test]
fn what_is_not_a_state() {
    let mut hyp = busy(40);
    let bytes = hyp.gic.save();
    let mut fresh = Gicv5::new(&hyp.config);
    let untouched = fresh.save();
    assert_eq!(fresh.restore(&[]), Err(RestoreError::NotOurs));
    assert_eq!(fresh.restore(&bytes[8..]), Err(RestoreError::NotOurs));
    let short = &bytes[..bytes.len() - 1];
    assert_eq!(fresh.restore(short), Err(RestoreError::Broken));
    let long = [&bytes[..], &[0]].concat();
    assert_eq!(fresh.restore(&long), Err(RestoreError::Broken));
    assert_eq!(fresh.save(), untouched);
    let other = Config::new(2, 63, true, 0, false).unwrap();
    let mut other = Gicv5::new(&other);
    assert_eq!(other.restore(&bytes), Err(RestoreError::OtherConfig));
}

// SPDX-License-Identifier: GPL-2.0
//! Direct injection: with its bit in ICH_PPI_DVIR0_EL2 a PPI's pending state
//! is the virtual PPI's, so a guest takes its timer interrupt with no exit.
//! KVM relies on it for CNTV (27) and CNTP (30): vgic-v5.c, arch_timer.c.

use crate::check_eq;
use crate::guest::{stack, Exit, Guest};
use crate::regs::*;
use crate::vcpu::{set_vppi_priority, VGic};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use rt::cpu::{self, CNT_CTL_ENABLE};
use rt::gic::*;
use rt::say;
use rt::trap::on_irq;

/// One of the guest's timers: by its own names, and by EL2's.
struct Timer {
    name: &'static str,
    ppi: u32,
    ctl: cpu::Reg,
    cval: cpu::Reg,
    count: cpu::Reg,
    ctl_el02: cpu::Reg,
    cval_el02: cpu::Reg,
}

static TIMERS: [Timer; 2] = [
    Timer {
        name: "CNTV",
        ppi: CNTV,
        ctl: cpu::CNTV_CTL_EL0,
        cval: cpu::CNTV_CVAL_EL0,
        count: cpu::CNTVCT_EL0,
        ctl_el02: CNTV_CTL_EL02,
        cval_el02: CNTV_CVAL_EL02,
    },
    Timer {
        name: "CNTP",
        ppi: CNTP,
        ctl: cpu::CNTP_CTL_EL0,
        cval: cpu::CNTP_CVAL_EL0,
        count: cpu::CNTPCT_EL0,
        ctl_el02: CNTP_CTL_EL02,
        cval_el02: CNTP_CVAL_EL02,
    },
];

/// Which timer the guest's handler is for.
static WHICH: AtomicU64 = AtomicU64::new(0);
/// What it acknowledged, then its view of PENDR and ACTIVER at that time.
static SEEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
const ANSWER: usize = 0;
const ACTIVE: usize = 1;
const LEVEL_LOW: usize = 2;
const TAKEN: usize = 3;

fn current() -> &'static Timer {
    &TIMERS[WHICH.load(Relaxed) as usize]
}

fn handler() {
    let answer = ack();
    SEEN[ANSWER].store(answer.0, Relaxed);
    SEEN[TAKEN].fetch_add(1, Relaxed);
    let bit = 1 << current().ppi;
    let state = || {
        (
            ICC_PPI_SPENDR0_EL1.read() & bit != 0,
            ICC_PPI_SACTIVER0_EL1.read() & bit != 0,
        )
    };
    SEEN[ACTIVE].store((state() == (true, true)) as u64, Relaxed);
    current().ctl.write(0);
    SEEN[LEVEL_LOW].store((state() == (false, true)) as u64, Relaxed);
    eoi();
    if let Some(intid) = answer.intid() {
        intid.deactivate();
    }
}

/// Set the timer `arg` ticks ahead, and take its interrupt out of WFI.
extern "C" fn expire(arg: u64) -> u64 {
    on_irq(handler);
    current().cval.write(current().count.read() + arg);
    current().ctl.write(CNT_CTL_ENABLE);
    while SEEN[TAKEN].load(Relaxed) == 0 {
        cpu::wfi();
        cpu::irq_window();
    }
    hppir().0
}

pub fn run() {
    reset_cpu_interface();
    for (index, timer) in TIMERS.iter().enumerate() {
        WHICH.store(index as u64, Relaxed);
        injected(timer);
        follows_line(timer);
        not_injected(timer);
    }
    VGic::OPEN.load();
    reset_cpu_interface();
}

fn load(timer: &Timer, dvi: bool) {
    let bit = 1 << timer.ppi;
    VGic {
        dvir: if dvi { bit } else { 0 },
        enabler: bit,
        ..VGic::OPEN
    }
    .load();
    set_vppi_priority(timer.ppi, 8);
    SEEN.iter().for_each(|s| s.store(0, Relaxed));
}

fn injected(timer: &Timer) {
    let name = timer.name;
    let valid = 1 << 32 | u64::from(Intid::ppi(timer.ppi).0);
    for (ticks, when) in [(0, "at once"), (200_000, "after a wait in WFI")] {
        load(timer, true);
        let mut guest = Guest::new(stack(0), expire, ticks);
        let exit = guest.run();
        check_eq!(
            (exit == Exit::Done(0)) as u64,
            1,
            "{name}: a guest takes it {when}, with no exit"
        );
        if exit != Exit::Done(0) {
            say!("# {exit}");
        }
        check_eq!(
            SEEN[ANSWER].load(Relaxed),
            valid,
            "{name}: it acknowledged the PPI"
        );
        check_eq!(SEEN[TAKEN].load(Relaxed), 1, "{name}: once");
        check_eq!(
            SEEN[ACTIVE].load(Relaxed),
            1,
            "{name}: pending and active with the line high"
        );
        check_eq!(
            SEEN[LEVEL_LOW].load(Relaxed),
            1,
            "{name}: only active with the line low"
        );
        check_eq!(ICH_PPI_ACTIVER0_EL2.read(), 0, "{name}: deactivated");
        check_eq!(
            ICC_PPI_SACTIVER0_EL1.read(),
            0,
            "{name}: never active physically"
        );
    }
}

/// A guest's view of Pending: bit 0 with the line low, bit 1 with it high,
/// bit 2 low again.
extern "C" fn watch(_: u64) -> u64 {
    let pending = || ICC_PPI_SPENDR0_EL1.read() >> current().ppi & 1;
    current().ctl.write(0);
    let mut seen = pending();
    current().cval.write(0);
    current().ctl.write(CNT_CTL_ENABLE);
    seen |= pending() << 1;
    current().ctl.write(0);
    seen | pending() << 2
}

/// With DVI, Pending is the wire and the bit in ICH_PPI_PENDR0_EL2 is ignored;
/// without, it is the other way round (D_QNZMN, I_VRZWD).
fn follows_line(timer: &Timer) {
    let name = timer.name;
    let bit = 1 << timer.ppi;
    for (dvi, pendr, want) in [
        (true, 0, 0b010),
        (true, bit, 0b010),
        (false, 0, 0b000),
        (false, bit, 0b111),
    ] {
        load(timer, dvi);
        ICH_PPI_PENDR0_EL2.write(pendr);
        let got = Guest::new(stack(0), watch, 0).finish();
        check_eq!(
            got,
            want,
            "{name}: Pending with DVI {}, ICH_PPI_PENDR0_EL2 {}, line low, high, low",
            dvi as u32,
            (pendr != 0) as u32
        );
    }
    // The physical PPI is the line's in any case.
    timer.cval_el02.write(0);
    for dvi in [false, true] {
        load(timer, dvi);
        timer.ctl_el02.write(CNT_CTL_ENABLE);
        let high = ICC_PPI_SPENDR0_EL1.read() & bit;
        timer.ctl_el02.write(0);
        let low = ICC_PPI_SPENDR0_EL1.read() & bit;
        check_eq!(
            high,
            bit,
            "{name}: DVI {}, line high: pending physically",
            dvi as u32
        );
        check_eq!(low, 0, "{name}: DVI {}, line low: not", dvi as u32);
    }
}

/// Without DVI a guest's timer ends its stay, and EL2 has the interrupt.
fn not_injected(timer: &Timer) {
    extern "C" fn spin(_: u64) -> u64 {
        current().cval.write(0);
        current().ctl.write(CNT_CTL_ENABLE);
        cpu::irq_window();
        // Taken on the way, if anything was: turn it off and go on.
        current().ctl.write(0);
        1
    }
    let name = timer.name;
    load(timer, false);
    set_ppi_priority(timer.ppi, 8);
    ICC_PPI_ENABLER0_EL1.write(1 << timer.ppi);
    let mut guest = Guest::new(stack(0), spin, 0);
    let exit = guest.run();
    check_eq!(
        (exit == Exit::Irq) as u64,
        1,
        "{name}: no DVI, a physical interrupt for EL2"
    );
    // `run` turned the timer off on the way out, so the line is low by now.
    check_eq!(hppir().0, 0, "{name}: which goes with the line");
    check_eq!(
        SEEN[TAKEN].load(Relaxed),
        0,
        "{name}: and the guest took none"
    );
    ICC_PPI_ENABLER0_EL1.write(0);
}

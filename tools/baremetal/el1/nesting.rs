// SPDX-License-Identifier: GPL-2.0
//! Preemption: handlers that are themselves interrupted, and both orders of
//! priority drop and deactivation.

use crate::lpi;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use rt::cpu::{self, CNT_CTL_ENABLE};
use rt::gic::*;
use rt::{irs, say, trap};

const LPI: Intid = Intid::lpi(9);
const SPI: Intid = Intid::spi(210);
const PPI: Intid = Intid::ppi(SW_PPI);
const TIMER: Intid = Intid::ppi(CNTV);
const LATE: Intid = Intid::spi(211);

/// Who raises whom from inside its handler, and the priority of each: four
/// deep, over all three types.
struct Step {
    intid: Intid,
    priority: u64,
    raises: &'static [Intid],
}

const SCRIPT: [Step; 5] = [
    Step {
        intid: LPI,
        priority: 24,
        raises: &[SPI, LATE],
    },
    Step {
        intid: SPI,
        priority: 16,
        raises: &[TIMER],
    },
    Step {
        intid: TIMER,
        priority: 8,
        raises: &[PPI, SPI],
    },
    Step {
        intid: PPI,
        priority: 1,
        raises: &[],
    },
    // The same priority as the one that raises it: must wait.
    Step {
        intid: LATE,
        priority: 24,
        raises: &[],
    },
];

static DEPTH: AtomicU32 = AtomicU32::new(0);
static ENTRIES: AtomicU32 = AtomicU32::new(0);
/// Deactivate before the priority drop.
static DI_FIRST: AtomicBool = AtomicBool::new(false);

fn raise(intid: Intid) {
    match intid {
        PPI => ICC_PPI_SPENDR0_EL1.write(1 << SW_PPI),
        TIMER => cpu::CNTV_CTL_EL0.write(CNT_CTL_ENABLE),
        _ => intid.set_pending(true),
    }
}

fn handler() {
    let order = if DI_FIRST.load(Relaxed) {
        "DI, EOI"
    } else {
        "EOI, DI"
    };
    let depth = DEPTH.fetch_add(1, Relaxed) + 1;
    let entry = ENTRIES.fetch_add(1, Relaxed) + 1;
    let answer = ack();
    say!(
        "nesting/{order}, enter {entry}: {answer} depth {depth} APR={:#x}",
        ICC_APR_EL1.read()
    );
    // Each raises only the first time, or they would go on for ever.
    if let Some(step) = SCRIPT.iter().find(|s| Some(s.intid) == answer.intid()) {
        if entry <= 4 {
            step.raises.iter().for_each(|&i| raise(i));
        }
    }
    if answer.intid() == Some(TIMER) {
        cpu::CNTV_CTL_EL0.write(0);
    }
    cpu::irq_window();
    if let Some(intid) = answer.intid() {
        if DI_FIRST.load(Relaxed) {
            intid.deactivate();
            eoi();
        } else {
            eoi();
            intid.deactivate();
        }
    }
    say!(
        "nesting/{order}, leave {entry}: APR={:#x} HPPIR={}",
        ICC_APR_EL1.read(),
        hppir()
    );
    DEPTH.fetch_sub(1, Relaxed);
}

pub fn run() {
    reset_cpu_interface();
    irs::set_enabled(true);
    lpi::set_up();
    cpu::CNTV_CTL_EL0.write(0);
    cpu::CNTV_CVAL_EL0.write(0);
    for step in &SCRIPT {
        match step.intid {
            PPI => set_ppi_priority(SW_PPI, step.priority),
            TIMER => set_ppi_priority(CNTV, step.priority),
            intid => {
                intid.set_priority(step.priority);
                intid.set_affinity(0);
                intid.enable();
            }
        }
    }
    ICC_PPI_ENABLER0_EL1.write(1 << SW_PPI | 1 << CNTV);
    trap::on_irq(handler);
    for (name, di_first) in [("EOI, DI", false), ("DI, EOI", true)] {
        DI_FIRST.store(di_first, Relaxed);
        ENTRIES.store(0, Relaxed);
        raise(LPI);
        for _ in 0..8 {
            cpu::irq_window();
        }
        let rest: u32 = SCRIPT.iter().map(|s| busy(s.intid)).sum();
        say!(
            "nesting/{name}, end: depth {} left over {rest}",
            DEPTH.load(Relaxed)
        );
    }
    equal_priorities();
    lpi::tear_down();
    reset_cpu_interface();
}

/// One of each type, all at one priority: one at a time, in an order that is
/// IMPLEMENTATION DEFINED (R_VVBPS), so that only the set is shown.
fn equal_priorities() {
    let all = [LPI, SPI, PPI];
    for intid in all {
        match intid {
            PPI => set_ppi_priority(SW_PPI, 13),
            _ => intid.set_priority(13),
        }
        raise(intid);
    }
    let mut preempted = 0;
    let mut taken = all.map(|_| {
        let answer = ack();
        preempted += ack().intid().is_some() as u32;
        eoi();
        answer.intid().inspect(|i| i.deactivate());
        answer
    });
    taken.sort_unstable_by_key(|a| a.0);
    say!(
        "nesting/equal PPI, LPI and SPI: {} {} {}, preempted {preempted}, then {}",
        taken[0],
        taken[1],
        taken[2],
        hppir()
    );
}

/// 1 if an interrupt is still pending or active.
fn busy(intid: Intid) -> u32 {
    let busy = match intid {
        PPI | TIMER => {
            (ICC_PPI_SPENDR0_EL1.read() | ICC_PPI_SACTIVER0_EL1.read()) >> (intid.0 & 63) & 1 != 0
        }
        _ => intid.config().0 & (1 << 4 | 1 << 2 | 1) != 0,
    };
    busy as u32
}

// SPDX-License-Identifier: GPL-2.0
//! Two guests taking turns on one PE, each with its own state: pending, active
//! and enabled PPIs, priorities, mask, active priorities, and timer.

use crate::check_eq;
use crate::guest::{call_host, stack, Exit, Guest};
use crate::vcpu::VGic;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use rt::cpu::{self, CNT_CTL_ENABLE};
use rt::gic::*;
use rt::say;
use rt::trap::on_irq;

const SW: u64 = 1 << SW_PPI;
const V: u64 = 1 << CNTV;
const ROUNDS: u64 = 16;
const YIELD: u64 = 0;

/// Which guest is in.
static CURRENT: AtomicU64 = AtomicU64::new(0);
/// What each guest took: SW_PPIs and timers.
static TAKEN: [[AtomicU64; 2]; 2] = [const { [const { AtomicU64::new(0) }; 2] }; 2];
/// The first step of each guest that went wrong, and what it saw.
static WRONG: [[AtomicU64; 2]; 2] = [const { [const { AtomicU64::new(0) }; 2] }; 2];

/// A guest's own choice of everything that can differ.
fn mask_of(guest: u64) -> u64 {
    29 + guest
}

fn priority_of(guest: u64) -> u64 {
    // The second's would never preempt the first's.
    [2, 27][guest as usize]
}

fn yield_cpu() {
    call_host::<YIELD>(0);
}

fn expect(guest: u64, step: u64, got: u64, want: u64) {
    let slot = &WRONG[guest as usize];
    if got != want && slot[0].load(Relaxed) == 0 {
        slot[0].store(step, Relaxed);
        slot[1].store(got, Relaxed);
    }
}

fn handler() {
    let me = CURRENT.load(Relaxed);
    let answer = ack();
    let timer = answer.intid() == Some(Intid::ppi(CNTV));
    TAKEN[me as usize][timer as usize].fetch_add(1, Relaxed);
    if timer {
        cpu::CNTV_CTL_EL0.write(0);
    }
    // The other runs while this one is active, at any priority.
    let before = ICC_APR_EL1.read();
    yield_cpu();
    expect(me, 1, ICC_APR_EL1.read(), before);
    expect(
        me,
        2,
        ICC_PPI_SACTIVER0_EL1.read(),
        if timer { V } else { SW },
    );
    eoi();
    expect(me, 3, ICC_APR_EL1.read(), 0);
    if let Some(intid) = answer.intid() {
        yield_cpu();
        intid.deactivate();
    }
    expect(me, 4, ICC_PPI_SACTIVER0_EL1.read(), 0);
}

extern "C" fn body(me: u64) -> u64 {
    on_irq(handler);
    ICC_PCR_EL1.write(mask_of(me));
    set_ppi_priority(SW_PPI, priority_of(me));
    set_ppi_priority(CNTV, priority_of(me) + 1);
    ICC_PPI_ENABLER0_EL1.write(SW | V);
    yield_cpu();
    for round in 0..ROUNDS {
        // The two pend in different rounds.
        let pend = round % 2 == me;
        if pend {
            ICC_PPI_SPENDR0_EL1.write(SW);
        }
        yield_cpu();
        let pending = if pend { SW } else { 0 };
        expect(me, 10, ICC_PPI_SPENDR0_EL1.read() & SW, pending);
        expect(me, 11, ICC_PCR_EL1.read(), mask_of(me));
        expect(me, 12, ICC_PPI_ENABLER0_EL1.read(), SW | V);
        expect(
            me,
            13,
            ICC_PPI_PRIORITYR[0].read() >> 24 & 0xff,
            priority_of(me),
        );
        expect(me, 14, (hppir().intid().is_some()) as u64, pend as u64);
        cpu::irq_window();
        // A timer that may expire in either guest's turn, or while EL2 works.
        cpu::CNTV_CVAL_EL0.write(cpu::CNTVCT_EL0.read() + 2_000 * (1 + me));
        cpu::CNTV_CTL_EL0.write(CNT_CTL_ENABLE);
        while TAKEN[me as usize][1].load(Relaxed) <= round {
            yield_cpu();
            cpu::irq_window();
        }
    }
    TAKEN[me as usize][0].load(Relaxed) << 32 | TAKEN[me as usize][1].load(Relaxed)
}

pub fn run() {
    reset_cpu_interface();
    let mut guests = [0, 1].map(|n| Guest::new(stack(n as usize), body, n));
    let mut gics = [VGic {
        dvir: V,
        ..VGic::OPEN
    }; 2];
    let mut results = [None; 2];
    let mut turn = 0usize;
    let mut turns = 0;
    while results.iter().any(Option::is_none) {
        if results[turn].is_none() {
            CURRENT.store(turn as u64, Relaxed);
            gics[turn].load();
            let exit = guests[turn].run();
            gics[turn].save();
            turns += 1;
            match exit {
                Exit::Call(YIELD, _) => {}
                Exit::Done(result) => results[turn] = Some(result),
                exit => panic!("guest {turn}: {exit}"),
            }
            if turns > 1_000_000 {
                panic!("the guests do not come to an end");
            }
        }
        turn ^= 1;
    }
    for (n, result) in results.into_iter().enumerate() {
        let want = (ROUNDS / 2) << 32 | ROUNDS;
        check_eq!(
            result.unwrap_or(0),
            want,
            "guest {n} took its own SW_PPIs and timers, all"
        );
        let [step, got] = WRONG[n].each_ref().map(|w| w.load(Relaxed));
        check_eq!(step, 0, "guest {n} always found its own state");
        if step != 0 {
            say!("# step {step} saw {got:#x}");
        }
    }
    pending_survives();
}

/// What was pending when a guest left is pending when it is back, and not
/// pending for the one between.
fn pending_survives() {
    extern "C" fn pend(_: u64) -> u64 {
        ICC_PPI_ENABLER0_EL1.write(SW);
        ICC_PPI_SPENDR0_EL1.write(SW);
        yield_cpu();
        ack().0
    }
    extern "C" fn look(_: u64) -> u64 {
        ICC_PPI_ENABLER0_EL1.write(SW);
        ICC_PPI_SPENDR0_EL1.read() & SW | hppir().0
    }
    let mut gics = [VGic::OPEN; 2];
    let mut first = Guest::new(stack(0), pend, 0);
    gics[0].load();
    first.run();
    gics[0].save();
    check_eq!(
        gics[0].pendr & SW,
        SW,
        "a pending SW_PPI is in the saved ICH_PPI_PENDR0_EL2"
    );
    gics[1].load();
    let between = Guest::new(stack(1), look, 0).finish();
    gics[1].save();
    check_eq!(between, 0, "the guest between does not see it");
    gics[0].load();
    let want = 1 << 32 | u64::from(Intid::ppi(SW_PPI).0);
    check_eq!(
        first.finish(),
        want,
        "and its owner acknowledges it when back"
    );
}

// SPDX-License-Identifier: GPL-2.0
//! Priorities: 32 levels, the mask, the running priority, equal ones, and
//! Superpriority.

use rt::cpu::{self, CNT_CTL_ENABLE, PSTATE_ALLINT, SCTLR_NMI};
use rt::gic::*;
use rt::say;

const SW: u64 = 1 << SW_PPI;
const TIMERS: u64 = 1 << CNTV | 1 << CNTP;

pub fn run() {
    reset_cpu_interface();
    levels();
    running_priority();
    equal_priorities();
    selection();
    superpriority();
    reset_cpu_interface();
}

/// Each level: the masks that let it through, and the bit of APR it sets.
fn levels() {
    ICC_PPI_ENABLER0_EL1.write(SW);
    for priority in 0..32 {
        set_ppi_priority(SW_PPI, priority);
        ICC_PPI_SPENDR0_EL1.write(SW);
        let mut passes = 0u32;
        let mut agree = true;
        for mask in 0..32 {
            ICC_PCR_EL1.write(mask);
            let signalled = signal() != "-";
            passes |= (signalled as u32) << mask;
            agree &= signalled == hppir().intid().is_some();
        }
        ICC_PCR_EL1.write(PRI_LOWEST);
        let kind = signal();
        let answer = ack();
        say!(
            "priority/level {priority}: PCR lets through {passes:#010x} {kind}, HPPIR agrees {agree}, {answer} APR={:#x}",
            ICC_APR_EL1.read()
        );
        eoi();
        Intid::ppi(SW_PPI).deactivate();
    }
    set_ppi_priority(SW_PPI, 9);
    ICC_PPI_SPENDR0_EL1.write(SW);
    ICC_PCR_EL1.write(8);
    say!("priority/masked CDIA: {}", ack());
    ICC_PCR_EL1.write(9);
    set_ppi_priority(SW_PPI, 10);
    say!("priority/lowered while pending CDIA: {}", ack());
    set_ppi_priority(SW_PPI, 3);
    say!(
        "priority/raised while pending CDIA: {} APR={:#x}",
        ack(),
        ICC_APR_EL1.read()
    );
    // The bit in APR stays that of the acknowledge.
    set_ppi_priority(SW_PPI, 20);
    say!(
        "priority/changed while active APR: {:#x}",
        ICC_APR_EL1.read()
    );
    eoi();
    Intid::ppi(SW_PPI).deactivate();
    ICC_PCR_EL1.write(PRI_LOWEST);
}

/// Against each running priority: a strictly higher one is signalled.
fn running_priority() {
    set_ppi_priority(SW_PPI, 16);
    ICC_PPI_SPENDR0_EL1.write(SW);
    let mut passes = 0u32;
    for running in 0..32 {
        ICC_APR_EL1.write(1 << running);
        passes |= ((signal() != "-") as u32) << running;
    }
    say!("priority/16 preempts running priorities: {passes:#010x}");
    ICC_APR_EL1.write(1 << 10 | 1 << 20);
    say!("priority/16 against 10 and 20: {} {}", signal(), hppir());
    eoi();
    say!("priority/16 against 20: {} {}", signal(), hppir());
    ICC_APR_EL1.write(0);
    ICC_PPI_CPENDR0_EL1.write(SW);
}

/// Which of two equals comes first is IMPLEMENTATION DEFINED (R_VVBPS), so
/// only the set of both is shown.
fn equal_priorities() {
    [SW_PPI, CNTV, CNTP].map(|ppi| set_ppi_priority(ppi, 12));
    ICC_PPI_ENABLER0_EL1.write(SW | TIMERS);
    raise_timers(true);
    ICC_PPI_SPENDR0_EL1.write(SW);
    let mut seen = [Answer(0); 3];
    for slot in &mut seen {
        *slot = ack();
        let during = ack();
        if during.intid().is_some() {
            say!("priority/equals, preempted by an equal: {during}");
        }
        eoi();
    }
    seen.sort_unstable_by_key(|a| a.0);
    say!(
        "priority/equals, one CDIA each: {} {} {}",
        seen[0],
        seen[1],
        seen[2]
    );
    say!("priority/equals, all active CDIA: {}", ack());
    raise_timers(false);
    seen.map(|a| a.intid().map(Intid::deactivate));
    say!("priority/equals, all done: {}", hppir());
}

/// The highest of several is selected, whatever the order of arrival.
fn selection() {
    ICC_PPI_ENABLER0_EL1.write(SW | TIMERS);
    for (case, (sw, virt, phys)) in [(4, 5, 6), (6, 4, 5), (5, 6, 4)].into_iter().enumerate() {
        set_ppi_priority(SW_PPI, sw);
        set_ppi_priority(CNTV, virt);
        set_ppi_priority(CNTP, phys);
        raise_timers(true);
        ICC_PPI_SPENDR0_EL1.write(SW);
        let order = [0; 3].map(|_| {
            let answer = ack();
            eoi();
            answer
        });
        say!(
            "priority/selection {case}: {} {} {}",
            order[0],
            order[1],
            order[2]
        );
        raise_timers(false);
        order.map(|a| a.intid().map(Intid::deactivate));
    }
}

fn raise_timers(up: bool) {
    let ctl = if up { CNT_CTL_ENABLE } else { 0 };
    cpu::CNTV_CVAL_EL0.write(0);
    cpu::CNTP_CVAL_EL0.write(0);
    cpu::CNTV_CTL_EL0.write(ctl);
    cpu::CNTP_CTL_EL0.write(ctl);
}

/// Priority 0 has Superpriority; with SCTLR_EL1.NMI it is an NMI, which only
/// `GICR CDNMIA` acknowledges, and `GICR CDIA` only what is not.
fn superpriority() {
    ICC_PPI_ENABLER0_EL1.write(SW);
    for (name, nmi) in [("NMI=0", false), ("NMI=1", true)] {
        if nmi {
            cpu::ALLINT.write(PSTATE_ALLINT);
            cpu::SCTLR_EL1.set(SCTLR_NMI);
        } else {
            cpu::SCTLR_EL1.clear(SCTLR_NMI);
        }
        for priority in [0, 1] {
            set_ppi_priority(SW_PPI, priority);
            ICC_PPI_SPENDR0_EL1.write(SW);
            let signalled = signal();
            // The wrong one first: it must leave the interrupt pending.
            let (first, second) = if nmi && priority == 0 {
                (ack(), nmi_ack())
            } else {
                (nmi_ack(), ack())
            };
            say!(
                "priority/{name} level {priority}: {signalled}, wrong acknowledge {first}, right {second} APR={:#x}",
                ICC_APR_EL1.read()
            );
            eoi();
            Intid::ppi(SW_PPI).deactivate();
        }
    }
    taken_masked();
    cpu::SCTLR_EL1.clear(SCTLR_NMI);
}

/// With SCTLR_EL1.NMI an NMI is masked by PSTATE.ALLINT, not by PSTATE.I.
fn taken_masked() {
    fn handler() {
        say!("priority/NMI handler: CDIA {} CDNMIA {}", ack(), nmi_ack());
        eoi();
        Intid::ppi(SW_PPI).deactivate();
    }
    rt::trap::on_irq(handler);
    cpu::ALLINT.write(PSTATE_ALLINT);
    set_ppi_priority(SW_PPI, 0);
    ICC_PPI_SPENDR0_EL1.write(SW);
    say!("priority/NMI under ALLINT: {}", signal());
    cpu::ALLINT.write(0);
    say!("priority/NMI after ALLINT, I still set: {}", signal());
    set_ppi_priority(SW_PPI, 1);
    ICC_PPI_SPENDR0_EL1.write(SW);
    say!("priority/IRQ with I set: {}", signal());
    ICC_PPI_CPENDR0_EL1.write(SW);
}

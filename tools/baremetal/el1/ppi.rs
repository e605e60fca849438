// SPDX-License-Identifier: GPL-2.0
//! PPIs: SW_PPI by software, the EL1 timers by their lines.

use rt::cpu::{self, CNT_CTL_ENABLE, CNT_CTL_IMASK};
use rt::gic::*;
use rt::say;

/// Pending, active and enabled bits of one PPI, and what is signalled.
fn show(what: core::fmt::Arguments<'_>, ppi: u32) {
    let bit = |v: u64, c: char| if v >> ppi & 1 != 0 { c } else { '-' };
    say!(
        "ppi/{what}: {}{}{} HPPIR={} ISR={}",
        bit(ICC_PPI_ENABLER0_EL1.read(), 'E'),
        bit(ICC_PPI_SPENDR0_EL1.read(), 'P'),
        bit(ICC_PPI_SACTIVER0_EL1.read(), 'A'),
        hppir(),
        signal()
    );
}

pub fn run() {
    reset_cpu_interface();
    software();
    reset_cpu_interface();
    timer("CNTV", CNTV, cpu::CNTV_CTL_EL0, cpu::CNTV_CVAL_EL0);
    reset_cpu_interface();
    timer("CNTP", CNTP, cpu::CNTP_CTL_EL0, cpu::CNTP_CVAL_EL0);
    reset_cpu_interface();
    future_deadline();
    reset_cpu_interface();
}

/// SW_PPI: edge, so an acknowledge consumes the pending state.
fn software() {
    let bit = 1 << SW_PPI;
    let show = |what: &str| show(format_args!("sw {what}"), SW_PPI);
    let take = |what: &str| {
        say!(
            "ppi/sw {what} CDIA: {} APR={:#x}",
            ack(),
            ICC_APR_EL1.read()
        );
    };
    set_ppi_priority(SW_PPI, 8);
    show("idle");
    ICC_PPI_SPENDR0_EL1.write(bit);
    show("pending disabled");
    take("pending disabled");
    ICC_PPI_ENABLER0_EL1.write(bit);
    show("pending enabled");
    ICC_PPI_ENABLER0_EL1.write(0);
    show("disabled while pending");
    ICC_PPI_ENABLER0_EL1.write(bit);
    ICC_PPI_CPENDR0_EL1.write(bit);
    show("pending cleared");
    ICC_PPI_SPENDR0_EL1.write(bit);
    ICC_CR0_EL1.write(0);
    show("interface disabled");
    take("interface disabled");
    ICC_CR0_EL1.write(CR0_EN);
    show("interface enabled");
    take("first");
    show("acknowledged");
    take("second, nothing left");
    ICC_PPI_SPENDR0_EL1.write(bit);
    show("pending while active");
    eoi();
    show("pending, active, dropped");
    Intid::ppi(SW_PPI).deactivate();
    show("deactivated, pends again");
    ICC_PPI_ENABLER0_EL1.write(0);
    take("disabled again");
    ICC_PPI_ENABLER0_EL1.write(bit);
    take("third");
    ICC_PPI_ENABLER0_EL1.write(0);
    eoi();
    Intid::ppi(SW_PPI).deactivate();
    show("done while disabled");

    // The active state can be set and cleared with no acknowledge.
    ICC_PPI_ENABLER0_EL1.write(bit);
    ICC_PPI_SPENDR0_EL1.write(bit);
    ICC_PPI_SACTIVER0_EL1.write(bit);
    show("made active");
    say!("ppi/sw made active APR: {:#x}", ICC_APR_EL1.read());
    ICC_PPI_CACTIVER0_EL1.write(bit);
    show("made inactive");
    // CDPEND and the other configuring instructions are not for PPIs, whose
    // state only the registers reach; CDRCFG fails.
    ICC_PPI_CPENDR0_EL1.write(bit);
    Intid::ppi(SW_PPI).set_pending(true);
    Intid::ppi(SW_PPI).disable();
    Intid::ppi(SW_PPI).set_priority(1);
    show("after CDPEND, CDDIS, CDPRI");
    say!(
        "ppi/sw priority after CDPRI: {}",
        ICC_PPI_PRIORITYR[0].read() >> 24 & 0xff
    );
    say!("ppi/sw CDRCFG: {}", Intid::ppi(SW_PPI).config());
}

/// A timer: level, so the pending state is the line.
fn timer(name: &str, ppi: u32, ctl: cpu::Reg, cval: cpu::Reg) {
    let bit = 1 << ppi;
    let intid = Intid::ppi(ppi);
    let show = |what: &str| show(format_args!("{name} {what}"), ppi);
    ctl.write(0);
    cval.write(0);
    set_ppi_priority(ppi, 16);
    ICC_PPI_ENABLER0_EL1.write(bit);
    show("idle");
    ICC_PPI_SPENDR0_EL1.write(bit);
    show("SPENDR is ignored");
    ctl.write(CNT_CTL_ENABLE | CNT_CTL_IMASK);
    show("expired, masked in the timer");
    ctl.write(CNT_CTL_ENABLE);
    show("expired");
    ICC_PPI_CPENDR0_EL1.write(bit);
    show("CPENDR is ignored");
    ICC_PPI_ENABLER0_EL1.write(0);
    show("disabled");
    ICC_PPI_ENABLER0_EL1.write(bit);
    say!("ppi/{name} CDIA: {} APR={:#x}", ack(), ICC_APR_EL1.read());
    show("acknowledged, line high");
    ctl.write(0);
    show("acknowledged, line low");
    ctl.write(CNT_CTL_ENABLE);
    eoi();
    show("line high, dropped");
    intid.deactivate();
    show("line high, deactivated");
    say!("ppi/{name} CDIA again: {}", ack());
    ctl.write(0);
    intid.deactivate();
    show("line low, deactivated");
    eoi();
    ctl.write(CNT_CTL_ENABLE);
    show("line high once more");
    ctl.write(0);
    show("line low unseen");
    say!("ppi/{name} CDIA too late: {}", ack());
}

/// A timer that expires while the PE waits, taken as an IRQ.
fn future_deadline() {
    fn handler() {
        let answer = ack();
        cpu::CNTV_CTL_EL0.write(0);
        say!(
            "ppi/deadline handler: {answer} APR={:#x}",
            ICC_APR_EL1.read()
        );
        eoi();
        if let Some(intid) = answer.intid() {
            intid.deactivate();
        }
    }
    set_ppi_priority(CNTV, 16);
    ICC_PPI_ENABLER0_EL1.write(1 << CNTV);
    rt::trap::on_irq(handler);
    let start = cpu::CNTVCT_EL0.read();
    cpu::CNTV_TVAL_EL0.write(100_000);
    cpu::CNTV_CTL_EL0.write(CNT_CTL_ENABLE);
    let deadline = cpu::CNTV_CVAL_EL0.read();
    while cpu::CNTV_CTL_EL0.read() != 0 {
        cpu::wfi();
        cpu::irq_window();
    }
    let early = cpu::CNTVCT_EL0.read() < deadline;
    say!(
        "ppi/deadline woke early: {early}; deadline after start: {}",
        deadline > start
    );
}

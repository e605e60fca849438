// SPDX-License-Identifier: GPL-2.0
//! A second PE: affinity, deactivation from elsewhere, private PPIs, and
//! going off and on again.

use crate::lpi;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rt::gic::*;
use rt::irs::{self, *};
use rt::{cpu, psci, say, trap};

const OTHER: u64 = 1;
static STACK: psci::Stack = psci::Stack::new();

/// What the second PE is asked to do; it answers by setting `IDLE`.
const IDLE: u64 = 0;
const READ_STATE: u64 = 1;
const PEND_SW_PPI: u64 = 2;
const DEACTIVATE: u64 = 3;
const OFF: u64 = 4;
const RESET_VIEW: u64 = 5;
static COMMAND: AtomicU64 = AtomicU64::new(RESET_VIEW);
static OPERAND: AtomicU64 = AtomicU64::new(0);
static RESULT: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// The last thing acknowledged there, as CDIA gave it.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Enough for an emulated PE on a busy machine.
const PATIENCE: u32 = 200_000_000;

fn wait_until(what: &str, f: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if f() {
            return;
        }
    }
    panic!("the second PE: {what} never happens");
}

fn ask(command: u64, operand: u64) -> [u64; 3] {
    OPERAND.store(operand, SeqCst);
    COMMAND.store(command, SeqCst);
    wait_until("an answer", || COMMAND.load(SeqCst) == IDLE);
    RESULT.each_ref().map(|r| r.load(SeqCst))
}

/// What the second PE acknowledged next.
fn taken_there() -> Answer {
    wait_until("an interrupt", || TAKEN.load(SeqCst) != 0);
    Answer(TAKEN.swap(0, SeqCst))
}

pub fn secondary() -> ! {
    fn handler() {
        let answer = ack();
        eoi();
        let stay_active = OPERAND.load(SeqCst) == DEACTIVATE;
        if let (Some(intid), false) = (answer.intid(), stay_active) {
            intid.deactivate();
        }
        TAKEN.store(answer.0, SeqCst);
    }
    trap::on_irq(handler);
    loop {
        let command = COMMAND.load(SeqCst);
        let operand = OPERAND.load(SeqCst);
        let answer = |values: [u64; 3]| {
            for (slot, value) in RESULT.iter().zip(values) {
                slot.store(value, SeqCst);
            }
        };
        match command {
            IDLE => {
                cpu::irq_window();
                continue;
            }
            RESET_VIEW => {
                answer([ICC_CR0_EL1.read() & CR0_EN, ICC_IAFFIDR_EL1.read(), 0]);
                reset_cpu_interface();
            }
            READ_STATE => answer([
                ICC_PPI_SPENDR0_EL1.read(),
                ICC_PPI_ENABLER0_EL1.read(),
                ICC_PCR_EL1.read(),
            ]),
            PEND_SW_PPI => ICC_PPI_SPENDR0_EL1.write(1 << SW_PPI),
            DEACTIVATE => Intid(operand as u32).deactivate(),
            _ => {
                COMMAND.store(IDLE, SeqCst);
                psci::cpu_off()
            }
        }
        COMMAND.store(IDLE, SeqCst);
    }
}

fn present() -> bool {
    irs::write(PE_SELR, OTHER as u32);
    irs::read(PE_STATUSR) & STATUSR_V != 0
}

fn bring_up(what: &str) {
    COMMAND.store(RESET_VIEW, SeqCst);
    let status = psci::cpu_on(OTHER, &STACK);
    wait_until("coming up", || COMMAND.load(SeqCst) == IDLE);
    let [en, iaffid, _] = RESULT.each_ref().map(|r| r.load(SeqCst));
    say!("smp/{what}: CPU_ON {status} ICC_CR0_EL1.EN {en} IAFFID {iaffid:#x}");
}

pub fn run() {
    if !present() {
        say!("smp/second PE: none");
        return;
    }
    reset_cpu_interface();
    irs::set_enabled(true);
    lpi::set_up();
    bring_up("first time");
    for (name, intid) in [("SPI", Intid::spi(220)), ("LPI", Intid::lpi(300))] {
        affinity(name, intid);
    }
    private_ppis();
    ask(OFF, 0);
    wait_until("going off", || psci::is_off(OTHER));
    say!("smp/off: {}", psci::is_off(OTHER));
    bring_up("second time");
    let lpi = Intid::lpi(300);
    lpi.set_affinity(OTHER);
    lpi.enable();
    lpi.set_pending(true);
    say!("smp/after coming back: {}", taken_there());
    ask(OFF, 0);
    wait_until("going off", || psci::is_off(OTHER));
    lpi::tear_down();
    reset_cpu_interface();
}

fn affinity(name: &str, intid: Intid) {
    intid.set_priority(11);
    intid.set_affinity(OTHER);
    intid.enable();
    intid.set_pending(true);
    say!(
        "smp/{name} sent there: {} HPPIR here {}",
        taken_there(),
        hppir()
    );
    wait_until("deactivation", || intid.config().0 & 1 << 4 == 0);
    say!("smp/{name} afterwards: {}", intid.config());

    // Pending here, never taken here, then moved.
    intid.set_affinity(0);
    intid.set_pending(true);
    say!("smp/{name} pending here: {}", hppir());
    intid.set_affinity(OTHER);
    say!(
        "smp/{name} moved there: {} HPPIR here {}",
        taken_there(),
        hppir()
    );
    wait_until("deactivation", || intid.config().0 & 1 << 4 == 0);

    // Acknowledged here, moved, deactivated there; it stays active until then.
    intid.set_affinity(0);
    intid.set_pending(true);
    let answer = ack();
    eoi();
    intid.set_affinity(OTHER);
    say!("smp/{name} {answer} active and moved: {}", intid.config());
    ask(DEACTIVATE, intid.0.into());
    say!("smp/{name} deactivated there: {}", intid.config());

    // And the reverse: active there, deactivated here.
    OPERAND.store(DEACTIVATE, SeqCst);
    intid.set_pending(true);
    let there = taken_there();
    intid.set_pending(true);
    say!(
        "smp/{name} active there, pending again: {there} {}",
        intid.config()
    );
    OPERAND.store(0, SeqCst);
    intid.deactivate();
    say!(
        "smp/{name} deactivated here, taken there: {}",
        taken_there()
    );
    wait_until("deactivation", || intid.config().0 & 1 << 4 == 0);
    intid.disable();
}

/// PPIs and the CPU interface's registers belong to one PE.
fn private_ppis() {
    let bit = 1 << SW_PPI;
    ICC_PPI_SPENDR0_EL1.write(bit);
    ICC_PPI_ENABLER0_EL1.write(bit);
    ICC_PCR_EL1.write(7);
    let [pending, enabled, mask] = ask(READ_STATE, 0);
    say!(
        "smp/PPIs there: pending {} enabled {enabled:#x} PCR {mask:#x}",
        pending & bit
    );
    ICC_PPI_CPENDR0_EL1.write(bit);
    ICC_PCR_EL1.write(PRI_LOWEST);
    ask(PEND_SW_PPI, 0);
    say!(
        "smp/SW_PPI pended there, here: {:#x} {}",
        ICC_PPI_SPENDR0_EL1.read() & bit,
        hppir()
    );
    let [pending, ..] = ask(READ_STATE, 0);
    say!("smp/SW_PPI pended there, there: {:#x}", pending & bit);
}

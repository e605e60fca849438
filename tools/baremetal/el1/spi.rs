// SPDX-License-Identifier: GPL-2.0
//! SPIs: by software and by wire, edge and level, and the IRS's switch.

use rt::gic::*;
use rt::irs;
use rt::say;
use rt::uart::{self, UART_SPI};

/// SPIs with no device on the virt machine, one for each part.
const SOFTWARE: Intid = Intid::spi(200);
const EDGE: Intid = Intid::spi(201);
const LEVEL: Intid = Intid::spi(202);
const SWITCHED: Intid = Intid::spi(203);
const UART: Intid = Intid::spi(UART_SPI);

fn show(what: &str, intid: Intid) {
    say!(
        "spi/{what}: {} HPPIR={} ISR={}",
        intid.config(),
        hppir(),
        signal()
    );
}

fn take(what: &str) {
    say!("spi/{what} CDIA: {} APR={:#x}", ack(), ICC_APR_EL1.read());
}

fn done(intid: Intid) {
    eoi();
    intid.deactivate();
}

/// The state in which each part starts.
fn fresh(intid: Intid) {
    intid.set_handling(false);
    intid.set_priority(10);
    intid.set_affinity(0);
}

/// Leave nothing pending, active or enabled behind.
///
/// QEMU 11.1 can neither disable an SPI nor clear its pending state; there an
/// acknowledge has to do it, lest its one mistake shows in every later line.
fn quiet(intid: Intid) {
    intid.disable();
    intid.set_pending(false);
    intid.set_handling(false);
    intid.deactivate();
    intid.set_priority(1);
    if let Some(left) = ack().intid() {
        done(left);
    }
    intid.set_priority(10);
}

pub fn run() {
    reset_cpu_interface();
    irs::set_enabled(true);
    software();
    handling_modes();
    wire_level();
    wire_edge();
    trigger_changes();
    irs_switch();
    out_of_range();
    reset_cpu_interface();
}

fn software() {
    fresh(SOFTWARE);
    show("fresh", SOFTWARE);
    SOFTWARE.set_pending(true);
    show("pending disabled", SOFTWARE);
    SOFTWARE.enable();
    show("pending enabled", SOFTWARE);
    SOFTWARE.disable();
    show("disabled while pending", SOFTWARE);
    SOFTWARE.enable();
    SOFTWARE.set_pending(false);
    show("pending cleared", SOFTWARE);
    quiet(SOFTWARE);
    SOFTWARE.enable();
    SOFTWARE.set_pending(true);
    SOFTWARE.set_pending(true);
    take("edge");
    show("edge acknowledged", SOFTWARE);
    take("edge twice pended");
    SOFTWARE.set_pending(true);
    show("edge pending while active", SOFTWARE);
    eoi();
    take("edge dropped, active");
    SOFTWARE.deactivate();
    take("edge deactivated");
    SOFTWARE.deactivate();
    SOFTWARE.set_pending(true);
    take("edge deactivated first");
    eoi();
    take("edge then dropped");
    done(SOFTWARE);
    SOFTWARE.set_pending(true);
    SOFTWARE.set_priority(31);
    ICC_PCR_EL1.write(30);
    show("masked", SOFTWARE);
    SOFTWARE.set_priority(30);
    show("raised to the mask", SOFTWARE);
    ICC_PCR_EL1.write(PRI_LOWEST);
    quiet(SOFTWARE);
    SOFTWARE.enable();
    for priority in 0..32 {
        SOFTWARE.set_priority(priority);
        let back = SOFTWARE.config().0 >> 11 & 0x1f;
        if back != priority {
            say!("spi/priority {priority} reads back: {back}");
        }
    }
    show("after all priorities", SOFTWARE);
    quiet(SOFTWARE);
}

/// Edge: the acknowledge clears the pending state. Level: it does not.
fn handling_modes() {
    for (name, intid, level) in [("edge", EDGE, false), ("level", LEVEL, true)] {
        fresh(intid);
        intid.set_handling(level);
        intid.enable();
        intid.set_pending(true);
        let answer = ack();
        let active = intid.config();
        done(intid);
        let end = intid.config();
        say!(
            "spi/CDHM {name}: {answer}, active {active}, then {end} HPPIR={}",
            hppir()
        );
    }
    LEVEL.set_pending(false);
    show("CDHM level, pending cleared", LEVEL);
    quiet(LEVEL);
    quiet(EDGE);
}

/// A level-triggered SPI follows its wire.
fn wire_level() {
    fresh(UART);
    irs::set_trigger(UART_SPI, true);
    uart::set_line(true);
    let high = (UART.config(), hppir());
    UART.enable();
    let enabled = (UART.config(), hppir());
    uart::set_line(false);
    let low = (UART.config(), hppir());
    say!("spi/level high: {} HPPIR={}", high.0, high.1);
    say!("spi/level enabled: {} HPPIR={}", enabled.0, enabled.1);
    say!("spi/level low: {} HPPIR={}", low.0, low.1);

    uart::set_line(true);
    let first = ack();
    done(UART);
    let still = (UART.config(), hppir());
    let second = ack();
    uart::set_line(false);
    let active = UART.config();
    done(UART);
    say!(
        "spi/level acknowledged: {first}; done, line high: {} HPPIR={}",
        still.0,
        still.1
    );
    say!("spi/level again: {second}; line low: {active}");
    show("level done, line low", UART);

    // R_HHKMN: the event sets the handling mode to match the trigger.
    UART.set_handling(false);
    uart::set_line(true);
    let by_event = UART.config();
    uart::set_line(false);
    say!("spi/level event after CDHM edge: {by_event}");
    // The latch is separate from the wire: software may clear what the level
    // set, and set what it did not.
    uart::set_line(true);
    UART.set_pending(false);
    let cleared = UART.config();
    irs::write(irs::SPI_RESAMPLER, UART_SPI);
    let resampled = UART.config();
    uart::set_line(false);
    say!("spi/level high, CDPEND 0: {cleared}; resampled: {resampled}");
    UART.set_pending(true);
    let set = UART.config();
    irs::write(irs::SPI_RESAMPLER, UART_SPI);
    say!(
        "spi/level low, CDPEND 1: {set}; resampled: {}",
        UART.config()
    );
    quiet(UART);
}

/// An edge-triggered SPI pends on the rise alone.
fn wire_edge() {
    irs::set_trigger(UART_SPI, false);
    fresh(UART);
    UART.enable();
    uart::set_line(true);
    let rise = UART.config();
    uart::set_line(false);
    let fall = UART.config();
    say!("spi/edge rise: {rise}; fall: {fall}");
    take("edge wire");
    show("edge wire acknowledged", UART);
    uart::set_line(true);
    let active = UART.config();
    uart::set_line(false);
    uart::set_line(true);
    uart::set_line(false);
    say!("spi/edge rise while active: {active}");
    done(UART);
    take("edge two rises, one pending");
    done(UART);
    take("edge nothing left");
    uart::set_line(true);
    let first = ack();
    done(UART);
    let second = ack();
    uart::set_line(false);
    say!("spi/edge high wire: {first}, then {second}");
    UART.set_handling(true);
    uart::set_line(true);
    let by_event = UART.config();
    uart::set_line(false);
    say!("spi/edge event after CDHM level: {by_event}");
    quiet(UART);
}

/// R_KBPXL: a change of the trigger mode is itself an event.
fn trigger_changes() {
    for (what, level_first, wire, pended) in [
        ("edge to level, wire low, pending", false, false, true),
        ("edge to level, wire high, not pending", false, true, false),
        ("level to edge, wire low, pending", true, false, true),
        ("level to edge, wire high, pending", true, true, true),
    ] {
        irs::set_trigger(UART_SPI, level_first);
        UART.enable();
        uart::set_line(wire);
        if pended {
            UART.set_pending(true);
        } else if let Some(edge) = ack().intid() {
            done(edge);
        }
        let before = UART.config();
        irs::set_trigger(UART_SPI, !level_first);
        let after = UART.config();
        uart::set_line(false);
        say!("spi/{what}: {before} becomes {after}");
        irs::set_trigger(UART_SPI, false);
        quiet(UART);
    }
}

/// With IRSEN clear no SPI is signalled; its state remains and changes.
fn irs_switch() {
    fresh(SWITCHED);
    SWITCHED.enable();
    SWITCHED.set_pending(true);
    irs::set_enabled(false);
    say!(
        "spi/IRS disabled: HPPIR={} ISR={} CDIA={}",
        hppir(),
        signal(),
        ack()
    );
    irs::set_enabled(true);
    show("IRS enabled", SWITCHED);
    take("IRS enabled");
    done(SWITCHED);
    quiet(SWITCHED);
}

/// An SPI that is not there: CDRCFG fails, nothing else happens.
fn out_of_range() {
    let absent = Intid::spi(0xff_ffff);
    absent.set_pending(true);
    absent.enable();
    say!("spi/absent: {} HPPIR={}", absent.config(), hppir());
    for ty in [0, 4, 7] {
        say!("spi/INTID.TYPE {ty}: {}", Intid(ty << 29 | 1).config());
    }
}

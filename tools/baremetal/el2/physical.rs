// SPDX-License-Identifier: GPL-2.0
//! Physical interrupts while a guest is in: they come to EL2 whatever the
//! guest does, and leave the virtual side alone.

use crate::guest::{stack, Exit, Guest};
use crate::regs::*;
use crate::vcpu::{set_vppi_priority, VGic};
use crate::{check_eq, check_same, tap};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use rt::cpu::{self, CNT_CTL_ENABLE};
use rt::gic::*;

const SW: u64 = 1 << SW_PPI;
/// The EL2 physical timer.
const CNTHP: u32 = 26;

/// How far the guest came.
static PROGRESS: AtomicU32 = AtomicU32::new(0);

pub fn run() {
    reset_cpu_interface();
    at_entry();
    timer();
    priorities_apart();
    wfi();
    reset_cpu_interface();
    VGic::OPEN.load();
}

/// Acknowledge and finish one physical interrupt.
fn take() -> Answer {
    let answer = ack();
    eoi();
    if let Some(intid) = answer.intid() {
        intid.deactivate();
    }
    answer
}

fn valid(ppi: u32) -> Answer {
    Answer(1 << 32 | u64::from(Intid::ppi(ppi).0))
}

/// One already pending is taken before the guest's first instruction, and is
/// not the virtual interrupt of the same number.
fn at_entry() {
    extern "C" fn body(_: u64) -> u64 {
        PROGRESS.fetch_add(1, Relaxed);
        ICC_PPI_SPENDR0_EL1.read() & SW
    }
    VGic {
        enabler: SW,
        ..VGic::OPEN
    }
    .load();
    set_ppi_priority(SW_PPI, 8);
    ICC_PPI_ENABLER0_EL1.write(SW);
    ICC_PPI_SPENDR0_EL1.write(SW);
    let mut guest = Guest::new(stack(0), body, 0);
    check_same!(
        guest.run(),
        Exit::Irq,
        "a pending physical interrupt ends a stay at once"
    );
    check_eq!(
        PROGRESS.load(Relaxed),
        0,
        "before the guest's first instruction"
    );
    check_same!(take(), valid(SW_PPI), "and EL2 acknowledges it");
    check_same!(
        guest.run(),
        Exit::Done(0),
        "the guest's own SW_PPI was never pending"
    );
    check_eq!(PROGRESS.swap(0, Relaxed), 1, "and it runs once");
}

/// One that comes while the guest spins, with the guest's own IRQs masked.
fn timer() {
    extern "C" fn spin(_: u64) -> u64 {
        while PROGRESS.load(Relaxed) == 0 {}
        7
    }
    VGic::OPEN.load();
    set_ppi_priority(CNTHP, 8);
    ICC_PPI_ENABLER0_EL1.write(1 << CNTHP);
    CNTHP_TVAL_EL2.write(200_000);
    CNTHP_CTL_EL2.write(CNT_CTL_ENABLE);
    let mut guest = Guest::new(stack(0), spin, 0);
    check_same!(
        guest.run(),
        Exit::Irq,
        "EL2's timer interrupts a spinning guest"
    );
    let answer = ack();
    CNTHP_CTL_EL2.write(0);
    eoi();
    Intid::ppi(CNTHP).deactivate();
    check_same!(answer, valid(CNTHP), "and EL2 acknowledges it");
    PROGRESS.store(1, Relaxed);
    check_same!(guest.run(), Exit::Done(7), "the guest goes on where it was");
    PROGRESS.store(0, Relaxed);
}

/// Running priorities and masks of the two sides do not meet.
fn priorities_apart() {
    extern "C" fn body(_: u64) -> u64 {
        fn handler() {
            ack();
            PROGRESS.fetch_add(1, Relaxed);
            eoi();
            Intid::ppi(SW_PPI).deactivate();
        }
        rt::trap::on_irq(handler);
        ICC_PPI_SPENDR0_EL1.write(SW);
        cpu::irq_window();
        PROGRESS.swap(0, Relaxed).into()
    }
    VGic {
        enabler: SW,
        ..VGic::OPEN
    }
    .load();
    set_vppi_priority(SW_PPI, 30);
    ICC_PPI_ENABLER0_EL1.write(0);
    ICC_APR_EL1.write(1);
    ICC_PCR_EL1.write(0);
    let exit = Guest::new(stack(0), body, 0).run();
    check_same!(
        exit,
        Exit::Done(1),
        "EL2's running priority 0 and mask 0 stop no virtual PPI"
    );
    ICC_APR_EL1.write(0);
    ICC_PCR_EL1.write(PRI_LOWEST);

    // And the other way: a guest at its highest priority, all masked.
    VGic {
        apr: 1,
        vmcr: 0,
        ..VGic::OPEN
    }
    .load();
    set_ppi_priority(SW_PPI, 30);
    ICC_PPI_ENABLER0_EL1.write(SW);
    ICC_PPI_SPENDR0_EL1.write(SW);
    let mut guest = Guest::new(stack(0), body, 0);
    check_same!(
        guest.run(),
        Exit::Irq,
        "a guest's running priority stops no physical PPI"
    );
    check_eq!(ICH_APR_EL2.read(), 1, "and its ICH_APR_EL2 stays");
    check_same!(take(), valid(SW_PPI), "EL2 acknowledges that too");
    check_same!(guest.run(), Exit::Done(0), "the guest, masked, takes none");
    ICC_PPI_ENABLER0_EL1.write(0);
    ICH_PPI_PENDR0_EL2.write(0);
}

/// WFI in a guest: woken by a virtual interrupt, by a physical one, or trapped.
fn wfi() {
    extern "C" fn body(_: u64) -> u64 {
        cpu::wfi();
        hppir().0
    }
    VGic {
        enabler: SW,
        pendr: SW,
        ..VGic::OPEN
    }
    .load();
    let exit = Guest::new(stack(0), body, 0).run();
    check_same!(
        exit,
        Exit::Done(valid(SW_PPI).0),
        "WFI does not wait when a virtual interrupt is pending, though masked by PSTATE.I"
    );
    VGic::OPEN.load();
    set_ppi_priority(CNTHP, 8);
    ICC_PPI_ENABLER0_EL1.write(1 << CNTHP);
    CNTHP_TVAL_EL2.write(200_000);
    CNTHP_CTL_EL2.write(CNT_CTL_ENABLE);
    let mut guest = Guest::new(stack(0), body, 0);
    check_same!(
        guest.run(),
        Exit::Irq,
        "a physical interrupt comes out of a guest's WFI"
    );
    CNTHP_CTL_EL2.write(0);
    ICC_PPI_ENABLER0_EL1.write(0);

    let mut guest = Guest::new(stack(0), body, 0);
    guest.hcr |= HCR_TWI;
    let exit = guest.run();
    // EC 0x01, ISS.TI 0 for WFI.
    let trapped = matches!(exit, Exit::Trap(s) if s.ec() == 0x01 && s.iss() & 3 == 0);
    tap::point(
        trapped,
        format_args!("with HCR_EL2.TWI a guest's WFI traps"),
    );
}

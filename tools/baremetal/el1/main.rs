// SPDX-License-Identifier: GPL-2.0
//! GICv5 as software at EL1 sees it: a transcript, one observation a line.
//!
//! A line is `section/what: observation`, and `section/what` occurs once. The
//! program judges nothing: two implementations are compared by their
//! transcripts, and `differences` says why a line may differ.
//!
//! Only what the architecture defines is observed. Where it leaves a choice
//! (which of two equal priorities comes first), the line is written so that
//! every permitted choice prints the same.
#![no_std]
#![no_main]

mod ids;
mod irs_frame;
mod lpi;
mod nesting;
mod ppi;
mod priority;
mod regs;
mod smp;
mod spi;
mod undef;

use rt::{psci, say};

#[no_mangle]
extern "C" fn rt_main() -> ! {
    ids::run();
    undef::run();
    // Before anything enables the CPU interface: QEMU 11.1 takes the IRS's
    // unset HPPI for an interrupt of priority 0 until IRS_CR0 has been read.
    irs_frame::run();
    regs::run();
    ppi::run();
    priority::run();
    spi::run();
    lpi::run();
    nesting::run();
    smp::run();
    say!("end: of transcript");
    psci::system_off()
}

#[no_mangle]
extern "C" fn rt_secondary() -> ! {
    smp::secondary()
}

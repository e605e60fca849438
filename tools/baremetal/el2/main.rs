// SPDX-License-Identifier: GPL-2.0
//! The virtual side of GICv5, from EL2 and from guests at EL1. Prints TAP.
//!
//! No other implementation can be asked, so every expectation is written here
//! with the rule it follows: a register's description in the kernel's
//! arch/arm64/tools/sysreg, or what KVM's GICv5 code relies on.
#![no_std]
#![no_main]

mod doorbell;
mod dvi;
mod guest;
mod interface;
mod jobs;
mod nested;
mod nested_timers;
mod pes;
mod physical;
mod priority;
mod regs;
mod switch;
mod tables;
mod tap;
mod traps;
mod unmap;
mod vcpu;
mod virq;
mod vms;
mod wire;

use rt::{cpu, irs, psci, say};

#[no_mangle]
extern "C" fn rt_main() -> ! {
    say!("# GICv5 at EL2");
    tap::point(
        cpu::current_el() == 2,
        format_args!("the program runs at EL2"),
    );
    tap::point(
        irs::read(irs::IDR0) >> 6 & 1 == 1,
        format_args!("IRS_IDR0.VIRT is 1"),
    );
    irs::set_enabled(true);
    rt::gic::reset_cpu_interface();
    guest::set_up_host();
    interface::run();
    traps::run();
    priority::run();
    dvi::run();
    physical::run();
    switch::run();
    vms::run();
    virq::run();
    doorbell::run();
    unmap::run();
    wire::run();
    nested::run();
    nested_timers::run();
    pes::run();
    tap::plan();
    psci::system_off()
}

#[no_mangle]
extern "C" fn rt_secondary() -> ! {
    jobs::secondary()
}

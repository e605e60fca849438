// SPDX-License-Identifier: GPL-2.0
//! What the bare-metal programs share: console, exceptions, PSCI, and the
//! names of GICv5 as the architecture spells them.
//!
//! The machine is QEMU's `virt`. The MMU stays off, so all memory is Device
//! memory and what one PE writes the other reads. Interrupts are masked unless
//! a test unmasks them.
#![no_std]

pub mod cpu;
pub mod gic;
pub mod irs;
pub mod psci;
pub mod trap;
pub mod uart;

core::arch::global_asm!(include_str!("start.S"));

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("PANIC: {info}");
    psci::system_off()
}

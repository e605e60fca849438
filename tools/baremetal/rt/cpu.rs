// SPDX-License-Identifier: GPL-2.0
//! The PE: system registers outside the GIC, interrupt masks, barriers.

use core::arch::asm;

/// A system register or GIC instruction, by name, for tables.
///
/// Both directions exist for every encoding: executing the one that the
/// architecture does not define is how the tests look for UNDEFINED.
#[derive(Clone, Copy)]
pub struct Reg {
    /// The architecture's name.
    pub name: &'static str,
    read: fn() -> u64,
    write: fn(u64),
}

impl Reg {
    /// For [`sysregs!`] only.
    pub const fn new(name: &'static str, read: fn() -> u64, write: fn(u64)) -> Self {
        Self { name, read, write }
    }

    /// `MRS` or `SYSL`, then `ISB`.
    pub fn read(&self) -> u64 {
        (self.read)()
    }

    /// `MSR` or `SYS`, then `ISB`.
    pub fn write(&self, value: u64) {
        (self.write)(value)
    }

    /// The function that reads, to be run elsewhere.
    pub fn reader(&self) -> fn() -> u64 {
        self.read
    }

    /// Set the bits of `mask`.
    pub fn set(&self, mask: u64) {
        self.write(self.read() | mask);
    }

    /// Clear the bits of `mask`.
    pub fn clear(&self, mask: u64) {
        self.write(self.read() & !mask);
    }
}

/// Declare system registers: `NAME = "assembler's name or S-encoding";`
#[macro_export]
macro_rules! sysregs {
    ($($(#[$meta:meta])* $name:ident = $enc:literal;)*) => {$(
        $(#[$meta])*
        pub const $name: $crate::cpu::Reg = $crate::sysreg!(stringify!($name), $enc);
    )*};
}

/// One [`cpu::Reg`](crate::cpu::Reg) as an expression.
#[macro_export]
macro_rules! sysreg {
    ($name:expr, $enc:literal) => {
        $crate::cpu::Reg::new(
            $name,
            || {
                let mut v: u64 = 0;
                // SAFETY: reading a system register touches no memory; if it is
                // UNDEFINED or trapped the handler steps over it.
                unsafe { core::arch::asm!(concat!("mrs {0}, ", $enc), "isb", inout(reg) v) };
                v
            },
            |v| {
                // SAFETY: the registers declared with this macro control
                // interrupts and timers, not memory or the flow of control.
                unsafe { core::arch::asm!(concat!("msr ", $enc, ", {0}"), "isb", in(reg) v) };
            },
        )
    };
}

/// Declare GIC instructions: `NAME = "#op1, Cn, Cm, #op2";`
///
/// After each comes `GSB SYS` and `ISB`, so that its effect is seen by the
/// next instruction; the acknowledging ones need only `GSB ACK`.
#[macro_export]
macro_rules! sysinsns {
    ($($(#[$meta:meta])* $name:ident = $enc:literal;)*) => {$(
        $(#[$meta])*
        pub const $name: $crate::cpu::Reg = $crate::cpu::Reg::new(
            stringify!($name),
            || {
                let mut v: u64 = 0;
                // SAFETY: as for a system register.
                unsafe {
                    core::arch::asm!(
                        concat!("sysl {0}, ", $enc),
                        "sys #0, C12, C0, #1", "isb", inout(reg) v)
                };
                v
            },
            |v| {
                // SAFETY: as for a system register.
                unsafe {
                    core::arch::asm!(
                        concat!("sys ", $enc, ", {0}"),
                        "sys #0, C12, C0, #0", "isb", in(reg) v)
                };
            },
        );
    )*};
}

// By encoding where the assembler would refuse the direction.
sysregs! {
    CURRENT_EL = "S3_0_C4_C2_2";
    MPIDR_EL1 = "S3_0_C0_C0_5";
    ISR_EL1 = "S3_0_C12_C1_0";
    SCTLR_EL1 = "SCTLR_EL1";
    ESR_EL1 = "ESR_EL1";
    FAR_EL1 = "FAR_EL1";
    ID_AA64PFR0_EL1 = "S3_0_C0_C4_0";
    ID_AA64PFR1_EL1 = "S3_0_C0_C4_1";
    ID_AA64PFR2_EL1 = "S3_0_C0_C4_2";
    CNTVCT_EL0 = "S3_3_C14_C0_2";
    CNTPCT_EL0 = "S3_3_C14_C0_1";
    CNTV_CTL_EL0 = "CNTV_CTL_EL0";
    CNTV_CVAL_EL0 = "CNTV_CVAL_EL0";
    CNTV_TVAL_EL0 = "CNTV_TVAL_EL0";
    CNTP_CTL_EL0 = "CNTP_CTL_EL0";
    CNTP_CVAL_EL0 = "CNTP_CVAL_EL0";
    /// PSTATE.ALLINT of FEAT_NMI, at bit 13.
    ALLINT = "S3_0_C4_C3_0";
}

/// CNTx_CTL.ENABLE.
pub const CNT_CTL_ENABLE: u64 = 1;
/// CNTx_CTL.IMASK.
pub const CNT_CTL_IMASK: u64 = 2;
/// SCTLR_EL1.NMI.
pub const SCTLR_NMI: u64 = 1 << 61;
/// PSTATE.ALLINT, in its register.
pub const PSTATE_ALLINT: u64 = 1 << 13;

/// The current Exception level.
pub fn current_el() -> u8 {
    (CURRENT_EL.read() >> 2) as u8
}

/// The index of this PE: MPIDR_EL1.Aff0, enough for up to 16 PEs on virt.
pub fn pe() -> usize {
    (MPIDR_EL1.read() & 0xf) as usize
}

/// Unmask IRQs, let a pending one be taken, mask them again.
pub fn irq_window() {
    // SAFETY: the handler keeps to its own stack frame and saves all registers.
    unsafe { asm!("msr daifclr, #2", "isb", "nop", "msr daifset, #2", "isb") };
}

/// Unmask IRQs.
pub fn irq_enable() {
    // SAFETY: as for `irq_window`.
    unsafe { asm!("msr daifclr, #2", "isb") };
}

/// Mask IRQs.
pub fn irq_disable() {
    // SAFETY: masking interrupts breaks nothing here.
    unsafe { asm!("msr daifset, #2", "isb") };
}

/// Wait for an interrupt, which need not be unmasked.
pub fn wfi() {
    // SAFETY: only waits.
    unsafe { asm!("dsb sy", "wfi") };
}

/// Wait until everything before is visible to the IRS and the other PE.
pub fn dsb() {
    // SAFETY: a barrier.
    unsafe { asm!("dsb sy", "isb") };
}

// SPDX-License-Identifier: GPL-2.0
//! Exceptions taken to the level that runs: dispatch, and probing for them.
//!
//! State is kept per PE and per Exception level, because a guest at EL1 and
//! the EL2 program under it run the same code.

use crate::{cpu, psci, say};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::Relaxed};

/// What the vectors save. The layout is start.S's.
#[repr(C)]
pub struct Frame {
    /// x0..x30
    pub x: [u64; 31],
    /// The preferred return address.
    pub elr: u64,
    /// The PSTATE to return to.
    pub spsr: u64,
}

/// Entries of the vector table, by offset / 0x80.
const SYNC_SPX: u64 = 4;
const IRQ_SPX: u64 = 5;
const SYNC_LOWER: u64 = 8;

const NR_PES: usize = 16;
/// Contexts: NR_PES at EL1, then as many at EL2.
const NR_CONTEXTS: usize = 2 * NR_PES;

struct Context {
    /// A `fn()`, or null for none.
    irq: AtomicPtr<()>,
    expecting: AtomicBool,
    /// ESR_ELx of the expected exception, with bit 63 set once it came.
    esr: AtomicU64,
    /// IRQs taken, to stop a storm.
    irqs: AtomicU64,
}

/// More IRQs than any test takes.
const MAX_IRQS: u64 = 10_000;

const CAUGHT: u64 = 1 << 63;

/// EC of SVC from AArch64, and the immediate that means "back to EL1".
const EC_SVC64: u64 = 0x15;
const SVC_RETURN: u64 = 0x55;
/// SPSR_EL1 for EL1 with SP_EL1, D, A, I and F masked.
const SPSR_EL1H_MASKED: u64 = 0x3c5;

#[allow(clippy::declare_interior_mutable_const)]
const NO_CONTEXT: Context = Context {
    irq: AtomicPtr::new(core::ptr::null_mut()),
    expecting: AtomicBool::new(false),
    esr: AtomicU64::new(0),
    irqs: AtomicU64::new(0),
};
static CONTEXTS: [Context; NR_CONTEXTS] = [NO_CONTEXT; NR_CONTEXTS];

fn context() -> &'static Context {
    let el2 = (cpu::current_el() == 2) as usize;
    &CONTEXTS[el2 * NR_PES + cpu::pe()]
}

/// What this PE, at this Exception level, does on an IRQ from now on.
pub fn on_irq(handler: fn()) {
    context().irq.store(handler as *mut (), Relaxed);
}

/// The syndrome of an exception.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Syndrome(pub u64);

impl Syndrome {
    /// Exception class, 6 bits.
    pub fn ec(self) -> u64 {
        self.0 >> 26 & 0x3f
    }

    /// Instruction-specific syndrome, 25 bits.
    pub fn iss(self) -> u64 {
        self.0 & 0x1ff_ffff
    }
}

impl core::fmt::Display for Syndrome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EC={:#04x} ISS={:#x}", self.ec(), self.iss())
    }
}

/// Run `f`, whose one interesting instruction may be refused.
///
/// If it is, the instruction is stepped over and the syndrome returned.
pub fn probe<R>(f: impl FnOnce() -> R) -> Result<R, Syndrome> {
    let c = context();
    c.esr.store(0, Relaxed);
    c.expecting.store(true, Relaxed);
    let r = f();
    c.expecting.store(false, Relaxed);
    match c.esr.load(Relaxed) {
        0 => Ok(r),
        esr => Err(Syndrome(esr & !CAUGHT)),
    }
}

/// Run `f` at EL0, from EL1, and come back. Combine with [`probe`].
pub fn at_el0(f: fn() -> u64) {
    // SAFETY: EL0 gets the stack below this frame. Its SVC comes to
    // `rt_exception`, which returns to the instruction after it at EL1, where
    // SP is as it was.
    unsafe {
        core::arch::asm!(
            "sub x9, x9, #1024",
            "msr sp_el0, x9",
            "adr x9, 2f",
            "msr elr_el1, x9",
            "mov x9, #0x3c0",
            "msr spsr_el1, x9",
            "eret",
            "2: blr x10",
            "svc #{imm}",
            inout("x9") stack_pointer() => _,
            inout("x10") f => _,
            imm = const SVC_RETURN,
            clobber_abi("C"),
        );
    }
}

fn stack_pointer() -> u64 {
    let sp;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, sp", out(reg) sp) };
    sp
}

#[no_mangle]
extern "C" fn rt_exception(kind: u64, frame: &mut Frame) {
    let c = context();
    let esr = Syndrome(cpu::ESR_EL1.read());
    match kind {
        SYNC_LOWER if esr.ec() == EC_SVC64 && esr.iss() == SVC_RETURN => {
            frame.spsr = SPSR_EL1H_MASKED;
        }
        SYNC_SPX | SYNC_LOWER if c.expecting.load(Relaxed) => {
            c.esr.store(esr.0 | CAUGHT, Relaxed);
            frame.elr += 4;
        }
        IRQ_SPX if !c.irq.load(Relaxed).is_null() && c.irqs.load(Relaxed) < MAX_IRQS => {
            c.irqs.store(c.irqs.load(Relaxed) + 1, Relaxed);
            let handler = c.irq.load(Relaxed);
            // SAFETY: only `on_irq` stores here, from a `fn()`.
            let handler: fn() = unsafe { core::mem::transmute(handler) };
            handler();
        }
        _ => {
            say!(
                "PANIC: exception {kind} at EL{} PE{}: {} ELR={:#x} FAR={:#x}",
                cpu::current_el(),
                cpu::pe(),
                esr,
                frame.elr,
                cpu::FAR_EL1.read(),
            );
            psci::system_off()
        }
    }
}

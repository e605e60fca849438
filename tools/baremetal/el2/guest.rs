// SPDX-License-Identifier: GPL-2.0
//! A guest: code of this program run at EL1, with its own stack and state.

use crate::regs::*;
use rt::psci::Stack;
use rt::trap::Syndrome;
use rt::{cpu, say};

core::arch::global_asm!(include_str!("world.S"));

extern "C" {
    fn guest_enter(regs: *mut Regs) -> u64;
    fn guest_start();
    fn el2_vectors();
    fn rt_vectors();
}

/// General registers, in the layout of world.S.
#[repr(C)]
struct Regs {
    x: [u64; 31],
    elr: u64,
    spsr: u64,
}

/// What a guest runs: one argument in, one result out.
pub type Body = extern "C" fn(u64) -> u64;

/// Why a stay in a guest ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The body returned this.
    Done(u64),
    /// [`call_host`] with this number and argument.
    Call(u64, u64),
    /// A trap to EL2, not an HVC. The instruction has not been done.
    Trap(Syndrome),
    /// A physical interrupt, still to be acknowledged.
    Irq,
    /// Any other vector.
    Other(u64),
}

const EC_HVC64: u64 = 0x16;
const HVC_DONE: u64 = 1;
/// HVC immediates from here on are [`call_host`]'s numbers.
const HVC_CALL: u64 = 0x100;

/// EL1 with SP_EL1, all interrupts masked: a guest unmasks its own.
const SPSR_EL1H_MASKED: u64 = 0x3c5;
/// SCTLR_EL1 with only its RES1 bits: MMU off.
const SCTLR_OFF: u64 = 0x30d0_0800;

/// Everything of a guest that another guest would overwrite, but for the GIC.
pub struct Guest {
    regs: Regs,
    /// HCR_EL2 for its stays.
    pub hcr: u64,
    el1: [u64; EL1_STATE.len()],
    /// Stays so far.
    pub stays: u32,
}

/// EL1 registers switched between guests.
const EL1_STATE: [cpu::Reg; 10] = [
    SP_EL1,
    SCTLR_EL12,
    VBAR_EL12,
    ELR_EL12,
    SPSR_EL12,
    ESR_EL12,
    CNTV_CVAL_EL02,
    CNTV_CTL_EL02,
    CNTP_CVAL_EL02,
    CNTP_CTL_EL02,
];

impl Guest {
    /// A guest about to call `body(arg)`.
    pub fn new(stack: &'static Stack, body: Body, arg: u64) -> Self {
        let mut regs = Regs {
            x: [0; 31],
            elr: guest_start as usize as u64,
            spsr: SPSR_EL1H_MASKED,
        };
        regs.x[0] = arg;
        regs.x[1] = body as usize as u64;
        let mut el1 = [0; EL1_STATE.len()];
        el1[0] = stack.top();
        el1[1] = SCTLR_OFF;
        el1[2] = rt_vectors as usize as u64;
        Self {
            regs,
            hcr: HCR_GUEST,
            el1,
            stays: 0,
        }
    }

    /// Stay in the guest until something ends it.
    pub fn run(&mut self) -> Exit {
        for (reg, value) in EL1_STATE.iter().zip(self.el1) {
            reg.write(value);
        }
        self.stays += 1;
        HCR_EL2.write(self.hcr);
        // SAFETY: the context is this struct's, and a guest touches only its
        // own stack and the statics made for it.
        let kind = unsafe { guest_enter(&mut self.regs) };
        HCR_EL2.write(HCR_HOST);
        for (reg, value) in EL1_STATE.iter().zip(&mut self.el1) {
            *value = reg.read();
        }
        // A timer left on would go on raising its PPI for the host.
        CNTV_CTL_EL02.write(0);
        CNTP_CTL_EL02.write(0);
        self.exit(kind)
    }

    fn exit(&self, kind: u64) -> Exit {
        const SYNC: u64 = 8;
        const IRQ: u64 = 9;
        let esr = Syndrome(ESR_EL2.read());
        match kind {
            SYNC if esr.ec() == EC_HVC64 => match esr.iss() & 0xffff {
                HVC_DONE => Exit::Done(self.regs.x[0]),
                imm if imm >= HVC_CALL => Exit::Call(imm - HVC_CALL, self.regs.x[0]),
                _ => {
                    // The runtime's panic at EL1 asks PSCI by HVC #0.
                    say!("Bail out! the guest panicked");
                    rt::psci::system_off()
                }
            },
            SYNC => Exit::Trap(esr),
            IRQ => Exit::Irq,
            _ => Exit::Other(kind),
        }
    }

    /// Run to the end; panics if anything but `Done` ends the stay.
    pub fn finish(&mut self) -> u64 {
        match self.run() {
            Exit::Done(result) => result,
            exit => panic!("the guest left early: {exit}"),
        }
    }

    /// The instruction that a trap did not do.
    pub fn trapped_instruction(&self) -> u32 {
        // SAFETY: ELR points into this program's text, which the guest runs.
        unsafe { (self.regs.elr as *const u32).read_volatile() }
    }

    /// Step over the trapped instruction.
    pub fn skip(&mut self) {
        self.regs.elr += 4;
    }
}

impl core::fmt::Display for Exit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Exit::Done(value) => write!(f, "done {value:#x}"),
            Exit::Call(n, value) => write!(f, "call {n} {value:#x}"),
            Exit::Trap(syndrome) => write!(f, "trap {syndrome}"),
            Exit::Irq => write!(f, "IRQ"),
            Exit::Other(kind) => write!(f, "vector {kind}"),
        }
    }
}

/// In a guest: end the stay with number `N` and an argument.
pub fn call_host<const N: u64>(arg: u64) -> u64 {
    let mut x0 = arg;
    // SAFETY: the host saves and restores every register but x0.
    unsafe { core::arch::asm!("hvc #{n}", n = const HVC_CALL + N, inout("x0") x0) };
    x0
}

/// Make EL2 ready for guests, with nothing trapped.
pub fn set_up_host() {
    VBAR_EL2.write(el2_vectors as usize as u64);
    VMPIDR_EL2.write(cpu::MPIDR_EL1.read());
    CNTHCTL_EL2.set(CNTHCTL_EL1P);
    for reg in [ICH_HFGRTR_EL2, ICH_HFGWTR_EL2, ICH_HFGITR_EL2] {
        reg.write(!0);
    }
}

static STACKS: [Stack; 6] = [const { Stack::new() }; 6];

/// The stack of guest 0 or 1, or 2 and the number of its PE.
pub fn stack(index: usize) -> &'static Stack {
    &STACKS[index]
}

// SPDX-License-Identifier: GPL-2.0
//! Which bits of each register can be written, and what reads as zero.

use rt::cpu::Reg;
use rt::gic::*;
use rt::say;

/// Registers that hold what is written to them.
const PLAIN: [Reg; 4] = [ICC_APR_EL1, ICC_PCR_EL1, ICC_ICSR_EL1, ICC_CR0_EL1];

/// Patterns that no register may confuse.
const PATTERN: u64 = 0x1234_5678_9abc_def0;

pub fn run() {
    reset_cpu_interface();
    for reg in PLAIN {
        reg.write(!0);
        let ones = reg.read();
        reg.write(0);
        let zeros = reg.read();
        reg.write(PATTERN);
        let pattern = reg.read();
        say!(
            "regs/{}: ones {ones:#x} zeros {zeros:#x} pattern {pattern:#x}",
            reg.name
        );
        reg.write(0);
    }
    priorities();
    hmr();
    set_and_clear();
    priority_drop();
    reset_cpu_interface();
}

/// The bytes of the PPIs that every PE has; an implementation chooses the
/// others, whose fields are RES0 if they are not there.
fn priorities() {
    for (name, ppi) in [("SW_PPI", SW_PPI), ("CNTV", CNTV), ("CNTP", CNTP)] {
        let reg = ICC_PPI_PRIORITYR[ppi as usize / 8];
        let byte = || reg.read() >> (ppi % 8 * 8) & 0xff;
        reg.write(!0);
        let ones = byte();
        reg.write(0);
        let zeros = byte();
        reg.write(0x5a5a_5a5a_5a5a_5a5a);
        say!(
            "regs/priority of {name}: ones {ones:#x} zeros {zeros:#x} pattern {:#x}",
            byte()
        );
        reg.write(0);
    }
}

fn hmr() {
    // PPI 24 (CTIIRQ) is IMPLEMENTATION DEFINED; unimplemented PPIs are RES0
    // (R_CFSKX). These are there on any PE with EL1 timers.
    let hmr = ICC_PPI_HMR0_EL1.read();
    for (name, ppi) in [("SW_PPI", SW_PPI), ("CNTV", CNTV), ("CNTP", CNTP)] {
        say!("regs/ICC_PPI_HMR0_EL1 {name}: {}", hmr >> ppi & 1);
    }
}

/// ENABLER is plain; ACTIVER and PENDR are pairs that set and clear.
fn set_and_clear() {
    let implemented = 1 << SW_PPI | 1 << CNTV | 1 << CNTP;
    // With the interface disabled nothing is signalled meanwhile.
    ICC_CR0_EL1.write(0);

    ICC_PPI_ENABLER0_EL1.write(!0);
    say!(
        "regs/ENABLER0 ones: {:#x}",
        ICC_PPI_ENABLER0_EL1.read() & implemented
    );
    ICC_PPI_ENABLER0_EL1.write(1 << CNTV);
    say!("regs/ENABLER0 one bit: {:#x}", ICC_PPI_ENABLER0_EL1.read());
    ICC_PPI_ENABLER0_EL1.write(0);
    say!("regs/ENABLER0 zeros: {:#x}", ICC_PPI_ENABLER0_EL1.read());

    for (what, set, clear) in [
        ("ACTIVER0", ICC_PPI_SACTIVER0_EL1, ICC_PPI_CACTIVER0_EL1),
        ("PENDR0", ICC_PPI_SPENDR0_EL1, ICC_PPI_CPENDR0_EL1),
    ] {
        let show = |step: &str| {
            let (s, c) = (set.read(), clear.read());
            let same = if s == c { "" } else { ", and C differs from S" };
            say!("regs/{what} {step}: {:#x}{same}", s & implemented);
        };
        show("start");
        set.write(1 << SW_PPI);
        show("set SW_PPI");
        set.write(0);
        show("set nothing");
        set.write(1 << CNTP);
        show("set CNTP too");
        clear.write(0);
        show("clear nothing");
        clear.write(1 << SW_PPI);
        show("clear SW_PPI");
        set.write(!0);
        show("set all");
        clear.write(!0);
        show("clear all");
    }
    ICC_PPI_SPENDR1_EL1.write(!0);
    // Level ones ignore it; an implementation has no others up there.
    ICC_PPI_CPENDR1_EL1.write(!0);
    say!("regs/PENDR1 cleared: {:#x}", ICC_PPI_SPENDR1_EL1.read());
    ICC_PPI_CACTIVER1_EL1.write(!0);
    say!("regs/ACTIVER1 cleared: {:#x}", ICC_PPI_SACTIVER1_EL1.read());
}

/// `GIC CDEOI` clears the lowest set bit of ICC_APR_EL1, if there is one.
fn priority_drop() {
    ICC_APR_EL1.write(0x8000_0110);
    for step in 1..=4 {
        eoi();
        say!("regs/CDEOI {step} on 0x80000110: {:#x}", ICC_APR_EL1.read());
    }
}

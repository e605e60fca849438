// SPDX-License-Identifier: GPL-2.0
//! Identification: the PE's ID registers and the CPU interface's.

use rt::{cpu, gic, say};

pub fn run() {
    say!("ids/CurrentEL: EL{}", cpu::current_el());
    say!(
        "ids/ID_AA64PFR0_EL1.GIC: {}",
        cpu::ID_AA64PFR0_EL1.read() >> 24 & 0xf
    );
    say!(
        "ids/ID_AA64PFR1_EL1.NMI: {}",
        cpu::ID_AA64PFR1_EL1.read() >> 36 & 0xf
    );
    say!(
        "ids/ID_AA64PFR2_EL1.GCIE: {}",
        cpu::ID_AA64PFR2_EL1.read() >> 12 & 0xf
    );
    let idr0 = gic::ICC_IDR0_EL1.read();
    say!("ids/ICC_IDR0_EL1.PRI_BITS: {}", idr0 >> 4 & 0xf);
    // ID_BITS says 16 or 24 bits, either will do.
    say!(
        "ids/ICC_IDR0_EL1.ID_BITS: {}",
        if idr0 & 0xf < 2 {
            "16 or 24"
        } else {
            "reserved"
        }
    );
    say!("ids/ICC_IDR0_EL1 other fields: {:#x}", idr0 >> 8);
    say!("ids/ICC_IAFFIDR_EL1: {:#x}", gic::ICC_IAFFIDR_EL1.read());
}

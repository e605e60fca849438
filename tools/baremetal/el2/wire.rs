// SPDX-License-Identifier: GPL-2.0
//! IRS_SPI_VMR: the wire of an SPI drives that of a VM.

use crate::check_eq;
use crate::regs::*;
use crate::tables::Vm;
use crate::virq::{enter, leave};
use rt::gic::*;
use rt::irs::{self, *};
use rt::uart::{set_line, UART_SPI};

/// IRS_SPI_VMR.VIRT
const VIRT: u64 = 1 << 63;
const SPI: Intid = Intid::spi(UART_SPI);
const PENDING: u64 = 1 << 2;
const LEVEL: u64 = 1 << 5;

/// Whose the wire is.
fn assign(value: u64) {
    irs::write(SPI_SELR, UART_SPI);
    irs::wait(SPI_STATUSR, STATUSR_IDLE);
    irs::write64(SPI_VMR, value);
    irs::wait(SPI_STATUSR, STATUSR_IDLE);
}

/// Has the wire looked at again.
fn resample() {
    irs::write(SPI_RESAMPLER, UART_SPI);
    irs::wait(SPI_STATUSR, STATUSR_IDLE);
}

pub fn run() {
    set_line(false);
    reset_cpu_interface();
    let vms = crate::vms::IDS.map(Vm::make);
    irs::set_trigger(UART_SPI, true);
    SPI.set_affinity(0);
    SPI.set_priority(12);
    SPI.enable();
    for vm in &vms {
        for other in &vms {
            SPI.of(other.id).set_priority(12);
            SPI.of(other.id).enable();
        }
        given_and_taken_back(vm, &vms);
    }
    SPI.disable();
    irs::set_trigger(UART_SPI, false);
    for vm in &vms {
        vm.unmap();
    }
}

/// ICH_HPPIR_EL2 of VPE 0 of `vm`.
fn candidate(vm: &Vm) -> u64 {
    enter(vm, 0);
    let hppir = ICH_HPPIR_EL2.read();
    leave();
    hppir
}

fn given_and_taken_back(vm: &Vm, vms: &[Vm; 2]) {
    let valid = 1 << 32 | u64::from(SPI.0);
    assign(VIRT | vm.id);
    check_eq!(
        irs::read64(SPI_VMR),
        VIRT | vm.id,
        "IRS_SPI_VMR gives a wire to VM {}",
        vm.id
    );
    check_eq!(SPI.config().0 & 1, 1, "the physical SPI has F then");
    for who in vms {
        check_eq!(candidate(who), 0, "VM {} has no interrupt yet", who.id);
    }
    set_line(true);
    for who in vms {
        let want = if who.id == vm.id { valid } else { 0 };
        check_eq!(candidate(who), want, "the wire is high: VM {}", who.id);
    }
    check_eq!(hppir().0, 0, "and the host has none");
    enter(vm, 0);
    check_eq!(
        SPI.resident_config().0 & (PENDING | LEVEL),
        PENDING | LEVEL,
        "it is pending, and level"
    );
    leave();
    set_line(false);
    check_eq!(candidate(vm), 0, "the wire is low: VM {}", vm.id);
    assign(0);
    check_eq!(irs::read64(SPI_VMR), 0, "the wire is the host's again");
    resample();
    check_eq!(hppir().0, 0, "and low");
    set_line(true);
    check_eq!(hppir().0, valid, "and high");
    check_eq!(candidate(vm), 0, "which VM {} does not see", vm.id);
    set_line(false);
    check_eq!(hppir().0, 0, "and low again");
}

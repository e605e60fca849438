// SPDX-License-Identifier: GPL-2.0
//! What is no longer valid is not used: ISTs and VMs that end, and the
//! neighbour that goes on.

use crate::regs::*;
use crate::tables::{Vm, VPES};
use crate::virq::{enter, leave, NUMBERS};
use crate::vms::context;
use crate::{check_eq, tap};
use rt::gic::*;
use rt::irs::{self, *};

pub fn run() {
    let vms = crate::vms::IDS.map(Vm::make);
    for (vm, other) in [(&vms[0], &vms[1]), (&vms[1], &vms[0])] {
        lpi_ist(vm);
        whole_vm(vm, other);
        // With tables of its own again, for the next round.
        Vm::make(vm.id);
    }
    for vm in &vms {
        vm.unmap();
    }
}

fn raise(vm: &Vm, intid: Intid, vpe: u64) {
    let named = intid.of(vm.id);
    named.set_affinity(vpe);
    named.set_priority(6);
    named.enable();
    named.set_pending(true);
}

/// An LPI IST ends, and another takes its place: a guest's IRS_IST_BASER.
fn lpi_ist(vm: &Vm) {
    let [spi, lpi] = NUMBERS;
    raise(vm, lpi, 1);
    enter(vm, 1);
    check_eq!(
        ICH_HPPIR_EL2.read(),
        1 << 32 | u64::from(lpi.0),
        "VM {} has an LPI",
        vm.id
    );
    vm.unmap_ist(Type::Lpi);
    check_eq!(
        vm.ist_word(Type::Lpi) & 1,
        0,
        "VALID of its LPI IST is clear"
    );
    check_eq!(ICH_HPPIR_EL2.read(), 0, "and the LPI is gone");
    check_eq!(lpi.resident_config().0 & 1, 1, "it has F");
    check_eq!(spi.resident_config().0 & 1, 0, "an SPI has not");
    leave();
    vm.map_ist(Type::Lpi);
    enter(vm, 1);
    check_eq!(
        lpi.resident_config().0,
        0,
        "in a new IST the LPI is as that has it"
    );
    leave();
    raise(vm, lpi, 1);
    enter(vm, 1);
    check_eq!(
        ICH_HPPIR_EL2.read(),
        1 << 32 | u64::from(lpi.0),
        "and works"
    );
    lpi.of(vm.id).set_pending(false);
    leave();
}

fn whole_vm(vm: &Vm, other: &Vm) {
    for (vpe, intid) in (0..VPES).zip(NUMBERS.into_iter().cycle()) {
        raise(vm, intid, vpe);
        raise(other, intid, vpe);
    }
    vm.unmap();
    tap::point(!vm.is_valid(), format_args!("VM {} has ended", vm.id));
    for vpe in 0..VPES {
        check_eq!(
            context(vm, vpe) & CONTEXTR_F,
            CONTEXTR_F,
            "F for VPE {vpe} of VM {}",
            vm.id
        );
        tap::point(!vm.select(vpe), format_args!("which is not valid"));
        check_eq!(irs::read64(VPE_HPPIR), 0, "and has no interrupt");
        check_eq!(
            context(other, vpe) & CONTEXTR_F,
            0,
            "VPE {vpe} of VM {} can be resident",
            other.id
        );
        // F leaves nothing resident.
        ICH_CONTEXTR_EL2.write(CONTEXTR_V | vpe << 32 | vm.id);
        check_eq!(ICH_HPPIR_EL2.read(), 0, "nothing is resident after F");
        check_eq!(
            NUMBERS[0].resident_config().0 & 1,
            1,
            "and the VM's interrupts have F"
        );
        leave();
    }
    // Each number went last to one VPE of the other VM.
    for (vpe, intid) in [(VPES - 2, NUMBERS[0]), (VPES - 1, NUMBERS[1])] {
        enter(other, vpe);
        check_eq!(
            ICH_HPPIR_EL2.read(),
            1 << 32 | u64::from(intid.0),
            "{intid} of VM {} is still pending",
            other.id
        );
        leave();
        intid.of(other.id).set_pending(false);
    }
    for intid in NUMBERS {
        let before = intid.config().0;
        intid.of(vm.id).set_pending(true);
        intid.of(vm.id).disable();
        check_eq!(
            intid.config().0,
            before,
            "GIC VD* of VM {} do nothing to the host's {intid}",
            vm.id
        );
        enter(other, 0);
        check_eq!(
            intid.resident_config().0 & 0b110,
            0b10,
            "nor to VM {}'s",
            other.id
        );
        leave();
    }
}

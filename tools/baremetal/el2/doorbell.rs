// SPDX-License-Identifier: GPL-2.0
//! Doorbells: the physical LPI of a VPE that is not resident, for an interrupt
//! that it would take. Once for each request, and never while it is resident.

use crate::regs::*;
use crate::tables::{Vm, VPES};
use crate::virq::{enter, leave, NUMBERS};
use crate::{check_eq, tap};
use rt::gic::*;
use rt::irs::{self, *};

/// The priority of the interrupt that rings.
const PRIORITY: u64 = 9;

pub fn run() {
    let vms = crate::vms::IDS.map(Vm::make);
    for vm in &vms {
        for vpe in 0..VPES {
            for intid in NUMBERS {
                Doorbell { vm, vpe, intid }.test(&vms);
            }
        }
    }
    as_an_interrupt(&vms[0]);
    for vm in &vms {
        vm.unmap();
    }
    lost_with_the_vm(&vms[1]);
}

struct Doorbell<'a> {
    vm: &'a Vm,
    vpe: u64,
    intid: Intid,
}

fn physical(vm: &Vm, vpe: u64) -> Intid {
    Intid::lpi(vm.doorbell(vpe) as u32)
}

/// Whether a doorbell has rung since the last call.
fn rung(vm: &Vm, vpe: u64) -> bool {
    let lpi = physical(vm, vpe);
    let pending = lpi.config().0 >> 2 & 1 != 0;
    lpi.set_pending(false);
    pending
}

impl Doorbell<'_> {
    fn pend(&self, pending: bool) {
        self.intid.of(self.vm.id).set_pending(pending);
    }

    fn run(&self) {
        enter(self.vm, self.vpe);
    }

    /// Leaves with a doorbell for priorities up to `dbpm`.
    fn sleep(&self, dbpm: u64) {
        ICH_CONTEXTR_EL2.write(CONTEXTR_DB | dbpm << CONTEXTR_DBPM_SHIFT);
    }

    fn check(&self, want: bool, what: &str) {
        tap::point(
            rung(self.vm, self.vpe) == want,
            format_args!(
                "doorbell of VPE {} of VM {}, {}: {what}: {}",
                self.vpe,
                self.vm.id,
                self.intid,
                if want { "rings" } else { "silent" }
            ),
        );
    }

    fn test(&self, vms: &[Vm; 2]) {
        let named = self.intid.of(self.vm.id);
        named.set_affinity(self.vpe);
        named.set_priority(PRIORITY);
        named.enable();
        self.pend(true);
        self.check(false, "not requested");
        self.run();
        self.check(false, "resident");
        leave();
        self.check(false, "left without a request");
        self.pend(false);

        self.run();
        self.sleep(31);
        self.check(false, "requested, nothing pending");
        self.pend(true);
        self.check(true, "then pending");
        self.pend(false);
        self.pend(true);
        self.check(false, "a second time");

        self.run();
        self.sleep(PRIORITY);
        self.check(true, "pending before the request, at DBPM");
        self.run();
        self.sleep(PRIORITY - 1);
        self.check(false, "of lower priority than DBPM");
        named.set_priority(PRIORITY - 1);
        self.check(true, "then of its priority");
        named.set_priority(PRIORITY);

        named.disable();
        self.run();
        self.sleep(31);
        self.check(false, "disabled");
        named.enable();
        self.check(true, "then enabled");

        named.set_affinity((self.vpe + 1) % VPES);
        self.run();
        self.sleep(31);
        self.check(false, "another VPE's");
        named.set_affinity(self.vpe);
        self.check(true, "then its own");

        self.run();
        self.pend(false);
        self.sleep(31);
        self.run();
        self.pend(true);
        self.check(false, "requested, but resident again");
        leave();
        self.check(false, "that ended the request");

        self.vm.select(self.vpe);
        irs::write64(
            VPE_DBR,
            3 << 62 | PRIORITY << 32 | self.vm.doorbell(self.vpe),
        );
        irs::wait(VPE_STATUSR, STATUSR_IDLE);
        self.check(true, "requested by IRS_VPE_DBR");
        check_eq!(
            irs::read64(VPE_DBR) >> 62,
            2,
            "which clears IRS_VPE_DBR.REQ_DB"
        );
        self.pend(false);
        named.disable();
        self.alone(vms);
    }

    /// No other doorbell rang meanwhile.
    fn alone(&self, vms: &[Vm; 2]) {
        let mut others = 0;
        for vm in vms {
            for vpe in 0..VPES {
                others += u64::from(rung(vm, vpe));
            }
        }
        check_eq!(others, 0, "no other doorbell rang");
    }
}

/// The host takes it like any LPI.
fn as_an_interrupt(vm: &Vm) {
    let lpi = physical(vm, 2);
    lpi.set_affinity(0);
    lpi.set_priority(4);
    lpi.enable();
    let it = Doorbell {
        vm,
        vpe: 2,
        intid: NUMBERS[0],
    };
    it.intid.of(vm.id).set_affinity(2);
    it.intid.of(vm.id).enable();
    it.run();
    it.sleep(31);
    tap::point(
        hppir().intid().is_none(),
        format_args!("the host has no doorbell yet"),
    );
    it.pend(true);
    let answer = ack();
    eoi();
    tap::point(
        answer.intid() == Some(lpi),
        format_args!("the host acknowledges the doorbell"),
    );
    check_eq!(
        lpi.config().0 & 0b110100,
        0b10000,
        "it is an edge, active and no longer pending"
    );
    lpi.deactivate();
    tap::point(
        hppir().intid().is_none(),
        format_args!("and there is no other"),
    );
    it.pend(false);
    lpi.disable();
}

/// A VM that is not valid has no doorbell.
fn lost_with_the_vm(vm: &Vm) {
    for intid in NUMBERS {
        intid.of(vm.id).enable();
        intid.of(vm.id).set_pending(true);
    }
    for vpe in 0..VPES {
        tap::point(
            !rung(vm, vpe),
            format_args!("no doorbell of VPE {vpe} of a VM that is no more"),
        );
    }
}

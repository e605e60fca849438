// SPDX-License-Identifier: GPL-2.0
//! Virtual SPIs and LPIs: a guest's instructions act on its VM, EL2's on the VM
//! that they name, and one number in two VMs and on the host is three
//! interrupts.

use crate::guest::{stack, Guest};
use crate::regs::*;
use crate::tables::{Vm, VPES};
use crate::vcpu::VGic;
use crate::vms::context;
use crate::{check_eq, check_same, tap};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use rt::gic::*;
use rt::irs::{self, *};
use rt::{cpu, trap};

/// Active, Pending and Enabled of ICC_ICSR_EL1, and HM.
const ENABLED: u64 = 1 << 1;
const PENDING: u64 = 1 << 2;
const ACTIVE: u64 = 1 << 4;
const LEVEL: u64 = 1 << 5;
const PRIORITY_SHIFT: u32 = 11;
const IAFFID_SHIFT: u32 = 32;

/// One of each type, beyond what the tables' entry 0 would show by accident.
pub const NUMBERS: [Intid; 2] = [Intid::spi(13), Intid::lpi(0x1234)];

pub fn run() {
    reset_cpu_interface();
    VGic::OPEN.load();
    let vms = crate::vms::IDS.map(Vm::make);
    for (vm, other) in [(&vms[0], &vms[1]), (&vms[1], &vms[0])] {
        residency(vm);
        for intid in NUMBERS {
            guests(vm, other, intid);
            instructions(vm, other, intid);
            apart(vm, other, intid);
        }
        held_back(vm);
        saving(vm, other);
    }
    without_residency();
    for vm in &vms {
        vm.unmap();
    }
}

/// Makes `vpe` of `vm` resident here; it has to be possible.
pub fn enter(vm: &Vm, vpe: u64) {
    ICH_CONTEXTR_EL2.write(CONTEXTR_V | vpe << 32 | vm.id);
    assert!(
        ICH_CONTEXTR_EL2.read() & CONTEXTR_F == 0,
        "VPE {vpe} of VM {} cannot be resident",
        vm.id
    );
}

/// Ends it, without a doorbell.
pub fn leave() {
    ICH_CONTEXTR_EL2.write(0);
}

/// ICC_ICSR_EL1 of `intid` of `vm`, asked by VPE 0.
fn config(vm: &Vm, intid: Intid) -> u64 {
    enter(vm, 0);
    let icsr = intid.resident_config();
    leave();
    icsr.0
}

fn residency(vm: &Vm) {
    for vpe in 0..VPES {
        check_eq!(
            context(vm, vpe),
            CONTEXTR_V | vpe << 32 | vm.id,
            "ICH_CONTEXTR_EL2 reads without F, VPE {vpe} of VM {}",
            vm.id
        );
    }
    check_eq!(ICH_CONTEXTR_EL2.read(), 0, "and as 0 after it is left");
    check_eq!(
        context(vm, VPES) & CONTEXTR_F,
        CONTEXTR_F,
        "F for a VPE beyond the table of VM {}",
        vm.id
    );
    let nobody = Vm { id: 77, ..*vm };
    check_eq!(
        context(&nobody, 0) & CONTEXTR_F,
        CONTEXTR_F,
        "F for a VM that is not valid"
    );
}

/// What the handler of a guest acknowledged; 0 is nothing.
static TAKEN: AtomicU64 = AtomicU64::new(0);

fn handler() {
    let answer = ack();
    eoi();
    if let Some(intid) = answer.intid() {
        intid.deactivate();
    }
    TAKEN.store(answer.0, Relaxed);
}

/// A guest that configures, raises and takes the interrupt in 31:0 of `arg`,
/// as VPE 47:32.
extern "C" fn whole_life(arg: u64) -> u64 {
    let intid = Intid(arg as u32);
    trap::on_irq(handler);
    intid.set_affinity(arg >> 32);
    intid.set_priority(arg >> 32 | 8);
    intid.enable();
    intid.set_pending(true);
    cpu::irq_window();
    TAKEN.swap(0, Relaxed)
}

fn guests(vm: &Vm, other: &Vm, intid: Intid) {
    intid.set_priority(21);
    for vpe in 0..VPES {
        let elsewhere = config(other, intid);
        let here = intid.config().0;
        enter(vm, vpe);
        let arg = vpe << 32 | u64::from(intid.0);
        let taken = Guest::new(stack(0), whole_life, arg).finish();
        leave();
        check_same!(
            Answer(taken),
            Answer(1 << 32 | u64::from(intid.0)),
            "VPE {vpe} of VM {} raises {intid} and takes it",
            vm.id
        );
        check_eq!(
            config(vm, intid),
            vpe << IAFFID_SHIFT | (vpe | 8) << PRIORITY_SHIFT | ENABLED,
            "it is as the guest left it"
        );
        check_eq!(config(other, intid), elsewhere, "not so the other VM's");
        check_eq!(intid.config().0, here, "nor the physical one");
    }
    intid.of(vm.id).disable();
}

/// Each of EL2's instructions changes what it names and nothing else.
fn instructions(vm: &Vm, other: &Vm, intid: Intid) {
    type Step = (&'static str, fn(VmIntid), u64);
    const AT: u64 = 3 << IAFFID_SHIFT | 19 << PRIORITY_SHIFT;
    const STEPS: [Step; 9] = [
        ("VDAFF", |it| it.set_affinity(3), 3 << IAFFID_SHIFT),
        ("VDPRI", |it| it.set_priority(19), AT),
        ("VDEN", |it| it.enable(), AT | ENABLED),
        (
            "VDHM, level",
            |it| it.set_handling(true),
            AT | ENABLED | LEVEL,
        ),
        ("VDHM, edge", |it| it.set_handling(false), AT | ENABLED),
        (
            "VDPEND, set",
            |it| it.set_pending(true),
            AT | ENABLED | PENDING,
        ),
        ("VDPEND, clear", |it| it.set_pending(false), AT | ENABLED),
        ("VDDIS", |it| it.disable(), AT),
        ("VDDI", |it| it.deactivate(), AT),
    ];
    let named = intid.of(vm.id);
    named.set_affinity(0);
    named.set_priority(0);
    let elsewhere = config(other, intid);
    let here = intid.config().0;
    for (name, step, want) in STEPS {
        step(named);
        check_eq!(
            config(vm, intid),
            want,
            "GIC {name}, {intid} of VM {}",
            vm.id
        );
        check_eq!(
            config(other, intid),
            elsewhere,
            "and not of VM {}",
            other.id
        );
        check_eq!(intid.config().0, here, "nor the host's");
    }
    // Active is ended from outside.
    extern "C" fn acknowledge(_: u64) -> u64 {
        let answer = ack();
        eoi();
        answer.0
    }
    named.enable();
    named.set_pending(true);
    enter(vm, 3);
    let taken = Guest::new(stack(0), acknowledge, 0).finish();
    leave();
    check_same!(
        Answer(taken),
        Answer(1 << 32 | u64::from(intid.0)),
        "{intid} by GIC VDPEND is acknowledged by VPE 3 of VM {}",
        vm.id
    );
    check_eq!(config(vm, intid), AT | ENABLED | ACTIVE, "and is active");
    named.deactivate();
    check_eq!(config(vm, intid), AT | ENABLED, "until GIC VDDI");
    named.disable();
}

/// Whoever else there is has nothing of it.
fn apart(vm: &Vm, other: &Vm, intid: Intid) {
    extern "C" fn look(_: u64) -> u64 {
        hppir().0
    }
    let named = intid.of(vm.id);
    let valid = 1 << 32 | u64::from(intid.0);
    named.set_priority(7);
    named.enable();
    intid.of(other.id).set_priority(7);
    intid.of(other.id).enable();
    for target in 0..VPES {
        named.set_affinity(target);
        named.set_pending(true);
        for who in [vm, other] {
            for vpe in 0..VPES {
                let want = if who.id == vm.id && vpe == target {
                    valid
                } else {
                    0
                };
                who.select(vpe);
                let outside = irs::read64(VPE_HPPIR);
                enter(who, vpe);
                let resident = ICH_HPPIR_EL2.read();
                let inside = Guest::new(stack(0), look, 0).finish();
                leave();
                tap::point(
                    [outside, resident, inside] == [want; 3],
                    format_args!(
                        "{intid} of VM {} for VPE {target}: VPE {vpe} of VM {} has {}",
                        vm.id,
                        who.id,
                        Answer(want)
                    ),
                );
            }
        }
        tap::point(
            hppir().intid().is_none(),
            format_args!("and the host has none"),
        );
        named.set_pending(false);
    }
    named.disable();
    intid.of(other.id).disable();
}

/// IRICHPPIDIS keeps the IRS's interrupts away, and PPIs not.
fn held_back(vm: &Vm) {
    const SW: u64 = 1 << SW_PPI;
    let spi = NUMBERS[0].of(vm.id);
    spi.set_affinity(0);
    spi.set_priority(5);
    spi.enable();
    spi.set_pending(true);
    ICH_CONTEXTR_EL2.write(CONTEXTR_V | CONTEXTR_IRICHPPIDIS | vm.id);
    check_eq!(
        ICH_CONTEXTR_EL2.read(),
        CONTEXTR_V | CONTEXTR_IRICHPPIDIS | vm.id,
        "ICH_CONTEXTR_EL2.IRICHPPIDIS is kept"
    );
    check_eq!(ICH_HPPIR_EL2.read(), 0, "and holds back the VM's SPI");
    ICH_PPI_ENABLER0_EL2.write(SW);
    ICH_PPI_PENDR0_EL2.write(SW);
    check_eq!(
        ICH_HPPIR_EL2.read(),
        1 << 32 | u64::from(Intid::ppi(SW_PPI).0),
        "but no virtual PPI"
    );
    ICH_PPI_PENDR0_EL2.write(0);
    ICH_PPI_ENABLER0_EL2.write(0);
    ICH_CONTEXTR_EL2.write(CONTEXTR_V | vm.id);
    check_eq!(
        ICH_HPPIR_EL2.read(),
        1 << 32 | u64::from(NUMBERS[0].0),
        "without it the SPI is there"
    );
    leave();
    check_eq!(ICH_HPPIR_EL2.read(), 0, "and gone with the residency");
    spi.set_pending(false);
    spi.disable();
}

/// IRS_SAVE_VMR.Q is true until something of the VM changes.
fn saving(vm: &Vm, other: &Vm) {
    const S: u64 = 1 << 63;
    const Q: u64 = 1 << 62;
    const STATUSR_Q: u32 = 1 << 1;
    let save = |what: u64| {
        irs::wait(SAVE_VM_STATUSR, STATUSR_IDLE);
        irs::write64(SAVE_VMR, what | vm.id);
        irs::wait(SAVE_VM_STATUSR, STATUSR_IDLE);
        irs::read(SAVE_VM_STATUSR) & STATUSR_Q
    };
    check_eq!(
        save(S | Q),
        STATUSR_Q,
        "VM {} is saved, and quiescent",
        vm.id
    );
    check_eq!(save(Q), STATUSR_Q, "and stays it");
    NUMBERS[1].of(other.id).set_pending(true);
    NUMBERS[1].of(other.id).set_pending(false);
    check_eq!(save(Q), STATUSR_Q, "whatever VM {} does", other.id);
    NUMBERS[1].of(vm.id).set_pending(true);
    check_eq!(
        save(Q),
        0,
        "but not when an interrupt of it becomes pending"
    );
    NUMBERS[1].of(vm.id).set_pending(false);
    check_eq!(save(S | Q), STATUSR_Q, "saved again");
    enter(vm, 1);
    check_eq!(save(Q), 0, "and not when a VPE of it runs");
    leave();
}

/// A guest's instructions go nowhere when no VPE is resident.
fn without_residency() {
    extern "C" fn body(arg: u64) -> u64 {
        let intid = Intid(arg as u32);
        intid.set_priority(1);
        intid.enable();
        intid.set_pending(true);
        intid.config().0 & 1
    }
    for intid in NUMBERS {
        intid.set_priority(20);
        let before = intid.config().0;
        let fault = Guest::new(stack(0), body, intid.0.into()).finish();
        check_eq!(fault, 1, "{intid} of a guest without a VPE has F");
        check_eq!(intid.config().0, before, "and is not the host's");
        check_eq!(
            intid.resident_config().0 & 1,
            1,
            "GIC VDRCFG without a VPE has F, too"
        );
    }
}

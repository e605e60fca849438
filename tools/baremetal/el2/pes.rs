// SPDX-License-Identifier: GPL-2.0
//! Several PEs, each with a VPE: interrupts between them, VPEs that move, and
//! one VPE in two places.

use crate::guest::{stack, Guest};
use crate::jobs::{bring_up, finish, off, on, start, wait_until, MAILBOXES, MOST};
use crate::regs::*;
use crate::tables::Vm;
use crate::virq::{enter, leave, NUMBERS};
use crate::vms::{context, IDS};
use crate::{check_eq, check_same, tap};
use core::sync::atomic::Ordering::SeqCst;
use rt::gic::*;
use rt::irs::{self, *};
use rt::{cpu, trap};

/// A VPE of one of the two VMs, in an argument.
fn packed(vm: u64, vpe: u64) -> u64 {
    vm << 32 | vpe
}

fn vm_of(arg: u64) -> Vm {
    Vm {
        id: arg >> 32,
        vmte: 0,
        vpet: 0,
    }
}

/// What PE `pe` runs: VPE pe % 2 of the VM `IDS[pe / 2]`.
fn vpe_of(pe: usize) -> u64 {
    packed(IDS[pe / 2], pe as u64 % 2)
}

/// Makes a VPE resident: ICH_CONTEXTR_EL2.
fn load(arg: u64) -> u64 {
    ICH_CONTEXTR_EL2.write(CONTEXTR_V | (arg & 0xffff) << 32 | arg >> 32);
    ICH_CONTEXTR_EL2.read()
}

fn put(_: u64) -> u64 {
    leave();
    0
}

fn handler() {
    let answer = ack();
    eoi();
    if let Some(intid) = answer.intid() {
        intid.deactivate();
    }
    MAILBOXES[cpu::pe()].taken.store(answer.0, SeqCst);
}

/// A guest that waits for one interrupt and says which it was.
extern "C" fn receive(_: u64) -> u64 {
    let me = &MAILBOXES[cpu::pe()];
    trap::on_irq(handler);
    me.waiting.store(1, SeqCst);
    wait_until("a guest's interrupt", || {
        cpu::irq_window();
        me.taken.load(SeqCst) != 0
    });
    me.waiting.store(0, SeqCst);
    me.taken.swap(0, SeqCst)
}

/// A guest that sends one: INTID in 31:0, the VPE it is for in 47:32.
extern "C" fn send(arg: u64) -> u64 {
    let intid = Intid(arg as u32);
    intid.set_affinity(arg >> 32);
    intid.set_priority(5);
    intid.enable();
    intid.set_pending(true);
    0
}

/// Runs `receive` as a VPE, on whatever PE this is.
fn receive_as(arg: u64) -> u64 {
    enter(&vm_of(arg), arg & 0xffff);
    let taken = Guest::new(stack(2 + cpu::pe()), receive, 0).finish();
    leave();
    taken
}

/// Runs `send` as the VPE that this PE runs.
fn send_as_own(arg: u64) -> u64 {
    let own = vpe_of(cpu::pe());
    enter(&vm_of(own), own & 0xffff);
    Guest::new(stack(2 + cpu::pe()), send, arg).finish();
    leave();
    0
}

/// Starts a receiver on `pe` and waits until it waits.
fn receiver(pe: usize, vpe: u64) {
    start(pe, receive_as, vpe);
    wait_until("a receiver", || MAILBOXES[pe].waiting.load(SeqCst) == 1);
}

fn valid(intid: Intid) -> Answer {
    Answer(1 << 32 | u64::from(intid.0))
}

pub fn run() {
    // The two VPEs of a VM run on neighbours.
    let pes = (irs::read(IDR1) as usize & 0xffff).min(MOST) & !1;
    rt::say!("# {pes} PEs");
    if pes < 2 {
        return;
    }
    let vms = IDS.map(Vm::make);
    for pe in 1..pes {
        bring_up(pe);
    }
    twice(pes);
    for intid in NUMBERS {
        for to in 1..pes {
            between(intid, to);
            from_the_host(intid, to);
            moves(intid, to, pes);
        }
    }
    for pe in 1..pes {
        doorbell(&vms[0], pe);
    }
    for pe in 1..pes {
        reset(pe);
    }
    for pe in 1..pes {
        off(pe);
    }
    for vm in &vms {
        vm.unmap();
    }
}

/// A VPE is resident on one PE at a time.
fn twice(pes: usize) {
    for pe in 1..pes {
        let vpe = vpe_of(pe);
        check_eq!(
            on(pe, load, vpe) & CONTEXTR_F,
            0,
            "PE {pe} has VPE {} of VM {}",
            vpe & 0xffff,
            vpe >> 32
        );
    }
    for pe in 1..pes {
        let vpe = vpe_of(pe);
        check_eq!(
            context(&vm_of(vpe), vpe & 0xffff) & CONTEXTR_F,
            CONTEXTR_F,
            "and PE 0 cannot have that of PE {pe}"
        );
        let before = on(pe, |_| ICH_CONTEXTR_EL2.read(), 0);
        check_eq!(before & CONTEXTR_F, 0, "who keeps it");
        on(pe, put, 0);
        check_eq!(
            context(&vm_of(vpe), vpe & 0xffff) & CONTEXTR_F,
            0,
            "until it has left"
        );
    }
}

/// From a guest to one on another PE, and to no other VM.
fn between(intid: Intid, to: usize) {
    let target = vpe_of(to);
    // The other VPE of the same VM, which runs on the neighbour.
    let from = to ^ 1;
    let arg = (target & 0xffff) << 32 | u64::from(intid.0);
    receiver(to, target);
    if from == 0 {
        send_as_own(arg);
    } else {
        on(from, send_as_own, arg);
    }
    check_same!(
        Answer(finish(to)),
        valid(intid),
        "a guest on PE {from} sends {intid} to one on PE {to}"
    );
    intid.of(target >> 32).disable();
}

/// GIC VDPEND on one PE interrupts a guest on another.
fn from_the_host(intid: Intid, to: usize) {
    let target = vpe_of(to);
    let other = IDS[1 - to / 2];
    for (vm, pending) in [(other, false), (target >> 32, false)] {
        let named = intid.of(vm);
        named.set_affinity(target & 0xffff);
        named.set_priority(3);
        named.enable();
        named.set_pending(pending);
    }
    receiver(to, target);
    // The same number of the other VM wakes nobody.
    intid.of(other).set_pending(true);
    tap::point(
        on_is_waiting(to),
        format_args!("{intid} of VM {other} is not that of VM {}", target >> 32),
    );
    intid.of(target >> 32).set_pending(true);
    check_same!(
        Answer(finish(to)),
        valid(intid),
        "GIC VDPEND on PE 0 interrupts the guest on PE {to}, {intid}"
    );
    intid.of(other).set_pending(false);
    intid.of(other).disable();
    intid.of(target >> 32).disable();
}

fn on_is_waiting(pe: usize) -> bool {
    MAILBOXES[pe].waiting.load(SeqCst) == 1
}

/// What is pending goes with its VPE to wherever that runs next, and CDAFF
/// takes it to another VPE.
fn moves(intid: Intid, pe: usize, pes: usize) {
    let vpe = vpe_of(pe);
    let vm = vpe >> 32;
    let named = intid.of(vm);
    named.set_affinity(vpe & 0xffff);
    named.set_priority(3);
    named.enable();
    check_eq!(
        on(pe, load, vpe) & CONTEXTR_F,
        0,
        "PE {pe} has its VPE again"
    );
    named.set_pending(true);
    check_eq!(
        on(pe, |_| ICH_HPPIR_EL2.read(), 0),
        valid(intid).0,
        "PE {pe} sees {intid}"
    );
    on(pe, put, 0);
    check_eq!(
        on(pe, |_| ICH_HPPIR_EL2.read(), 0),
        0,
        "and not once its VPE is gone"
    );
    let next = if pe + 1 < pes { pe + 1 } else { 1 };
    check_same!(
        Answer(on(next, receive_as, vpe)),
        valid(intid),
        "the VPE takes it on PE {next}"
    );
    // To the other VPE of the VM, which is resident meanwhile.
    receiver(next, packed(vm, 3));
    named.set_affinity(2);
    named.set_pending(true);
    tap::point(
        on_is_waiting(next),
        format_args!("one for VPE 2 is not VPE 3's"),
    );
    named.set_affinity(3);
    check_same!(
        Answer(finish(next)),
        valid(intid),
        "while pending it is sent on to VPE 3, on PE {next}"
    );
    named.disable();
}

/// A doorbell goes to the PE that its LPI is for.
fn doorbell(vm: &Vm, pe: usize) {
    fn take(lpi: u64) -> u64 {
        wait_until("the doorbell", || hppir().intid().is_some());
        let answer = ack();
        eoi();
        Intid(lpi as u32).deactivate();
        answer.0
    }
    let lpi = Intid::lpi(vm.doorbell(0) as u32);
    lpi.set_priority(2);
    lpi.set_affinity(pe as u64);
    lpi.enable();
    let spi = NUMBERS[0].of(vm.id);
    spi.set_affinity(0);
    spi.set_priority(9);
    spi.enable();
    enter(vm, 0);
    ICH_CONTEXTR_EL2.write(CONTEXTR_DB | 31 << CONTEXTR_DBPM_SHIFT);
    start(pe, take, lpi.0.into());
    spi.set_pending(true);
    check_same!(
        Answer(finish(pe)),
        valid(lpi),
        "the doorbell of a VPE that left PE 0 rings on PE {pe}"
    );
    spi.set_pending(false);
    spi.disable();
    lpi.disable();
}

/// The reset of a PE ends the residency there.
fn reset(pe: usize) {
    let vpe = vpe_of(pe);
    on(pe, load, vpe);
    off(pe);
    bring_up(pe);
    check_eq!(
        on(pe, |_| ICH_CONTEXTR_EL2.read(), 0) & CONTEXTR_V,
        0,
        "after its reset no VPE is resident on PE {pe}"
    );
    check_eq!(
        context(&vm_of(vpe), vpe & 0xffff) & CONTEXTR_F,
        0,
        "and the one that was can be on PE 0"
    );
}

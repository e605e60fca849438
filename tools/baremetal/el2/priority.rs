// SPDX-License-Identifier: GPL-2.0
//! Virtual priorities: selection and its gates, masks, preemption, both orders
//! of EOI and DI, and virtual NMIs.
//!
//! The rules are the physical interface's, on ICH_APR_EL2 and ICH_VMCR_EL2; in
//! addition ICH_VCTLR_EL2.En gates the selection.

use crate::guest::{call_host, stack, Exit, Guest};
use crate::regs::*;
use crate::vcpu::{set_vppi_priority, VGic};
use crate::{check_eq, check_same};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use rt::cpu;
use rt::gic::*;
use rt::trap::on_irq;

const SW: u64 = 1 << SW_PPI;
/// PMUIRQ: a level PPI that nothing here drives but EL2.
const PMU: u32 = 23;

pub fn run() {
    gates();
    levels();
    running();
    drops();
    software();
    nesting(false);
    nesting(true);
    nmi();
    VGic::OPEN.load();
}

/// HPPIR and ISR as a guest sees them: the INTID, and bit 63 for ISR_EL1.I.
extern "C" fn look(_: u64) -> u64 {
    let isr = cpu::ISR_EL1.read() >> 7 & 1;
    hppir().intid().map_or(0, |i| i.0.into()) | isr << 63
}

const SW_SEEN: u64 = Intid::ppi(SW_PPI).0 as u64 | 1 << 63;

fn looked() -> u64 {
    Guest::new(stack(0), look, 0).finish()
}

/// Pending, enabled, not active, ICH_VMCR_EL2.EN and ICH_VCTLR_EL2.En: all
/// are needed, and each alone stops the interrupt.
fn gates() {
    let open = VGic {
        enabler: SW,
        pendr: SW,
        ..VGic::OPEN
    };
    open.load();
    check_eq!(
        looked(),
        SW_SEEN,
        "a pending, enabled, inactive virtual PPI is signalled"
    );
    ICH_VCTLR_EL2.write(0);
    check_eq!(looked(), 0, "not with ICH_VCTLR_EL2.En clear");
    ICH_VCTLR_EL2.write(VCTLR_EN);
    check_eq!(looked(), SW_SEEN, "again with it set");
    for (what, gic) in [
        ("disabled", VGic { enabler: 0, ..open }),
        ("not pending", VGic { pendr: 0, ..open }),
        (
            "active",
            VGic {
                activer: SW,
                ..open
            },
        ),
        (
            "with ICH_VMCR_EL2.EN clear",
            VGic {
                vmcr: open.vmcr & !VMCR_EN,
                ..open
            },
        ),
    ] {
        gic.load();
        check_eq!(looked(), 0, "not {what}");
    }
    // A virtual interrupt is for EL1: EL2 neither sees nor takes it.
    open.load();
    on_irq(count_irq);
    HCR_EL2.write(HCR_GUEST);
    cpu::irq_window();
    HCR_EL2.write(HCR_HOST);
    check_eq!(
        IRQS.load(Relaxed),
        0,
        "EL2 does not take a virtual interrupt"
    );
    check_eq!(cpu::ISR_EL1.read() & 0x80, 0, "nor sees it in ISR_EL1");
    check_same!(hppir(), Answer(0), "nor in its own ICC_HPPIR_EL1");
}

static IRQS: AtomicU32 = AtomicU32::new(0);

fn count_irq() {
    IRQS.fetch_add(1, Relaxed);
    // Nothing is to be acknowledged if it should come: stop it.
    ICH_VCTLR_EL2.write(0);
}

/// 32 levels against 32 masks, and the bit each sets in ICH_APR_EL2.
fn levels() {
    extern "C" fn passes(_: u64) -> u64 {
        let mut passes = 0u32;
        for mask in 0..32 {
            ICC_PCR_EL1.write(mask);
            passes |= ((look(0) == SW_SEEN) as u32) << mask;
        }
        ICC_PCR_EL1.write(PRI_LOWEST);
        let taken = ack().intid() == Some(Intid::ppi(SW_PPI));
        u64::from(passes) | (taken as u64) << 32
    }
    let mut wrong_mask = 0u64;
    let mut wrong_apr = 0u64;
    for priority in 0..32u32 {
        VGic {
            enabler: SW,
            pendr: SW,
            ..VGic::OPEN
        }
        .load();
        set_vppi_priority(SW_PPI, priority.into());
        let got = Guest::new(stack(0), passes, 0).finish();
        wrong_mask |= ((got != u64::from(!0u32 << priority) | 1 << 32) as u64) << priority;
        wrong_apr |= ((ICH_APR_EL2.read() != 1 << priority) as u64) << priority;
    }
    check_eq!(
        wrong_mask,
        0,
        "VPMR lets through priorities not above it, at all levels"
    );
    check_eq!(
        wrong_apr,
        0,
        "GICR CDIA sets the priority's bit of ICH_APR_EL2, at all levels"
    );
}

/// Only a strictly higher priority than the running one is signalled.
fn running() {
    VGic {
        enabler: SW,
        pendr: SW,
        ..VGic::OPEN
    }
    .load();
    set_vppi_priority(SW_PPI, 16);
    let mut passes = 0u64;
    for running in 0..32 {
        ICH_APR_EL2.write(1 << running);
        passes |= ((looked() == SW_SEEN) as u64) << running;
    }
    check_eq!(
        passes,
        0xfffe_0000,
        "virtual priority 16 preempts 17 to 31 only"
    );
}

/// GIC CDEOI clears the lowest set bit of ICH_APR_EL2, if there is one.
fn drops() {
    extern "C" fn body(_: u64) -> u64 {
        eoi();
        0
    }
    VGic {
        apr: 0x8000_0110,
        ..VGic::OPEN
    }
    .load();
    for want in [0x8000_0100, 0x8000_0000, 0, 0] {
        Guest::new(stack(0), body, 0).finish();
        check_eq!(
            ICH_APR_EL2.read(),
            want,
            "GIC CDEOI of a guest leaves {want:#x}"
        );
    }
}

/// A guest's own SW_PPI: pended, taken, dropped, deactivated with no exit, and
/// its steps seen from EL2.
fn software() {
    extern "C" fn body(_: u64) -> u64 {
        ICC_PPI_SPENDR0_EL1.write(SW);
        let answer = ack();
        call_host::<0>(answer.0);
        let again = ack();
        call_host::<1>(again.0);
        eoi();
        call_host::<2>(0);
        Intid::ppi(SW_PPI).deactivate();
        0
    }
    VGic {
        enabler: SW,
        ..VGic::OPEN
    }
    .load();
    set_vppi_priority(SW_PPI, 5);
    let mut guest = Guest::new(stack(0), body, 0);
    let valid = 1 << 32 | u64::from(Intid::ppi(SW_PPI).0);
    check_same!(
        guest.run(),
        Exit::Call(0, valid),
        "GICR CDIA answers VALID and the INTID"
    );
    check_eq!(ICH_PPI_ACTIVER0_EL2.read(), SW, "it is active");
    check_eq!(
        ICH_PPI_PENDR0_EL2.read(),
        0,
        "an edge one is no longer pending"
    );
    check_eq!(ICH_APR_EL2.read(), 1 << 5, "its priority is active");
    check_same!(guest.run(), Exit::Call(1, 0), "nothing more to acknowledge");
    guest.run();
    check_eq!(ICH_APR_EL2.read(), 0, "GIC CDEOI drops the priority");
    check_eq!(ICH_PPI_ACTIVER0_EL2.read(), SW, "and leaves it active");
    guest.finish();
    check_eq!(ICH_PPI_ACTIVER0_EL2.read(), 0, "GIC CDDI deactivates");
}

/// Requests of a guest to its host.
const INJECT: u64 = 0;
const LOWER: u64 = 1;

/// INTID.IDs in the order they were acknowledged, four bytes of a word.
static ORDER: AtomicU64 = AtomicU64::new(0);
static DEACTIVATE_FIRST: AtomicU32 = AtomicU32::new(0);

/// Who makes EL2 inject whom, from inside its handler.
const SCRIPT: [(u32, u32); 3] = [(SW_PPI, CNTP), (CNTP, CNTV), (CNTV, PMU)];

fn nested_handler() {
    let answer = ack();
    let id = answer.intid().map_or(0xff, |i| i.0 & 0xff_ffff);
    ORDER.store(ORDER.load(Relaxed) << 8 | u64::from(id), Relaxed);
    if let Some(&(_, next)) = SCRIPT.iter().find(|s| s.0 == id) {
        call_host::<INJECT>(next.into());
    }
    cpu::irq_window();
    call_host::<LOWER>(id.into());
    if let Some(intid) = answer.intid() {
        if DEACTIVATE_FIRST.load(Relaxed) != 0 {
            intid.deactivate();
            eoi();
        } else {
            eoi();
            intid.deactivate();
        }
    }
}

/// Three deep, and a fourth of the third's priority that has to wait for it.
fn nesting(deactivate_first: bool) {
    extern "C" fn body(_: u64) -> u64 {
        on_irq(nested_handler);
        ICC_PPI_SPENDR0_EL1.write(SW);
        for _ in 0..8 {
            cpu::irq_window();
        }
        ORDER.swap(0, Relaxed)
    }
    let what = if deactivate_first {
        "DI then EOI"
    } else {
        "EOI then DI"
    };
    DEACTIVATE_FIRST.store(deactivate_first as u32, Relaxed);
    let all = SW | 1 << CNTP | 1 << CNTV | 1 << PMU;
    VGic {
        enabler: all,
        ..VGic::OPEN
    }
    .load();
    for (ppi, priority) in [(SW_PPI, 24), (CNTP, 16), (CNTV, 8), (PMU, 8)] {
        set_vppi_priority(ppi, priority);
    }
    let mut guest = Guest::new(stack(0), body, 0);
    let (mut deepest_apr, mut deepest_active) = (0, 0);
    let order = loop {
        match guest.run() {
            Exit::Call(INJECT, ppi) => {
                ICH_PPI_PENDR0_EL2.set(1 << ppi);
                deepest_apr |= ICH_APR_EL2.read();
                deepest_active |= ICH_PPI_ACTIVER0_EL2.read();
            }
            Exit::Call(LOWER, ppi) => ICH_PPI_PENDR0_EL2.clear(1 << ppi),
            Exit::Done(order) => break order,
            exit => panic!("nesting: {exit}"),
        }
    };
    let want = [SW_PPI, CNTP, CNTV, PMU]
        .iter()
        .fold(0, |acc, &id| acc << 8 | u64::from(id));
    check_eq!(
        order,
        want,
        "{what}: three levels preempt, an equal one waits"
    );
    check_eq!(
        deepest_apr,
        1 << 24 | 1 << 16 | 1 << 8,
        "{what}: three priorities active at once"
    );
    check_eq!(
        deepest_active,
        SW | 1 << CNTP | 1 << CNTV,
        "{what}: three interrupts active at once"
    );
    check_eq!(ICH_APR_EL2.read(), 0, "{what}: no priority left active");
    check_eq!(
        ICH_PPI_ACTIVER0_EL2.read(),
        0,
        "{what}: no interrupt left active"
    );
}

/// Priority 0 has Superpriority: with the guest's SCTLR_EL1.NMI set it is an
/// NMI, acknowledged by `GICR CDNMIA` only, and masked by ALLINT, not by I.
fn nmi() {
    extern "C" fn body(nmi: u64) -> u64 {
        if nmi != 0 {
            cpu::ALLINT.write(cpu::PSTATE_ALLINT);
            cpu::SCTLR_EL1.set(cpu::SCTLR_NMI);
        }
        ICC_PPI_SPENDR0_EL1.write(SW);
        let isr = cpu::ISR_EL1.read() >> 7 & 0xf;
        let (wrong, right) = if nmi != 0 {
            (ack(), nmi_ack())
        } else {
            (nmi_ack(), ack())
        };
        eoi();
        Intid::ppi(SW_PPI).deactivate();
        isr << 8 | (wrong.intid().is_some() as u64) << 4 | right.intid().is_some() as u64
    }
    for (nmi, what) in [
        (0, "without SCTLR_EL1.NMI CDIA"),
        (1, "with SCTLR_EL1.NMI CDNMIA"),
    ] {
        VGic {
            enabler: SW,
            ..VGic::OPEN
        }
        .load();
        // ISR_EL1.I (7) and IS (10): Superpriority shows either way.
        let got = Guest::new(stack(0), body, nmi).finish();
        check_eq!(
            got,
            0x901,
            "a virtual interrupt of priority 0, {what} alone takes it"
        );
    }

    extern "C" fn taken(_: u64) -> u64 {
        fn handler() {
            let answer = nmi_ack();
            eoi();
            Intid::ppi(SW_PPI).deactivate();
            ORDER.store(answer.0, Relaxed);
        }
        on_irq(handler);
        cpu::ALLINT.write(cpu::PSTATE_ALLINT);
        cpu::SCTLR_EL1.set(cpu::SCTLR_NMI);
        ICC_PPI_SPENDR0_EL1.write(SW);
        let masked = ORDER.load(Relaxed) == 0;
        cpu::ALLINT.write(0);
        masked as u64 | (ORDER.swap(0, Relaxed) as u32 as u64) << 32
    }
    VGic {
        enabler: SW,
        ..VGic::OPEN
    }
    .load();
    let got = Guest::new(stack(0), taken, 0).finish();
    let want = u64::from(Intid::ppi(SW_PPI).0) << 32 | 1;
    check_eq!(
        got,
        want,
        "a virtual NMI is masked by ALLINT, and taken with PSTATE.I set"
    );
}

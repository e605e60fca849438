// SPDX-License-Identifier: GPL-2.0

//! Residency, doorbells, and SPIs as devices drive them.

#![cfg(not(loom))]

use std::cell::RefCell;
use vgic_v5::cpuif::PriorityMask;
use vgic_v5::irs::spi::vdpend;
use vgic_v5::irs::{Cpu, IstKind, Leaving, SharedMemory, Spis, Trigger, VmId, Vpe, VpeId};
use vgic_v5::sysregs::{Bits, FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2};

mod irs_host;
use irs_host::{Features, TestHost};

/// A CPU that remembers what was done, and looks at the VPE when it leaves.
#[derive(Default)]
struct Recorder<'a> {
    vpe: Option<&'a Vpe>,
    fault: bool,
    entered: Vec<u64>,
    left: Vec<u64>,
    pending: RefCell<Vec<u64>>,
}

impl Cpu for Recorder<'_> {
    fn enter_context(&mut self, contextr: u64) -> u64 {
        self.entered.push(contextr);
        contextr | u64::from(self.fault) << 62
    }

    fn leave_context(&mut self, contextr: u64) {
        let vpe = self.vpe.unwrap();
        assert!(!vpe.has_rung(), "cleared before the doorbell can ring");
        assert!(!vpe.is_resident());
        // It rings at once.
        vpe.ring();
        self.left.push(contextr);
    }

    fn vdpend(&mut self, operand: u64) {
        self.pending.borrow_mut().push(operand);
    }

    fn complete(&mut self) {}
}

fn vm(number: u16) -> VmId {
    // A VM ID is only ever the table's: take that many.
    let host = TestHost::new(Features::PLAIN);
    host.install().unwrap();
    host.vm_id(number)
}

fn mask(en: bool, vpmr: u64, apr: u64) -> PriorityMask {
    let vmcr = FEAT_GCIE_ICH_VMCR_EL2::new()
        .with_en(en)
        .with_vpmr(Bits::truncate(vpmr));
    PriorityMask::new(vmcr, ICH_APR_EL2::from_raw(apr))
}

#[test]
fn load_and_put() {
    let vpe = Vpe::new();
    let mut cpu = Recorder {
        vpe: Some(&vpe),
        ..Recorder::default()
    };
    let (vm, id) = (vm(3), VpeId(0x17));
    assert!(!vpe.put(&mut cpu, Leaving::Preempted, true), "not resident");
    for enabled in [true, false] {
        assert_eq!(vpe.load(&mut cpu, vm, id, enabled), Ok(()));
        assert!(vpe.is_resident());
        assert_eq!(vpe.load(&mut cpu, vm, id, enabled), Ok(()));
        assert!(!vpe.put(&mut cpu, Leaving::Preempted, enabled));
        assert!(!vpe.put(&mut cpu, Leaving::Preempted, enabled));
        assert!(vpe.has_rung(), "the ring on the way out is kept");
    }
    let context = 1 << 63 | 0x17 << 32 | 3;
    assert_eq!(cpu.entered, [context, context | 1 << 61]);
    assert_eq!(cpu.left, [0, 0]);

    cpu.fault = true;
    assert!(vpe.load(&mut cpu, vm, id, true).is_err());
    assert!(!vpe.is_resident());
}

/// A vCPU that waits while its IRS is disabled goes on when the IRS is enabled, if an interrupt could
/// be signalled then.
#[test]
fn waiting_without_an_irs() {
    struct Silent;
    impl Cpu for Silent {
        fn enter_context(&mut self, contextr: u64) -> u64 {
            contextr
        }
        fn leave_context(&mut self, _: u64) {}
        fn vdpend(&mut self, _: u64) {}
        fn complete(&mut self) {}
    }
    let (vpe, vm) = (Vpe::new(), vm(0));
    let open = Leaving::Waiting(mask(true, 31, 0));
    let shut = Leaving::Waiting(mask(false, 31, 0));
    for (leaving, enabled, wakes) in [
        (open, false, true),
        (open, true, false),
        (shut, false, false),
        (Leaving::Preempted, false, false),
    ] {
        vpe.load(&mut Silent, vm, VpeId(0), enabled).unwrap();
        vpe.put(&mut Silent, leaving, enabled);
        assert!(!vpe.must_wake(false));
        assert_eq!(vpe.must_wake(true), wakes, "{leaving:?} {enabled}");
        assert!(!vpe.has_rung());
        vpe.ring();
        assert!(vpe.has_rung() && vpe.must_wake(false));
    }
}

/// DB and DBPM for every mask: a doorbell for exactly what could be taken.
#[test]
fn doorbell_masks() {
    let vpe = Vpe::new();
    let mut cpu = Recorder {
        vpe: Some(&vpe),
        ..Recorder::default()
    };
    let vm = vm(0);
    for irs in [true, false] {
        for en in [true, false] {
            for vpmr in 0..32 {
                for apr in [0, 1, 1 << 1, 1 << 8, 1 << 31, 1 << 31 | 1 << 4] {
                    vpe.load(&mut cpu, vm, VpeId(0), irs).unwrap();
                    let leaving = Leaving::Waiting(mask(en, vpmr, apr));
                    let asked = vpe.put(&mut cpu, leaving, irs);
                    let context = cpu.left.pop().unwrap();
                    assert_eq!(context & !(0x3f << 55), 0, "nothing but DB and DBPM");
                    assert_eq!(asked, context >> 60 & 1 != 0);
                    for priority in 0..32 {
                        let preempts = apr & ((2_u64 << priority) - 1) == 0;
                        let deliverable = irs && en && priority <= vpmr && preempts;
                        let rings = asked && priority <= context >> 55 & 0x1f;
                        assert_eq!(rings, deliverable, "{en} {vpmr} {apr:#x} {priority}");
                    }
                }
            }
        }
    }
}

fn spis(count: u32) -> Spis {
    Spis::new(&TestHost::new(Features::PLAIN), count).unwrap()
}

#[test]
fn edges_and_levels() {
    let spis = spis(96);
    let mut cpu = Recorder::default();
    let vm = vm(9);
    let set = |id: u32| 1 << 63 | 9 << 32 | 3 << 29 | u64::from(id);
    let clear = |id: u32| 9 << 32 | 3 << 29 | u64::from(id);
    spis.set_trigger(64, Trigger::Level);
    let mut drive = |id, level, changed, sent: &[u64]| {
        assert_eq!(spis.inject(&mut cpu, vm, id, level), Ok(changed));
        assert_eq!(cpu.pending.take(), sent);
    };
    drive(95, true, true, &[set(95)]);
    drive(95, true, true, &[set(95)]);
    drive(95, false, false, &[]);
    drive(64, false, false, &[]);
    drive(64, true, true, &[set(64)]);
    drive(64, true, false, &[]);
    drive(64, false, true, &[clear(64)]);
    assert!(spis.inject(&mut cpu, vm, 96, true).is_err());
    spis.set_trigger(96, Trigger::Level);
    assert_eq!(spis.trigger(96), Trigger::Edge);
}

/// Another device changes the line just as the hardware is told: it is told again, until it has been
/// told what the line is.
#[test]
fn a_line_that_changes_meanwhile() {
    struct Other<'a>(&'a Spis, VmId, Vec<bool>, u32);
    impl Cpu for Other<'_> {
        fn enter_context(&mut self, _: u64) -> u64 {
            unreachable!()
        }
        fn leave_context(&mut self, _: u64) {
            unreachable!()
        }
        fn vdpend(&mut self, operand: u64) {
            if self.3 > 0 {
                self.3 -= 1;
                let level = !self.0.line(5);
                // All of the other's change comes first.
                assert_eq!(
                    self.0.inject(&mut Inner(&mut self.2), self.1, 5, level),
                    Ok(true)
                );
            }
            self.2.push(operand >> 63 != 0);
        }
        fn complete(&mut self) {}
    }
    struct Inner<'a>(&'a mut Vec<bool>);
    impl Cpu for Inner<'_> {
        fn enter_context(&mut self, _: u64) -> u64 {
            unreachable!()
        }
        fn leave_context(&mut self, _: u64) {
            unreachable!()
        }
        fn vdpend(&mut self, operand: u64) {
            self.0.push(operand >> 63 != 0);
        }
        fn complete(&mut self) {}
    }
    for meddling in 0..5 {
        let spis = spis(32);
        spis.set_trigger(5, Trigger::Level);
        let vm = vm(0);
        let mut cpu = Other(&spis, vm, Vec::new(), meddling);
        assert_eq!(spis.inject(&mut cpu, vm, 5, true), Ok(true));
        assert_eq!(cpu.2.last(), Some(&spis.line(5)));
    }
}

#[test]
fn vdpend_operands() {
    assert_eq!(
        vdpend(vm(5), IstKind::Lpi, 0xabcd, true),
        1 << 63 | 5 << 32 | 2 << 29 | 0xabcd
    );
    assert_eq!(vdpend(vm(5), IstKind::Spi, 7, false), 5 << 32 | 3 << 29 | 7);
    let host = TestHost::new(Features::PLAIN);
    assert!(host.list::<u8>(3).is_ok());
}

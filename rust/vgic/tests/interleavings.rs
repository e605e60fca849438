// SPDX-License-Identifier: GPL-2.0

//! Every interleaving, and every value a relaxed load may return, of the threads that meet at a
//! vCPU. Only with `RUSTFLAGS="--cfg loom"`; LOOM_MAX_PREEMPTIONS bounds it.

#![cfg(loom)]

#[path = "thread/mod.rs"]
mod vcpu_thread;

use loom::sync::atomic::{fence, AtomicBool, Ordering};
use loom::sync::Arc;
use loom::thread;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use vcpu_thread::{parked, resident};
use vgic_v5::cpuif::{Injection, Owner, OwnerError, PpiId, PpiMask, Reg, RegisterCache};
use vgic_v5::ports::CpuRegisters;
use vgic_v5::sysregs::{Bits, FEAT_GCIE_ICH_VMCR_EL2};
use vgic_v5::{Vcpu, Vm};

/// The registers of one CPU, in which only what the guest of these tests does to them has an
/// effect. Never shared: a CPU's registers belong to the thread that runs on it.
struct Bank([u64; Reg::COUNT]);

impl CpuRegisters for Bank {
    fn read(&self, reg: Reg) -> u64 {
        self.0[reg as usize]
    }

    fn write(&mut self, reg: Reg, value: u64) {
        self.0[reg as usize] = value;
    }

    fn synchronize(&mut self) {}
}

/// A CPU, and the thread on it that runs a vCPU.
struct Cpu {
    bank: Bank,
    cache: RegisterCache,
}

impl Cpu {
    fn new() -> Self {
        Self {
            bank: Bank([0; Reg::COUNT]),
            cache: RegisterCache::new(),
        }
    }

    fn load(&mut self, vcpu: &Vcpu) {
        parked(vcpu).load(&mut self.cache, &mut self.bank);
    }

    fn put(&mut self, vcpu: &Vcpu) {
        resident(vcpu).put(&mut self.cache, &mut self.bank);
    }

    fn flush(&mut self, vm: &Vm, vcpu: &Vcpu) {
        resident(vcpu).flush(vm.ppis(), &mut self.cache, &mut self.bank);
    }

    fn fold(&mut self, vm: &Vm, vcpu: &Vcpu) {
        resident(vcpu).fold(vm.ppis(), &mut self.cache, &mut self.bank);
        assert_eq!(
            self.bank.read(Reg::Dvir0),
            0,
            "direct injection outside the guest"
        );
    }

    /// The guest takes `ppi` if it is pending. Whether it was.
    fn take(&mut self, ppi: PpiId) -> bool {
        let bit = ppi.mask().bits();
        let pending = self.bank.read(Reg::Pendr0);
        if PpiMask::EDGE.contains(ppi) {
            self.bank.write(Reg::Pendr0, pending & !bit);
        }
        pending & bit != 0
    }

    /// One entry and exit; whether the guest took `ppi`.
    fn round(&mut self, vm: &Vm, vcpu: &Vcpu, ppi: PpiId) -> bool {
        self.flush(vm, vcpu);
        let taken = self.take(ppi);
        self.fold(vm, vcpu);
        taken
    }
}

/// As `loom::model`, but a model that loom finds only one way through is no test of threads: they
/// do not meet, or loom does not see that they do.
fn every_interleaving(model: impl Fn() + Sync + Send + 'static) {
    // Not loom's: they are outside of the model.
    let ways = std::sync::Arc::new(AtomicUsize::new(0));
    let count = ways.clone();
    loom::model(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let ways = ways.load(Relaxed);
    assert!(ways > 1, "one interleaving only");
}

const DEVICE: u64 = 1;
const PPI: PpiId = PpiId::SW_PPI;

fn device() -> Option<Owner> {
    Owner::new(DEVICE)
}

fn machine() -> (Arc<(Vm, Vcpu)>, Cpu) {
    let vm = Vm::new(PpiMask::from_bits(u64::MAX));
    let vcpu = Vcpu::new(1);
    for ppi in [PpiId::PMUIRQ, PpiId::CNTV] {
        vcpu.cpuif()
            .inputs()
            .owners()
            .set_owner(ppi, device().unwrap())
            .unwrap();
    }
    vm.ppis().finalize([vcpu.cpuif().inputs().owners().owned()]);
    (Arc::new((vm, vcpu)), Cpu::new())
}

fn inject(it: &(Vm, Vcpu), ppi: PpiId, level: bool) -> Injection {
    it.1.cpuif()
        .inject(ppi, level, if ppi == PPI { None } else { device() })
}

/// An edge is taken once, wherever the vCPU is when it comes: entering, in the guest, leaving, or
/// moving to another CPU.
#[test]
fn an_edge_is_taken_once() {
    every_interleaving(|| {
        let (it, mut here) = machine();
        let mut there = Cpu::new();
        let sender = thread::spawn({
            let it = it.clone();
            move || assert_eq!(inject(&it, PPI, true), Injection::Changed)
        });
        let (vm, vcpu) = &*it;
        here.load(vcpu);
        let mut taken = usize::from(here.round(vm, vcpu, PPI));
        // Not taken this time: only carried from one exit to the next entry.
        here.flush(vm, vcpu);
        here.fold(vm, vcpu);
        here.put(vcpu);
        there.load(vcpu);
        taken += usize::from(there.round(vm, vcpu, PPI));
        sender.join().unwrap();
        taken += usize::from(there.round(vm, vcpu, PPI));
        assert_eq!(taken, 1);
        assert!(!there.round(vm, vcpu, PPI), "taken again");
    });
}

/// Edges from two threads may merge, as they do on a wire, but the last is never lost.
#[test]
fn edges_of_two_threads() {
    every_interleaving(|| {
        let (it, mut cpu) = machine();
        let senders = [(); 2].map(|()| {
            let it = it.clone();
            thread::spawn(move || {
                let _ = inject(&it, PPI, true);
            })
        });
        let (vm, vcpu) = &*it;
        cpu.load(vcpu);
        let mut taken = usize::from(cpu.round(vm, vcpu, PPI));
        for sender in senders {
            sender.join().unwrap();
        }
        for _ in 0..2 {
            taken += usize::from(cpu.round(vm, vcpu, PPI));
        }
        assert!((1..=2).contains(&taken), "taken {taken} times");
    });
}

/// A line's last level is what the guest sees in the end.
#[test]
fn a_line_that_falls() {
    every_interleaving(|| {
        let (it, mut cpu) = machine();
        let sender = thread::spawn({
            let it = it.clone();
            move || {
                assert_eq!(inject(&it, PpiId::PMUIRQ, true), Injection::Changed);
                assert_eq!(inject(&it, PpiId::PMUIRQ, true), Injection::Unchanged);
                assert_eq!(inject(&it, PpiId::PMUIRQ, false), Injection::Changed);
            }
        });
        let (vm, vcpu) = &*it;
        cpu.load(vcpu);
        cpu.round(vm, vcpu, PpiId::PMUIRQ);
        sender.join().unwrap();
        assert!(!cpu.round(vm, vcpu, PpiId::PMUIRQ));
    });
}

/// Two devices at once: neither undoes what the other did.
#[test]
fn two_lines() {
    every_interleaving(|| {
        let (it, mut cpu) = machine();
        let sender = thread::spawn({
            let it = it.clone();
            move || assert_eq!(inject(&it, PpiId::PMUIRQ, true), Injection::Changed)
        });
        let (vm, vcpu) = &*it;
        assert_eq!(inject(&it, PpiId::CNTV, true), Injection::Changed);
        cpu.load(vcpu);
        assert!(cpu.round(vm, vcpu, PpiId::CNTV));
        assert_eq!(inject(&it, PpiId::CNTV, false), Injection::Changed);
        sender.join().unwrap();
        assert!(!cpu.round(vm, vcpu, PpiId::CNTV));
        assert!(cpu.round(vm, vcpu, PpiId::PMUIRQ));
    });
}

/// The wake-up protocol of KVM's core around ours: the vCPU says that it enters the guest and then
/// takes the latch; the sender fills the latch and then looks whether the vCPU is in the guest.
/// At least one sees the other.
#[test]
fn an_injection_or_its_kick_is_seen() {
    every_interleaving(|| {
        let (it, mut cpu) = machine();
        let in_guest = Arc::new(AtomicBool::new(false));
        let kicked = Arc::new(AtomicBool::new(false));
        let sender = thread::spawn({
            let (it, in_guest, kicked) = (it.clone(), in_guest.clone(), kicked.clone());
            move || {
                if inject(&it, PPI, true) == Injection::Changed {
                    // kvm_vcpu_exiting_guest_mode() is a fully ordered cmpxchg.
                    fence(Ordering::SeqCst);
                    if in_guest.load(Ordering::Relaxed) {
                        kicked.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        let (vm, vcpu) = &*it;
        cpu.load(vcpu);
        // smp_store_mb(vcpu->mode, IN_GUEST_MODE)
        in_guest.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        cpu.flush(vm, vcpu);
        let taken = cpu.take(PPI);
        sender.join().unwrap();
        assert!(
            taken || kicked.load(Ordering::Relaxed),
            "asleep in the guest"
        );
    });
}

/// Direct injection changes while the vCPU enters, leaves and moves: the change is in force at the
/// first entry after it, and a PPI that is no longer direct is pending as its line says.
#[test]
fn mapping_meets_load_and_put() {
    every_interleaving(|| {
        let (it, mut here) = machine();
        let mut there = Cpu::new();
        assert_eq!(inject(&it, PpiId::CNTV, true), Injection::Changed);
        let mapper = thread::spawn({
            let it = it.clone();
            move || {
                it.1.cpuif().map(PpiId::CNTV, 27).unwrap();
                assert!(it.1.cpuif().unmap(PpiId::CNTV));
            }
        });
        let (vm, vcpu) = &*it;
        here.load(vcpu);
        here.flush(vm, vcpu);
        here.fold(vm, vcpu);
        here.put(vcpu);
        there.load(vcpu);
        mapper.join().unwrap();
        assert!(there.round(vm, vcpu, PpiId::CNTV), "its line is high");
        vcpu.cpuif().map(PpiId::CNTV, 27).unwrap();
        there.flush(vm, vcpu);
        assert_eq!(there.bank.read(Reg::Dvir0), PpiId::CNTV.mask().bits());
    });
}

/// What another thread learns of a vCPU that runs is out of date at worst: once the injector is
/// done and the vCPU is parked, both agree.
#[test]
fn the_pending_check_sees_what_was_injected() {
    every_interleaving(|| {
        let (it, mut cpu) = machine();
        let (vm, vcpu) = &*it;
        cpu.load(vcpu);
        vcpu.cpuif().write_enabler(vm.ppis(), u64::MAX);
        cpu.flush(vm, vcpu);
        let open = FEAT_GCIE_ICH_VMCR_EL2::new()
            .with_en(true)
            .with_vpmr(Bits::new::<31>());
        cpu.bank.write(Reg::Vmcr, open.into_raw());
        let sender = thread::spawn({
            let it = it.clone();
            move || {
                let _ = inject(&it, PPI, true);
                // Any answer will do while the vCPU is on its way out.
                it.1.has_pending(&it.0, || PpiMask::NONE)
            }
        });
        let taken = cpu.take(PPI);
        assert!(!taken, "not flushed since");
        cpu.fold(vm, vcpu);
        cpu.put(vcpu);
        sender.join().unwrap();
        assert!(vcpu.has_pending(vm, || PpiMask::NONE));
    });
}

/// Of two devices that want one PPI, one gets it.
#[test]
fn one_owner() {
    every_interleaving(|| {
        let vcpu = Arc::new(Vcpu::new(1));
        let other = thread::spawn({
            let vcpu = vcpu.clone();
            move || {
                vcpu.cpuif()
                    .inputs()
                    .owners()
                    .set_owner(PPI, Owner::new(2).unwrap())
            }
        });
        let mine = vcpu
            .cpuif()
            .inputs()
            .owners()
            .set_owner(PPI, Owner::new(1).unwrap());
        let others = other.join().unwrap();
        assert!(matches!(
            (mine, others),
            (Ok(()), Err(OwnerError::Owned)) | (Err(OwnerError::Owned), Ok(()))
        ));
        for (owner, outcome) in [(1, mine), (2, others)] {
            let is_owner = vcpu
                .cpuif()
                .inputs()
                .owners()
                .is_owner(PPI, Owner::new(owner));
            assert_eq!(is_owner, outcome.is_ok());
        }
    });
}

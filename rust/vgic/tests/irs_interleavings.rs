// SPDX-License-Identifier: GPL-2.0

//! Every interleaving of the threads that meet at a virtual IRS: devices, vCPUs that come and go, the
//! handler of a doorbell, and a guest that enables its IRS. Only with `RUSTFLAGS="--cfg loom"`.
//!
//! A vCPU that sleeps for good is a deadlock, which loom reports.

#![cfg(loom)]

mod irs_host;

use irs_host::{Features, TestHost};
use loom::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use vgic_v5::cpuif::PriorityMask;
use vgic_v5::irs::{
    Action, Control, Cpu, Leaving, Shared, SharedMemory, Trigger, Vpe, VpeId, VpeSpec,
};
use vgic_v5::sysregs::{Bits, FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2};

/// As `loom::model` with at most two preemptions, unless LOOM_MAX_PREEMPTIONS says another number:
/// with all of them the last of these takes minutes and gigabytes. A model that loom finds only one way
/// through is no test of threads.
fn every_interleaving(model: impl Fn() + Sync + Send + 'static) {
    // Not loom's: they are outside of the model.
    let ways = std::sync::Arc::new(AtomicUsize::new(0));
    let count = ways.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    assert!(ways.load(Relaxed) > 1, "one interleaving only");
}

/// The hardware, as far as one SPI of one VPE goes. Each command is atomic, and orders nothing.
struct Hardware {
    state: AtomicU64,
    /// How often the VPE became resident, a doorbell was asked for, and was sent. Not loom's: they
    /// are outside of the model.
    resident: AtomicUsize,
    asked: AtomicUsize,
    sent: AtomicUsize,
}

const PENDING: u64 = 1 << 0;
const RESIDENT: u64 = 1 << 1;
/// ICH_CONTEXTR_EL2.IRICHPPIDIS.
const HELD_BACK: u64 = 1 << 2;
/// A doorbell was asked for.
const DOORBELL: u64 = 1 << 3;

impl Hardware {
    /// Changes the state; whether the doorbell is sent, which happens once for each request.
    fn change(&self, change: impl Fn(u64) -> u64) -> bool {
        let mut old = self.state.load(Ordering::Relaxed);
        loop {
            let new = change(old);
            let sent = new & (PENDING | DOORBELL) == PENDING | DOORBELL;
            let settled = if sent { new & !DOORBELL } else { new };
            let exchanged =
                self.state
                    .compare_exchange(old, settled, Ordering::Relaxed, Ordering::Relaxed);
            match exchanged {
                Ok(_) => {
                    self.sent.fetch_add(sent.into(), Relaxed);
                    return sent;
                }
                Err(now) => old = now,
            }
        }
    }

    /// The guest takes the SPI if it is signalled. Whether it was.
    fn take(&self) -> bool {
        let signalled = PENDING | RESIDENT;
        let state = self.state.load(Ordering::Relaxed);
        let taken = state & (signalled | HELD_BACK) == signalled;
        if taken {
            self.change(|state| state & !PENDING);
        }
        taken
    }
}

/// A VM with one vCPU of interest, and what KVM's core keeps of it.
struct Machine {
    hardware: Hardware,
    shared: Shared,
    vpe: Vpe,
    /// rcuwait: the vCPU's thread is about to sleep.
    asleep: AtomicBool,
    wake_up: Notify,
    /// KVM_REQ_RELOAD_GICv5.
    reload: AtomicBool,
    /// vcpu->mode is IN_GUEST_MODE, and an IPI was sent because of it.
    in_guest: AtomicBool,
    kicked: AtomicBool,
    /// Where a doorbell's handler runs: with the CPU that had it sent, or on a CPU of its own.
    bell: Option<Notify>,
}

const VPE: VpeId = VpeId(1);
const SPI: u32 = 0;

type Vm = (TestHost, Control<TestHost>);

impl Machine {
    /// The machine, and what only the thread that configures the VM has.
    fn new(own_cpu_for_doorbells: bool) -> (Arc<Self>, Vm) {
        let host = TestHost::new(Features::PLAIN);
        host.install().unwrap();
        let shared = Shared::new(&host, 32).unwrap();
        let mut vpes = host.list(1).unwrap();
        vpes.push(VpeSpec {
            id: VPE,
            doorbell: 9,
        })
        .unwrap();
        let control = Control::new(&host, &shared, vpes, 5).unwrap();
        let machine = Self {
            hardware: Hardware {
                state: AtomicU64::new(0),
                resident: AtomicUsize::new(0),
                asked: AtomicUsize::new(0),
                sent: AtomicUsize::new(0),
            },
            shared,
            vpe: Vpe::new(),
            asleep: AtomicBool::new(false),
            wake_up: Notify::new(),
            reload: AtomicBool::new(false),
            in_guest: AtomicBool::new(false),
            kicked: AtomicBool::new(false),
            bell: own_cpu_for_doorbells.then(Notify::new),
        };
        (Arc::new(machine), (host, control))
    }

    /// The guest writes IRS_CR0.IRSEN, and KVM does what that asks for.
    fn set_irsen(&self, vm: &mut Vm, enable: bool) {
        let (host, control) = vm;
        let action = control.guest_write(host, &self.shared, 0x80, 4, enable.into());
        assert_eq!(action, Action::Reload);
        // kvm_make_all_cpus_request(): smp_wmb(), the request, a wake-up, an IPI if it is needed.
        self.reload.store(true, Ordering::Release);
        self.wake();
        if self.in_guest.load(Ordering::Relaxed) {
            self.kicked.store(true, Ordering::Relaxed);
        }
    }

    /// kvm_vcpu_wake_up(), which has a barrier.
    fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.wake_up.notify();
        }
    }

    /// A device drives the SPI.
    fn inject(&self, level: bool) {
        self.shared.inject(&mut OnCpu(self), SPI, level).unwrap();
    }

    /// The doorbell was sent.
    fn sent(&self) {
        match &self.bell {
            Some(bell) => bell.notify(),
            None => self.handle_doorbell(),
        }
    }

    fn handle_doorbell(&self) {
        // What the CPU that left made visible is visible.
        fence(Ordering::Acquire);
        self.vpe.ring();
        self.wake();
    }

    fn load(&self) {
        let vm = self.shared.vm().unwrap();
        let enabled = self.shared.enabled();
        self.vpe.load(&mut OnCpu(self), vm, VPE, enabled).unwrap();
    }

    fn put(&self, leaving: Leaving) {
        self.vpe
            .put(&mut OnCpu(self), leaving, self.shared.enabled());
    }

    /// What the vCPU's thread does before it enters the guest.
    fn check_requests(&self) {
        // KVM's test_and_clear_bit().
        if self.reload.load(Ordering::Relaxed) {
            self.reload.swap(false, Ordering::AcqRel);
            self.put(Leaving::Preempted);
            self.load();
        }
    }

    /// The guest waits in WFI, and the thread sleeps: kvm_vcpu_wfi() with kvm_vcpu_block(). Whoever
    /// wakes the thread has it scheduled in, which loads the vCPU, and out again if it has no reason
    /// to go on.
    fn wait(&self) {
        self.put(waiting());
        loop {
            self.asleep.store(true, Ordering::Relaxed);
            // set_current_state()
            fence(Ordering::SeqCst);
            if self.vpe.must_wake(self.shared.enabled()) {
                break;
            }
            // Scheduled out, if it was scheduled in.
            self.put(waiting());
            self.wake_up.wait();
            self.load();
        }
        self.asleep.store(false, Ordering::Relaxed);
        self.load();
    }

    /// The guest runs until it has taken the SPI; how often it did.
    fn run(&self) {
        self.load();
        loop {
            self.check_requests();
            if self.hardware.take() {
                break;
            }
            self.wait();
        }
        self.put(Leaving::Preempted);
    }
}

fn waiting() -> Leaving {
    let vmcr = FEAT_GCIE_ICH_VMCR_EL2::new()
        .with_en(true)
        .with_vpmr(Bits::new::<31>());
    Leaving::Waiting(PriorityMask::new(vmcr, ICH_APR_EL2::from_raw(0)))
}

/// A CPU of the machine's.
struct OnCpu<'a>(&'a Machine);

impl Cpu for OnCpu<'_> {
    fn enter_context(&mut self, contextr: u64) -> u64 {
        let held_back = if contextr & 1 << 61 != 0 {
            HELD_BACK
        } else {
            0
        };
        let hardware = &self.0.hardware;
        hardware.change(|state| state & PENDING | RESIDENT | held_back);
        hardware.resident.fetch_add(1, Relaxed);
        contextr
    }

    fn leave_context(&mut self, contextr: u64) {
        fence(Ordering::Release);
        let doorbell = if contextr & 1 << 60 != 0 { DOORBELL } else { 0 };
        let asked = usize::from(doorbell != 0);
        self.0.hardware.asked.fetch_add(asked, Relaxed);
        if self.0.hardware.change(|state| state & PENDING | doorbell) {
            self.0.sent();
        }
    }

    fn vdpend(&mut self, operand: u64) {
        fence(Ordering::Release);
        let pending = operand >> 63;
        if self.0.hardware.change(|state| state & !PENDING | pending) {
            self.0.sent();
        }
    }

    fn complete(&mut self) {
        fence(Ordering::Acquire);
    }
}

/// An SPI is taken wherever the vCPU is when it comes: about to enter, in the guest, on its way into
/// WFI, or asleep. A doorbell is asked for once each time that the vCPU leaves, though KVM puts it
/// twice.
#[test]
fn an_spi_is_taken_once() {
    every_interleaving(|| {
        let (machine, mut vm) = Machine::new(false);
        machine.set_irsen(&mut vm, true);
        let device = thread::spawn({
            let machine = machine.clone();
            move || machine.inject(true)
        });
        machine.run();
        device.join().unwrap();
        machine.load();
        assert!(!machine.hardware.take(), "taken twice");
        let [resident, asked, sent] = {
            let hardware = &machine.hardware;
            [&hardware.resident, &hardware.asked, &hardware.sent].map(|count| count.load(Relaxed))
        };
        assert!(
            sent <= asked && asked < resident,
            "{sent} {asked} {resident}"
        );
    });
}

/// The same if the doorbell is handled late, on another CPU, and the vCPU is woken by something else
/// meanwhile.
#[test]
fn a_late_doorbell_is_not_lost() {
    every_interleaving(|| {
        let (machine, mut vm) = Machine::new(true);
        machine.set_irsen(&mut vm, true);
        let done = std::sync::Arc::new(AtomicUsize::new(0));
        let handler = thread::spawn({
            let (machine, done) = (machine.clone(), done.clone());
            move || {
                let mut handled = 0;
                loop {
                    machine.bell.as_ref().unwrap().wait();
                    while handled < machine.hardware.sent.load(Relaxed) {
                        machine.handle_doorbell();
                        handled += 1;
                    }
                    if done.load(Relaxed) != 0 {
                        break;
                    }
                }
            }
        });
        let device = thread::spawn({
            let machine = machine.clone();
            move || machine.inject(true)
        });
        machine.run();
        device.join().unwrap();
        done.store(1, Relaxed);
        machine.bell.as_ref().unwrap().notify();
        handler.join().unwrap();
    });
}

/// A guest enables its IRS on one vCPU while another, which has an SPI pending, enters the guest,
/// waits, or is about to.
#[test]
fn a_waiting_vcpu_learns_that_the_irs_was_enabled() {
    every_interleaving(|| {
        let (machine, mut vm) = Machine::new(false);
        machine.inject(true);
        let vcpu = thread::spawn({
            let machine = machine.clone();
            move || machine.run()
        });
        machine.set_irsen(&mut vm, true);
        vcpu.join().unwrap();
    });
}

/// The same with the SPI on its way.
#[test]
fn the_irs_is_enabled_as_a_device_injects() {
    every_interleaving(|| {
        let (machine, mut vm) = Machine::new(false);
        let device = thread::spawn({
            let machine = machine.clone();
            move || machine.inject(true)
        });
        let vcpu = thread::spawn({
            let machine = machine.clone();
            move || machine.run()
        });
        machine.set_irsen(&mut vm, true);
        vcpu.join().unwrap();
        device.join().unwrap();
    });
}

/// A vCPU that is in the guest, or about to be, is made to leave it, or sees the request.
#[test]
fn a_running_vcpu_learns_that_the_irs_was_disabled() {
    every_interleaving(|| {
        let (machine, mut vm) = Machine::new(false);
        machine.set_irsen(&mut vm, true);
        machine.check_requests();
        machine.load();
        let vcpu = thread::spawn({
            let machine = machine.clone();
            move || {
                // smp_store_mb(vcpu->mode, IN_GUEST_MODE)
                machine.in_guest.store(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                machine.check_requests();
                machine.hardware.state.load(Ordering::Relaxed) & HELD_BACK != 0
            }
        });
        machine.set_irsen(&mut vm, false);
        let held_back = vcpu.join().unwrap();
        assert!(
            held_back || machine.kicked.load(Ordering::Relaxed),
            "in the guest with a disabled IRS"
        );
        machine.check_requests();
        machine.inject(true);
        assert!(!machine.hardware.take(), "taken from a disabled IRS");
    });
}

/// Two devices share the line of a level SPI, and neither has a lock: what the hardware was told
/// last is what the line is.
#[test]
fn two_devices_on_a_line() {
    every_interleaving(|| {
        let (machine, _vm) = Machine::new(false);
        machine.shared.spis().set_trigger(SPI, Trigger::Level);
        let device = thread::spawn({
            let machine = machine.clone();
            move || {
                machine.inject(true);
                machine.inject(false);
            }
        });
        machine.inject(true);
        device.join().unwrap();
        let pending = machine.hardware.state.load(Ordering::Relaxed) & PENDING != 0;
        assert_eq!(pending, machine.shared.spis().line(SPI));
    });
}

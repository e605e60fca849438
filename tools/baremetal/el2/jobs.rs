// SPDX-License-Identifier: GPL-2.0
//! The other PEs: each waits for jobs, and runs them at EL2.

use crate::check_eq;
use crate::guest;
use crate::vcpu::VGic;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::SeqCst};
use rt::gic::*;
use rt::{cpu, psci};

/// PEs used at most.
pub const MOST: usize = 4;
/// Enough for emulated PEs on a busy machine.
const PATIENCE: u64 = 2_000_000_000;

/// What runs on another PE, at EL2.
pub type Job = fn(u64) -> u64;

/// What goes between the first PE and another.
pub struct Mailbox {
    /// A [`Job`], or null when there is none or it is done.
    job: AtomicPtr<()>,
    /// Its argument, then its result.
    value: AtomicU64,
    /// What a guest's handler there acknowledged.
    pub taken: AtomicU64,
    /// A guest there waits.
    pub waiting: AtomicU64,
}

/// One a PE.
pub static MAILBOXES: [Mailbox; MOST] = [const {
    Mailbox {
        job: AtomicPtr::new(core::ptr::null_mut()),
        value: AtomicU64::new(0),
        taken: AtomicU64::new(0),
        waiting: AtomicU64::new(0),
    }
}; MOST];

static STACKS: [psci::Stack; MOST] = [const { psci::Stack::new() }; MOST];

/// Spins until `f` says so; panics if it never does.
pub fn wait_until(what: &str, f: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if f() {
            return;
        }
        core::hint::spin_loop();
    }
    panic!("{what} never happens");
}

/// Has `pe` begin with `job(arg)`.
pub fn start(pe: usize, job: Job, arg: u64) {
    let mailbox = &MAILBOXES[pe];
    mailbox.value.store(arg, SeqCst);
    mailbox.job.store(job as *mut (), SeqCst);
}

/// Waits for the end of the job on `pe`, and returns its result.
pub fn finish(pe: usize) -> u64 {
    wait_until("the end of a job", || {
        MAILBOXES[pe].job.load(SeqCst).is_null()
    });
    MAILBOXES[pe].value.load(SeqCst)
}

/// Both.
pub fn on(pe: usize, job: Job, arg: u64) -> u64 {
    start(pe, job, arg);
    finish(pe)
}

/// Every PE but the first lives here.
pub fn secondary() -> ! {
    reset_cpu_interface();
    guest::set_up_host();
    VGic::OPEN.load();
    let mailbox = &MAILBOXES[cpu::pe()];
    loop {
        let job = mailbox.job.load(SeqCst);
        if job.is_null() {
            core::hint::spin_loop();
            continue;
        }
        // SAFETY: only `start` stores here, and only a Job.
        let job = unsafe { core::mem::transmute::<*mut (), Job>(job) };
        let result = job(mailbox.value.load(SeqCst));
        mailbox.value.store(result, SeqCst);
        mailbox.job.store(core::ptr::null_mut(), SeqCst);
    }
}

/// PSCI CPU_ON.
pub fn bring_up(pe: usize) {
    let status = psci::cpu_on(pe as u64, &STACKS[pe]);
    check_eq!(status, 0, "PE {pe} comes up");
    check_eq!(
        on(pe, |_| ICC_IAFFIDR_EL1.read(), 0),
        pe as u64,
        "its IAFFID is its number"
    );
}

/// PSCI CPU_OFF.
pub fn off(pe: usize) {
    start(pe, |_| psci::cpu_off(), 0);
    wait_until("going off", || psci::is_off(pe as u64));
    MAILBOXES[pe].job.store(core::ptr::null_mut(), SeqCst);
}

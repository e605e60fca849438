// SPDX-License-Identifier: GPL-2.0

//! Where a vCPU's state is: in memory only, or in the registers of the CPU it is on.
//!
//! ```text
//!            load                flush                 fold
//!   Parked ───────► Resident ───────────► (in guest) ───────► Resident
//!     ▲                │ ▲                                       │
//!     └──── put ───────┘ └───────────────────────────────────────┘
//! ```
//!
//! Outside the guest a [`Resident`] vCPU keeps its active bits, priorities, active priorities and
//! VMCR in the registers; nobody needs them before the put. KVM loads and puts a vCPU that waits in
//! WFI twice; [`Vcpu::residency`] tells the second time from the first.

use super::ppi::PpiMask;
use super::registers::{Reg, Registers};
use super::shadow::Shadow;
use super::stats::Event;
use super::vcpu::Vcpu;
use super::vm::Vm;

const PARKED: u64 = 0;
const LOADED: u64 = 1;
/// Loaded, and the guest has run since: the registers are ahead of memory.
const ENTERED: u64 = 2;

/// Where a vCPU is, for the thread that runs it.
pub enum Residency<'a> {
    /// In memory.
    Parked(Parked<'a>),
    /// In the registers of this CPU.
    Resident(Resident<'a>),
}

/// A vCPU that is on no CPU: memory has all there is to know of it.
pub struct Parked<'a>(&'a Vcpu);

/// A vCPU that is loaded on the CPU this runs on, which must not change (preemption off).
pub struct Resident<'a>(&'a Vcpu);

impl Vcpu {
    /// Where the vCPU is. Only the thread that runs the vCPU, or one that holds its mutex, gets an
    /// answer that lasts.
    #[inline(always)]
    pub fn residency(&self) -> Residency<'_> {
        if self.place.load() == PARKED {
            Residency::Parked(Parked(self))
        } else {
            Residency::Resident(Resident(self))
        }
    }
}

impl<'a> Parked<'a> {
    pub(super) fn vcpu(&self) -> &'a Vcpu {
        self.0
    }

    /// Brings the vCPU onto the CPU whose registers are `regs`.
    pub fn load<R: Registers>(self, shadow: &mut Shadow, regs: &mut R) -> Resident<'a> {
        let vcpu = self.0;
        if !R::RETAINS {
            shadow.forget();
        }
        shadow.leave_v3(regs);
        shadow.claim_upper(regs, vcpu.token);
        shadow.ensure(regs, Reg::Activer0, vcpu.active.load());
        for (reg, word) in Reg::PRIORITYR.into_iter().zip(&vcpu.priority) {
            shadow.ensure(regs, reg, word.load());
        }
        shadow.ensure(regs, Reg::Apr, vcpu.apr.load());
        shadow.ensure(regs, Reg::Vmcr, vcpu.vmcr.load());
        regs.loaded();
        vcpu.place.store(LOADED);
        vcpu.stats.count(Event::Load);
        Resident(vcpu)
    }

    /// Makes the CPU interface what it is after power-on. Lines stay as their devices drive them,
    /// and what userspace or a device may do stays as it is.
    ///
    /// Priorities, whose reset value the architecture leaves open, become 0.
    pub fn reset(&self) {
        let vcpu = self.0;
        for word in [
            &vcpu.latch,
            &vcpu.enabled,
            &vcpu.active,
            &vcpu.vmcr,
            &vcpu.apr,
            &vcpu.icsr,
        ] {
            word.store(0);
        }
        for word in &vcpu.priority {
            word.store(0);
        }
    }

    /// Forgets that a mapped PPI was active or pending: its device was reset. Others are left.
    pub fn reset_mapped(&self, ppi: super::PpiId) {
        let vcpu = self.0;
        let bit = (ppi.mask() & vcpu.wires().mapped()).bits();
        vcpu.active.clear(bit);
        vcpu.latch.clear(bit);
        vcpu.line.clear(bit);
    }
}

impl<'a> Resident<'a> {
    /// Last thing before the guest runs, interrupts off: puts into the registers what changed
    /// since the guest last ran here.
    ///
    /// No barrier: entering the guest is a context synchronization event, and nothing before it
    /// depends on these writes.
    #[inline]
    pub fn flush<R: Registers>(&self, vm: &Vm, shadow: &mut Shadow, regs: &mut R) -> Flushed {
        let vcpu = self.0;
        let visible = vm.visible();
        let direct = vcpu.direct() & visible;
        let software = visible & !direct;

        let edges = vcpu.latch.take((software & Vm::EDGE).bits());
        let lines = vcpu.line.load() & !Vm::EDGE.bits();
        let pending = PpiMask::from_bits(edges | lines) & software;

        // Owned are all but the direct ones: what the guest does not see must not be pending.
        shadow.ensure_pending(regs, pending, !direct);
        shadow.ensure(regs, Reg::Enabler0, (vcpu.enabled() & visible).bits());
        shadow.ensure(regs, Reg::Dvir0, direct.bits());
        // Not through the shadow: the host uses the register too.
        regs.write(Reg::Icsr, vcpu.icsr.load());

        vcpu.place.store(ENTERED);
        vcpu.stats.count(Event::Entry);
        Flushed { pending, direct }
    }

    /// First thing after the guest ran, interrupts still off: takes back what others may change
    /// from now on.
    ///
    /// No barrier: the exit was a context synchronization event, so the guest's own accesses are
    /// done. DVIR is cleared here and not at the put, because the timer code unmasks the physical
    /// PPI before the vGIC is put.
    #[inline]
    pub fn fold<R: Registers>(&self, vm: &Vm, shadow: &mut Shadow, regs: &mut R) -> Folded {
        let vcpu = self.0;
        regs.exited();
        let direct = shadow.direct();
        let pending = shadow.fetch_pending(regs, !direct);
        shadow.ensure(regs, Reg::Dvir0, 0);
        vcpu.icsr.store(regs.read(Reg::Icsr));

        // Edges that the guest has not taken go back to where new ones arrive, added to them: an
        // edge is never lost. Lines need no such care, their devices hold them.
        let edges = pending & Vm::EDGE & vm.visible();
        if !edges.is_empty() {
            vcpu.latch.set(edges.bits());
        }
        Folded { pending, direct }
    }

    /// Takes the vCPU off this CPU: memory catches up with what the guest did.
    pub fn put<R: Registers>(self, shadow: &mut Shadow, regs: &mut R) -> Parked<'a> {
        let vcpu = self.0;
        if vcpu.place.load() == ENTERED {
            vcpu.active.store(shadow.fetch(regs, Reg::Activer0));
            for (reg, word) in Reg::PRIORITYR.into_iter().zip(&vcpu.priority) {
                word.store(shadow.fetch(regs, reg));
            }
            vcpu.apr.store(shadow.fetch(regs, Reg::Apr));
            vcpu.vmcr.store(shadow.fetch(regs, Reg::Vmcr));
        }
        // Whoever runs here next without a GICv5 of its own must not be signalled our interrupts.
        shadow.ensure(regs, Reg::Vmcr, 0);
        vcpu.place.store(PARKED);
        vcpu.stats.count(Event::Put);
        Parked(vcpu)
    }
}

/// What a flush showed the guest, for whoever traces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flushed {
    /// PPIs made pending.
    pub pending: PpiMask,
    /// PPIs injected directly.
    pub direct: PpiMask,
}

/// What a fold found, for whoever traces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// PPIs pending on the way out, the direct ones left aside.
    pub pending: PpiMask,
    /// PPIs that were injected directly.
    pub direct: PpiMask,
}

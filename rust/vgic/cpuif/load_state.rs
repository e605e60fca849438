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
//! WFI twice; [`LoadState`] tells the second time from the first.

use super::interface::CpuInterface;
use super::ppi::{PpiId, PpiMask};
use super::register_cache::RegisterCache;
use super::registers::Reg;
use super::vm_ppis::VmPpis;
use crate::sysregs::ICC_ICSR_EL1;
use crate::vgic::ports::CpuRegisters;
use crate::vgic::stats::Event;

/// Where a vCPU's state is, for the thread that may move it ([`crate::vgic::VcpuThread`]).
pub enum LoadState<'a> {
    /// In memory.
    Parked(Parked<'a>),
    /// In the registers of this CPU.
    Resident(Resident<'a>),
}

/// A vCPU that is on no CPU: memory has all there is to know of it.
pub struct Parked<'a>(&'a CpuInterface);

/// A vCPU that is loaded on the CPU this runs on, which must not change (preemption off).
pub struct Resident<'a>(&'a CpuInterface);

impl<'a> LoadState<'a> {
    /// The caller has shown that it is the thread that may move it.
    #[inline(always)]
    pub(in crate::vgic) fn of(cpuif: &'a CpuInterface) -> Self {
        if cpuif.saved().is_resident() {
            Self::Resident(Resident(cpuif))
        } else {
            Self::Parked(Parked(cpuif))
        }
    }

    /// The vCPU if it is not loaded.
    #[inline(always)]
    pub fn parked(self) -> Option<Parked<'a>> {
        match self {
            Self::Parked(parked) => Some(parked),
            Self::Resident(_) => None,
        }
    }

    /// The vCPU if it is loaded.
    #[inline(always)]
    pub fn resident(self) -> Option<Resident<'a>> {
        match self {
            Self::Resident(resident) => Some(resident),
            Self::Parked(_) => None,
        }
    }
}

impl<'a> Parked<'a> {
    pub(super) fn cpuif(&self) -> &'a CpuInterface {
        self.0
    }

    /// Brings the vCPU onto the CPU whose registers are `regs`.
    #[inline]
    pub fn load<R: CpuRegisters>(self, cache: &mut RegisterCache, regs: &mut R) -> Resident<'a> {
        let cpuif = self.0;
        if !R::RETAINS {
            cache.forget();
        }
        cache.leave_v3(regs);
        cache.claim_upper(regs, cpuif.token());
        cpuif.saved().restore(cache, regs);
        regs.loaded();
        cpuif.stats().count(Event::Load);
        Resident(cpuif)
    }

    /// Makes the CPU interface what it is after power-on. Lines stay as their devices drive them,
    /// and what userspace or a device may do stays as it is.
    pub fn reset(&self) {
        self.0.inputs().clear_edges();
        self.0.saved().reset();
    }

    /// Forgets that a mapped PPI was active or pending: its device was reset. Others are left.
    pub fn reset_mapped(&self, ppi: PpiId) {
        let cpuif = self.0;
        let mapped = ppi.mask() & cpuif.inputs().owners().mapped();
        cpuif.saved().clear_active(mapped);
        cpuif.inputs().clear(mapped);
    }
}

impl<'a> Resident<'a> {
    /// Last thing before the guest runs, interrupts off: puts into the registers what changed
    /// since the guest last ran here.
    ///
    /// No barrier: entering the guest is a context synchronization event, and nothing before it
    /// depends on these writes.
    #[inline]
    pub fn flush<R: CpuRegisters>(&self, ppis: &VmPpis, cache: &mut RegisterCache, regs: &mut R) {
        let cpuif = self.0;
        let visible = ppis.visible();
        let direct = cpuif.inputs().direct() & visible;
        let software = visible & !direct;

        let edges = cpuif.inputs().take_edges(software);
        let pending = (edges | cpuif.inputs().lines()) & software;

        // Owned are all but the direct ones: what the guest does not see must not be pending.
        cache.ensure_pending(regs, pending, !direct);
        let enabled = cpuif.saved().enabled() & visible;
        cache.ensure(regs, Reg::Enabler0, enabled.bits());
        cache.ensure(regs, Reg::Dvir0, direct.bits());
        // Not through the cache: the host uses the register too.
        regs.write(Reg::Icsr, cpuif.saved().icsr().into_raw());

        cpuif.saved().entered();
        cpuif.stats().count(Event::Entry);
    }

    /// First thing after the guest ran, interrupts still off: takes back what others may change
    /// from now on.
    ///
    /// No barrier: the exit was a context synchronization event, so the guest's own accesses are
    /// done. DVIR is cleared here and not at the put, because the timer code unmasks the physical
    /// PPI before the vGIC is put.
    #[inline]
    pub fn fold<R: CpuRegisters>(&self, ppis: &VmPpis, cache: &mut RegisterCache, regs: &mut R) {
        let cpuif = self.0;
        regs.exited();
        let direct = cache.direct();
        let pending = cache.fetch_pending(regs, !direct);
        cache.ensure(regs, Reg::Dvir0, 0);
        cpuif
            .saved()
            .set_icsr(ICC_ICSR_EL1::from_raw(regs.read(Reg::Icsr)));

        // Edges that the guest has not taken go back to where new ones arrive, added to them: an
        // edge is never lost. Lines need no such care, their devices hold them.
        cpuif
            .inputs()
            .return_edges(pending & PpiMask::EDGE & ppis.visible());
    }

    /// Takes the vCPU off this CPU: memory catches up with what the guest did.
    #[inline]
    pub fn put<R: CpuRegisters>(self, cache: &mut RegisterCache, regs: &mut R) -> Parked<'a> {
        let cpuif = self.0;
        cpuif.saved().save(cache, regs);
        // Whoever runs here next without a GICv5 of its own must not be signalled our interrupts.
        cache.ensure(regs, Reg::Vmcr, 0);
        regs.unloaded();
        cpuif.stats().count(Event::Put);
        Parked(cpuif)
    }
}

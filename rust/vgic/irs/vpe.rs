// SPDX-License-Identifier: GPL-2.0

//! A vCPU's VPE: whether it is resident on a PE, and the doorbell that wakes it.
//!
//! SPIs and LPIs of a resident VPE reach the guest without software. For one that waits in WFI, the
//! IRS rings a doorbell, which is a physical LPI. A VPE that was merely preempted asks for none: its
//! interrupts are there when it is loaded again.

use super::super::cpuif::PriorityMask;
use super::super::word::Word;
use super::host::{VmId, VpeId};
use super::ports::Cpu;
use crate::sysregs::{Bits, ICH_CONTEXTR_EL2};

/// The VPE could not be made resident: the IRS does not know it, or it is resident elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextFault;

/// Why a vCPU leaves its CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// To come back by itself.
    Preempted,
    /// To wait for an interrupt that passes this mask.
    Waiting(PriorityMask),
}

/// The state of a VPE.
///
/// The thread that runs the vCPU loads and puts it; any thread rings.
pub struct Vpe {
    resident: Word,
    /// [`Self::RUNG`] and [`Self::NOT_ASKED`], since the vCPU last left its CPU.
    news: Word,
    asked: Word,
    rings: Word,
}

impl Vpe {
    /// The doorbell has rung.
    const RUNG: u64 = 1 << 0;
    /// The vCPU waits without a doorbell, as its IRS is disabled.
    const NOT_ASKED: u64 = 1 << 1;

    /// A VPE that is not resident.
    pub fn new() -> Self {
        Self {
            resident: Word::new(0),
            news: Word::new(0),
            asked: Word::new(0),
            rings: Word::new(0),
        }
    }

    /// Whether the VPE is resident. Only the thread that runs the vCPU gets an answer that lasts.
    #[inline(always)]
    pub fn is_resident(&self) -> bool {
        self.resident.load() != 0
    }

    /// Whether the doorbell has rung since the vCPU last left its CPU.
    pub fn has_rung(&self) -> bool {
        self.news.load() & Self::RUNG != 0
    }

    /// Whether a vCPU that waits, whose IRS is `enabled` now, may have an SPI or an LPI: the doorbell
    /// has rung, or none was requested as the IRS was disabled, and it is no longer.
    ///
    /// The vCPU's thread asks this after it said that it sleeps, and whoever enables the IRS looks
    /// after that whether the thread sleeps. So one of them sees the other.
    #[inline(always)]
    pub fn must_wake(&self, enabled: bool) -> bool {
        let news = self.news.load();
        news & Self::RUNG != 0 || (enabled && news & Self::NOT_ASKED != 0)
    }

    /// How often a doorbell was asked for.
    pub fn asked(&self) -> u64 {
        self.asked.load()
    }

    /// How often the doorbell has rung. Less often than it was asked for: an interrupt may come while
    /// the vCPU is loaded again.
    pub fn rings(&self) -> u64 {
        self.rings.load()
    }

    /// Makes the VPE resident on this CPU; does nothing if it is already. Preemption is off.
    ///
    /// With `enabled` false (IRS_CR0.IRSEN of the guest's) its SPIs and LPIs are held back.
    ///
    /// # Errors
    ///
    /// [`ContextFault`]; the VM cannot go on.
    #[inline]
    pub fn load<C: Cpu>(
        &self,
        cpu: &mut C,
        vm: VmId,
        vpe: VpeId,
        enabled: bool,
    ) -> Result<(), ContextFault> {
        if self.is_resident() {
            return Ok(());
        }
        let context = ICH_CONTEXTR_EL2::new()
            .with_v(true)
            .with_irichppidis(!enabled)
            .with_vpe(Bits::truncate(vpe.0.into()))
            .with_vm(Bits::truncate(vm.number().into()));
        let now = cpu.enter_context(context.into_raw());
        if ICH_CONTEXTR_EL2::from_raw(now).f() {
            return Err(ContextFault);
        }
        self.resident.store(1);
        Ok(())
    }

    /// Ends the VPE's residency on this CPU; does nothing if it is not resident, as KVM puts a
    /// vCPU that waits in WFI twice. Preemption is off. Returns whether a doorbell was requested.
    ///
    /// A doorbell rings from the moment of leaving, on any CPU. So what it sets is cleared before,
    /// and that is visible to the other CPUs before ([`Cpu::leave_context`]): a ring is never
    /// overwritten.
    #[inline]
    pub fn put<C: Cpu>(&self, cpu: &mut C, leaving: Leaving, enabled: bool) -> bool {
        if !self.is_resident() {
            return false;
        }
        let mut context = ICH_CONTEXTR_EL2::new();
        let mut news = 0;
        if let Leaving::Waiting(mask) = leaving {
            match mask.lowest() {
                Some(lowest) if enabled => {
                    context = context
                        .with_db(true)
                        .with_dbpm(Bits::truncate(lowest.value().into()));
                }
                // The guest does not wait for SPIs and LPIs, unless its IRS is enabled meanwhile.
                Some(_) => news = Self::NOT_ASKED,
                None => {}
            }
        }
        self.news.store(news);
        self.resident.store(0);
        cpu.leave_context(context.into_raw());
        // Nothing depends on it; loom would try all that the bump can be between.
        if context.db() && cfg!(not(loom)) {
            self.asked.bump();
        }
        context.db()
    }

    /// The doorbell rings. The caller wakes the vCPU. Any context.
    pub fn ring(&self) {
        // Fully ordered, so that the wake-up finds it.
        self.news.set(Self::RUNG);
        self.rings.bump();
    }
}

impl Default for Vpe {
    fn default() -> Self {
        Self::new()
    }
}

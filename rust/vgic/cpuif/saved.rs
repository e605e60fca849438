// SPDX-License-Identifier: GPL-2.0

//! A CPU interface's registers in memory.

use super::ppi::{PpiId, PpiMask};
use super::priority::Priority;
use super::register_cache::RegisterCache;
use super::registers::Reg;
use crate::sysregs::{FEAT_GCIE_ICH_VMCR_EL2, ICC_ICSR_EL1, ICH_APR_EL2};
use crate::vgic::ports::CpuRegisters;
use crate::vgic::word::Word;

/// The registers of one vCPU's CPU interface as of the last put, but for the enables, which are
/// always current: guest writes of them trap.
///
/// Only the vCPU's own thread writes here. Any thread may read.
pub struct SavedState {
    enabled: Word,
    active: Word,
    priority: [Word; 8],
    vmcr: Word,
    apr: Word,
    icsr: Word,
    /// Whether memory or the registers hold the truth: [`PARKED`], [`LOADED`] or [`ENTERED`].
    load_state: Word,
}

/// Memory holds the truth.
const PARKED: u64 = 0;
/// The registers hold what memory holds.
const LOADED: u64 = 1;
/// The guest has run since the load: the registers are ahead of memory.
const ENTERED: u64 = 2;

impl SavedState {
    /// As after power-on.
    pub(super) fn new() -> Self {
        Self {
            enabled: Word::new(0),
            active: Word::new(0),
            priority: core::array::from_fn(|_| Word::new(0)),
            vmcr: Word::new(0),
            apr: Word::new(0),
            icsr: Word::new(0),
            load_state: Word::new(PARKED),
        }
    }

    /// Enabled PPIs.
    #[inline(always)]
    pub fn enabled(&self) -> PpiMask {
        PpiMask::from_bits(self.enabled.load())
    }

    /// Active PPIs.
    #[inline(always)]
    pub fn active(&self) -> PpiMask {
        PpiMask::from_bits(self.active.load())
    }

    /// A PPI's priority.
    #[inline]
    pub fn priority(&self, ppi: PpiId) -> Priority {
        let word = self.priorityr(ppi.number() as usize / 8);
        Priority::from_field((word >> (ppi.number() % 8 * 8)) as u8)
    }

    /// ICC_PPI_PRIORITYR`n`_EL1; 0 if there is none.
    #[inline(always)]
    pub fn priorityr(&self, n: usize) -> u64 {
        self.priority.get(n).map_or(0, Word::load)
    }

    /// ICH_VMCR_EL2.
    #[inline(always)]
    pub fn vmcr(&self) -> FEAT_GCIE_ICH_VMCR_EL2 {
        FEAT_GCIE_ICH_VMCR_EL2::from_raw(self.vmcr.load())
    }

    /// ICH_APR_EL2.
    #[inline(always)]
    pub fn apr(&self) -> ICH_APR_EL2 {
        ICH_APR_EL2::from_raw(self.apr.load())
    }

    /// ICC_ICSR_EL1.
    #[inline(always)]
    pub fn icsr(&self) -> ICC_ICSR_EL1 {
        ICC_ICSR_EL1::from_raw(self.icsr.load())
    }

    /// Whether the registers of some CPU, not memory, hold the truth.
    #[inline(always)]
    pub fn is_resident(&self) -> bool {
        self.load_state.load() != PARKED
    }

    #[inline(always)]
    pub(super) fn set_enabled(&self, ppis: PpiMask) {
        self.enabled.store(ppis.bits());
    }

    pub(super) fn set_active(&self, ppis: PpiMask) {
        self.active.store(ppis.bits());
    }

    pub(super) fn clear_active(&self, ppis: PpiMask) {
        self.active.clear(ppis.bits());
    }

    pub(super) fn set_priorityr(&self, n: usize, value: u64) {
        if let Some(word) = self.priority.get(n) {
            word.store(value);
        }
    }

    pub(super) fn set_vmcr(&self, vmcr: FEAT_GCIE_ICH_VMCR_EL2) {
        self.vmcr.store(vmcr.into_raw());
    }

    pub(super) fn set_apr(&self, apr: ICH_APR_EL2) {
        self.apr.store(apr.into_raw());
    }

    #[inline(always)]
    pub(super) fn set_icsr(&self, icsr: ICC_ICSR_EL1) {
        self.icsr.store(icsr.into_raw());
    }

    /// All as after power-on. Priorities, whose reset value the architecture leaves open, are 0.
    pub(super) fn reset(&self) {
        for word in [
            &self.enabled,
            &self.active,
            &self.vmcr,
            &self.apr,
            &self.icsr,
        ] {
            word.store(0);
        }
        for word in &self.priority {
            word.store(0);
        }
    }

    /// Brings the registers up to memory.
    #[inline(always)]
    pub(super) fn restore<R: CpuRegisters>(&self, cache: &mut RegisterCache, regs: &mut R) {
        cache.ensure(regs, Reg::Activer0, self.active.load());
        for (reg, word) in Reg::PRIORITYR.into_iter().zip(&self.priority) {
            cache.ensure(regs, reg, word.load());
        }
        cache.ensure(regs, Reg::Apr, self.apr.load());
        cache.ensure(regs, Reg::Vmcr, self.vmcr.load());
        self.load_state.store(LOADED);
    }

    /// The guest is about to run: from now on the registers are ahead of memory.
    #[inline(always)]
    pub(super) fn entered(&self) {
        self.load_state.store(ENTERED);
    }

    /// Brings memory up to the registers.
    #[inline(always)]
    pub(super) fn save<R: CpuRegisters>(&self, cache: &mut RegisterCache, regs: &mut R) {
        if self.load_state.load() == ENTERED {
            self.active.store(cache.fetch(regs, Reg::Activer0));
            for (reg, word) in Reg::PRIORITYR.into_iter().zip(&self.priority) {
                word.store(cache.fetch(regs, reg));
            }
            self.apr.store(cache.fetch(regs, Reg::Apr));
            self.vmcr.store(cache.fetch(regs, Reg::Vmcr));
        }
        self.load_state.store(PARKED);
    }
}

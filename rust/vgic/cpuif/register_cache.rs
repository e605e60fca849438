// SPDX-License-Identifier: GPL-2.0

//! What one physical CPU's registers are known to hold.

use super::ppi::PpiMask;
use super::registers::Reg;
use crate::sysregs::ICH_VCTLR_EL2;
use crate::vgic::ports::CpuRegisters;

/// The registers of one physical CPU as the last access of ours left them.
///
/// # Invariants
///
/// For each register in `known`, the register holds the word of that index; for PPIs in
/// `pendr_known`, ICH_PPI_PENDR0_EL2 agrees with the word of PENDR0. The owner calls
/// [`RegisterCache::sync`] before a load, which forgets everything if anybody else (another backend, a
/// reset of the CPU) may have written a register, and keeps preemption off between that and the
/// put. While the guest runs its registers are ahead; the put catches up before it relies on them.
pub struct RegisterCache {
    words: [u64; Reg::COUNT],
    known: u32,
    pendr_known: PpiMask,
    upper: Upper,
    /// Whether the PE keeps anything at all for PPIs 64 to 127, once that was tried.
    has_upper: Option<bool>,
    epoch: u64,
}

/// What is known of the registers of PPIs 64 to 127.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upper {
    Unknown,
    /// They hold 0, but for what the vCPU with this token did to them.
    LeftBy(u64),
}

impl RegisterCache {
    /// Knows nothing.
    pub const fn new() -> Self {
        Self {
            words: [0; Reg::COUNT],
            known: 0,
            pendr_known: PpiMask::NONE,
            upper: Upper::Unknown,
            has_upper: None,
            epoch: 0,
        }
    }

    /// Forgets everything: somebody else wrote the registers.
    pub fn forget(&mut self) {
        self.known = 0;
        self.pendr_known = PpiMask::NONE;
        self.upper = Upper::Unknown;
    }

    /// Forgets everything unless `epoch` is still what it was.
    ///
    /// The epoch of a CPU changes whenever somebody who is not us may have written its registers.
    #[inline]
    pub fn sync(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.forget();
        }
    }

    /// Makes a register hold `value`, writing it only if it is not known to.
    #[inline(always)]
    pub(super) fn ensure<R: CpuRegisters>(&mut self, regs: &mut R, reg: Reg, value: u64) {
        let bit = reg.bit();
        let word = &mut self.words[reg as usize];
        if self.known & bit != 0 && *word == value {
            return;
        }
        regs.write(reg, value);
        *word = value;
        self.known |= bit;
    }

    /// Reads a register and remembers what it holds.
    #[inline(always)]
    pub(super) fn fetch<R: CpuRegisters>(&mut self, regs: &R, reg: Reg) -> u64 {
        let value = regs.read(reg);
        self.words[reg as usize] = value;
        self.known |= reg.bit();
        value
    }

    /// Makes the pending state of the PPIs in `owned` be `pending`; the others are don't-cares
    /// (their pending state is the physical PPI's while DVIR has their bit).
    #[inline(always)]
    pub(super) fn ensure_pending<R: CpuRegisters>(
        &mut self,
        regs: &mut R,
        pending: PpiMask,
        owned: PpiMask,
    ) {
        let held = PpiMask::from_bits(self.words[Reg::Pendr0 as usize]);
        let differs = (held.bits() ^ pending.bits()) & owned.bits();
        if differs == 0 && (owned & !self.pendr_known).is_empty() {
            return;
        }
        regs.write(Reg::Pendr0, pending.bits());
        self.words[Reg::Pendr0 as usize] = pending.bits();
        self.pendr_known = owned;
    }

    /// What DVIR0 holds: the PPIs that were injected directly while the guest ran.
    #[inline(always)]
    pub(super) fn direct(&self) -> PpiMask {
        PpiMask::from_bits(self.words[Reg::Dvir0 as usize])
    }

    /// Reads what the guest left pending. Of the PPIs outside `owned` the read shows the physical
    /// PPI, and says nothing about what the register holds once DVIR lets go of them.
    #[inline(always)]
    pub(super) fn fetch_pending<R: CpuRegisters>(&mut self, regs: &R, owned: PpiMask) -> PpiMask {
        let pending = PpiMask::from_bits(regs.read(Reg::Pendr0)) & owned;
        self.words[Reg::Pendr0 as usize] = pending.bits();
        self.pendr_known = owned;
        pending
    }

    /// Switches the interface from the legacy GICv3 view to GICv5's.
    ///
    /// Whoever uses the GICv3 view changes the epoch, so a known VCTLR needs no second look.
    pub(super) fn leave_v3<R: CpuRegisters>(&mut self, regs: &mut R) {
        if self.known & Reg::Vctlr.bit() != 0 {
            return;
        }
        let vctlr = ICH_VCTLR_EL2::from_raw(self.fetch(regs, Reg::Vctlr));
        if vctlr.v3() {
            self.ensure(regs, Reg::Vctlr, vctlr.with_v3(false).into_raw());
            // V3 decides how ICH_VMCR_EL2 is laid out, and VMCR is written next.
            regs.synchronize();
        }
    }

    /// Clears PPIs 64 to 127, unless `token` was the last that could write them.
    ///
    /// A guest can write their priorities, active and pending bits (one trap bit covers both
    /// registers of a pair) but never enable one, so what it leaves there is harmless to itself
    /// and must only not be seen by another. Most PEs have no such PPI, their registers are RES0,
    /// and nothing is ever left.
    pub(super) fn claim_upper<R: CpuRegisters>(&mut self, regs: &mut R, token: u64) {
        if self.upper == Upper::LeftBy(token) {
            return;
        }
        if self.upper == Upper::Unknown {
            for reg in Reg::UPPER_HOST {
                regs.write(reg, 0);
            }
        }
        let has_upper = match self.has_upper {
            Some(known) => known,
            None => Self::try_upper(regs),
        };
        self.has_upper = Some(has_upper);
        if has_upper {
            for reg in Reg::UPPER_GUEST {
                regs.write(reg, 0);
            }
        }
        self.upper = Upper::LeftBy(token);
    }

    /// Whether any of what a guest can write of PPIs 64 to 127 keeps what is written.
    fn try_upper<R: CpuRegisters>(regs: &mut R) -> bool {
        for reg in Reg::UPPER_GUEST {
            regs.write(reg, u64::MAX);
        }
        // The direct writes above are read back below.
        regs.synchronize();
        Reg::UPPER_GUEST.into_iter().any(|reg| regs.read(reg) != 0)
    }
}

impl Default for RegisterCache {
    fn default() -> Self {
        Self::new()
    }
}

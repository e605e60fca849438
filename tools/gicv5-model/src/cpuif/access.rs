// SPDX-License-Identifier: GPL-2.0-or-later
//! What reads and writes of each register do, once it is known that they are
//! done and which domain they reach.

use super::control::ActivePriorities;
use super::ppi::PpiSet;
use super::route::Domain;
use super::{CpuInterface, Interface};
use crate::intid::{Candidate, Priority};
use crate::regs::{Icc, Ich};

/// ICC_IDR0_EL1: ID_BITS 24, PRI_BITS 5, no GCIE_LEGACY.
const IDR0: u64 = 0b0100 << 4 | 0b0001;

/// ICC_CR0_EL1.EN.
const CR0_EN: u64 = 1 << 0;
/// ICC_CR0_EL1.{LINK, LINK_IDLE}, in both domains: a guest that polls LINK_IDLE
/// has to find it. CHOICE: the link to the IRS is always up and idle, and
/// writes to LINK are ignored. PID and IPPT are RES0 without EL3.
const CR0_LINK: u64 = 1 << 1 | 1 << 2;

/// The fields of ICC_ICSR_EL1.
pub(super) const ICSR_MASK: u64 = 0xffff_0000_f83f;

/// ICH_VMCR_EL2.EN and the place of VPMR.
const VMCR_EN: u64 = 1 << 0;
const VMCR_VPMR_SHIFT: u32 = 27;

/// The value of HPPIR: HPPIV, and the INTID if that is set.
fn hppir(hppi: Option<Candidate>) -> u64 {
    hppi.map_or(0, |hppi| 1 << 32 | u64::from(hppi.intid.raw()))
}

impl CpuInterface {
    /// Reads an EL1 register of `domain`; `irs` answers with the IRS's
    /// candidate.
    pub fn read_icc(
        &self,
        reg: Icc,
        domain: Domain,
        irs: impl FnOnce() -> Option<Candidate>,
    ) -> u64 {
        let interface = self.interface(domain);
        let control = &interface.control;
        match reg {
            // The virtual PPIs have the physical ones' modes: HMR is what the
            // guest reads when ICH_HFGRTR_EL2 lets it.
            Icc::PpiHmr(half) => (self.implemented & !PpiSet::EDGE).half(half),
            Icc::PpiEnabler(half) => interface.ppis.enabled().half(half),
            Icc::PpiCactiver(half) | Icc::PpiSactiver(half) => interface.ppis.active().half(half),
            Icc::PpiCpendr(half) | Icc::PpiSpendr(half) => self.pending(domain).half(half),
            Icc::PpiPriorityr(reg) => interface.ppis.priorities().read(reg),
            Icc::Idr0 => IDR0,
            Icc::Hppir => hppir(self.hppi(domain, irs())),
            Icc::Icsr => self.icsr,
            // There is no virtual view of it: a guest that is let through gets
            // the PE's own, which is why a hypervisor traps it (Linux:
            // `access_gicv5_iaffid`).
            Icc::Iaffidr => self.iaffid.into(),
            Icc::Apr => control.active.bits(),
            Icc::Pcr => control.mask.get().into(),
            Icc::Cr0 => u64::from(control.enabled) * CR0_EN | CR0_LINK,
        }
    }

    /// Writes an EL1 register of `domain`.
    pub fn write_icc(&mut self, reg: Icc, domain: Domain, value: u64) {
        let implemented = self.implemented;
        let named = |half| PpiSet::from_half(half, value) & implemented;
        let interface = self.interface_mut(domain);
        match reg {
            Icc::PpiEnabler(half) => interface.ppis.write_enabled(half, named(half).half(half)),
            Icc::PpiCactiver(half) => interface.ppis.deactivate(named(half)),
            Icc::PpiSactiver(half) => interface.ppis.activate(named(half)),
            Icc::PpiCpendr(half) => self.clear_pending(domain, named(half)),
            Icc::PpiSpendr(half) => self.set_pending(domain, named(half)),
            Icc::PpiPriorityr(reg) => interface.ppis.write_priorities(reg, value, implemented),
            Icc::Icsr => self.icsr = value & ICSR_MASK,
            Icc::Apr => interface.control.active = ActivePriorities::from_bits(value),
            Icc::Pcr => interface.control.mask = Priority::from_bits(value),
            Icc::Cr0 => interface.control.enabled = value & CR0_EN != 0,
            Icc::PpiHmr(_) | Icc::Idr0 | Icc::Hppir | Icc::Iaffidr => {}
        }
    }

    /// Reads an EL2 register; `irs` answers with the virtual IRS's candidate.
    pub fn read_ich(&self, reg: Ich, irs: impl FnOnce() -> Option<Candidate>) -> u64 {
        let interface = &self.virt.interface;
        match reg {
            Ich::Apr => interface.control.active.bits(),
            // CHOICE: the same interrupt that the guest sees in ICC_HPPIR_EL1.
            Ich::Hppir => hppir(self.hppi(Domain::Virtual, irs())),
            Ich::Hfgrtr => self.traps.hfgrtr(),
            Ich::Hfgwtr => self.traps.hfgwtr(),
            Ich::Hfgitr => self.traps.hfgitr(),
            Ich::PpiDvir(half) => self.virt.dvir(half),
            Ich::PpiEnabler(half) => interface.ppis.enabled().half(half),
            Ich::PpiPendr(half) => self.virt.pendr(half),
            Ich::PpiActiver(half) => interface.ppis.active().half(half),
            Ich::PpiPriorityr(reg) => interface.ppis.priorities().read(reg),
            Ich::Vctlr => self.virt.vctlr(),
            Ich::Contextr => self.virt.contextr(),
            Ich::Vmcr => {
                u64::from(interface.control.enabled) * VMCR_EN
                    | u64::from(interface.control.mask.get()) << VMCR_VPMR_SHIFT
            }
        }
    }

    /// Writes an EL2 register.
    pub fn write_ich(&mut self, reg: Ich, value: u64) {
        let implemented = self.implemented;
        let bits = |half| value & implemented.half(half);
        let Interface { control, ppis } = &mut self.virt.interface;
        match reg {
            Ich::Apr => control.active = ActivePriorities::from_bits(value),
            Ich::Hppir => {}
            Ich::Hfgrtr => self.traps.set_hfgrtr(value),
            Ich::Hfgwtr => self.traps.set_hfgwtr(value),
            Ich::Hfgitr => self.traps.set_hfgitr(value),
            Ich::PpiDvir(half) => self.virt.write_dvir(half, bits(half)),
            Ich::PpiEnabler(half) => ppis.write_enabled(half, bits(half)),
            Ich::PpiPendr(half) => self.virt.write_pendr(half, bits(half)),
            Ich::PpiActiver(half) => ppis.write_active(half, bits(half)),
            Ich::PpiPriorityr(reg) => ppis.write_priorities(reg, value, implemented),
            Ich::Vctlr => self.virt.write_vctlr(value),
            // What the IRS makes of it comes with `set_contextr()`.
            Ich::Contextr => {}
            Ich::Vmcr => {
                control.enabled = value & VMCR_EN != 0;
                control.mask = Priority::from_bits(value >> VMCR_VPMR_SHIFT);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Userspace's view of a CPU interface, to save it and to restore it
//! (KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS).
//!
//! Pending and active state is read and written raw, through the "set" registers; their "clear"
//! twins are refused, as writing one would say nothing about the bits that are 0.

use super::load_state::Parked;
use super::ppi::PpiMask;
use super::vm_ppis::VmPpis;
use crate::sysregs::{
    Bits, Encoding, ICC_PPI_PRIORITYRn_EL1, ICC_PPI_PRIORITYRx_EL1, SystemRegister, ICC_APR_EL1,
    ICC_CR0_EL1, ICC_ICSR_EL1, ICC_PCR_EL1, ICC_PPI_ENABLER0_EL1, ICC_PPI_ENABLER1_EL1,
    ICC_PPI_SACTIVER0_EL1, ICC_PPI_SACTIVER1_EL1, ICC_PPI_SPENDR0_EL1, ICC_PPI_SPENDR1_EL1,
    ICH_APR_EL2,
};

/// Which of a pair of PPI registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// PPIs 0 to 63.
    Lower,
    /// PPIs 64 to 127, of which a guest has none: reads 0, and takes no other value.
    Upper,
}

/// A register that userspace may read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRegister {
    /// ICC_ICSR_EL1.
    Icsr,
    /// ICC_PPI_ENABLERn_EL1.
    Enabler(Half),
    /// ICC_PPI_SACTIVERn_EL1.
    Active(Half),
    /// ICC_PPI_SPENDRn_EL1.
    Pending(Half),
    /// ICC_PPI_PRIORITYRn_EL1, n from 0 to 15.
    Priority(u8),
    /// ICC_APR_EL1.
    Apr,
    /// ICC_CR0_EL1.
    Cr0,
    /// ICC_PCR_EL1.
    Pcr,
}

/// The value has a bit set that the register, or this VM's, does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue;

impl UserRegister {
    const NAMED: [(Encoding, Self); 10] = [
        (ICC_ICSR_EL1::ENCODING, Self::Icsr),
        (ICC_PPI_ENABLER0_EL1::ENCODING, Self::Enabler(Half::Lower)),
        (ICC_PPI_ENABLER1_EL1::ENCODING, Self::Enabler(Half::Upper)),
        (ICC_PPI_SACTIVER0_EL1::ENCODING, Self::Active(Half::Lower)),
        (ICC_PPI_SACTIVER1_EL1::ENCODING, Self::Active(Half::Upper)),
        (ICC_PPI_SPENDR0_EL1::ENCODING, Self::Pending(Half::Lower)),
        (ICC_PPI_SPENDR1_EL1::ENCODING, Self::Pending(Half::Upper)),
        (ICC_APR_EL1::ENCODING, Self::Apr),
        (ICC_CR0_EL1::ENCODING, Self::Cr0),
        (ICC_PCR_EL1::ENCODING, Self::Pcr),
    ];

    /// All of them, with their encodings.
    pub fn all() -> impl Iterator<Item = (Encoding, Self)> {
        let priorities = (0..).zip(ICC_PPI_PRIORITYRn_EL1::REGISTERS);
        Self::NAMED
            .into_iter()
            .chain(priorities.map(|(n, reg)| (reg.encoding, Self::Priority(n))))
    }

    /// The register with this op0:op1:CRn:CRm:op2, 16 bits; `None` for any that userspace has no
    /// access to.
    pub fn decode(id: u16) -> Option<Self> {
        Self::all().find_map(|(encoding, reg)| (encoding.id() == id).then_some(reg))
    }

    /// What the register holds.
    pub fn get(self, ppis: &VmPpis, parked: &Parked<'_>) -> u64 {
        let (inputs, saved) = (parked.cpuif().inputs(), parked.cpuif().saved());
        match self {
            Self::Icsr => saved.icsr().into_raw(),
            // Restored before the VM knew what it shows its guest, and not looked at since.
            Self::Enabler(Half::Lower) if ppis.is_final() => {
                (saved.enabled() & ppis.visible()).bits()
            }
            Self::Enabler(Half::Lower) => saved.enabled().bits(),
            Self::Active(Half::Lower) => saved.active().bits(),
            Self::Pending(Half::Lower) => (inputs.pending() & !inputs.direct()).bits(),
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
                0
            }
            Self::Priority(n) => saved.priorityr(n.into()),
            Self::Apr => saved.apr().into_raw(),
            // The link to the IRS is there, and idle.
            Self::Cr0 => ICC_CR0_EL1::new()
                .with_en(saved.vmcr().en())
                .with_link(true)
                .with_link_idle(true)
                .into_raw(),
            Self::Pcr => ICC_PCR_EL1::new()
                .with_priority(saved.vmcr().vpmr())
                .into_raw(),
        }
    }

    /// The bits that the register can hold in this VM.
    fn allowed(self, ppis: &VmPpis) -> u64 {
        match self {
            Self::Icsr => !ICC_ICSR_EL1::RES0,
            Self::Enabler(Half::Lower) | Self::Active(Half::Lower) | Self::Pending(Half::Lower) => {
                ppis.implemented().bits()
            }
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
                0
            }
            Self::Priority(0..=7) => !ICC_PPI_PRIORITYRx_EL1::RES0,
            Self::Priority(_) => 0,
            Self::Apr => !ICC_APR_EL1::RES0,
            // LINK and LINK_IDLE are ignored; the rest is the physical interface's.
            Self::Cr0 => {
                ICC_CR0_EL1::EN.mask() | ICC_CR0_EL1::LINK.mask() | ICC_CR0_EL1::LINK_IDLE.mask()
            }
            Self::Pcr => !ICC_PCR_EL1::RES0,
        }
    }

    /// Makes the register hold `value`.
    ///
    /// # Errors
    ///
    /// [`BadValue`] if `value` has a bit set that the register does not have; for PPIs, that of one
    /// that the host does not implement.
    pub fn set(self, ppis: &VmPpis, parked: &Parked<'_>, value: u64) -> Result<(), BadValue> {
        if value & !self.allowed(ppis) != 0 {
            return Err(BadValue);
        }
        let (inputs, saved) = (parked.cpuif().inputs(), parked.cpuif().saved());
        match self {
            Self::Icsr => saved.set_icsr(ICC_ICSR_EL1::from_raw(value)),
            Self::Enabler(Half::Lower) => saved.set_enabled(PpiMask::from_bits(value)),
            Self::Active(Half::Lower) => saved.set_active(PpiMask::from_bits(value)),
            Self::Pending(Half::Lower) => inputs.set_pending(PpiMask::from_bits(value)),
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
            }
            Self::Priority(n) => saved.set_priorityr(n.into(), value),
            Self::Apr => saved.set_apr(ICH_APR_EL2::from_raw(value)),
            Self::Cr0 => {
                let en = ICC_CR0_EL1::from_raw(value).en();
                saved.set_vmcr(saved.vmcr().with_en(en));
            }
            Self::Pcr => {
                let vpmr: Bits<5> = ICC_PCR_EL1::from_raw(value).priority();
                saved.set_vmcr(saved.vmcr().with_vpmr(vpmr));
            }
        }
        Ok(())
    }
}

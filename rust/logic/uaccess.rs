// SPDX-License-Identifier: GPL-2.0

//! Userspace's view of a CPU interface, to save it and to restore it
//! (KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS).
//!
//! Pending and active state is read and written raw, through the "set" registers; their "clear"
//! twins are refused, as writing one would say nothing about the bits that are 0.

use super::residency::Parked;
use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::sysregs::{
    Bits, Encoding, ICC_PPI_PRIORITYRn_EL1, ICC_PPI_PRIORITYRx_EL1, SystemRegister, ICC_APR_EL1,
    ICC_CR0_EL1, ICC_ICSR_EL1, ICC_PCR_EL1, ICC_PPI_ENABLER0_EL1, ICC_PPI_ENABLER1_EL1,
    ICC_PPI_SACTIVER0_EL1, ICC_PPI_SACTIVER1_EL1, ICC_PPI_SPENDR0_EL1, ICC_PPI_SPENDR1_EL1,
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
    pub fn get(self, vm: &Vm, parked: &Parked<'_>) -> u64 {
        let vcpu = parked.vcpu();
        match self {
            Self::Icsr => vcpu.icsr.load(),
            // Restored before the VM knew what it shows its guest, and not looked at since.
            Self::Enabler(Half::Lower) if vm.is_final() => (vcpu.enabled() & vm.visible()).bits(),
            Self::Enabler(Half::Lower) => vcpu.enabled().bits(),
            Self::Active(Half::Lower) => vcpu.active().bits(),
            Self::Pending(Half::Lower) => (vcpu.pending() & !vcpu.direct()).bits(),
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
                0
            }
            Self::Priority(n) => vcpu.priority.get(usize::from(n)).map_or(0, |w| w.load()),
            Self::Apr => vcpu.apr().into_raw(),
            Self::Cr0 => ICC_CR0_EL1::new().with_en(vcpu.vmcr().en()).into_raw(),
            Self::Pcr => ICC_PCR_EL1::new()
                .with_priority(vcpu.vmcr().vpmr())
                .into_raw(),
        }
    }

    /// The bits that the register can hold in this VM.
    fn allowed(self, vm: &Vm) -> u64 {
        match self {
            Self::Icsr => !ICC_ICSR_EL1::RES0,
            Self::Enabler(Half::Lower) | Self::Active(Half::Lower) | Self::Pending(Half::Lower) => {
                vm.implemented().bits()
            }
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
                0
            }
            Self::Priority(0..=7) => !ICC_PPI_PRIORITYRx_EL1::RES0,
            Self::Priority(_) => 0,
            Self::Apr => !ICC_APR_EL1::RES0,
            // The rest of ICC_CR0_EL1 is the physical interface's.
            Self::Cr0 => ICC_CR0_EL1::EN.mask(),
            Self::Pcr => !ICC_PCR_EL1::RES0,
        }
    }

    /// Makes the register hold `value`.
    ///
    /// # Errors
    ///
    /// [`BadValue`] if `value` has a bit set that the register does not have; for PPIs, that of one
    /// that the host does not implement.
    pub fn set(self, vm: &Vm, parked: &Parked<'_>, value: u64) -> Result<(), BadValue> {
        if value & !self.allowed(vm) != 0 {
            return Err(BadValue);
        }
        let vcpu = parked.vcpu();
        match self {
            Self::Icsr => vcpu.icsr.store(value),
            Self::Enabler(Half::Lower) => vcpu.enabled.store(value),
            Self::Active(Half::Lower) => vcpu.active.store(value),
            Self::Pending(Half::Lower) => vcpu.set_pending(value),
            Self::Enabler(Half::Upper) | Self::Active(Half::Upper) | Self::Pending(Half::Upper) => {
            }
            Self::Priority(n) => {
                if let Some(word) = vcpu.priority.get(usize::from(n)) {
                    word.store(value);
                }
            }
            Self::Apr => vcpu.apr.store(value),
            Self::Cr0 => {
                let en = ICC_CR0_EL1::from_raw(value).en();
                vcpu.vmcr.store(vcpu.vmcr().with_en(en).into_raw());
            }
            Self::Pcr => {
                let vpmr: Bits<5> = ICC_PCR_EL1::from_raw(value).priority();
                vcpu.vmcr.store(vcpu.vmcr().with_vpmr(vpmr).into_raw());
            }
        }
        Ok(())
    }
}

impl Vcpu {
    /// Makes the pending state that software holds be `value`.
    fn set_pending(&self, value: u64) {
        let edge = Vm::EDGE.bits();
        self.latch.clear(edge & !value);
        self.latch.set(edge & value);
        self.line.clear(!edge & !value);
        self.line.set(!edge & value);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The kernel runs at EL2: the registers are an `msr` and an `mrs` away.

use super::Local;
use crate::bindings;
use crate::logic::{Reg, Registers};
use crate::sysregs::{
    SystemRegister, FEAT_GCIE_ICH_VMCR_EL2, ICC_ICSR_EL1, ICH_APR_EL2, ICH_PPI_ACTIVER0_EL2,
    ICH_PPI_ACTIVER1_EL2, ICH_PPI_DVIR0_EL2, ICH_PPI_DVIR1_EL2, ICH_PPI_ENABLER0_EL2,
    ICH_PPI_ENABLER1_EL2, ICH_PPI_PENDR0_EL2, ICH_PPI_PENDR1_EL2, ICH_PPI_PRIORITYR0_EL2,
    ICH_PPI_PRIORITYR10_EL2, ICH_PPI_PRIORITYR11_EL2, ICH_PPI_PRIORITYR12_EL2,
    ICH_PPI_PRIORITYR13_EL2, ICH_PPI_PRIORITYR14_EL2, ICH_PPI_PRIORITYR15_EL2,
    ICH_PPI_PRIORITYR1_EL2, ICH_PPI_PRIORITYR2_EL2, ICH_PPI_PRIORITYR3_EL2, ICH_PPI_PRIORITYR4_EL2,
    ICH_PPI_PRIORITYR5_EL2, ICH_PPI_PRIORITYR6_EL2, ICH_PPI_PRIORITYR7_EL2, ICH_PPI_PRIORITYR8_EL2,
    ICH_PPI_PRIORITYR9_EL2, ICH_VCTLR_EL2,
};
use core::arch::asm;
use core::marker::PhantomData;

/// This CPU's registers. Not `Send`: another CPU's are others.
pub(crate) struct Vhe(PhantomData<*const ()>);

/// Which register is which: the one place that says so.
macro_rules! registers {
    ($($reg:ident => $sysreg:ident,)*) => {
        impl Vhe {
            #[inline(always)]
            fn mrs(reg: Reg) -> u64 {
                match reg {
                    $(Reg::$reg => {
                        // SAFETY: `Local::of`'s caller vouches for a host with GICv5 at EL2, where
                        // the register exists and reading it has no effect.
                        unsafe { $sysreg::read() }.into_raw()
                    })*
                }
            }

            #[inline(always)]
            fn msr(reg: Reg, value: u64) {
                match reg {
                    $(Reg::$reg => {
                        let value = <$sysreg as SystemRegister>::Value::from_raw(value);
                        // SAFETY: `Local::of`'s caller vouches for a host with GICv5 at EL2, with
                        // preemption off and nobody but a guest subject to the register.
                        unsafe { $sysreg::write(value) }
                    })*
                }
            }
        }
    };
}

registers! {
    Vmcr => FEAT_GCIE_ICH_VMCR_EL2,
    Apr => ICH_APR_EL2,
    Enabler0 => ICH_PPI_ENABLER0_EL2,
    Activer0 => ICH_PPI_ACTIVER0_EL2,
    Priorityr0 => ICH_PPI_PRIORITYR0_EL2,
    Priorityr1 => ICH_PPI_PRIORITYR1_EL2,
    Priorityr2 => ICH_PPI_PRIORITYR2_EL2,
    Priorityr3 => ICH_PPI_PRIORITYR3_EL2,
    Priorityr4 => ICH_PPI_PRIORITYR4_EL2,
    Priorityr5 => ICH_PPI_PRIORITYR5_EL2,
    Priorityr6 => ICH_PPI_PRIORITYR6_EL2,
    Priorityr7 => ICH_PPI_PRIORITYR7_EL2,
    Pendr0 => ICH_PPI_PENDR0_EL2,
    Dvir0 => ICH_PPI_DVIR0_EL2,
    Icsr => ICC_ICSR_EL1,
    Vctlr => ICH_VCTLR_EL2,
    Enabler1 => ICH_PPI_ENABLER1_EL2,
    Activer1 => ICH_PPI_ACTIVER1_EL2,
    Pendr1 => ICH_PPI_PENDR1_EL2,
    Dvir1 => ICH_PPI_DVIR1_EL2,
    Priorityr8 => ICH_PPI_PRIORITYR8_EL2,
    Priorityr9 => ICH_PPI_PRIORITYR9_EL2,
    Priorityr10 => ICH_PPI_PRIORITYR10_EL2,
    Priorityr11 => ICH_PPI_PRIORITYR11_EL2,
    Priorityr12 => ICH_PPI_PRIORITYR12_EL2,
    Priorityr13 => ICH_PPI_PRIORITYR13_EL2,
    Priorityr14 => ICH_PPI_PRIORITYR14_EL2,
    Priorityr15 => ICH_PPI_PRIORITYR15_EL2,
}

impl Registers for Vhe {
    #[inline(always)]
    fn read(&self, reg: Reg) -> u64 {
        Self::mrs(reg)
    }

    #[inline(always)]
    fn write(&mut self, reg: Reg, value: u64) {
        Self::msr(reg, value)
    }

    #[inline(always)]
    fn synchronize(&mut self) {
        // SAFETY: ISB only orders what this CPU does.
        unsafe { asm!("isb", options(nostack, preserves_flags)) }
    }
}

impl Local for Vhe {
    #[inline(always)]
    unsafe fn of(_vcpu: *mut bindings::kvm_vcpu) -> Self {
        Self(PhantomData)
    }
}

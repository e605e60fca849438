// SPDX-License-Identifier: GPL-2.0

//! Accesses of the guest's that trap.

use super::backend::SysregOps;
use super::gicv5::{GicV5, KvmVcpu};
use crate::vgic::cpuif::TrappedRegister;

impl SysregOps for GicV5 {
    fn read(vcpu: KvmVcpu<'_>, sysreg: u32) -> Option<u64> {
        let register = TrappedRegister::decode(sysreg)?;
        let ppis = vcpu.kvm().data().ppis();
        register
            .read(ppis, vcpu.data().cpuif(), vcpu.id() as u16)
            .ok()
    }

    fn write(vcpu: KvmVcpu<'_>, sysreg: u32, value: u64) -> Option<()> {
        let register = TrappedRegister::decode(sysreg)?;
        let ppis = vcpu.kvm().data().ppis();
        register.write(ppis, vcpu.data().cpuif(), value).ok()
    }
}

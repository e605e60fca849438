// SPDX-License-Identifier: GPL-2.0

//! The world switch.

use super::backend::{PpiRegs, SwitchOps};
use super::gicv5::{GicV5, KvmVcpu};
use super::types::OnCpu;
use crate::hw::cpuif::Local;
use crate::hw::ppi;
use crate::vgic::cpuif::{PpiMask, PriorityMask, Reg};
use crate::vgic::Vcpu;

impl SwitchOps for GicV5 {
    #[inline]
    fn load<R: Local>(mut on: OnCpu<'_, Self, R>) {
        let epoch = on.epoch();
        let vcpu = on.vcpu.vcpu();
        if let Some(irs) = vcpu.kvm().data().irs().get() {
            irs.load(vcpu);
        }
        let Some(parked) = Vcpu::load_state(on.vcpu).parked() else {
            return;
        };
        if crate::module_parameters::retain.value() {
            on.cache.sync(epoch);
        } else {
            on.cache.forget();
        }
        parked.load(on.cache, &mut on.regs);
    }

    #[inline]
    fn put<R: Local>(mut on: OnCpu<'_, Self, R>) {
        let vcpu = on.vcpu.vcpu();
        if let Some(resident) = Vcpu::load_state(on.vcpu).resident() {
            resident.put(on.cache, &mut on.regs);
        }
        // Which doorbell it asks for depends on what was saved just now.
        if let Some(irs) = vcpu.kvm().data().irs().get() {
            irs.put(vcpu, || {
                let saved = vcpu.data().cpuif().saved();
                PriorityMask::new(saved.vmcr(), saved.apr())
            });
        }
    }

    #[inline]
    fn flush<R: Local>(mut on: OnCpu<'_, Self, R>) {
        let vm = on.vcpu.vcpu().kvm().data();
        if let Some(resident) = Vcpu::load_state(on.vcpu).resident() {
            resident.flush(vm.ppis(), on.cache, &mut on.regs);
        }
    }

    #[inline]
    fn sync<R: Local>(mut on: OnCpu<'_, Self, R>) {
        let vm = on.vcpu.vcpu().kvm().data();
        if let Some(resident) = Vcpu::load_state(on.vcpu).resident() {
            resident.fold(vm.ppis(), on.cache, &mut on.regs);
        }
    }

    /// A mapped PPI is pending if the physical one is. Only the vCPU's own thread can ask that, as
    /// it is where the vCPU's timers are in the hardware whenever it runs: their physical PPIs are
    /// pending as they fire, though masked in the host. It may be preempted and moved before the
    /// register is read; then the timers are where it is moved to. Anybody else gets none, which
    /// at worst costs a vCPU in WFI the boost of a directed yield.
    #[inline]
    fn pending(vcpu: KvmVcpu<'_>) -> bool {
        let vm = vcpu.kvm().data();
        if vm.irs().get().is_some_and(|irs| irs.must_wake(vcpu)) {
            return true;
        }
        vcpu.data().has_pending(vm, || {
            if vcpu.is_current() {
                ppi::pending()
            } else {
                PpiMask::NONE
            }
        })
    }

    fn ppi_regs<R: Local>(on: OnCpu<'_, Self, R>) -> PpiRegs {
        let direct = on.vcpu.vcpu().data().cpuif().inputs().direct().bits();
        PpiRegs {
            // What the register holds for a direct PPI means nothing.
            pending: on.regs.read(Reg::Pendr0) & !direct,
            active: on.regs.read(Reg::Activer0),
            enabled: on.regs.read(Reg::Enabler0),
            // After a sync the register is 0 already.
            direct,
        }
    }
}

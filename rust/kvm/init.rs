// SPDX-License-Identifier: GPL-2.0

//! VMs and vCPUs come and go, and are reset.

use super::backend::{VcpuOps, VmOps};
use super::debug;
use super::gicv5::{GicV5, Kvm, KvmVcpu, VmData};
use super::irs::max_vcpus;
use super::types::OwnVcpu;
use crate::hw::ppi;
use crate::vgic::{Vcpu, Vm};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

/// Whether every VM has an IRS, and must say where, as with KVM in C of Linux 7.4 and later.
fn irs_always() -> bool {
    crate::module_parameters::irs_always.value()
}

impl VmOps for GicV5 {
    fn create() -> Result<KBox<VmData>> {
        let data = VmData::new(Vm::new(ppi::implemented()))?;
        Ok(KBox::new(data, GFP_KERNEL_ACCOUNT)?)
    }

    fn init(kvm: Kvm<'_>) -> Result {
        if kvm.vcpus().next().is_some() && kvm.has_el2() {
            pr_err!("a nested guest cannot have a GICv5: its vCPUs have EL2\n");
            return Err(EINVAL);
        }
        let slot = kvm.data().irs();
        // The default routing follows; the IRS may come later.
        if max_vcpus().is_some() {
            kvm.set_nr_spis(slot.spis());
        }
        let wanted = slot.config.lock().is_wanted() || irs_always();
        if wanted {
            slot.create(kvm)?;
        }
        Ok(())
    }

    fn map_resources(kvm: Kvm<'_>) -> Result {
        if !kvm.is_initialized() {
            return Err(EBUSY);
        }
        let slot = kvm.data().irs();
        let placed = slot.config.lock().is_placed();
        match slot.get() {
            Some(irs) if placed => irs.with_control(|control, _, _| control.ready_to_run())??,
            // KVM in C of Linux 7.4 and later does not run a VM without.
            _ if irs_always() => return Err(ENXIO),
            _ => {}
        }
        // Nothing can fail from here on, and KVM gets here once: INIT can still fail after `init`.
        debug::create(kvm);
        Ok(())
    }

    fn finalize(kvm: Kvm<'_>) -> Result {
        let owned = |vcpu: KvmVcpu<'_>| vcpu.data().cpuif().inputs().owners().owned();
        kvm.data().ppis().finalize(kvm.vcpus().map(owned));
        Ok(())
    }
}

impl VcpuOps for GicV5 {
    fn create() -> Result<KBox<Vcpu>> {
        // 64 bits never run out.
        static NEXT: Atomic<u64> = Atomic::new(1);

        let token = NEXT.fetch_add(1, Relaxed);
        Ok(KBox::new(Vcpu::new(token), GFP_KERNEL_ACCOUNT)?)
    }

    /// Until the VM has run, the state is as after power-on but for what userspace restored. That
    /// is kept over KVM_ARM_VCPU_INIT, in whichever order userspace does the two; as on GICv3.
    fn reset(vcpu: OwnVcpu<'_, Self>) {
        if !vcpu.vcpu().kvm().has_run() {
            return;
        }
        if let Some(parked) = Vcpu::load_state(vcpu).parked() {
            parked.reset();
        }
    }
}

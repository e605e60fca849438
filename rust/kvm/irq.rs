// SPDX-License-Identifier: GPL-2.0

//! Injection, owners, direct injection.

use super::backend::IrqOps;
use super::gicv5::{GicV5, Kvm, KvmVcpu};
use super::types::OwnVcpu;
use crate::hw::ppi;
use crate::hw::vpe::HostCpu;
use crate::vgic::cpuif::{Injection, Owner, OwnerError, PpiId};
use crate::vgic::intid::{Intid, IntidType};
use crate::vgic::Vcpu;
use kernel::prelude::*;

impl From<OwnerError> for Error {
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Owned => EEXIST,
            OwnerError::Full => ENOSPC,
        }
    }
}

impl IrqOps for GicV5 {
    #[inline]
    fn inject(
        kvm: Kvm<'_>,
        vcpu: Option<KvmVcpu<'_>>,
        intid: Intid,
        level: bool,
        by: Option<Owner>,
    ) -> Result {
        if intid.kind() == IntidType::Spi {
            let irs = kvm.data().irs().get().ok_or(EINVAL)?;
            irs.shared.inject(&mut HostCpu, intid.id(), level)?;
            return Ok(());
        }
        let vcpu = vcpu.ok_or(EINVAL)?;
        let ppi = intid.architected_ppi().ok_or(EINVAL)?;
        match vcpu.data().cpuif().inject(ppi, level, by) {
            Injection::Changed => vcpu.kick(),
            // Not an error, so that a caller that lost a race for the PPI does no harm.
            Injection::Unchanged | Injection::NotOwner => {}
        }
        Ok(())
    }

    fn is_userspace_ppi(kvm: Kvm<'_>, ppi: PpiId) -> bool {
        kvm.data().ppis().userspace().contains(ppi)
    }

    fn set_owner(vcpu: KvmVcpu<'_>, ppi: PpiId, owner: Owner) -> Result {
        let owners = vcpu.data().cpuif().inputs().owners();
        Ok(owners.set_owner(ppi, owner)?)
    }

    fn map(vcpu: KvmVcpu<'_>, ppi: PpiId, host_irq: u32) -> Result {
        let hwirq = ppi::hwirq(host_irq)?;
        Ok(vcpu.data().cpuif().map(ppi, hwirq)?)
    }

    fn unmap(vcpu: KvmVcpu<'_>, ppi: PpiId) {
        vcpu.data().cpuif().unmap(ppi);
    }

    fn hwirq(vcpu: KvmVcpu<'_>, ppi: PpiId) -> Option<u32> {
        vcpu.data().cpuif().inputs().owners().hwirq(ppi)
    }

    fn is_mapped_active(vcpu: KvmVcpu<'_>, ppi: PpiId) -> bool {
        vcpu.data().cpuif().is_mapped_active(ppi)
    }

    fn reset_mapped(vcpu: OwnVcpu<'_, Self>, ppi: PpiId) {
        if let Some(parked) = Vcpu::load_state(vcpu).parked() {
            parked.reset_mapped(ppi);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The device's attributes, a file for each group.
//!
//! KVM_DEV_ARM_VGIC_CTRL_INIT is not here: KVM's core does that one.

mod addr;
mod cpu_sysregs;
mod ctrl;
mod irs_regs;
mod ist;
mod nr_irqs;

use super::backend::DeviceOps;
use super::gicv5::{GicV5, Request};
use crate::bindings::{
    KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, KVM_DEV_ARM_VGIC_GRP_CTRL,
    KVM_DEV_ARM_VGIC_GRP_IRS_REGS, KVM_DEV_ARM_VGIC_GRP_IST, KVM_DEV_ARM_VGIC_GRP_NR_IRQS,
};
use kernel::prelude::*;

impl DeviceOps for GicV5 {
    fn set_attr(request: Request<'_>) -> Result {
        match request.group {
            KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => cpu_sysregs::set(&request),
            KVM_DEV_ARM_VGIC_GRP_ADDR => addr::set(&request),
            KVM_DEV_ARM_VGIC_GRP_NR_IRQS => nr_irqs::set(&request),
            KVM_DEV_ARM_VGIC_GRP_IRS_REGS => irs_regs::set(&request),
            KVM_DEV_ARM_VGIC_GRP_IST => ist::set(&request),
            _ => Err(ENXIO),
        }
    }

    fn get_attr(request: Request<'_>) -> Result {
        match request.group {
            KVM_DEV_ARM_VGIC_GRP_CTRL => ctrl::get(&request),
            KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => cpu_sysregs::get(&request),
            KVM_DEV_ARM_VGIC_GRP_ADDR => addr::get(&request),
            KVM_DEV_ARM_VGIC_GRP_NR_IRQS => nr_irqs::get(&request),
            KVM_DEV_ARM_VGIC_GRP_IRS_REGS => irs_regs::get(&request),
            KVM_DEV_ARM_VGIC_GRP_IST => ist::get(&request),
            _ => Err(ENXIO),
        }
    }

    fn has_attr(request: Request<'_>) -> Result {
        match request.group {
            KVM_DEV_ARM_VGIC_GRP_CTRL => ctrl::has(&request),
            KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => cpu_sysregs::has(&request),
            KVM_DEV_ARM_VGIC_GRP_ADDR => addr::has(&request),
            KVM_DEV_ARM_VGIC_GRP_NR_IRQS => nr_irqs::has(&request),
            KVM_DEV_ARM_VGIC_GRP_IRS_REGS => irs_regs::has(&request),
            KVM_DEV_ARM_VGIC_GRP_IST => ist::has(&request),
            _ => Err(ENXIO),
        }
    }
}

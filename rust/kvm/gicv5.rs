// SPDX-License-Identifier: GPL-2.0

//! This backend, and its data.

use super::iodev::IoDevice;
use super::irs::Slot;
use super::types::{self, Data, OwnVcpu};
use crate::vgic;
use kernel::prelude::*;

/// The backend.
#[derive(Clone, Copy)]
pub(crate) struct GicV5;

impl Data for GicV5 {
    type Vm = KBox<VmData>;
    type Vcpu = KBox<vgic::Vcpu>;
}

/// A VM's GIC.
pub(crate) struct VmData {
    gic: vgic::Vm,
    irs: Slot,
    frames: IoDevice,
}

impl VmData {
    pub(super) fn new(gic: vgic::Vm) -> Result<Self> {
        Ok(Self {
            gic,
            irs: Slot::new()?,
            frames: IoDevice::new::<GicV5>(),
        })
    }

    /// Its IRS.
    #[inline(always)]
    pub(crate) fn irs(&self) -> &Slot {
        &self.irs
    }

    /// What KVM's bus knows of its IRS's frames.
    pub(super) fn frames(&self) -> &IoDevice {
        &self.frames
    }
}

impl core::ops::Deref for VmData {
    type Target = vgic::Vm;

    #[inline(always)]
    fn deref(&self) -> &vgic::Vm {
        &self.gic
    }
}

/// A VM of this backend's.
pub(crate) type Kvm<'a> = types::Kvm<'a, GicV5>;
/// A vCPU of this backend's.
pub(crate) type KvmVcpu<'a> = types::KvmVcpu<'a, GicV5>;
/// What userspace asks of a device of this backend's.
pub(crate) type Request<'a> = types::Request<'a, GicV5>;

impl<'a> vgic::VcpuThread<'a> for OwnVcpu<'a, GicV5> {
    #[inline(always)]
    fn vcpu(&self) -> &'a vgic::Vcpu {
        OwnVcpu::vcpu(self).data()
    }
}

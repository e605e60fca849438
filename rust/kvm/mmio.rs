// SPDX-License-Identifier: GPL-2.0

//! The IRS's frames in the guest's memory map.

use super::backend::IrsOps;
use super::gicv5::{GicV5, Kvm, KvmVcpu};
use super::iodev::{self, Frames, IoDevice};
use super::irs;
use crate::vgic::irs::{Action, Error, FRAMES_SIZE};
use kernel::prelude::*;

impl IrsOps for GicV5 {
    fn max_vcpus() -> Option<u32> {
        irs::max_vcpus()
    }

    fn register_iodev(kvm: Kvm<'_>) -> Result {
        let slot = kvm.data().irs();
        let config = *slot.config.lock();
        if config.is_placed() && slot.get().is_some() {
            iodev::register(kvm, config.address(), FRAMES_SIZE as u32)
        } else {
            Ok(())
        }
    }
}

impl Frames for GicV5 {
    fn frames(kvm: Kvm<'_>) -> &IoDevice {
        kvm.data().frames()
    }

    fn read(vcpu: KvmVcpu<'_>, offset: u64, bytes: &mut [u8]) -> Option<()> {
        let irs = vcpu.kvm().data().irs().get()?;
        let size = u32::try_from(bytes.len()).ok()?;
        let value = irs
            .with_control(|control, host, shared| control.guest_read(host, shared, offset, size));
        // What a VM that has ended reads means nothing.
        let value = value.unwrap_or(0).to_le_bytes();
        bytes.copy_from_slice(value.get(..bytes.len())?);
        Some(())
    }

    fn write(vcpu: KvmVcpu<'_>, offset: u64, bytes: &[u8]) -> Option<()> {
        let kvm = vcpu.kvm();
        let irs = kvm.data().irs().get()?;
        let size = u32::try_from(bytes.len()).ok()?;
        let mut value = [0; 8];
        value.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let value = u64::from_le_bytes(value);
        let action = irs.with_control(|control, host, shared| {
            control.guest_write(host, shared, offset, size, value)
        });
        match action {
            Ok(Action::Reload) => {
                kvm.reload();
                // A VM that has ended shows no IDLE.
                let _ = irs.with_control(|control, _, _| control.reloaded());
            }
            Ok(Action::Kill) => {
                pr_err!("an IST was not given up: {:?}\n", Error::Dead);
                kvm.kill();
            }
            Ok(Action::None) | Err(_) => {}
        }
        Some(())
    }
}

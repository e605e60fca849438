// SPDX-License-Identifier: GPL-2.0

//! KVM_DEV_ARM_VGIC_GRP_IST: the state of SPIs and LPIs, to save and to restore it.

use crate::hw::irs::PhysicalIrs;
use crate::hw::vpe::HostCpu;
use crate::kvm::gicv5::Request;
use crate::vgic::irs::{self, Control, IstKind, Shared, Sink, Source};
use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice, UserSliceReader, UserSliceWriter};

const ENTRY: u64 = size_of::<u32>() as u64;

/// Returns ENXIO for unknown attributes, and on hosts that cannot give a VM an IRS.
pub(super) fn has(request: &Request<'_>) -> Result {
    if request.attr == 0 && crate::kvm::irs::max_vcpus().is_some() {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// Userspace's `struct kvm_vgic_v5_ist`.
struct Buffers {
    spis: (u64, u64),
    lpis: (u64, u64),
}

impl Buffers {
    /// Returns EINVAL without a structure, EFAULT if it cannot be read.
    fn read(request: &Request<'_>) -> Result<Self> {
        if request.has_no_memory() {
            return Err(EINVAL);
        }
        let mut reader = request.words(4).reader();
        let mut word = || reader.read::<u64>();
        Ok(Self {
            spis: (word()?, word()?),
            lpis: (word()?, word()?),
        })
    }

    /// Returns EINVAL unless the sizes are those of so many SPIs and LPIs.
    fn check(&self, spis: u32, lpis: u32) -> Result {
        let fits = |(address, size): (u64, u64), count: u32| {
            size == u64::from(count) * ENTRY && (count == 0) == (address == 0)
        };
        if fits(self.spis, spis) && fits(self.lpis, lpis) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    fn slices(&self) -> (UserSlice, UserSlice) {
        let slice = |(address, size): (u64, u64)| {
            UserSlice::new(UserPtr::from_addr(address as usize), size as usize)
        };
        (slice(self.spis), slice(self.lpis))
    }
}

/// Calls `access` while no vCPU of the VM runs, with buffers of the right size.
///
/// # Errors
///
/// EBUSY if one runs, or before INIT; EINVAL, EFAULT for the structure.
fn with_control(
    request: &Request<'_>,
    write: bool,
    access: impl FnOnce(&mut Control<PhysicalIrs>, &PhysicalIrs, &Shared, &Buffers) -> Result,
) -> Result {
    has(request)?;
    let vcpus = request.kvm.lock_vcpus()?;
    let kvm = vcpus.kvm();
    if !kvm.is_initialized() || (write && kvm.has_run()) {
        return Err(EBUSY);
    }
    let buffers = Buffers::read(request)?;
    // There is one from here on, though the VM may not have asked for it.
    let slot = kvm.data().irs();
    if slot.get().is_none() && !kvm.has_run() {
        slot.create(kvm)?;
    }
    slot.get()
        .ok_or(ENXIO)?
        .with_control(|control, host, shared| {
            let (spis, lpis) = control.entries(host, shared)?;
            buffers.check(spis, lpis)?;
            access(control, host, shared, &buffers)
        })?
}

struct Writer(UserSliceWriter, UserSliceWriter);

impl Sink for Writer {
    fn put(&mut self, kind: IstKind, entry: u32) -> irs::Result {
        let writer = match kind {
            IstKind::Spi => &mut self.0,
            IstKind::Lpi => &mut self.1,
        };
        writer.write(&entry.to_le()).map_err(|_| irs::Error::Fault)
    }
}

struct Reader(UserSliceReader, UserSliceReader);

impl Source for Reader {
    fn get(&mut self, kind: IstKind) -> irs::Result<u32> {
        let reader = match kind {
            IstKind::Spi => &mut self.0,
            IstKind::Lpi => &mut self.1,
        };
        reader
            .read::<u32>()
            .map(u32::from_le)
            .map_err(|_| irs::Error::Fault)
    }
}

/// Saves. Returns EBUSY also if an interrupt changes meanwhile.
pub(super) fn get(request: &Request<'_>) -> Result {
    with_control(request, false, |control, host, shared, buffers| {
        let (spis, lpis) = buffers.slices();
        let mut writer = Writer(spis.writer(), lpis.writer());
        Ok(control.save(host, shared, &mut writer)?)
    })
}

/// Restores. Returns EBUSY also if there is an IST of LPIs already.
pub(super) fn set(request: &Request<'_>) -> Result {
    with_control(request, true, |control, host, shared, buffers| {
        let (spis, lpis) = buffers.slices();
        let mut reader = Reader(spis.reader(), lpis.reader());
        Ok(control.restore(host, shared, &mut HostCpu, &mut reader)?)
    })
}

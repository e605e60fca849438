// SPDX-License-Identifier: GPL-2.0

//! The host's IRS: the registers of the virtual tables, which are KVM's alone, and the VM table.

use super::table::Pages;
use crate::bindings;
use crate::vgic::irs::registers::offset;
use crate::vgic::irs::{Error, Host, HostIrs, SharedMemory, Sizes, VmTable};
use core::ptr::NonNull;
use kernel::bindings as kbindings;
use kernel::prelude::*;
use kernel::sync::{new_mutex, new_spinlock, Arc, Mutex, SpinLock};

/// The IRS and what was installed in it.
///
/// # Invariants
///
/// `base` is the IRS's configuration frame, mapped for good.
#[pin_data]
pub(crate) struct PhysicalIrs {
    base: NonNull<c_void>,
    non_coherent: bool,
    sizes: Sizes,
    /// Held during a command.
    #[pin]
    registers: SpinLock<()>,
    /// `None` before it is installed, and after it was removed.
    #[pin]
    table: Mutex<Option<VmTable<Pages>>>,
}

// SAFETY: The registers may be accessed by any CPU.
unsafe impl Send for PhysicalIrs {}
// SAFETY: The registers of the virtual tables are protected by `registers`, all others only read.
unsafe impl Sync for PhysicalIrs {}

impl PhysicalIrs {
    /// Finds the IRS and installs an empty VM table. `None` if there is no IRS that can virtualize.
    ///
    /// # Errors
    ///
    /// Those of [`VmTable::install`].
    pub(crate) fn probe() -> Result<Option<Arc<Self>>, Error> {
        let mut desc = bindings::gicv5_irs_desc {
            base: core::ptr::null_mut(),
            non_coherent: false,
        };
        // SAFETY: The descriptor is ours to be filled in.
        if unsafe { bindings::gicv5_irs_describe(0, &mut desc) } != 0 {
            return Ok(None);
        }
        let Some(base) = NonNull::new(desc.base) else {
            return Ok(None);
        };
        let idr = [
            offset::IDR0,
            offset::IDR1,
            offset::IDR2,
            offset::IDR3,
            offset::IDR4,
        ]
        .map(|offset| {
            // SAFETY: In bounds: the driver maps the whole frame.
            let register = unsafe { base.as_ptr().byte_add(offset as usize) };
            // SAFETY: Identification registers can be read by anybody.
            unsafe { kbindings::readl(register) }
        });
        let Ok(sizes) = Sizes::new(idr, kernel::page::PAGE_SIZE) else {
            return Ok(None);
        };
        // INVARIANT: The driver never unmaps it.
        let irs = Arc::pin_init(
            pin_init!(Self {
                base,
                non_coherent: desc.non_coherent,
                sizes,
                registers <- new_spinlock!(()),
                table <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
        .map_err(|_| Error::NoMemory)?;
        let table = VmTable::install(&*irs, &irs.sizes)?;
        *irs.table.lock() = Some(table);
        Ok(Some(irs))
    }

    /// Removes the VM table. No VM is left.
    pub(crate) fn remove(&self) {
        let table = self.table.lock().take();
        if let Some(Err(_)) = table.map(|table| table.remove(self)) {
            pr_err!("the IRS did not give up its VM table\n");
        }
    }

    fn register(&self, offset: u32) -> *mut c_void {
        // SAFETY: In bounds: a frame has 64 KiB, and `offset` is that of a register.
        unsafe { self.base.as_ptr().byte_add(offset as usize) }
    }
}

impl HostIrs for PhysicalIrs {
    fn read32(&self, offset: u32) -> u32 {
        // SAFETY: A register, by the type invariant.
        unsafe { kbindings::readl(self.register(offset)) }
    }

    fn write32(&self, offset: u32, value: u32) {
        // SAFETY: A register, by the type invariant; of those that are ours.
        unsafe { kbindings::writel(value, self.register(offset)) }
    }

    fn read64(&self, offset: u32) -> u64 {
        // SAFETY: A register of 64 bits, by the type invariant.
        unsafe { kbindings::readq(self.register(offset)) }
    }

    fn write64(&self, offset: u32, value: u64) {
        // SAFETY: A register of 64 bits, by the type invariant; of those that are ours.
        unsafe { kbindings::writeq(value, self.register(offset)) }
    }

    fn relax(&self) {
        // SAFETY: May be called anywhere.
        unsafe { kbindings::udelay(1) }
    }

    fn exclusive<T>(&self, operation: impl FnOnce() -> T) -> T {
        let _registers = self.registers.lock();
        operation()
    }
}

impl SharedMemory for PhysicalIrs {
    type Block = Pages;

    fn allocate(&self, size: usize, align: usize) -> Result<Pages, Error> {
        Pages::allocate(size, align, self.non_coherent)
    }
}

impl Host for PhysicalIrs {
    fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    fn with_table<T>(
        &self,
        change: impl FnOnce(&mut VmTable<Pages>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut table = self.table.lock();
        change(Option::as_mut(&mut table).ok_or(Error::NoDevice)?)
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The IRS's configuration frame.

use crate::uart::{mmio_read, mmio_write};

/// Where both emulators put the frame, 64 KiB of it.
pub const BASE: usize = 0x0801_0000;

pub const IDR0: usize = 0x0000;
pub const IDR1: usize = 0x0004;
pub const IDR2: usize = 0x0008;
pub const IDR3: usize = 0x000c;
pub const IDR4: usize = 0x0010;
pub const IDR5: usize = 0x0014;
pub const IDR6: usize = 0x0018;
pub const IDR7: usize = 0x001c;
pub const IIDR: usize = 0x0040;
pub const AIDR: usize = 0x0044;
pub const CR0: usize = 0x0080;
pub const CR1: usize = 0x0084;
pub const SYNCR: usize = 0x00c0;
pub const SYNC_STATUSR: usize = 0x00c4;
pub const SPI_VMR: usize = 0x0100;
pub const SPI_SELR: usize = 0x0108;
pub const SPI_DOMAINR: usize = 0x010c;
pub const SPI_RESAMPLER: usize = 0x0110;
pub const SPI_CFGR: usize = 0x0114;
pub const SPI_STATUSR: usize = 0x0118;
pub const PE_SELR: usize = 0x0140;
pub const PE_STATUSR: usize = 0x0144;
pub const PE_CR0: usize = 0x0148;
pub const IST_BASER: usize = 0x0180;
pub const IST_CFGR: usize = 0x0190;
pub const IST_STATUSR: usize = 0x0194;
pub const MAP_L2_ISTR: usize = 0x01c0;
pub const VMT_BASER: usize = 0x0200;
pub const VMT_CFGR: usize = 0x0210;
pub const VMT_STATUSR: usize = 0x0214;
pub const VPE_SELR: usize = 0x0240;
pub const VPE_DBR: usize = 0x0248;
pub const VPE_HPPIR: usize = 0x0250;
pub const VPE_CR0: usize = 0x0258;
pub const VPE_STATUSR: usize = 0x025c;
pub const VM_SELR: usize = 0x0288;
pub const VM_STATUSR: usize = 0x028c;
pub const VMAP_L2_VMTR: usize = 0x02c0;
pub const VMAP_VMR: usize = 0x02c8;
pub const VMAP_VISTR: usize = 0x02d0;
pub const VMAP_VPER: usize = 0x02e0;
pub const SAVE_VMR: usize = 0x0300;
pub const SAVE_VM_STATUSR: usize = 0x0308;
pub const DEVARCH: usize = 0xffbc;

/// CR0.IRSEN
pub const CR0_IRSEN: u32 = 1;
/// CR0.IDLE
pub const CR0_IDLE: u32 = 2;
/// The IDLE bit of the four STATUSRs.
pub const STATUSR_IDLE: u32 = 1;
/// The V bit of SPI_STATUSR and PE_STATUSR.
pub const STATUSR_V: u32 = 2;
/// IST_BASER.VALID
pub const IST_VALID: u64 = 1;
/// IST_CFGR.STRUCTURE: two levels.
pub const IST_TWO_LEVEL: u32 = 1 << 16;

/// A 32-bit register.
pub fn read(offset: usize) -> u32 {
    mmio_read(BASE + offset)
}

/// A 32-bit register.
pub fn write(offset: usize, value: u32) {
    mmio_write(BASE + offset, value);
}

/// A 64-bit register.
pub fn read64(offset: usize) -> u64 {
    // SAFETY: the frame is 64 KiB of device registers.
    unsafe { ((BASE + offset) as *const u64).read_volatile() }
}

/// A 64-bit register.
pub fn write64(offset: usize, value: u64) {
    crate::cpu::dsb();
    // SAFETY: as for `read64`; memory given to the IRS by it is a static that
    // nothing else uses.
    unsafe { ((BASE + offset) as *mut u64).write_volatile(value) };
}

/// Poll a status register until its bits `mask` are set.
///
/// Panics after a million reads: the emulators answer at once.
pub fn wait(offset: usize, mask: u32) {
    for _ in 0..1_000_000 {
        if read(offset) & mask == mask {
            return;
        }
    }
    panic!("IRS register {offset:#x} never shows {mask:#x}");
}

/// Enable or disable the IRS.
pub fn set_enabled(enabled: bool) {
    write(CR0, if enabled { CR0_IRSEN } else { 0 });
    wait(CR0, CR0_IDLE);
}

/// Set the trigger mode of an SPI: `level` or edge.
pub fn set_trigger(spi: u32, level: bool) {
    write(SPI_SELR, spi);
    wait(SPI_STATUSR, STATUSR_IDLE);
    write(SPI_CFGR, level as u32);
    wait(SPI_STATUSR, STATUSR_IDLE);
}

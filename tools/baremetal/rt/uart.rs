// SPDX-License-Identifier: GPL-2.0
//! The PL011 at 0x0900_0000, as console and as a source of SPIs.

use core::fmt;

/// The SPI that the virt machine wires the UART to.
pub const UART_SPI: u32 = 1;

const BASE: usize = 0x0900_0000;
const DR: usize = 0x00;
const FR: usize = 0x18;
const IMSC: usize = 0x38;

const FR_TXFF: u32 = 1 << 5;
/// The transmit interrupt, in UARTIMSC, UARTRIS, UARTMIS and UARTICR.
const TXI: u32 = 1 << 5;

/// A 32-bit read of a device register.
pub fn mmio_read(addr: usize) -> u32 {
    // SAFETY: the callers name registers of devices the virt machine has.
    unsafe { (addr as *const u32).read_volatile() }
}

/// A 32-bit write of a device register.
pub fn mmio_write(addr: usize, value: u32) {
    // SAFETY: as for `mmio_read`; none of these devices writes memory but the
    // IRS, whose tables are statics given to it for good.
    unsafe { (addr as *mut u32).write_volatile(value) }
}

/// Drive the UART's interrupt line.
///
/// The raw transmit interrupt is set by every character sent, and the console
/// never clears it, so the mask bit alone moves the line.
pub fn set_line(level: bool) {
    mmio_write(BASE + IMSC, if level { TXI } else { 0 });
}

/// The console, for `core::fmt`.
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            while mmio_read(BASE + FR) & FR_TXFF != 0 {}
            mmio_write(BASE + DR, byte.into());
        }
        Ok(())
    }
}

/// Print one line.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        // The console's write_str never fails.
        let _ = writeln!($crate::uart::Console, $($arg)*);
    }};
}

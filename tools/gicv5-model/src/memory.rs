// SPDX-License-Identifier: GPL-2.0-or-later
//! What the model needs of the machine around it.

use core::fmt;

/// Guest physical memory, as the IRS sees it when it walks its tables.
pub trait Memory {
    /// Fills `buf` from physical address `pa`. False: the access faulted, and
    /// `buf` holds nothing of use.
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool;
    /// Writes `buf` to physical address `pa`. False: the access faulted.
    fn write(&mut self, pa: u64, buf: &[u8]) -> bool;
}

/// Where to say that software did what the architecture calls an error.
pub trait Log {
    /// One line, without a newline.
    fn guest_error(&mut self, msg: fmt::Arguments<'_>);
}

/// The environment that one access to the model runs in.
pub struct Env<'a> {
    /// Guest physical memory.
    pub mem: &'a mut dyn Memory,
    /// The log of guest errors.
    pub log: &'a mut dyn Log,
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! IRS_*_SELR, and software that uses one on two PEs at once.
//!
//! There is one selector of each kind for all PEs, so software has to keep other
//! PEs away between writing it and the last access that depends on it. A
//! selection that overtakes another one is as silent as it is wrong: both PEs
//! read and write what the later one selected. So it is said to the log; what
//! the registers do is the same (CHOICE).
//!
//! Two things show that a lock is missing:
//!
//! - a PE selects before another one has seen IDLE of what it did through the
//!   selector, which it has to see before it can be done;
//! - a PE reads or writes what another one has selected.
//!
//! CHOICE: a read of the status register by another PE shows nothing, as it may
//! wait for IDLE before it selects.

use super::frame::{decode, Reg};
use crate::archive::Archive;
use crate::memory::Log;

/// How many selectors there are.
const COUNT: usize = 4;
/// Their names, by index.
const NAMES: [&str; COUNT] = ["IRS_SPI_SELR", "IRS_PE_SELR", "IRS_VPE_SELR", "IRS_VM_SELR"];
/// IDLE of their status registers.
const IDLE: u64 = 1 << 0;

/// What an access has to do with a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is the selector.
    Selector,
    /// It reaches what is selected.
    Selected,
    /// It is the status register.
    Status,
}

fn role(reg: Reg) -> Option<(usize, Role)> {
    Some(match reg {
        Reg::SpiSelr => (0, Role::Selector),
        Reg::SpiCfgr | Reg::SpiVmr | Reg::SpiDomainr => (0, Role::Selected),
        Reg::SpiStatusr => (0, Role::Status),
        Reg::PeSelr => (1, Role::Selector),
        Reg::PeCr0 => (1, Role::Selected),
        Reg::PeStatusr => (1, Role::Status),
        Reg::VpeSelr => (2, Role::Selector),
        Reg::VpeDbr | Reg::VpeHppir | Reg::VpeCr0 => (2, Role::Selected),
        Reg::VpeStatusr => (2, Role::Status),
        Reg::VmSelr => (3, Role::Selector),
        Reg::VmDbr => (3, Role::Selected),
        Reg::VmStatusr => (3, Role::Status),
        _ => return None,
    })
}

/// One selector.
#[derive(Clone, Copy, Debug, Default)]
struct Selection {
    /// The PE that selected last; `None`: something that is no PE, or nobody.
    by: Option<u32>,
    /// It has not seen IDLE of it yet.
    waits: bool,
}

/// All of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selectors([Selection; COUNT]);

impl Selectors {
    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        for selection in &mut self.0 {
            archive.option(&mut selection.by, |pe, archive| archive.number(pe));
            archive.flag(&mut selection.waits);
        }
    }

    /// PE `pe`, if it is one, is about to write to the frame.
    pub fn write(&mut self, log: &mut dyn Log, pe: Option<u32>, offset: u32, size: u32) {
        let reg = decode(offset, size).ok().map(|target| target.desc.reg);
        let Some((n, role)) = reg.and_then(role) else {
            return;
        };
        let selection = &mut self.0[n];
        match role {
            Role::Selector => {
                if let (Some(by), Some(pe), true) = (selection.by, pe, selection.waits) {
                    if by != pe {
                        log.guest_error(format_args!(
                            "{}: PE {pe} selects before PE {by} has seen IDLE of what it selected",
                            NAMES[n]
                        ));
                    }
                }
                *selection = Selection {
                    by: pe,
                    waits: true,
                };
            }
            Role::Selected => {
                selection.check(log, pe, n);
                selection.waits = true;
            }
            Role::Status => {}
        }
    }

    /// The same has read `value` from the frame.
    pub fn read(&mut self, log: &mut dyn Log, pe: Option<u32>, offset: u32, size: u32, value: u64) {
        let reg = decode(offset, size).ok().map(|target| target.desc.reg);
        let Some((n, role)) = reg.and_then(role) else {
            return;
        };
        let selection = &mut self.0[n];
        match role {
            Role::Selector => {}
            Role::Selected => selection.check(log, pe, n),
            Role::Status => {
                if selection.by == pe && value & IDLE != 0 {
                    selection.waits = false;
                }
            }
        }
    }
}

impl Selection {
    /// PE `pe` reaches what is selected.
    fn check(&self, log: &mut dyn Log, pe: Option<u32>, n: usize) {
        if let (Some(by), Some(pe)) = (self.by, pe) {
            if by != pe {
                log.guest_error(format_args!(
                    "{}: PE {pe} reaches what PE {by} has selected",
                    NAMES[n]
                ));
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! What an interrupt state table is, wherever it is kept.
//!
//! The physical SPIs are kept inside the IRS ([`SpiBank`](super::spi::SpiBank)),
//! everything else in memory ([`Ist`](super::ist::Ist)).

use super::state::State;
use crate::memory::Memory;
use core::fmt;

/// Why an interrupt cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The INTID's type is not one that the IRS manages.
    WrongType,
    /// The VM whose interrupt it would be is not valid.
    NoVm,
    /// There is no valid table (IRS_IST_BASER.VALID is 0).
    NoTable,
    /// The ID is beyond the table's end.
    NoSuchId,
    /// The SPI's wire is given to a VM (IRS_SPI_VMR).
    Virtual,
    /// The table has one level, and the request needs two.
    Linear,
    /// The L1_ISTE at `pa` is not valid.
    L1Invalid {
        /// Its physical address.
        pa: u64,
    },
    /// The L1_ISTE at `pa` could not be made valid.
    L1Update {
        /// Its physical address.
        pa: u64,
    },
    /// The L1_ISTE at `pa` could not be read.
    L1Access {
        /// Its physical address.
        pa: u64,
    },
    /// The ISTE at `pa` could not be read or written.
    L2Access {
        /// Its physical address.
        pa: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType => write!(f, "not an SPI or LPI"),
            Self::NoVm => write!(f, "there is no such VM"),
            Self::NoTable => write!(f, "there is no valid IST"),
            Self::NoSuchId => write!(f, "there is no such ID"),
            Self::Virtual => write!(f, "its wire is given to a VM"),
            Self::Linear => write!(f, "the IST is linear"),
            Self::L1Invalid { pa } => write!(f, "the L1_ISTE at {pa:#x} is not valid"),
            Self::L1Update { pa } => write!(f, "updating the L1_ISTE at {pa:#x} faulted"),
            Self::L1Access { pa } => write!(f, "reading the L1_ISTE at {pa:#x} faulted"),
            Self::L2Access { pa } => write!(f, "accessing the L2_ISTE at {pa:#x} faulted"),
        }
    }
}

/// The states of all interrupts of one type in one domain.
pub(crate) trait StateTable {
    /// Where one interrupt's state is; good until the next access by
    /// software.
    type Slot: Copy;

    /// Finds and reads the state of interrupt `id`.
    ///
    /// # Errors
    ///
    /// Why it cannot be reached.
    fn load(&mut self, mem: &mut dyn Memory, id: u32) -> Result<(Self::Slot, State), Fault>;

    /// Replaces the state found at `slot`.
    ///
    /// # Errors
    ///
    /// The write faulted; the state is then as before.
    fn store(&mut self, mem: &mut dyn Memory, slot: Self::Slot, state: State) -> Result<(), Fault>;

    /// Where the last [`load`](Self::load) found a state that is not what the
    /// IRS left there: software has changed a valid table.
    fn take_edited(&mut self) -> Option<u64> {
        None
    }
}

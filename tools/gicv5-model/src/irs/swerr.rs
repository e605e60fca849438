// SPDX-License-Identifier: GPL-2.0-or-later
//! Software error reporting: IRS_SWERR_STATUSR and its syndromes.
//!
//! The first error is kept until software clears it; one that comes meanwhile
//! sets OF and is lost. CHOICE, all of it that is not a field's place: V is
//! cleared by writing 1 to it, and takes the rest with it.

use super::domain::Owner;
use super::table::Fault;
use crate::archive::Archive;
use crate::intid::Intid;

/// IRS_SWERR_STATUSR.V: the register holds an error.
pub(crate) const V: u64 = 1 << 0;
/// IRS_SWERR_STATUSR.S0V: IRS_SWERR_SYNDROMER0 belongs to it.
const S0V: u64 = 1 << 1;
/// IRS_SWERR_STATUSR.S1V: IRS_SWERR_SYNDROMER1 belongs to it.
const S1V: u64 = 1 << 2;
/// IRS_SWERR_STATUSR.OF: another error was lost.
const OF: u64 = 1 << 3;
/// IRS_SWERR_STATUSR.EC, bits 23:16.
const EC_SHIFT: u32 = 16;

/// IRS_SWERR_SYNDROMER0.ID, bits 55:32.
const S0_ID_SHIFT: u32 = 32;
/// IRS_SWERR_SYNDROMER0.TYPE, bits 62:60.
const S0_TYPE_SHIFT: u32 = 60;
/// IRS_SWERR_SYNDROMER0.VIRTUAL: VM_ID, bits 15:0, says whose interrupt it is.
const S0_VIRTUAL: u64 = 1 << 63;
/// IRS_SWERR_SYNDROMER1.ADDR, bits 55:3.
const S1_ADDR: u64 = ((1 << 56) - 1) & !0b111;

/// The three registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SwErr {
    pub statusr: u64,
    pub syndromer0: u64,
    pub syndromer1: u64,
}

impl SwErr {
    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.number(&mut self.statusr);
        archive.number(&mut self.syndromer0);
        archive.number(&mut self.syndromer1);
    }

    /// Records that `intid` could not be reached, if the architecture gives
    /// that a code: faulting accesses to the IST have the codes 0x00 (update
    /// of an L1_ISTE), 0x01 (lookup of an L1_ISTE) and 0x02 (access to an
    /// L2_ISTE). CHOICE: the others, whose codes are not known here, are only
    /// logged.
    pub fn record(&mut self, owner: Owner, intid: Intid, fault: Fault) {
        let (ec, pa): (u64, u64) = match fault {
            Fault::L1Update { pa } => (0x00, pa),
            Fault::L1Access { pa } => (0x01, pa),
            Fault::L2Access { pa } => (0x02, pa),
            Fault::WrongType
            | Fault::NoVm
            | Fault::Virtual
            | Fault::NoTable
            | Fault::NoSuchId
            | Fault::Linear
            | Fault::L1Invalid { .. } => return,
        };
        if self.statusr & V != 0 {
            self.statusr |= OF;
            return;
        }
        let kind = intid.kind().map_or(0, |ty| ty as u64);
        self.statusr = V | S0V | S1V | (ec << EC_SHIFT);
        let vm = match owner {
            Owner::Physical => 0,
            Owner::Vm(vm) => S0_VIRTUAL | u64::from(vm),
        };
        self.syndromer0 = vm | (u64::from(intid.id()) << S0_ID_SHIFT) | (kind << S0_TYPE_SHIFT);
        self.syndromer1 = pa & S1_ADDR;
    }

    /// A write of ones to the bits `ones` of IRS_SWERR_STATUSR.
    pub fn write_statusr(&mut self, ones: u64) {
        if ones & V != 0 {
            *self = Self::default();
        } else if ones & OF != 0 {
            self.statusr &= !OF;
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! An Interrupt State Table in memory: where an ISTE is, and how to get at it.
//!
//! A table is linear (an array of ISTEs) or has two levels (an array of 8-byte
//! L1_ISTEs, each naming an array of ISTEs of 4, 16 or 64 KiB). An ISTE is 4,
//! 8 or 16 bytes, of which the first word is the state; the rest is the IRS's
//! metadata and this IRS has none (IRS_IDR2.ISTMD is 0).
//!
//! CHOICE: the IRS holds no copy of an ISTE. Each access walks the table and
//! each change is written at once, so memory is always the truth, and there is
//! nothing to write back when the table is made invalid. The architecture
//! forbids software to touch a valid table; software that does so finds its
//! change when the interrupt is next named, not before.
//!
//! The same type serves the physical LPIs (IRS_IST_BASER, IRS_IST_CFGR) and,
//! when there is a virtual IRS, the two tables of each VM, whose L2_VMTE has
//! the same fields.

use super::state::State;
use super::table::{Fault, StateTable};
use crate::memory::Memory;

/// Where a table is and how it is built. Nothing outside the ranges that
/// follow from these values is ever accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Physical address of the only or first level; bits 55:6.
    pub base: u64,
    /// The table holds 2^`id_bits` interrupts; at most 24.
    pub id_bits: u32,
    /// log2 of the size of an ISTE in bytes: 2, 3 or 4.
    pub iste_log2: u32,
    /// log2 of the size of a second level in bytes: 12, 14 or 16. `None`: the
    /// table is linear.
    pub l2_log2: Option<u32>,
}

/// Size of an L1_ISTE in bytes.
const L1_ISTE_SIZE: u64 = 8;
/// L1_ISTE.VALID.
const L1_ISTE_VALID: u64 = 1 << 0;
/// L1_ISTE.L2_ADDR, bits 55:12.
const L1_ISTE_L2_ADDR: u64 = ((1 << 56) - 1) & !((1 << 12) - 1);

impl Geometry {
    /// How many bits of the ID index a second level: the driver's `l2_bits`,
    /// (10 - ISTSZ) + 2 * L2SZ.
    const fn l2_index_bits(l2_log2: u32, iste_log2: u32) -> u32 {
        l2_log2 - iste_log2
    }

    /// Size in bytes of what `base` points at.
    pub fn first_level_size(&self) -> u64 {
        match self.l2_log2 {
            None => 1 << (self.id_bits + self.iste_log2),
            Some(l2) => {
                let l2_bits = Self::l2_index_bits(l2, self.iste_log2);
                L1_ISTE_SIZE << self.id_bits.saturating_sub(l2_bits)
            }
        }
    }

    /// The alignment in bytes that IRS_IST_BASER.ADDR has to have: 2^(n+1),
    /// n being the larger of 5 and what the size needs (the computation in
    /// `gicv5_irs_init_ist_linear()` and `_two_level()`).
    pub fn alignment(&self) -> u64 {
        self.first_level_size().max(1 << 6)
    }

    /// The address of the L1_ISTE for `id` and the index into the second
    /// level; `None` for a linear table.
    fn l1(&self, id: u32) -> Option<(u64, u32)> {
        let l2_bits = Self::l2_index_bits(self.l2_log2?, self.iste_log2);
        let index = u64::from(id >> l2_bits);
        Some((self.base + index * L1_ISTE_SIZE, id & ((1 << l2_bits) - 1)))
    }
}

/// A table, or the lack of one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ist {
    geometry: Option<Geometry>,
}

impl Ist {
    /// The table becomes valid.
    ///
    /// CHOICE: nothing is looked for in it. Making a table valid that has
    /// Pending set anywhere is CONSTRAINED UNPREDICTABLE; here such an
    /// interrupt becomes a candidate when a command next names it.
    pub fn set(&mut self, geometry: Geometry) {
        self.geometry = Some(geometry);
    }

    /// The table is no longer valid: no interrupt in it can be reached.
    pub fn clear(&mut self) {
        self.geometry = None;
    }

    fn geometry_for(&self, id: u32) -> Result<&Geometry, Fault> {
        let geometry = self.geometry.as_ref().ok_or(Fault::NoTable)?;
        if u64::from(id) >> geometry.id_bits != 0 {
            return Err(Fault::NoSuchId);
        }
        Ok(geometry)
    }

    /// Makes the second level for `id` valid: sets L1_ISTE.VALID, which
    /// software has left clear (`gicv5_irs_iste_alloc()`). A valid one stays
    /// as it is. As in [`set`](Self::set), nothing is looked for in it.
    pub fn map_l2(&self, mem: &mut dyn Memory, id: u32) -> Result<(), Fault> {
        let (pa, _) = self.geometry_for(id)?.l1(id).ok_or(Fault::Linear)?;
        let mut l1e = [0; 8];
        if !mem.read(pa, &mut l1e) {
            return Err(Fault::L1Update { pa });
        }
        let l1e = u64::from_le_bytes(l1e);
        if l1e & L1_ISTE_VALID == 0 && !mem.write(pa, &(l1e | L1_ISTE_VALID).to_le_bytes()) {
            return Err(Fault::L1Update { pa });
        }
        Ok(())
    }

    fn iste_pa(&self, mem: &mut dyn Memory, id: u32) -> Result<u64, Fault> {
        let geometry = self.geometry_for(id)?;
        let (base, index) = match geometry.l1(id) {
            None => (geometry.base, id),
            Some((pa, index)) => {
                let mut l1e = [0; 8];
                if !mem.read(pa, &mut l1e) {
                    return Err(Fault::L1Access { pa });
                }
                let l1e = u64::from_le_bytes(l1e);
                if l1e & L1_ISTE_VALID == 0 {
                    return Err(Fault::L1Invalid { pa });
                }
                (l1e & L1_ISTE_L2_ADDR, index)
            }
        };
        Ok(base + (u64::from(index) << geometry.iste_log2))
    }
}

impl StateTable for Ist {
    /// The ISTE's physical address.
    type Slot = u64;

    fn load(&self, mem: &mut dyn Memory, id: u32) -> Result<(u64, State), Fault> {
        let pa = self.iste_pa(mem, id)?;
        let mut word = [0; 4];
        if !mem.read(pa, &mut word) {
            return Err(Fault::L2Access { pa });
        }
        Ok((pa, State::from_iste(u32::from_le_bytes(word))))
    }

    fn store(&mut self, mem: &mut dyn Memory, pa: u64, state: State) -> Result<(), Fault> {
        if !mem.write(pa, &state.to_iste().to_le_bytes()) {
            return Err(Fault::L2Access { pa });
        }
        Ok(())
    }
}

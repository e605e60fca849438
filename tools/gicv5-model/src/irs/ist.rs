// SPDX-License-Identifier: GPL-2.0-or-later
//! An Interrupt State Table in memory: where an ISTE is, and how to get at it.
//!
//! A table is linear (an array of ISTEs) or has two levels (an array of 8-byte
//! L1_ISTEs, each naming an array of ISTEs of 4, 16 or 64 KiB). An ISTE is 4,
//! 8 or 16 bytes, of which the first word is the state; the rest is the IRS's
//! metadata, which this one leaves alone whatever IRS_IDR2.ISTMD says.
//!
//! CHOICE: the IRS holds no copy of an ISTE. Each access walks the table and
//! each change is written at once, so memory is always the truth, and there is
//! nothing to write back when the table is made invalid. The architecture
//! forbids software to touch a valid table; software that does so finds its
//! change when the interrupt is next named, not before, and that is a guest
//! error. Where operations take their time ([`Delay`](crate::config::Delay)) the
//! IRS keeps what it has once seen, and the change is lost.
//!
//! The same type serves the physical LPIs (IRS_IST_BASER, IRS_IST_CFGR) and the
//! two tables of each VM, whose L2_VMTE has the same fields.

use super::state::State;
use super::table::{Fault, StateTable};
use crate::archive::Archive;
use crate::memory::Memory;
use std::collections::BTreeMap;

/// Where a table is and how it is built. Nothing outside the ranges that
/// follow from these values is ever accessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default)]
pub(crate) struct Ist {
    geometry: Option<Geometry>,
    /// The word of each ISTE that has been accessed, by its address.
    seen: BTreeMap<u64, u32>,
    /// That word is the truth, and not memory.
    caches: bool,
    edited: Option<u64>,
}

impl Ist {
    /// Saves or loads it.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.option(&mut self.geometry, |geometry, archive| {
            let Geometry {
                base,
                id_bits,
                iste_log2,
                l2_log2,
            } = geometry;
            archive.bits(base, (1 << 56) - 1);
            archive.number(id_bits);
            archive.number(iste_log2);
            archive.option(l2_log2, |log2, archive| archive.number(log2));
            archive.require(*id_bits <= 24 && matches!(iste_log2, 2..=4));
            archive.require(matches!(l2_log2, None | Some(12 | 14 | 16)));
        });
        let mut seen: Vec<_> = core::mem::take(&mut self.seen).into_iter().collect();
        archive.list(&mut seen, |(pa, word), archive| {
            archive.number(pa);
            archive.number(word);
        });
        self.seen = seen.into_iter().collect();
        archive.flag(&mut self.caches);
    }

    /// The table becomes valid.
    ///
    /// CHOICE: nothing is looked for in it. Making a table valid that has
    /// Pending set anywhere is CONSTRAINED UNPREDICTABLE; here such an
    /// interrupt becomes a candidate when a command next names it.
    pub fn set(&mut self, geometry: Geometry, caches: bool) {
        *self = Self {
            geometry: Some(geometry),
            caches,
            ..Self::default()
        };
    }

    /// The table is no longer valid: no interrupt in it can be reached.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there is a table.
    pub fn is_valid(&self) -> bool {
        self.geometry.is_some()
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

    fn load(&mut self, mem: &mut dyn Memory, id: u32) -> Result<(u64, State), Fault> {
        let pa = self.iste_pa(mem, id)?;
        let mut word = [0; 4];
        if !mem.read(pa, &mut word) {
            return Err(Fault::L2Access { pa });
        }
        let mut word = u32::from_le_bytes(word);
        let seen = self.seen.entry(pa).or_insert(word);
        if *seen != word {
            self.edited = Some(pa);
            if self.caches {
                word = *seen;
            }
            *seen = word;
        }
        Ok((pa, State::from_iste(word)))
    }

    fn store(&mut self, mem: &mut dyn Memory, pa: u64, state: State) -> Result<(), Fault> {
        let word = state.to_iste();
        if !mem.write(pa, &word.to_le_bytes()) {
            return Err(Fault::L2Access { pa });
        }
        self.seen.insert(pa, word);
        Ok(())
    }

    fn take_edited(&mut self) -> Option<u64> {
        self.edited.take()
    }
}

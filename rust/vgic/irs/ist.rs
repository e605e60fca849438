// SPDX-License-Identifier: GPL-2.0

//! Interrupt state tables of a VM: linear, or of two levels.

use super::entry::{self, Iste, IsteSize, L2Size};
use super::error::{Error, Result};
use super::list::List;
use super::ports::{natural_alignment, Block, SharedMemory};
use super::sizes::Sizes;
use super::table::Lendable;

/// How an IST is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    id_bits: u32,
    iste: IsteSize,
    /// `None`: linear.
    l2: Option<L2Size>,
}

impl Shape {
    /// The only one for SPIs: linear.
    pub fn linear(sizes: &Sizes, id_bits: u32) -> Self {
        Self {
            id_bits,
            iste: sizes.iste_size(id_bits),
            l2: None,
        }
    }

    /// Two levels if the host has them and one second-level table is not enough.
    pub fn for_lpis(sizes: &Sizes, id_bits: u32) -> Self {
        let iste = sizes.iste_size(id_bits);
        Self {
            id_bits,
            iste,
            l2: sizes.l2_size().filter(|l2| id_bits > l2.id_bits(iste)),
        }
    }

    /// IDs are this many bits wide.
    pub const fn id_bits(&self) -> u32 {
        self.id_bits
    }

    /// How many entries there are.
    pub const fn entries(&self) -> usize {
        1 << self.id_bits
    }

    /// Bytes of the table that the VMTE points at: the only one, or the first level.
    const fn top_size(&self) -> usize {
        let size = match self.l2 {
            None => self.entries() * self.iste.bytes(),
            Some(l2) => entry::L1_ISTE_SIZE << (self.id_bits - l2.id_bits(self.iste)),
        };
        // Whatever the number of entries, a table has at least this (n >= 5 in IST_BASER's rule).
        if size < 64 {
            64
        } else {
            size
        }
    }
}

/// An interrupt state table.
pub struct Ist<B> {
    shape: Shape,
    /// The only table, or the first level.
    top: B,
    /// The second level, complete; empty if the IST is linear.
    second: List<B>,
}

impl<B: Block> Ist<B> {
    /// Allocates an IST with all entries zero: disabled, edge, priority 0, target 0.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    pub fn allocate<M: SharedMemory<Block = B>>(memory: &M, shape: Shape) -> Result<Self> {
        let size = shape.top_size();
        let mut top = memory.allocate(size, natural_alignment(size)?)?;
        let mut second = List::new();
        if let Some(l2) = shape.l2 {
            let tables = 1 << (shape.id_bits - l2.id_bits(shape.iste));
            second = memory.list(tables)?;
            for index in 0..tables {
                let table = memory.allocate(l2.bytes(), l2.bytes())?;
                top.write64(index * entry::L1_ISTE_SIZE, entry::l1_iste(table.address()));
                second.push(table)?;
            }
        }
        Ok(Self { shape, top, second })
    }

    /// How it is laid out.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its word of the VMTE, without IST_VALID.
    pub fn descriptor(&self) -> u64 {
        let Shape { id_bits, iste, l2 } = self.shape;
        entry::vmte_ist(self.top.address(), id_bits, iste, l2)
    }

    /// Which table has entry `id`, counted from 0, and where in it.
    fn place(&self, id: u32) -> Option<(usize, usize)> {
        let id = usize::try_from(id).ok()?;
        if id >= self.shape.entries() {
            return None;
        }
        let (table, index) = match self.shape.l2 {
            None => (0, id),
            Some(l2) => {
                let bits = l2.id_bits(self.shape.iste);
                (id >> bits, id & ((1 << bits) - 1))
            }
        };
        Some((table, index * self.shape.iste.bytes()))
    }

    fn table(&self, number: usize) -> Option<&B> {
        match self.shape.l2 {
            None => Some(&self.top),
            Some(_) => self.second.get(number),
        }
    }

    /// Reads an entry as it is in memory; see [`Self::refresh`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the IST has no such ID.
    pub fn read(&self, id: u32) -> Result<Iste> {
        let (number, offset) = self.place(id).ok_or(Error::Invalid)?;
        let table = self.table(number).ok_or(Error::Invalid)?;
        Ok(Iste(table.read32(offset)))
    }

    /// Writes an entry, its metadata zero.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the IST has no such ID.
    pub fn write(&mut self, id: u32, entry: Iste) -> Result {
        let (number, offset) = self.place(id).ok_or(Error::Invalid)?;
        let size = self.shape.iste.bytes();
        let table = match self.shape.l2 {
            None => Some(&mut self.top),
            Some(_) => self.second.get_mut(number),
        };
        let table = table.ok_or(Error::Invalid)?;
        table.zero(offset, size);
        table.write32(offset, entry.0);
        Ok(())
    }

    /// Lets reads that follow see what the IRS has written back.
    pub fn refresh(&self) {
        self.publish();
    }
}

impl<B: Block> Lendable for Ist<B> {
    fn publish(&self) {
        self.top.synchronize(0, self.top.size());
        for table in self.second.iter() {
            table.synchronize(0, table.size());
        }
    }

    fn leak(self) {
        self.top.leak();
        self.second.consume(Block::leak);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! SPIs as their devices drive them: line levels and trigger modes.
//!
//! The rest of an SPI's state is in its IST entry, which is the hardware's. A device's change
//! becomes one GIC VDPEND; whether and where the guest is interrupted is decided in hardware, so
//! nobody is kicked.

use super::super::word::Word;
use super::error::{Error, Result};
use super::field::Field;
use super::host::{IstKind, VmId};
use super::list::List;
use super::ports::{Cpu, SharedMemory};

/// The number of SPIs of a VM that does not say how many.
pub const DEFAULT_SPIS: u32 = 32;
/// The most SPIs of a VM.
pub const MAX_SPIS: u32 = 1024;

const BITS: u32 = u64::BITS;

/// IRS_SPI_CFGR.TM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A rising edge makes pending.
    Edge,
    /// Pending while the line is high.
    Level,
}

/// The operand of GIC VDPEND.
pub fn vdpend(vm: VmId, kind: IstKind, id: u32, pending: bool) -> u64 {
    Field::bit(63).put(pending.into())
        | Field::new(47, 32).put(vm.number().into())
        | Field::new(31, 29).put(kind.interrupt_type())
        | Field::new(23, 0).put(id.into())
}

/// The SPIs of a VM. Any thread may use all of it, in any context, without a lock.
pub struct Spis {
    count: u32,
    /// Lines of level SPIs that are high; a bit each.
    line: List<Word>,
    /// SPIs whose trigger mode is level.
    level: List<Word>,
}

impl Spis {
    /// `count` SPIs, all with an edge trigger, as after reset.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    pub fn new<M: SharedMemory>(memory: &M, count: u32) -> Result<Self> {
        let words = || -> Result<List<Word>> {
            let mut list = memory.list(count.div_ceil(BITS) as usize)?;
            for _ in 0..count.div_ceil(BITS) {
                list.push(Word::new(0))?;
            }
            Ok(list)
        };
        Ok(Self {
            count,
            line: words()?,
            level: words()?,
        })
    }

    /// How many there are; their IDs are below.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn bit(list: &List<Word>, id: u32) -> bool {
        list.get((id / BITS) as usize)
            .is_some_and(|word| (word.load() >> (id % BITS)) & 1 != 0)
    }

    /// Changes a bit; returns what it was.
    fn set_bit(list: &List<Word>, id: u32, value: bool) -> bool {
        let bit = 1 << (id % BITS);
        list.get((id / BITS) as usize).is_some_and(|word| {
            let old = if value {
                word.set(bit)
            } else {
                word.clear(bit)
            };
            old & bit != 0
        })
    }

    /// The trigger mode of an SPI; edge if there is no such SPI.
    pub fn trigger(&self, id: u32) -> Trigger {
        if Self::bit(&self.level, id) {
            Trigger::Level
        } else {
            Trigger::Edge
        }
    }

    /// Sets the trigger mode of an SPI; ignored if there is no such SPI.
    pub fn set_trigger(&self, id: u32, trigger: Trigger) {
        if id < self.count {
            Self::set_bit(&self.level, id, trigger == Trigger::Level);
        }
    }

    /// Whether the line of a level SPI is high.
    pub fn line(&self, id: u32) -> bool {
        Self::bit(&self.line, id)
    }

    /// Sets the line level of an SPI without telling the hardware.
    pub(super) fn set_line(&self, id: u32, level: bool) {
        if id < self.count {
            Self::set_bit(&self.line, id, level);
        }
    }

    /// A device drives an SPI of `vm`: raises or lowers the line of a level SPI, raises an edge SPI
    /// (and ignores its fall). Returns whether that changed anything.
    ///
    /// Why two devices on one line need no lock: whoever told the hardware a level looks at the line
    /// again once that has taken effect, and goes on if it has changed. The last of them to tell it
    /// found the line as told, and any change after that tells it anew.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no such SPI.
    pub fn inject<C: Cpu>(&self, cpu: &mut C, vm: VmId, id: u32, level: bool) -> Result<bool> {
        if id >= self.count {
            return Err(Error::Invalid);
        }
        if self.trigger(id) == Trigger::Edge {
            if level {
                cpu.vdpend(vdpend(vm, IstKind::Spi, id, true));
            }
            return Ok(level);
        }
        if Self::set_bit(&self.line, id, level) == level {
            return Ok(false);
        }
        let mut told = level;
        loop {
            cpu.vdpend(vdpend(vm, IstKind::Spi, id, told));
            cpu.complete();
            let now = self.line(id);
            if now == told {
                return Ok(true);
            }
            told = now;
        }
    }
}

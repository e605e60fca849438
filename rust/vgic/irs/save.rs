// SPDX-License-Identifier: GPL-2.0

//! The state of SPIs and LPIs as userspace saves and restores it (KVM_DEV_ARM_VGIC_GRP_IST).
//!
//! A buffer has one 32-bit entry an interrupt, in the order of IDs, laid out as the first word of an
//! IST entry, whatever the host's tables look like. The metadata of the host's entries stays behind.
//!
//! An SPI has two bits of state that are software's: its trigger mode and, if that is level, its
//! line. An entry that says nothing about them means what KVM in C means by it: the trigger mode is
//! the handling mode, and the line of a level SPI is high if it is pending. Where that is not so, an
//! entry of ours has a mark in HWU, a field that no restore gives to the hardware.

use super::entry::Iste;
use super::error::{Error, Result};
use super::field::Field;
use super::host::{Commands, IstKind, Saved, VmId};
use super::ist::Ist;
use super::list::List;
use super::ports::{Block, Cpu, HostIrs};
use super::spi::{vdpend, Spis, Trigger};

/// The trigger mode is not the handling mode.
const TRIGGER_MARK: Field = Field::bit(9);
/// The line of an SPI is not what it would be without a mark.
const LINE_MARK: Field = Field::bit(10);

/// Takes each entry on its way to userspace, in the order of IDs: SPIs, then LPIs.
pub trait Sink {
    /// Takes one.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if userspace's buffer cannot be written.
    fn put(&mut self, kind: IstKind, entry: u32) -> Result;
}

/// Where entries come from, in the same order.
pub trait Source {
    /// The next one.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if userspace's buffer cannot be read.
    fn get(&mut self, kind: IstKind) -> Result<u32>;
}

/// An SPI's entry with its trigger mode and its line.
pub(super) fn spi_to_user(entry: Iste, spis: &Spis, id: u32) -> Iste {
    let entry = entry.architected();
    let level = spis.trigger(id) == Trigger::Level;
    let trigger_differs = level != entry.has(Iste::HM);
    let line_differs = spis.line(id) != (level && entry.has(Iste::PENDING));
    entry
        .with(TRIGGER_MARK, trigger_differs.into())
        .with(LINE_MARK, line_differs.into())
}

/// Sets an SPI's trigger mode and line as its saved entry says.
pub(super) fn spi_from_user(entry: Iste, spis: &Spis, id: u32) {
    let level = entry.has(Iste::HM) != entry.has(TRIGGER_MARK);
    let line = (level && entry.has(Iste::PENDING)) != entry.has(LINE_MARK);
    spis.set_trigger(id, if level { Trigger::Level } else { Trigger::Edge });
    spis.set_line(id, line);
}

/// Copies an IST out, up to `count` entries, after the IRS has written it back.
pub(super) fn copy_out<B: Block>(
    ist: &Ist<B>,
    count: u32,
    mut put: impl FnMut(u32, Iste) -> Result,
) -> Result {
    ist.refresh();
    for id in 0..count {
        put(id, ist.read(id)?)?;
    }
    Ok(())
}

/// Has the IRS write the state of `vm` back to its ISTs.
pub(super) fn begin<H: HostIrs>(host: &H, vm: VmId) -> Result {
    quiescent(Commands(host).save_vm(vm)?)
}

/// Whether what was copied since [`begin`] is the state of one moment.
pub(super) fn check<H: HostIrs>(host: &H, vm: VmId) -> Result {
    quiescent(Commands(host).still_saved(vm)?)
}

fn quiescent(saved: Saved) -> Result {
    match saved {
        Saved::Quiescent => Ok(()),
        Saved::Changed => Err(Error::Busy),
    }
}

/// Entries read from userspace, complete before anything of the VM changes.
pub(super) struct Entries {
    pub(super) spis: List<Iste>,
    pub(super) lpis: List<Iste>,
}

impl Entries {
    pub(super) fn read(
        source: &mut impl Source,
        mut spis: List<Iste>,
        spi_count: u32,
        mut lpis: List<Iste>,
        lpi_count: u32,
    ) -> Result<Self> {
        for _ in 0..spi_count {
            spis.push(Iste(source.get(IstKind::Spi)?))?;
        }
        for _ in 0..lpi_count {
            lpis.push(Iste(source.get(IstKind::Lpi)?))?;
        }
        Ok(Self { spis, lpis })
    }

    /// Writes the entries to an IST that the IRS does not have, none of them pending: it need not
    /// notice pending bits that it finds when an IST becomes valid.
    pub(super) fn write<B: Block>(entries: &[Iste], ist: &mut Ist<B>) -> Result {
        for (id, entry) in (0..).zip(entries) {
            ist.write(id, entry.architected().with(Iste::PENDING, 0))?;
        }
        Ok(())
    }

    /// Makes pending, in hardware, what was.
    pub(super) fn replay<C: Cpu>(&self, cpu: &mut C, vm: VmId) {
        for (kind, entries) in [(IstKind::Spi, &self.spis), (IstKind::Lpi, &self.lpis)] {
            for (id, entry) in (0..).zip(entries.iter()) {
                if entry.has(Iste::PENDING) {
                    cpu.vdpend(vdpend(vm, kind, id, true));
                }
            }
        }
    }
}

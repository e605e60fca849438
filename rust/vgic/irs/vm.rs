// SPDX-License-Identifier: GPL-2.0

//! A VM's tables, and the order in which they become valid and stop being so.
//!
//! ```text
//!             allocate                start
//!   VmTable ───────────► Idle ─────────────────────► Live ⟲ map_lpis, unmap_lpis
//!      ▲                 │  ▲                          │
//!      └──── release ────┘  └────────── stop ──────────┘
//! ```
//!
//! All memory of an [`Idle`] VM is ours, to edit and to free. All memory of a [`Live`] one is lent.
//! The order of `start` is the architecture's: the VMTE first, then what it points at. A VPE is never
//! made invalid by itself, nor the IST of SPIs: the VMTE's end is theirs.

use super::entry::{self, VPETE_SIZE};
use super::error::{Error, Result};
use super::host::{Commands, IstKind, VmId, VpeId};
use super::ist::{Ist, Shape};
use super::list::List;
use super::ports::{natural_alignment, Block};
use super::table::{IstGone, Lendable, Lent, VmGone};
use super::vmt::{Host, Slot};

/// A vCPU, to make a VPE of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpeSpec {
    /// The vCPU's ID.
    pub id: VpeId,
    /// The ID of the physical LPI that is to wake it, without the type.
    pub doorbell: u32,
}

/// What the first two words of a VMTE point at.
struct Descriptors<B> {
    /// The VM descriptor, if the host has them.
    vmd: Option<B>,
    /// The VPE table, indexed by vCPU ID.
    vpet: B,
    /// The VPE descriptors, a dense array in the order of the vCPUs.
    vpeds: B,
}

impl<B: Block> Lendable for Descriptors<B> {
    fn publish(&self) {
        for block in self.vmd.iter().chain([&self.vpet, &self.vpeds]) {
            block.synchronize(0, block.size());
        }
    }

    fn leak(self) {
        for block in self.vmd.into_iter().chain([self.vpet, self.vpeds]) {
            block.leak();
        }
    }
}

/// What does not change while a VM goes to and fro.
struct Identity {
    slot: Slot,
    vpes: List<VpeSpec>,
    /// log2 of the number of entries of the VPE table.
    vpe_id_bits: u32,
}

/// A VM with a VM ID and tables that the IRS does not know.
pub struct Idle<B: Block> {
    identity: Identity,
    descriptors: Descriptors<B>,
    /// State of the SPIs.
    pub(super) spis: Ist<B>,
    /// State of the LPIs, if the guest has any.
    pub(super) lpis: Option<Ist<B>>,
}

/// A VM that the IRS knows.
///
/// Dropping it leaks its memory and its VM ID; [`Live::stop`] is the way out.
#[must_use]
pub struct Live<B: Block> {
    identity: Identity,
    descriptors: Lent<Descriptors<B>, VmGone>,
    spis: Lent<Ist<B>, IstGone>,
    lpis: Option<Lent<Ist<B>, IstGone>>,
}

/// A VM that did not become, or stay, live.
#[must_use]
pub struct Failure<B: Block> {
    /// Why.
    pub error: Error,
    /// The VM, if the IRS gave its memory back. Otherwise it is leaked, with the VM ID.
    pub idle: Option<Idle<B>>,
}

/// log2 of the number of entries of a VPE table for vCPU IDs of up to `max_id`: at least two
/// entries, as 0 bits is no legal value.
fn vpe_id_bits(max_id: u16) -> u32 {
    (u16::BITS - max_id.leading_zeros()).max(1)
}

impl<B: Block> Idle<B> {
    /// Allocates all tables of a VM with these vCPUs, `spis` of SPIs (all disabled), and no LPIs;
    /// then a VM ID.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] without a vCPU; [`Error::TooBig`] for a vCPU ID beyond the host's VPE IDs;
    /// [`Error::NoMemory`]; those of [`super::VmTable::claim`].
    pub fn allocate<H: Host<Block = B>>(host: &H, vpes: List<VpeSpec>, spis: u32) -> Result<Self> {
        let sizes = host.sizes();
        let max_id = vpes
            .iter()
            .map(|vpe| vpe.id.0)
            .max()
            .ok_or(Error::NoDevice)?;
        if u32::from(max_id) >= sizes.max_vcpus() {
            return Err(Error::TooBig);
        }
        let vpe_id_bits = vpe_id_bits(max_id);
        let allocate = |size: usize| host.allocate(size, natural_alignment(size)?);
        let vmd = sizes.vmd_size().map(allocate).transpose()?;
        let vpet = allocate(VPETE_SIZE << vpe_id_bits)?;
        // Each descriptor is naturally aligned if the first is.
        let vped_size = sizes.vped_size();
        let vpeds = host.allocate(vpes.len() * vped_size, natural_alignment(vped_size)?)?;
        let spi_id_bits = spis.next_power_of_two().trailing_zeros();
        let spis = Ist::allocate(host, Shape::linear(sizes, spi_id_bits))?;
        // Last, as a VM ID does not return by itself.
        let slot = host.with_table(|table| table.claim(host))?;
        Ok(Self {
            identity: Identity {
                slot,
                vpes,
                vpe_id_bits,
            },
            descriptors: Descriptors { vmd, vpet, vpeds },
            spis,
            lpis: None,
        })
    }

    /// Frees the tables and returns the VM ID.
    pub fn release<H: Host<Block = B>>(self, host: &H) {
        let slot = self.identity.slot;
        // Without a table there are no IDs to return it to.
        let _ = host.with_table(|table| {
            table.release(slot);
            Ok(())
        });
    }

    /// Makes the VM, its ISTs and its VPEs valid, and gives the VPEs their doorbells.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`]; [`Error::Invalid`] if the IRS refused a VPE.
    pub fn start<H: Host<Block = B>>(mut self, host: &H) -> Result<Live<B>, Failure<B>> {
        let vmte = self.prepare(host);
        let written = host.with_table(|table| {
            table.write_vmte(&self.identity.slot, vmte);
            Ok(())
        });
        if let Err(error) = written {
            return Err(Failure {
                error,
                idle: Some(self),
            });
        }
        let live = Live {
            identity: self.identity,
            descriptors: Lent::new(self.descriptors),
            spis: Lent::new(self.spis),
            lpis: self.lpis.map(Lent::new),
        };
        match live.make_valid(host) {
            Ok(()) => Ok(live),
            Err(error) => Err(Failure {
                error,
                idle: live.stop(host).ok(),
            }),
        }
    }

    /// Fills in what the IRS reads, with nothing valid and nothing of an earlier life; returns the
    /// VMTE.
    fn prepare<H: Host<Block = B>>(&mut self, host: &H) -> [u64; 4] {
        let Descriptors { vmd, vpet, vpeds } = &mut self.descriptors;
        if let Some(vmd) = vmd {
            vmd.zero(0, vmd.size());
        }
        vpeds.zero(0, vpeds.size());
        vpet.zero(0, vpet.size());
        for (index, vpe) in self.identity.vpes.iter().enumerate() {
            let vped = vpeds.address() + (index * host.sizes().vped_size()) as u64;
            vpet.write64(usize::from(vpe.id.0) * VPETE_SIZE, entry::vpete(vped));
        }
        [
            entry::vmte_descriptor(vmd.as_ref().map_or(0, Block::address)),
            entry::vmte_vpet(vpet.address(), self.identity.vpe_id_bits),
            self.lpis.as_ref().map_or(0, Ist::descriptor),
            self.spis.descriptor(),
        ]
    }
}

impl<B: Block> Live<B> {
    /// The VM's ID.
    pub fn vm(&self) -> VmId {
        self.identity.slot.vm()
    }

    /// The VPEs, in the order of the vCPUs.
    pub fn vpes(&self) -> &[VpeSpec] {
        &self.identity.vpes
    }

    /// log2 of the number of entries of the VPE table: the width of the guest's IAFFIDs.
    pub fn vpe_id_bits(&self) -> u32 {
        self.identity.vpe_id_bits
    }

    /// The IST of the SPIs, to look at.
    pub fn spis(&self) -> &Ist<B> {
        self.spis.look()
    }

    /// The IST of the LPIs, to look at, if there is one.
    pub fn lpis(&self) -> Option<&Ist<B>> {
        self.lpis.as_ref().map(Lent::look)
    }

    fn make_valid<H: Host<Block = B>>(&self, host: &H) -> Result {
        let commands = Commands(host);
        let vm = self.vm();
        commands.map_vm(vm)?;
        commands.map_ist(vm, IstKind::Spi)?;
        if self.lpis.is_some() {
            commands.map_ist(vm, IstKind::Lpi)?;
        }
        for vpe in self.vpes() {
            commands.map_vpe(vm, vpe.id)?;
            commands.set_doorbell(vm, vpe.id, vpe.doorbell)?;
        }
        Ok(())
    }

    /// Makes the VM invalid, and takes its memory back. No VPE of it is resident.
    ///
    /// # Errors
    ///
    /// [`Error::Dead`] if the IRS does not say that it is done: memory and VM ID are leaked.
    pub fn stop<H: Host<Block = B>>(self, host: &H) -> Result<Idle<B>> {
        match Commands(host).unmap_vm(self.vm()) {
            Ok(gone) => Ok(Idle {
                identity: self.identity,
                descriptors: self.descriptors.take_back(&gone),
                spis: self.spis.take_back(&gone.ist()),
                lpis: self.lpis.map(|lpis| lpis.take_back(&gone.ist())),
            }),
            Err(_) => {
                self.descriptors.leak();
                self.spis.leak();
                if let Some(lpis) = self.lpis {
                    lpis.leak();
                }
                Err(Error::Dead)
            }
        }
    }

    /// Gives the VM an IST of LPIs, and makes it valid. It has none so far.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if it has one. [`Error::Timeout`]: the IST was taken back and freed.
    /// [`Error::Dead`]: the IRS may have the IST, which is leaked; the VM must not run any more.
    pub fn map_lpis<H: Host<Block = B>>(&mut self, host: &H, ist: Ist<B>) -> Result {
        if self.lpis.is_some() {
            return Err(Error::Busy);
        }
        self.write_lpi_section(host, ist.descriptor())?;
        self.lpis = Some(Lent::new(ist));
        match Commands(host).map_ist(self.vm(), IstKind::Lpi) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.unmap_lpis(host).err().unwrap_or(error)),
        }
    }

    /// Makes the IST of the LPIs invalid, and frees it. Does nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Dead`]: the IRS may still have the IST, which is leaked; the VM must not run any
    /// more.
    pub fn unmap_lpis<H: Host<Block = B>>(&mut self, host: &H) -> Result {
        let Some(lent) = self.lpis.take() else {
            return Ok(());
        };
        match Commands(host).unmap_ist(self.vm(), IstKind::Lpi) {
            Ok(gone) => {
                drop(lent.take_back(&gone));
                self.write_lpi_section(host, 0)
            }
            Err(_) => {
                lent.leak();
                Err(Error::Dead)
            }
        }
    }

    fn write_lpi_section<H: Host<Block = B>>(&self, host: &H, descriptor: u64) -> Result {
        host.with_table(|table| {
            table.write_ist(&self.identity.slot, IstKind::Lpi, descriptor);
            Ok(())
        })
    }
}

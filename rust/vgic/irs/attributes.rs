// SPDX-License-Identifier: GPL-2.0

//! Userspace's access to the frame's registers, to save and to restore them
//! (KVM_DEV_ARM_VGIC_GRP_IRS_REGS).
//!
//! Every register can be read and written back: a write that could mean nothing is ignored, and one
//! that says what is so already is accepted. A value that this VM, or this host, cannot have is
//! [`Error::Invalid`].

use super::error::{Error, Result};
use super::frame::{find, Frame, Reg, View};
use super::registers::{idr0, idr1, idr2, ist};

/// How far a VM has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// KVM_DEV_ARM_VGIC_CTRL_INIT is done.
    pub initialized: bool,
    /// A vCPU has run.
    pub has_run: bool,
    /// The IRS has an address.
    pub placed: bool,
}

/// A register that userspace names by its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserReg(Reg);

impl UserReg {
    /// The register at this offset in the configuration frame.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] if there is none; [`Error::Invalid`] if the offset is inside of one.
    pub fn parse(attr: u64) -> Result<Self> {
        let (start, _, reg) = find(attr).ok_or(Error::NoSuch)?;
        if attr == start.into() {
            Ok(Self(reg))
        } else {
            Err(Error::Invalid)
        }
    }
}

impl Stage {
    /// Whether registers can be accessed now.
    ///
    /// # Errors
    ///
    /// In this order: [`Error::Busy`] before INIT, and for writes once a vCPU has run;
    /// [`Error::NoSuch`] without an address.
    pub fn allows(self, write: bool) -> Result {
        if !self.initialized || (write && self.has_run) {
            Err(Error::Busy)
        } else if !self.placed {
            Err(Error::NoSuch)
        } else {
            Ok(())
        }
    }
}

/// What a write by userspace changes outside of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// Nothing.
    Frame,
    /// IRS_CR0.IRSEN.
    Enable(bool),
}

impl Frame {
    /// Reads a register for userspace. A status register says IDLE and no more.
    pub fn user_read(&self, view: &View<'_>, reg: UserReg) -> u64 {
        match reg.0 {
            Reg::SyncStatusr | Reg::SpiStatusr | Reg::PeStatusr | Reg::IstStatusr => 1,
            reg => self.value(view, reg),
        }
    }

    /// Writes a register for userspace. `has_ist` is whether the host has an IST for the VM's LPIs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub fn user_write(
        &mut self,
        view: &View<'_>,
        reg: UserReg,
        value: u64,
        has_ist: bool,
    ) -> Result<Written> {
        let is_64 = matches!(reg.0, Reg::IstBaser);
        let value = if is_64 { value } else { value & 0xffff_ffff };
        let now = self.value(view, reg.0);
        let acceptable = match reg.0 {
            Reg::Idr(0) => idr0_is_acceptable(value),
            Reg::Idr(1) => {
                idr1::IAFFID_BITS.get(value) == idr1::IAFFID_BITS.get(now)
                    && idr1::PRIORITY_BITS.get(value) <= idr1::PRIORITY_BITS.get(now)
            }
            Reg::Idr(2) => idr2_is_acceptable(value, view),
            Reg::Idr(5..=7) => value == now,
            Reg::IstBaser | Reg::IstCfgr if has_ist => value == now,
            _ => true,
        };
        if !acceptable {
            return Err(Error::Invalid);
        }
        match reg.0 {
            Reg::Cr0 => return Ok(Written::Enable(value & 1 != 0)),
            Reg::IstBaser => {
                self.ist_baser = value & (ist::BASER_ADDR.mask() | ist::BASER_VALID.mask());
            }
            Reg::IstCfgr => {
                self.ist_cfgr = value
                    & (ist::CFGR_STRUCTURE.mask()
                        | ist::CFGR_ISTSZ.mask()
                        | ist::CFGR_L2SZ.mask()
                        | ist::CFGR_LPI_ID_BITS.mask());
            }
            // Trigger modes travel with the SPIs' IST entries: SPI_CFGR is among the others.
            reg => self.store(reg, value),
        }
        Ok(Written::Frame)
    }
}

/// PA_RANGE and IRSID may differ.
fn idr0_is_acceptable(value: u64) -> bool {
    let absent = [
        idr0::VIRT,
        idr0::ONE_N,
        idr0::VIRT_ONE_N,
        idr0::SETLPI,
        idr0::MEC,
        idr0::MPAM,
        idr0::SWE,
    ];
    idr0::INT_DOM.get(value) == idr0::INT_DOM_NS && absent.iter().all(|field| !field.is_set(value))
}

/// IST_L2SZ may differ.
fn idr2_is_acceptable(value: u64, view: &View<'_>) -> bool {
    let absent = [idr2::IST_LEVELS, idr2::ISTMD, idr2::ISTMD_SZ];
    let id_bits = idr2::ID_BITS.get(value);
    let min = idr2::MIN_LPI_ID_BITS.get(value);
    idr2::LPI.is_set(value)
        && absent.iter().all(|field| !field.is_set(value))
        && id_bits <= view.sizes.max_lpi_id_bits().into()
        && min >= view.sizes.min_lpi_id_bits().into()
        && min <= id_bits
}

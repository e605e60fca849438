// SPDX-License-Identifier: GPL-2.0

//! What userspace says about the IRS before it exists (KVM_DEV_ARM_VGIC_GRP_ADDR and
//! KVM_DEV_ARM_VGIC_GRP_NR_IRQS).

use super::error::{Error, Result};
use super::frame::{FRAMES_SIZE, FRAME_SIZE};
use super::spi::{DEFAULT_SPIS, MAX_SPIS};

/// An address that was not set: VGIC_ADDR_UNDEF.
pub const UNDEFINED: u64 = u64::MAX;

/// The IRS's place and size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    address: Option<u64>,
    spis: Option<u32>,
}

impl Config {
    /// The guest physical address of the configuration frame, or [`UNDEFINED`].
    pub fn address(&self) -> u64 {
        self.address.unwrap_or(UNDEFINED)
    }

    /// Whether the frame has an address.
    pub fn is_placed(&self) -> bool {
        self.address.is_some()
    }

    /// Whether userspace has said that there is to be an IRS.
    pub fn is_wanted(&self) -> bool {
        self.address.is_some() || self.spis.is_some()
    }

    /// Places the frames at `address` in a guest whose addresses are below `limit`.
    ///
    /// # Errors
    ///
    /// In this order: [`Error::Exists`] if they have a place; [`Error::Invalid`] if the address is
    /// not a multiple of 64 KiB, or the frames wrap; [`Error::TooBig`] if they end beyond `limit`.
    pub fn set_address(&mut self, address: u64, limit: u64) -> Result {
        if self.address.is_some() {
            return Err(Error::Exists);
        }
        let end = address.checked_add(FRAMES_SIZE).ok_or(Error::Invalid)?;
        if address % FRAME_SIZE != 0 {
            return Err(Error::Invalid);
        }
        if end > limit {
            return Err(Error::TooBig);
        }
        self.address = Some(address);
        Ok(())
    }

    /// What was set, or 0 before INIT, or the default after.
    pub fn spis(&self, initialized: bool) -> u32 {
        self.spis
            .unwrap_or(if initialized { DEFAULT_SPIS } else { 0 })
    }

    /// Sets the number of SPIs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] unless it is a multiple of 32 from 32 to 1024; [`Error::Busy`] if it was
    /// set, or INIT is done.
    pub fn set_spis(&mut self, spis: u32, initialized: bool) -> Result {
        if !(DEFAULT_SPIS..=MAX_SPIS).contains(&spis) || spis % 32 != 0 {
            return Err(Error::Invalid);
        }
        if self.spis.is_some() || initialized {
            return Err(Error::Busy);
        }
        self.spis = Some(spis);
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! What an implementation is free to choose, and within which bounds.

/// The most PEs a model can have (`GICV5_MAX_PES`).
pub const MAX_PES: u32 = 16;
/// The most SPIs a model can have.
pub const MAX_SPIS: u32 = 1024;
/// LPI ID bits when the embedder does not care.
pub const DEFAULT_LPI_ID_BITS: u32 = 16;
/// Bounds of [`Config::lpi_id_bits`]. The upper one is the width of INTID.ID;
/// the lower one is IRS_IDR2.MIN_LPI_ID_BITS' architectural maximum (14).
pub const LPI_ID_BITS: core::ops::RangeInclusive<u32> = 14..=24;

/// The shape of one GICv5. Fields are public to read; only [`Config::new`]
/// makes one, so every `Config` is within bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Number of PEs, 1..=[`MAX_PES`]; the IAFFID of PE n is n.
    pub num_pes: u32,
    /// Number of SPIs, 0..=[`MAX_SPIS`], INTID.ID 0 upwards.
    pub num_spis: u32,
    /// IRS_IDR0.VIRT.
    pub virt: bool,
    /// IRS_IDR2.ID_BITS, within [`LPI_ID_BITS`].
    pub lpi_id_bits: u32,
    /// Clear IRS_IDR2.IST_LEVELS: software must use a linear IST.
    pub ist_linear_only: bool,
}

impl Config {
    /// Checks the values; `lpi_id_bits` 0 means [`DEFAULT_LPI_ID_BITS`].
    ///
    /// # Errors
    ///
    /// A sentence saying which value is out of bounds.
    pub fn new(
        num_pes: u32,
        num_spis: u32,
        virt: bool,
        lpi_id_bits: u32,
        ist_linear_only: bool,
    ) -> Result<Self, &'static core::ffi::CStr> {
        let lpi_id_bits = match lpi_id_bits {
            0 => DEFAULT_LPI_ID_BITS,
            bits => bits,
        };
        if !(1..=MAX_PES).contains(&num_pes) {
            return Err(c"the number of PEs must be 1 to 16");
        }
        if num_spis > MAX_SPIS {
            return Err(c"the number of SPIs must be at most 1024");
        }
        if !LPI_ID_BITS.contains(&lpi_id_bits) {
            return Err(c"the number of LPI ID bits must be 14 to 24");
        }
        Ok(Self {
            num_pes,
            num_spis,
            virt,
            lpi_id_bits,
            ist_linear_only,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert!(Config::new(0, 0, false, 0, false).is_err());
        assert!(Config::new(17, 0, false, 0, false).is_err());
        assert!(Config::new(1, 1025, false, 0, false).is_err());
        assert!(Config::new(1, 0, false, 13, false).is_err());
        assert!(Config::new(1, 0, false, 25, false).is_err());
        let config = Config::new(16, 1024, true, 0, true).unwrap();
        assert_eq!(config.lpi_id_bits, 16);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! What an implementation is free to choose, and within which bounds.

use crate::cpuif::ppi::{PpiSet, GICMNT};
use crate::regs::Half;

/// The most PEs a model can have (`GICV5_MAX_PES`).
pub const MAX_PES: u32 = 16;
/// The most SPIs a model can have.
pub const MAX_SPIS: u32 = 1024;
/// LPI ID bits when the embedder does not care.
pub const DEFAULT_LPI_ID_BITS: u32 = 16;
/// Bounds of [`Config::lpi_id_bits`]. The upper one is the width of INTID.ID;
/// the lower one is IRS_IDR2.MIN_LPI_ID_BITS' architectural maximum (14).
pub const LPI_ID_BITS: core::ops::RangeInclusive<u32> = 14..=24;

/// The shape of one GICv5. Only [`Config::new`] makes one, within bounds; what
/// it has no argument for has a default, and any other value is in bounds too.
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
    /// Clear IRS_IDR2.IST_LEVELS: software must use linear ISTs.
    pub ist_linear_only: bool,
    /// PPI 25, the maintenance interrupt, is implemented, though nothing drives
    /// it without FEAT_GCIE_LEGACY; see
    /// [`IMPLEMENTED`](crate::cpuif::ppi::IMPLEMENTED). Set by default.
    pub gicmnt: bool,
    /// The PPIs above 63, which are IMPLEMENTATION DEFINED, that are
    /// implemented: bit n is PPI 64 + n. None by default.
    pub high_ppis: u64,
    /// What else the ID registers say.
    pub knobs: Knobs,
    /// How long operations take. By default they are complete when the access
    /// returns.
    pub delay: Delay,
}

/// How long operations take; see [`Gicv5::step`](crate::Gicv5::step).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// For how many later accesses a command or a write to the IRS waits, unless
    /// software waits for it; 0: not at all.
    pub steps: u32,
    /// The offset in the IRS's frame of a register whose operations never
    /// complete.
    pub stuck: Option<u32>,
}

/// Values of ID registers that select between code paths of the software that
/// reads them. The default is a machine that upstream's KVM accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// IRS_IDR3.VM_ID_BITS, 8..=16.
    pub vm_id_bits: u32,
    /// IRS_IDR3.VMT_LEVELS: software may use a two-level VM table.
    pub vmt_two_level: bool,
    /// IRS_IDR3.{VMD, VMD_SZ}: a VM descriptor is 2^n bytes, 3..=15; `None`:
    /// a VM has none.
    pub vmd_log2: Option<u32>,
    /// IRS_IDR4.VPED_SZ: a VPE descriptor is 2^n bytes, 3..=12.
    pub vped_log2: u32,
    /// IRS_IDR4.VPE_ID_BITS plus 1, 1..=16.
    pub vpe_id_bits: u32,
    /// IRS_IDR2.{ISTMD, ISTMD_SZ}: an ISTE has 8 bytes, or 16 in a table with
    /// this many ID bits or more, 0..=31; `None`: 4 bytes do.
    pub istmd_id_bits: Option<u32>,
    /// IRS_IDR2.IST_L2SZ: which sizes a second level can have, bit 0 for 4 KiB,
    /// 1 for 16 KiB, 2 for 64 KiB; 1..=7.
    pub ist_l2_sizes: u32,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            vm_id_bits: 8,
            vmt_two_level: false,
            vmd_log2: None,
            vped_log2: 6,
            vpe_id_bits: 9,
            istmd_id_bits: None,
            ist_l2_sizes: 0b111,
        }
    }
}

impl Knobs {
    fn check(&self) -> Result<(), &'static core::ffi::CStr> {
        let within = |value, range: core::ops::RangeInclusive<u32>, why| {
            range.contains(&value).then_some(()).ok_or(why)
        };
        within(
            self.vm_id_bits,
            8..=16,
            c"the number of VM ID bits must be 8 to 16",
        )?;
        within(
            self.vmd_log2.unwrap_or(3),
            3..=15,
            c"the size of a VM descriptor must be 2^3 to 2^15",
        )?;
        within(
            self.vped_log2,
            3..=12,
            c"the size of a VPE descriptor must be 2^3 to 2^12",
        )?;
        within(
            self.vpe_id_bits,
            1..=16,
            c"the number of VPE ID bits must be 1 to 16",
        )?;
        within(
            self.istmd_id_bits.unwrap_or(0),
            0..=31,
            c"the ISTE size changes at 0 to 31 ID bits",
        )?;
        within(
            self.ist_l2_sizes,
            1..=7,
            c"the set of second level sizes must be 1 to 7",
        )
    }
}

impl Config {
    /// The PPIs that are implemented.
    pub fn ppis(&self) -> PpiSet {
        let mut ppis = PpiSet::IMPLEMENTED | PpiSet::from_half(Half::High, self.high_ppis);
        if !self.gicmnt {
            ppis &= !PpiSet::only(GICMNT);
        }
        ppis
    }

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
            gicmnt: true,
            high_ppis: 0,
            knobs: Knobs::default(),
            delay: Delay::default(),
        })
    }

    /// All of it as numbers.
    pub(crate) fn words(&self) -> [u64; 16] {
        let knobs = &self.knobs;
        let option = |value: Option<u32>| value.map_or(0, |value| u64::from(value) + 1);
        [
            self.num_pes.into(),
            self.num_spis.into(),
            self.virt.into(),
            self.lpi_id_bits.into(),
            self.ist_linear_only.into(),
            self.gicmnt.into(),
            self.high_ppis,
            knobs.vm_id_bits.into(),
            knobs.vmt_two_level.into(),
            option(knobs.vmd_log2),
            knobs.vped_log2.into(),
            knobs.vpe_id_bits.into(),
            option(knobs.istmd_id_bits),
            knobs.ist_l2_sizes.into(),
            self.delay.steps.into(),
            option(self.delay.stuck),
        ]
    }

    /// The same with other `knobs`.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn with_knobs(self, knobs: Knobs) -> Result<Self, &'static core::ffi::CStr> {
        knobs.check()?;
        Ok(Self { knobs, ..self })
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

    #[test]
    fn bounds_of_the_knobs() {
        let config = Config::new(1, 0, true, 0, false).unwrap();
        let bad = |change: &dyn Fn(&mut Knobs)| {
            let mut knobs = Knobs::default();
            change(&mut knobs);
            assert!(config.clone().with_knobs(knobs).is_err());
        };
        bad(&|knobs| knobs.vm_id_bits = 7);
        bad(&|knobs| knobs.vm_id_bits = 17);
        bad(&|knobs| knobs.vmd_log2 = Some(2));
        bad(&|knobs| knobs.vmd_log2 = Some(16));
        bad(&|knobs| knobs.vped_log2 = 2);
        bad(&|knobs| knobs.vped_log2 = 13);
        bad(&|knobs| knobs.vpe_id_bits = 0);
        bad(&|knobs| knobs.vpe_id_bits = 17);
        bad(&|knobs| knobs.istmd_id_bits = Some(32));
        bad(&|knobs| knobs.ist_l2_sizes = 0);
        bad(&|knobs| knobs.ist_l2_sizes = 8);
        assert!(config.clone().with_knobs(Knobs::default()).is_ok());
    }
}

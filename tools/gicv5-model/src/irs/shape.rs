// SPDX-License-Identifier: GPL-2.0-or-later
//! How an IST is built, from the fields with which software says so: those of
//! IRS_IST_CFGR and IRS_IST_BASER, or of a word of an L2_VMTE.

use super::ist::Geometry;
use crate::config::Config;
use crate::memory::Log;
use core::fmt::Display;
use core::ops::RangeInclusive;

/// The fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// ADDR, in place.
    pub base: u64,
    /// LPI_ID_BITS or ID_BITS.
    pub id_bits: u32,
    /// ISTSZ: 0 to 2 for ISTEs of 4, 8, 16 bytes.
    pub istsz: u32,
    /// L2SZ: 0 to 2 for a second level of 4, 16, 64 KiB.
    pub l2sz: u32,
    /// STRUCTURE.
    pub two_levels: bool,
}

impl Shape {
    /// What the fields describe, in an IST called `name` that can have
    /// `id_bits`.
    ///
    /// CHOICE, where software breaks a rule: ID bits out of range are taken as
    /// the nearer end, reserved ISTSZ and L2SZ as the smallest size, STRUCTURE
    /// as linear if there are no two-level tables; a size of ISTE or second
    /// level that IRS_IDR2 does not offer, and an address that is not aligned
    /// to the table's size, are used as they are.
    pub fn geometry(
        &self,
        log: &mut dyn Log,
        config: &Config,
        name: &dyn Display,
        id_bits: RangeInclusive<u32>,
    ) -> Geometry {
        let asked = self.id_bits;
        let id_bits = asked.clamp(*id_bits.start(), *id_bits.end());
        if id_bits != asked {
            log.guest_error(format_args!("{name}: {asked} ID bits, taken as {id_bits}"));
        }
        let mut size = |field: &str, value: u32| match value {
            0b11 => {
                log.guest_error(format_args!("{name}: {field} has a reserved value"));
                0
            }
            value => value,
        };
        let iste_log2 = 2 + size("ISTSZ", self.istsz);
        let l2sz = match self.two_levels {
            true => size("L2SZ", self.l2sz),
            false => 0,
        };
        let knobs = &config.knobs;
        let needed = match knobs.istmd_id_bits {
            None => 2,
            Some(bits) if id_bits >= bits => 4,
            Some(_) => 3,
        };
        if iste_log2 < needed {
            log.guest_error(format_args!(
                "{name}: {} bytes are too few for an ISTE with its metadata",
                1 << iste_log2
            ));
        }
        let l2_log2 = match (self.two_levels, config.ist_linear_only) {
            (true, false) => {
                if knobs.ist_l2_sizes >> l2sz & 1 == 0 {
                    log.guest_error(format_args!(
                        "{name}: L2SZ is one that IRS_IDR2 does not offer"
                    ));
                }
                Some(12 + 2 * l2sz)
            }
            (true, true) => {
                log.guest_error(format_args!(
                    "{name}: two levels, which IRS_IDR2 does not offer"
                ));
                None
            }
            (false, _) => None,
        };
        let geometry = Geometry {
            base: self.base,
            id_bits,
            iste_log2,
            l2_log2,
        };
        if geometry.base % geometry.alignment() != 0 {
            log.guest_error(format_args!(
                "{name}: address {:#x} is not aligned to {:#x}",
                geometry.base,
                geometry.alignment()
            ));
        }
        geometry
    }
}

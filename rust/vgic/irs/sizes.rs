// SPDX-License-Identifier: GPL-2.0

//! How large the tables are that the host's IRS takes, from its identification registers.

use super::entry::{IsteSize, L2Size};
use super::error::{Error, Result};
use super::registers::{idr0, idr1, idr2, idr3, idr4};

/// The host IRS's identification registers, checked, and what follows from them.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    idr1: u64,
    idr2: u64,
    idr3: u64,
    idr4: u64,
    page_size: usize,
}

impl Sizes {
    /// The most vCPUs of a VM, whatever the host's IRS could do.
    pub const MAX_VCPUS: u32 = 512;
    /// LPI ID bits of a guest at most: INTID.ID has 16 for a guest (ICC_IDR0_EL1.ID_BITS).
    const GUEST_ID_BITS: u32 = 16;

    /// Takes IRS_IDR0 to IRS_IDR4 and the kernel's page size in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] if the IRS cannot virtualize, has no LPIs, or says something about its
    /// tables that the architecture does not allow.
    pub fn new(idr: [u32; 5], page_size: usize) -> Result<Self> {
        let [idr0, idr1, idr2, idr3, idr4] = idr.map(u64::from);
        let sizes = Self {
            idr1,
            idr2,
            idr3,
            idr4,
            page_size,
        };
        // VM_ID_BITS is 8 to 16, VPED_SZ 3 to 12: addresses of descriptors are multiples of 8.
        let sound = idr0::VIRT.is_set(idr0)
            && idr2::LPI.is_set(idr2)
            && (8..=16).contains(&sizes.vm_id_bits())
            && (3..=12).contains(&idr4::VPED_SZ.get(idr4))
            && sizes.max_lpi_id_bits() >= sizes.min_lpi_id_bits()
            && (!idr2::IST_LEVELS.is_set(idr2) || sizes.l2_choices().next().is_some());
        if sound {
            Ok(sizes)
        } else {
            Err(Error::NoDevice)
        }
    }

    /// VM IDs are this many bits wide.
    pub fn vm_id_bits(&self) -> u32 {
        idr3::VM_ID_BITS.get(self.idr3) as u32
    }

    /// Whether the VM table has two levels.
    pub fn vmt_two_level(&self) -> bool {
        idr3::VMT_LEVELS.is_set(self.idr3)
    }

    /// The size of a VM descriptor in bytes, if there are any.
    pub fn vmd_size(&self) -> Option<usize> {
        idr3::VMD
            .is_set(self.idr3)
            .then(|| 1 << idr3::VMD_SZ.get(self.idr3))
    }

    /// The size of a VPE descriptor in bytes.
    pub fn vped_size(&self) -> usize {
        1 << idr4::VPED_SZ.get(self.idr4)
    }

    /// How many VPEs a VM can have at most; VPE IDs, which are vCPU IDs, are below it.
    pub fn max_vcpus(&self) -> u32 {
        let bits = idr4::VPE_ID_BITS.get(self.idr4) as u32 + 1;
        (1 << bits).min(Self::MAX_VCPUS)
    }

    /// IRS_IDR1.PRIORITY_BITS, one less than the number of bits.
    pub fn priority_bits_field(&self) -> u64 {
        idr1::PRIORITY_BITS.get(self.idr1)
    }

    /// The fewest LPI ID bits that a guest can ask for.
    pub fn min_lpi_id_bits(&self) -> u32 {
        idr2::MIN_LPI_ID_BITS.get(self.idr2) as u32
    }

    /// The most LPI ID bits that a guest can ask for.
    pub fn max_lpi_id_bits(&self) -> u32 {
        (idr2::ID_BITS.get(self.idr2) as u32).min(Self::GUEST_ID_BITS)
    }

    /// The size of an IST entry, in an IST for IDs of `id_bits` bits. Entries carry metadata of the
    /// hardware's if IRS_IDR2.ISTMD says so.
    pub fn iste_size(&self, id_bits: u32) -> IsteSize {
        if !idr2::ISTMD.is_set(self.idr2) {
            IsteSize::Four
        } else if u64::from(id_bits) >= idr2::ISTMD_SZ.get(self.idr2) {
            IsteSize::Sixteen
        } else {
            IsteSize::Eight
        }
    }

    /// The size of second-level ISTs: the one that suits the kernel's page size best of those that
    /// the host has. `None` if its ISTs are linear only.
    pub fn l2_size(&self) -> Option<L2Size> {
        if !idr2::IST_LEVELS.is_set(self.idr2) {
            return None;
        }
        self.l2_choices().next()
    }

    fn l2_choices(&self) -> impl Iterator<Item = L2Size> + use<> {
        use L2Size::{K16, K4, K64};
        let preference = match self.page_size {
            0x1_0000 => [K64, K4, K16],
            0x4000 => [K16, K4, K64],
            _ => [K4, K16, K64],
        };
        let supported = idr2::IST_L2SZ.get(self.idr2);
        preference
            .into_iter()
            .filter(move |size| (supported >> size.encoding()) & 1 != 0)
    }
}

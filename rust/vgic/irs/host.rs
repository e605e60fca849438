// SPDX-License-Identifier: GPL-2.0

//! Commands to the host's IRS.
//!
//! Each is a write, and polls of a status register until the IRS is idle; the polls are bounded. All
//! run with the registers to themselves ([`HostIrs::exclusive`]), do not sleep, and can be used
//! anywhere. A command that is refused by the IRS ends like one that is done: what it should have
//! made valid is not.

use super::error::{Error, Result};
use super::ports::HostIrs;
use super::registers::{offset, virt};
use super::table::{IstGone, VmGone, VmtGone};

/// How often a status register is polled, a microsecond apart, before the IRS is given up: 10 ms.
pub const POLLS: u32 = 10_000;

/// A VM as the host's IRS knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VmId(pub(super) u16);

impl VmId {
    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A VPE of a VM, which is a vCPU: its ID is the vCPU's, and the IAFFID that the guest sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpeId(pub u16);

/// Which of the two ISTs of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IstKind {
    /// That of its LPIs; the guest decides when there is one.
    Lpi,
    /// That of its SPIs; there always is one.
    Spi,
}

impl IstKind {
    /// INTID.TYPE of the IST's interrupts.
    pub const fn interrupt_type(self) -> u64 {
        match self {
            Self::Lpi => 2,
            Self::Spi => 3,
        }
    }
}

/// The state of a VM's interrupts, as SAVE_VM found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    /// All of it is in memory.
    Quiescent,
    /// Something changed meanwhile.
    Changed,
}

/// The host's IRS, to give commands to.
pub struct Commands<'a, H>(pub &'a H);

impl<H: HostIrs> Commands<'_, H> {
    /// Waits for IDLE in the status register at `status`; returns what it then read.
    fn idle(&self, status: u32) -> Result<u64> {
        for _ in 0..POLLS {
            let value = self.0.read32(status).into();
            if virt::IDLE.is_set(value) {
                return Ok(value);
            }
            self.0.relax();
        }
        Err(Error::Timeout)
    }

    /// A command about the VM table: idle before, idle after.
    fn vmt_command(&self, register: u32, value: u64) -> Result {
        self.0.exclusive(|| {
            self.idle(offset::VMT_STATUSR)?;
            self.0.write64(register, value);
            self.idle(offset::VMT_STATUSR).map(|_| ())
        })
    }

    /// Installs the host's VM table at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if one is installed already, and nothing was changed; [`Error::Timeout`].
    pub fn install_vmt(&self, address: u64, vm_id_bits: u32, two_level: bool) -> Result {
        self.0.exclusive(|| {
            self.idle(offset::VMT_STATUSR)?;
            if virt::VMT_BASER_VALID.is_set(self.0.read64(offset::VMT_BASER)) {
                return Err(Error::Busy);
            }
            let cfgr = virt::VMT_CFGR_STRUCTURE.put(two_level.into())
                | virt::VMT_CFGR_VM_ID_BITS.put(vm_id_bits.into());
            self.0.write32(offset::VMT_CFGR, cfgr as u32);
            let baser = address & virt::VMT_BASER_ADDR.mask() | virt::VMT_BASER_VALID.mask();
            self.0.write64(offset::VMT_BASER, baser);
            self.idle(offset::VMT_STATUSR).map(|_| ())
        })
    }

    /// Removes the host's VM table.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn remove_vmt(&self) -> Result<VmtGone> {
        self.vmt_command(offset::VMT_BASER, 0)?;
        Ok(VmtGone::proven())
    }

    /// Makes the second-level VM table that has `vm` valid.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn map_l2_vmt(&self, vm: VmId) -> Result {
        let value = virt::MAP.mask() | virt::MAP_VM.put(vm.0.into());
        self.vmt_command(offset::VMAP_L2_VMTR, value)
    }

    /// Makes the VMTE of `vm` valid.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn map_vm(&self, vm: VmId) -> Result {
        let value = virt::MAP.mask() | virt::MAP_VM.put(vm.0.into());
        self.vmt_command(offset::VMAP_VMR, value)
    }

    /// Makes the VMTE of `vm` invalid, and with it all that it points at.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn unmap_vm(&self, vm: VmId) -> Result<VmGone> {
        let value = virt::MAP.mask() | virt::UNMAP.mask() | virt::MAP_VM.put(vm.0.into());
        self.vmt_command(offset::VMAP_VMR, value)?;
        Ok(VmGone::proven())
    }

    /// Makes an IST of `vm` valid.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn map_ist(&self, vm: VmId, kind: IstKind) -> Result {
        self.vmt_command(offset::VMAP_VISTR, Self::vistr(vm, kind))
    }

    /// Makes an IST of `vm` invalid.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn unmap_ist(&self, vm: VmId, kind: IstKind) -> Result<IstGone> {
        let value = Self::vistr(vm, kind) | virt::UNMAP.mask();
        self.vmt_command(offset::VMAP_VISTR, value)?;
        Ok(IstGone::proven())
    }

    fn vistr(vm: VmId, kind: IstKind) -> u64 {
        virt::MAP.mask()
            | virt::MAP_PART_VM.put(vm.0.into())
            | virt::MAP_IST_TYPE.put(kind.interrupt_type())
    }

    /// Makes a VPE of `vm` valid.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn map_vpe(&self, vm: VmId, vpe: VpeId) -> Result {
        let value =
            virt::MAP.mask() | virt::MAP_PART_VM.put(vm.0.into()) | virt::MAP_VPE.put(vpe.0.into());
        self.vmt_command(offset::VMAP_VPER, value)
    }

    /// Gives a valid VPE its doorbell: the physical LPI with ID `lpi`. No ring is requested.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the VPE is not valid: the IRS refused to make it so;
    /// [`Error::Timeout`].
    pub fn set_doorbell(&self, vm: VmId, vpe: VpeId, lpi: u32) -> Result {
        self.0.exclusive(|| {
            let select = virt::SELECT.mask()
                | virt::SELECT_VPE.put(vpe.0.into())
                | virt::SELECT_VM.put(vm.0.into());
            self.0.write64(offset::VPE_SELR, select);
            if !virt::VPE_STATUSR_V.is_set(self.idle(offset::VPE_STATUSR)?) {
                return Err(Error::Invalid);
            }
            // Never a target of 1 of N interrupts.
            self.0
                .write32(offset::VPE_CR0, virt::VPE_CR0_DPS.mask() as u32);
            self.idle(offset::VPE_STATUSR)?;
            let doorbell = virt::DBR_DBV.mask() | virt::DBR_LPI.put(lpi.into());
            self.0.write64(offset::VPE_DBR, doorbell);
            self.idle(offset::VPE_STATUSR).map(|_| ())
        })
    }

    /// Has the IRS write what it keeps of `vm`'s interrupts back to the ISTs.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn save_vm(&self, vm: VmId) -> Result<Saved> {
        self.save_command(virt::SAVE_S.mask() | virt::SAVE_Q.mask(), vm)
    }

    /// Whether nothing has changed since [`Self::save_vm`].
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`].
    pub fn still_saved(&self, vm: VmId) -> Result<Saved> {
        self.save_command(virt::SAVE_Q.mask(), vm)
    }

    fn save_command(&self, flags: u64, vm: VmId) -> Result<Saved> {
        self.0.exclusive(|| {
            self.idle(offset::SAVE_VM_STATUSR)?;
            self.0
                .write64(offset::SAVE_VMR, flags | virt::MAP_VM.put(vm.0.into()));
            let status = self.idle(offset::SAVE_VM_STATUSR)?;
            Ok(if virt::SAVE_VM_STATUSR_Q.is_set(status) {
                Saved::Quiescent
            } else {
                Saved::Changed
            })
        })
    }
}

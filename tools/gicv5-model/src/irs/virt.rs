// SPDX-License-Identifier: GPL-2.0-or-later
//! The registers of the virtual IRS. Offsets and fields are those of Linux 7.4's
//! `arm-gic-v5.h`; FreeBSD's `gicv5` agrees.
//!
//! Everything takes effect at once, so every status says IDLE. V of a status
//! register, and what is read through a selector, is that of the moment of the
//! read (CHOICE). A register that asks for an operation has M or S in its upper
//! half; a 32-bit access to it is as one to the whole with the other half 0
//! (CHOICE), so one to the lower half does nothing.

use super::domain::VpeId;
use super::frame::{Desc, Reg};
use super::vmap::Operation;
use super::vmt::{VmFault, Vmt};
use super::Irs;
use crate::archive::Archive;
use crate::intid::{IntType, Intid};
use crate::memory::Env;

const IDLE: u64 = 1 << 0;
/// V of IRS_VPE_STATUSR and IRS_VM_STATUSR.
const STATUSR_V: u64 = 1 << 1;
/// Q of IRS_SAVE_VM_STATUSR.
const SAVE_STATUSR_Q: u64 = 1 << 1;

/// Fields of the registers.
mod fields {
    /// M of IRS_VMAP_*.
    pub const M: u64 = 1 << 63;
    /// U of IRS_VMAP_VMR and IRS_VMAP_VISTR.
    pub const U: u64 = 1 << 62;
    /// S and Q of IRS_SAVE_VMR.
    pub const SAVE_S: u64 = 1 << 63;
    pub const SAVE_Q: u64 = 1 << 62;
    pub const VMT_BASER_VALID: u64 = 1 << 0;
    /// ADDR, bits 55:3, and VALID.
    pub const VMT_BASER: u64 = ((1 << 56) - 1) & !0b110;
    pub const VMT_CFGR_STRUCTURE: u64 = 1 << 16;
    pub const VMT_CFGR_VM_ID_BITS: u64 = 0x1f;
    pub const VMT_CFGR: u64 = VMT_CFGR_STRUCTURE | VMT_CFGR_VM_ID_BITS;
    /// VPE_ID and VM_ID; S, bit 63, asks for the selection and reads as 0.
    pub const VPE_SELR: u64 = 0xffff_0000_ffff;
    pub const VM_SELR: u64 = 0xffff;
    /// IRS_VPE_HPPIR.HPPIV.
    pub const HPPIV: u64 = 1 << 32;
    /// IRS_VPE_CR0.DPS.
    pub const DPS: u64 = 1 << 0;
}

/// The state of the registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VirtRegs {
    vmt_baser: u64,
    vmt_cfgr: u64,
    vpe_selr: u64,
    vm_selr: u64,
    /// Whose quiescence IRS_SAVE_VMR.Q asked for.
    save_q: Option<u16>,
}

impl VirtRegs {
    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.bits(&mut self.vmt_baser, fields::VMT_BASER);
        archive.bits(&mut self.vmt_cfgr, fields::VMT_CFGR);
        archive.bits(&mut self.vpe_selr, fields::VPE_SELR);
        archive.bits(&mut self.vm_selr, fields::VM_SELR);
        archive.option(&mut self.save_q, |vm, archive| archive.number(vm));
    }

    fn selected_vpe(&self) -> VpeId {
        VpeId {
            vm: self.vpe_selr as u16,
            vpe: (self.vpe_selr >> 32) as u16,
        }
    }
}

/// TYPE in 31:29 and ID in 23:0, of IRS_VMAP_VISTR and IRS_VMAP_L2_VISTR.
fn intid(value: u64) -> Intid {
    Intid::from_raw(value as u32)
}

impl Irs {
    /// Where the VM table is.
    pub(super) fn vmt(&self) -> Result<Vmt, VmFault> {
        self.vmt.ok_or(VmFault::NoTable)
    }

    /// The value of one of the virtual IRS's registers; 0 if it holds nothing.
    pub(super) fn read_virt(&self, reg: Reg) -> u64 {
        let regs = &self.regs.virt;
        let flag = |set: bool, bit: u64| if set { bit } else { 0 };
        let vm = |id: u16| self.vms.get(&id);
        let id = regs.selected_vpe();
        let vpe = vm(id.vm).and_then(|vm| vm.vpes.get(&id.vpe));
        match reg {
            Reg::VmtBaser => regs.vmt_baser,
            Reg::VmtCfgr => regs.vmt_cfgr,
            Reg::VpeSelr => regs.vpe_selr,
            Reg::VmSelr => regs.vm_selr,
            Reg::VmtStatusr => IDLE,
            Reg::VpeStatusr => IDLE | flag(vpe.is_some(), STATUSR_V),
            Reg::VmStatusr => IDLE | flag(vm(regs.vm_selr as u16).is_some(), STATUSR_V),
            Reg::VpeDbr => vpe.map_or(0, |vpe| vpe.state.dbr()),
            Reg::VpeCr0 => flag(vpe.is_some_and(|vpe| vpe.state.dps()), fields::DPS),
            Reg::VpeHppir => vpe
                .and_then(|_| vm(id.vm)?.best(id.vpe))
                .map_or(0, |best| fields::HPPIV | u64::from(best.intid.raw())),
            Reg::SaveVmStatusr => {
                let vm = regs.save_q.and_then(vm);
                IDLE | flag(vm.is_some_and(|vm| vm.quiescent), SAVE_STATUSR_Q)
            }
            Reg::SpiVmr => self.physical.spis.vmr(),
            // IRS_VM_DBR is RES0 without 1ofN routing (IRS_IDR0.VIRT_ONE_N).
            _ => 0,
        }
    }

    /// Writes the bits `mask` of one of the virtual IRS's registers with those
    /// of `value`.
    pub(super) fn write_virt(&mut self, env: &mut Env<'_>, desc: &Desc, value: u64, mask: u64) {
        let regs = &mut self.regs.virt;
        match desc.reg {
            Reg::VmtCfgr if regs.vmt_baser & fields::VMT_BASER_VALID != 0 => {
                env.log.guest_error(format_args!(
                    "IRS_VMT_CFGR is read-only while IRS_VMT_BASER.VALID is 1"
                ));
            }
            Reg::VmtCfgr => regs.vmt_cfgr = value & fields::VMT_CFGR,
            Reg::VmtBaser => {
                let value = (regs.vmt_baser & !mask) | value;
                self.write_vmt_baser(env, value & fields::VMT_BASER);
            }
            Reg::VpeSelr => {
                regs.vpe_selr = ((regs.vpe_selr & !mask) | value) & fields::VPE_SELR;
            }
            Reg::VmSelr => regs.vm_selr = value & fields::VM_SELR,
            Reg::VpeDbr | Reg::VpeCr0 => self.write_vpe(env, desc, value, mask),
            Reg::SpiVmr => self.write_spi_vmr(env, value, mask),
            Reg::SaveVmr => {
                let vm = value as u16;
                regs.save_q = (value & fields::SAVE_Q != 0).then_some(vm);
                if value & fields::SAVE_S != 0 {
                    self.operate(env, desc.name, Operation::Save(vm));
                }
            }
            Reg::VmDbr if value == 0 => {}
            Reg::VmDbr => env.log.guest_error(format_args!(
                "IRS_VM_DBR is RES0, as there is no 1ofN routing"
            )),
            reg => match (value & fields::M != 0).then(|| Self::vmap(reg, value)) {
                Some(Some(operation)) => self.operate(env, desc.name, operation),
                Some(None) => env
                    .log
                    .guest_error(format_args!("{}: {value:#x} has no IST's type", desc.name)),
                None => {}
            },
        }
    }

    /// What `value`, which has M set, asks for in one of IRS_VMAP_*.
    fn vmap(reg: Reg, value: u64) -> Option<Operation> {
        let unmap = value & fields::U != 0;
        let low = value as u16;
        let high = (value >> 32) as u16;
        let ty = || {
            let ty = intid(value).kind()?;
            (ty != IntType::Ppi).then_some(ty)
        };
        Some(match reg {
            Reg::VmapL2Vmtr => Operation::MapL2Vmt(low),
            Reg::VmapVmr if unmap => Operation::UnmapVm(low),
            Reg::VmapVmr => Operation::MapVm(low),
            Reg::VmapVistr if unmap => Operation::UnmapIst(high, ty()?),
            Reg::VmapVistr => Operation::MapIst(high, ty()?),
            Reg::VmapL2Vistr => Operation::MapL2Ist(high, intid(value)),
            Reg::VmapVper => Operation::MapVpe(VpeId { vm: high, vpe: low }),
            _ => return None,
        })
    }

    /// While VALID is 1 only VALID can be changed.
    fn write_vmt_baser(&mut self, env: &mut Env<'_>, value: u64) {
        use fields::{VMT_BASER_VALID, VMT_CFGR_STRUCTURE, VMT_CFGR_VM_ID_BITS};
        let regs = &mut self.regs.virt;
        let before = regs.vmt_baser;
        if before & value & VMT_BASER_VALID != 0 {
            if before != value {
                env.log.guest_error(format_args!(
                    "IRS_VMT_BASER.ADDR is read-only while VALID is 1"
                ));
            }
            return;
        }
        if before & VMT_BASER_VALID != 0 {
            regs.vmt_baser = before & !VMT_BASER_VALID;
            self.drop_vmt(env);
            return;
        }
        regs.vmt_baser = value;
        if value & VMT_BASER_VALID == 0 {
            return;
        }
        let knobs = &self.config.knobs;
        let asked = (regs.vmt_cfgr & VMT_CFGR_VM_ID_BITS) as u32;
        let mut two_levels = regs.vmt_cfgr & VMT_CFGR_STRUCTURE != 0;
        // CHOICE: what is not offered is taken as the nearest that is.
        if two_levels && !knobs.vmt_two_level {
            env.log.guest_error(format_args!(
                "IRS_VMT_CFGR.STRUCTURE asks for two levels, which IRS_IDR3 does not offer"
            ));
            two_levels = false;
        }
        let id_bits = asked.min(knobs.vm_id_bits);
        if id_bits != asked {
            env.log.guest_error(format_args!(
                "IRS_VMT_CFGR.VM_ID_BITS is {asked}, taken as {id_bits}"
            ));
        }
        let vmt = Vmt {
            base: value & !VMT_BASER_VALID,
            id_bits,
            two_levels,
        };
        let size = vmt.first_level_size();
        if vmt.base % size != 0 {
            env.log.guest_error(format_args!(
                "IRS_VMT_BASER.ADDR {:#x} is not aligned to {size:#x}",
                vmt.base
            ));
        }
        self.vmt = Some(vmt);
    }

    /// The VM table is no longer valid, and no VM is.
    fn drop_vmt(&mut self, env: &mut Env<'_>) {
        self.vmt = None;
        for vm in core::mem::take(&mut self.vms).into_keys() {
            env.log.guest_error(format_args!(
                "IRS_VMT_BASER becomes invalid while VM {vm} is valid"
            ));
            self.drop_residents(vm);
        }
    }

    fn write_vpe(&mut self, env: &mut Env<'_>, desc: &Desc, value: u64, mask: u64) {
        let id = self.regs.virt.selected_vpe();
        let vm = self.vms.get(&id.vm);
        if vm.and_then(|vm| vm.vpes.get(&id.vpe)).is_none() {
            env.log.guest_error(format_args!(
                "write of {}: IRS_VPE_SELR names {id}, which is not valid",
                desc.name
            ));
            return;
        }
        match desc.reg {
            Reg::VpeCr0 => {
                self.change_vpe(env, id, |state| state.with_dps(value & fields::DPS != 0));
            }
            _ => self.change_vpe(env, id, |state| {
                state.with_dbr((state.dbr() & !mask) | value)
            }),
        }
    }

    /// IRS_SPI_VMR: the wire of the selected SPI drives a VM's SPI of the same
    /// number, or the physical one. CHOICE: the wire is not looked at, which is
    /// what IRS_SPI_RESAMPLER is for.
    fn write_spi_vmr(&mut self, env: &mut Env<'_>, value: u64, mask: u64) {
        let spis = &mut self.physical.spis;
        let value = (spis.vmr() & !mask) | value;
        let Some(id) = spis.set_vmr(value) else {
            env.log.guest_error(format_args!(
                "write of IRS_SPI_VMR: IRS_SPI_SELR names no SPI ({})",
                spis.selr()
            ));
            return;
        };
        // Finds that it cannot be reached, or what state it is in.
        let intid = Intid::new(IntType::Spi, id);
        let _ = self.physical.update(env.mem, intid, |_| ());
    }
}

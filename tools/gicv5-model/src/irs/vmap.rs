// SPDX-License-Identifier: GPL-2.0-or-later
//! IRS_VMAP_*: VMs, their ISTs and their VPEs become valid, or cease to be.
//!
//! The order is VM table, second level, VM, and then its ISTs and VPEs in any
//! order (KVM: `vgic-v5-tables.c`). A VPE ends only with its VM: IRS_VMAP_VPER has
//! no U. An operation that breaks a rule does
//! nothing but make a guest error (CHOICE; the codes that IRS_SWERR_STATUSR
//! has for it are not known here).
//!
//! CHOICE: when a VM ceases to be valid, VALID stays set in its VPETEs and for its
//! ISTs, and making the VM valid again takes them as they are. KVM relies on it: it
//! restores an IST in between.

use super::changed::say_changed;
use super::domain::{Owner, VpeId};
use super::ids::MIN_LPI_ID_BITS;
use super::table::Fault;
use super::vm::{Vm, Vpe, VpeState};
use super::vmt::{self, VmFault, VALID};
use super::Irs;
use crate::intid::{IntType, Intid};
use crate::memory::{Env, Log, Memory};

/// What a write to one of the registers asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// IRS_VMAP_L2_VMTR.
    MapL2Vmt(u16),
    /// IRS_VMAP_VMR.
    MapVm(u16),
    /// IRS_VMAP_VMR with U.
    UnmapVm(u16),
    /// IRS_VMAP_VISTR.
    MapIst(u16, IntType),
    /// IRS_VMAP_VISTR with U.
    UnmapIst(u16, IntType),
    /// IRS_VMAP_L2_VISTR.
    MapL2Ist(u16, Intid),
    /// IRS_VMAP_VPER.
    MapVpe(VpeId),
    /// IRS_SAVE_VMR with S.
    Save(u16),
}

impl Irs {
    /// Does `operation`, which a write to the register of this name asks for.
    pub(super) fn operate(&mut self, env: &mut Env<'_>, name: &str, operation: Operation) {
        let result = match operation {
            Operation::MapL2Vmt(vm) => self.vmt().and_then(|vmt| vmt.map_l2(env.mem, vm)),
            Operation::MapVm(vm) => self.map_vm(env, vm),
            Operation::UnmapVm(vm) => self.unmap_vm(env, vm),
            Operation::MapIst(vm, ty) => self.map_ist(env, vm, ty),
            Operation::UnmapIst(vm, ty) => self.unmap_ist(env, vm, ty),
            Operation::MapL2Ist(vm, intid) => self.map_l2_vist(env, name, vm, intid),
            Operation::MapVpe(id) => self.map_vpe(env, id),
            Operation::Save(vm) => self.save_vm(vm),
        };
        if let Err(fault) = result {
            env.log
                .guest_error(format_args!("{name}: {operation:?}: {fault}"));
        }
    }

    fn valid_vm(&mut self, vm: u16) -> Result<&mut Vm, VmFault> {
        self.vms.get_mut(&vm).ok_or(VmFault::VmInvalid)
    }

    fn map_vm(&mut self, env: &mut Env<'_>, id: u16) -> Result<(), VmFault> {
        if self.vms.contains_key(&id) {
            return Err(VmFault::AlreadyValid);
        }
        let pa = self.vmt()?.entry(env.mem, id)?;
        let words = [vmt::read64(env.mem, pa)?, vmt::read64(env.mem, pa + 8)?];
        let (_, asked) = vmt::vpet(words[1]);
        let vpe_id_bits = asked.clamp(1, self.config.knobs.vpe_id_bits);
        if vpe_id_bits != asked {
            env.log.guest_error(format_args!(
                "VM {id}: {asked} VPE ID bits, taken as {vpe_id_bits}"
            ));
        }
        let mut vm = Vm::new(pa, words, vpe_id_bits);
        for ty in [IntType::Lpi, IntType::Spi] {
            let word = vmt::read64(env.mem, vmt::ist_word(pa, ty)?)?;
            if word & VALID != 0 {
                self.set_ist(env.log, &mut vm, id, ty, word);
            }
        }
        let word = vmt::set_valid(env.mem, pa)?;
        if let Some(log2) = self.config.knobs.vmd_log2 {
            check_alignment(env.log, "VMD_ADDR", word & vmt::ADDR, log2);
        }
        load_vpes(env, &mut vm);
        self.vms.insert(id, vm);
        Ok(())
    }

    fn unmap_vm(&mut self, env: &mut Env<'_>, id: u16) -> Result<(), VmFault> {
        let vm = self.vms.remove(&id).ok_or(VmFault::VmInvalid)?;
        say_changed(env, id, &vm);
        if vm.any_resident() {
            env.log.guest_error(format_args!(
                "VM {id} becomes invalid while a VPE of it is resident"
            ));
        }
        self.drop_residents(id);
        vmt::clear_valid(env.mem, vm.vmte)
    }

    fn map_ist(&mut self, env: &mut Env<'_>, id: u16, ty: IntType) -> Result<(), VmFault> {
        let vm = self.valid_vm(id)?;
        let pa = vmt::ist_word(vm.vmte, ty)?;
        if vm.ist_mut(ty).is_valid() {
            return Err(VmFault::AlreadyValid);
        }
        let word = vmt::set_valid(env.mem, pa)?;
        if let Some(mut vm) = self.vms.remove(&id) {
            self.set_ist(env.log, &mut vm, id, ty, word);
            vm.quiescent = false;
            self.vms.insert(id, vm);
        }
        Ok(())
    }

    fn set_ist(&self, log: &mut dyn Log, vm: &mut Vm, id: u16, ty: IntType, word: u64) {
        let max = self.config.lpi_id_bits;
        // The least that an LPI IST can have is the physical one's too, as a
        // guest is shown the same IRS_IDR2.
        let min = match ty {
            IntType::Lpi => MIN_LPI_ID_BITS,
            IntType::Spi | IntType::Ppi => 0,
        };
        let name = format_args!("VM {id}'s {ty:?} IST").to_string();
        let geometry = vmt::ist_shape(word).geometry(log, &self.config, &name, min..=max);
        vm.set_ist(ty, word, geometry, self.config.delay.steps != 0);
    }

    fn unmap_ist(&mut self, env: &mut Env<'_>, id: u16, ty: IntType) -> Result<(), VmFault> {
        let vm = self.valid_vm(id)?;
        let pa = vmt::ist_word(vm.vmte, ty)?;
        if !vm.ist_mut(ty).is_valid() {
            return Err(VmFault::NoIst);
        }
        vm.clear_ist(ty);
        vm.quiescent = false;
        vmt::clear_valid(env.mem, pa)
    }

    fn map_l2_vist(
        &mut self,
        env: &mut Env<'_>,
        name: &str,
        id: u16,
        intid: Intid,
    ) -> Result<(), VmFault> {
        let vm = self.valid_vm(id)?;
        let done = match intid.kind() {
            Some(ty @ (IntType::Lpi | IntType::Spi)) => vm.ist_mut(ty).map_l2(env.mem, intid.id()),
            _ => Err(Fault::WrongType),
        };
        if let Err(fault) = done {
            self.report(env, name, Owner::Vm(id), intid, fault);
        }
        Ok(())
    }

    fn map_vpe(&mut self, env: &mut Env<'_>, id: VpeId) -> Result<(), VmFault> {
        let vped_log2 = self.config.knobs.vped_log2;
        let vm = self.valid_vm(id.vm)?;
        if u32::from(id.vpe) >> vm.vpe_id_bits != 0 {
            return Err(VmFault::NoSuchVpe);
        }
        if vm.vpes.contains_key(&id.vpe) {
            return Err(VmFault::AlreadyValid);
        }
        let pa = vm.vpet + u64::from(id.vpe) * 8;
        let vpete = vmt::set_valid(env.mem, pa)?;
        // Becoming valid clears IRS_VPE_DBR (R_CWZMW).
        let vpe = Vpe::new(vpete, VpeState::default());
        check_alignment(env.log, "VPED_ADDR", vpe.vped, vped_log2);
        vm.vpes.insert(id.vpe, vpe);
        vmt::write64(env.mem, vpe.vped, vpe.state.bits())
    }

    /// The IST in memory is always the truth, so there is nothing to write.
    /// The VM is quiescent from now on, unless a VPE of it is resident. CHOICE:
    /// it remains so until a command or an event changes one of its interrupts, an
    /// IST of it becomes valid or invalid, or a VPE of it resident. KVM asks
    /// whether it was, before and after it reads an IST.
    fn save_vm(&mut self, id: u16) -> Result<(), VmFault> {
        let vm = self.valid_vm(id)?;
        vm.quiescent = !vm.any_resident();
        Ok(())
    }
}

/// An address that is not aligned to what it points at is used as it is.
fn check_alignment(log: &mut dyn Log, what: &str, pa: u64, log2: u32) {
    if pa & ((1 << log2) - 1) != 0 {
        log.guest_error(format_args!("{what} {pa:#x} is not aligned to 2^{log2}"));
    }
}

/// The VPEs of a VM that becomes valid which are valid already.
fn load_vpes(env: &mut Env<'_>, vm: &mut Vm) {
    // One page of the VPE table at a time.
    const CHUNK: u32 = 512;
    let count = 1u32 << vm.vpe_id_bits;
    let mut bytes = [0; CHUNK as usize * 8];
    for first in (0..count).step_by(CHUNK as usize) {
        let bytes = &mut bytes[..8 * (count - first).min(CHUNK) as usize];
        let pa = vm.vpet + u64::from(first) * 8;
        if !env.mem.read(pa, bytes) {
            env.log
                .guest_error(format_args!("VPE table: {}", VmFault::Access(pa)));
            return;
        }
        for (entry, vpe) in bytes.chunks_exact(8).zip(first..) {
            let entry = entry.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
            if entry & VALID != 0 {
                load_vpe(env.mem, env.log, vm, vpe as u16, entry);
            }
        }
    }
}

fn load_vpe(mem: &mut dyn Memory, log: &mut dyn Log, vm: &mut Vm, vpe: u16, vpete: u64) {
    match vmt::read64(mem, vpete & vmt::ADDR) {
        Ok(bits) => {
            let state = VpeState::from_bits(bits);
            vm.vpes.insert(vpe, Vpe::new(vpete, state));
        }
        Err(fault) => log.guest_error(format_args!("descriptor of VPE {vpe}: {fault}")),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The registers, the tables and the virtual interrupts of the strict IRS.
//!
//! Written from the register and table descriptions, and sharing no code with what it tests.

use super::memory::Memory;
use super::Features;
use std::collections::BTreeMap;

/// How a command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, but the status register is busy until the polls are given up.
    SlowlyDone,
    /// It is not done, and the IRS never becomes idle again.
    Stuck,
}

struct Ist {
    address: u64,
    id_bits: u32,
    iste: u64,
    /// log2 of the entries of a second-level table.
    l2_bits: Option<u32>,
    /// First words, as the IRS has them.
    entries: BTreeMap<u32, u32>,
}

#[derive(Default)]
struct Vm {
    vmte: u64,
    descriptors: Vec<u64>,
    vpet: u64,
    vpe_id_bits: u32,
    /// VPE ID to doorbell.
    vpes: BTreeMap<u16, Option<u64>>,
    /// By INTID.TYPE.
    ists: BTreeMap<u64, Ist>,
    quiescent: bool,
}

pub struct Irs {
    features: Features,
    vmt_baser: u64,
    vmt_cfgr: u64,
    l2_vmts: Vec<u64>,
    vpe_selr: u64,
    saved: bool,
    vms: BTreeMap<u16, Vm>,
    /// Commands until one fails, and how.
    fault: Option<(u32, Fault)>,
    busy_polls: u64,
    stuck: bool,
}

const VALID: u64 = 1;
const M: u64 = 1 << 63;
const U: u64 = 1 << 62;
const ADDR: u64 = (1 << 56) - 1;

impl Irs {
    pub fn new(features: Features) -> Self {
        Self {
            features,
            vmt_baser: 0,
            vmt_cfgr: 0,
            l2_vmts: Vec::new(),
            vpe_selr: 0,
            saved: false,
            vms: BTreeMap::new(),
            fault: None,
            busy_polls: 0,
            stuck: false,
        }
    }

    /// The command after `count` more fails.
    pub fn fail_after(&mut self, count: u32, fault: Fault) {
        self.fault = Some((count, fault));
    }

    /// Whether the command that was to fail has; and no other will.
    pub fn has_failed(&mut self) -> bool {
        self.fault.take().is_none()
    }

    /// What was stuck is not any more.
    pub fn recover(&mut self) {
        self.stuck = false;
        self.busy_polls = 0;
    }

    /// The VMs that are valid.
    pub fn valid_vms(&self) -> Vec<u16> {
        self.vms.keys().copied().collect()
    }

    /// The doorbells of a VM's valid VPEs.
    pub fn doorbells(&self, vm: u16) -> Vec<(u16, u64)> {
        let vpes = &self.vms[&vm].vpes;
        vpes.iter().map(|(id, db)| (*id, db.unwrap())).collect()
    }

    /// Whether a VM has a valid IST of this type, and for IDs of how many bits.
    pub fn ist(&self, vm: u16, kind: u64) -> Option<u32> {
        self.vms.get(&vm)?.ists.get(&kind).map(|ist| ist.id_bits)
    }

    /// An entry as the IRS has it, to change: what a guest's instructions do.
    pub fn entry(&mut self, vm: u16, kind: u64, id: u32) -> &mut u32 {
        let vm = self.vms.get_mut(&vm).unwrap();
        vm.quiescent = false;
        let ist = vm.ists.get_mut(&kind).unwrap();
        ist.entries.get_mut(&id).unwrap()
    }

    pub fn read32(&mut self, offset: u32) -> u32 {
        let busy = self.stuck || self.busy_polls > 0;
        self.busy_polls = self.busy_polls.saturating_sub(1);
        let idle = u32::from(!busy);
        match offset {
            0x214 => idle,
            0x25c => {
                let vm = self.vpe_selr as u16;
                let vpe = (self.vpe_selr >> 32) as u16;
                let valid = self
                    .vms
                    .get(&vm)
                    .is_some_and(|vm| vm.vpes.contains_key(&vpe));
                idle | u32::from(valid) << 1
            }
            0x308 => idle | u32::from(self.saved) << 1,
            _ => panic!("read of {offset:#x}"),
        }
    }

    pub fn read64(&mut self, offset: u32) -> u64 {
        assert_eq!(offset, 0x200);
        self.vmt_baser
    }

    pub fn write(&mut self, memory: &Memory, offset: u32, value: u64) {
        if self.stuck || self.busy_polls > 0 {
            memory.fault(format!("write of {offset:#x} while busy"));
            return;
        }
        match self.fault {
            // A value, not a command.
            _ if offset == 0x210 => {}
            Some((0, fault)) => {
                self.fault = None;
                match fault {
                    Fault::SlowlyDone => self.busy_polls = 10_000,
                    Fault::Stuck => {
                        self.stuck = true;
                        return;
                    }
                }
            }
            Some((left, fault)) => self.fault = Some((left - 1, fault)),
            None => {}
        }
        if let Err(why) = self.command(memory, offset, value) {
            memory.fault(format!("write of {value:#x} to {offset:#x}: {why}"));
        }
    }

    fn command(&mut self, memory: &Memory, offset: u32, value: u64) -> Result<(), &'static str> {
        match offset {
            0x200 if value & VALID != 0 => {
                let address = value & ADDR & !7;
                let bits = self.vmt_cfgr & 0x1f;
                let size = if self.vmt_cfgr >> 16 & 1 != 0 {
                    8 << bits.saturating_sub(7)
                } else {
                    32 << bits
                };
                memory.own(address, size);
                // Entries that are not valid stay software's: see `own_entry`.
                memory.disown(address);
                self.vmt_baser = value;
            }
            0x200 => {
                self.vmt_baser = 0;
                while let Some(vm) = self.vms.keys().next().copied() {
                    self.unmap_vm(memory, vm);
                }
                for entry in self.l2_vmts.drain(..) {
                    memory.disown(entry);
                }
            }
            0x210 if self.vmt_baser & VALID == 0 => {
                if (value >> 16 & 1 != 0) != self.features.vmt_two_level {
                    return Err("STRUCTURE that is not there");
                }
                self.vmt_cfgr = value;
            }
            0x2c0 => self.map_l2_vmt(memory, value as u16)?,
            0x2c8 if value & (M | U) == M | U => self.unmap_vm(memory, value as u16),
            0x2c8 => self.map_vm(memory, value as u16)?,
            0x2d0 => {
                let (vm, kind) = ((value >> 32) as u16, value >> 29 & 7);
                if value & U != 0 {
                    let vm = self.vms.get_mut(&vm).ok_or("no such VM")?;
                    let ist = vm.ists.remove(&kind);
                    Self::give_back(memory, vm.vmte, kind, ist);
                } else {
                    self.map_ist(memory, vm, kind)?;
                }
            }
            0x2e0 => {
                let (vm, vpe) = ((value >> 32) as u16, value as u16);
                let vm = self.vms.get_mut(&vm).ok_or("no such VM")?;
                if u32::from(vpe) >> vm.vpe_id_bits != 0 {
                    return Err("VPE beyond the table");
                }
                let entry = vm.vpet + 8 * u64::from(vpe);
                let vpete = memory.read64(entry);
                if vpete & VALID != 0 || vpete == 0 {
                    return Err("VPETE that cannot become valid");
                }
                memory.write(entry, &(vpete | VALID).to_le_bytes());
                memory.own(vpete & ADDR, 1 << 5);
                vm.descriptors.push(vpete & ADDR);
                vm.vpes.insert(vpe, None);
            }
            0x240 => self.vpe_selr = value,
            0x258 if value == 1 => {}
            0x248 => {
                let (vm, vpe) = (self.vpe_selr as u16, (self.vpe_selr >> 32) as u16);
                let vm = self.vms.get_mut(&vm).ok_or("no such VM")?;
                *vm.vpes.get_mut(&vpe).ok_or("no such VPE")? = Some(value);
            }
            0x300 => {
                let vm = self.vms.get_mut(&(value as u16)).ok_or("no such VM")?;
                if value & M != 0 {
                    vm.quiescent = true;
                    for ist in vm.ists.values() {
                        write_back(memory, ist);
                    }
                }
                self.saved = vm.quiescent;
            }
            _ => return Err("not expected"),
        }
        Ok(())
    }

    /// The address of a VMTE.
    fn vmte(&self, memory: &Memory, vm: u16) -> Result<u64, &'static str> {
        if self.vmt_baser & VALID == 0 || u64::from(vm) >> (self.vmt_cfgr & 0x1f) != 0 {
            return Err("no such VMTE");
        }
        let base = self.vmt_baser & ADDR & !7;
        if !self.features.vmt_two_level {
            return Ok(base + 32 * u64::from(vm));
        }
        let l1 = memory.read64(base + 8 * u64::from(vm / 128));
        if l1 & VALID == 0 {
            return Err("no L2 VMT");
        }
        Ok((l1 & ADDR & !0xfff) + 32 * u64::from(vm % 128))
    }

    fn map_l2_vmt(&mut self, memory: &Memory, vm: u16) -> Result<(), &'static str> {
        let base = self.vmt_baser & ADDR & !7;
        let entry = base + 8 * u64::from(vm / 128);
        let l1 = memory.read64(entry);
        if l1 & VALID != 0 || l1 & 0xfff != 0 || l1 == 0 {
            return Err("L1_VMTE that cannot become valid");
        }
        memory.write(entry, &(l1 | VALID).to_le_bytes());
        memory.own(entry, 8);
        self.l2_vmts.push(entry);
        Ok(())
    }

    fn map_vm(&mut self, memory: &Memory, id: u16) -> Result<(), &'static str> {
        let vmte = self.vmte(memory, id)?;
        let (word0, word1) = (memory.read64(vmte), memory.read64(vmte + 8));
        if word0 & VALID != 0 || self.vms.contains_key(&id) {
            return Err("valid already");
        }
        let mut vm = Vm {
            vmte,
            vpet: word1 & ADDR & !7,
            vpe_id_bits: (word1 >> 59) as u32,
            ..Vm::default()
        };
        if vm.vpe_id_bits == 0 {
            return Err("VPE_ID_BITS is 0");
        }
        if self.features.vmd != (word0 & ADDR != 0) {
            return Err("VMD_ADDR");
        }
        if self.features.vmd {
            memory.own(word0 & ADDR, 16);
            vm.descriptors.push(word0 & ADDR);
        }
        memory.own(vm.vpet, 8 << vm.vpe_id_bits);
        memory.own(vmte, 16);
        memory.write(vmte, &(word0 | VALID).to_le_bytes());
        self.vms.insert(id, vm);
        Ok(())
    }

    fn unmap_vm(&mut self, memory: &Memory, id: u16) {
        // Not an error for one that is not valid.
        let Some(vm) = self.vms.remove(&id) else {
            return;
        };
        for (kind, ist) in vm.ists {
            Self::give_back(memory, vm.vmte, kind, Some(ist));
        }
        for descriptor in vm.descriptors {
            memory.disown(descriptor);
        }
        memory.disown(vm.vpet);
        memory.disown(vm.vmte);
        let word0 = memory.read64(vm.vmte);
        memory.write(vm.vmte, &(word0 & !VALID).to_le_bytes());
    }

    fn give_back(memory: &Memory, vmte: u64, kind: u64, ist: Option<Ist>) {
        let Some(ist) = ist else {
            return;
        };
        write_back(memory, &ist);
        memory.disown(ist.address);
        if let Some(bits) = ist.l2_bits {
            for index in 0..1 << (ist.id_bits - bits) {
                memory.disown(memory.read64(ist.address + 8 * index) & ADDR & !0xfff);
            }
        }
        let section = vmte + 8 * kind;
        memory.disown(section);
        let word = memory.read64(section);
        memory.write(section, &(word & !VALID).to_le_bytes());
    }

    fn map_ist(&mut self, memory: &Memory, id: u16, kind: u64) -> Result<(), &'static str> {
        let vm = self.vms.get_mut(&id).ok_or("no such VM")?;
        // Word 2 has the LPIs (type 2), word 3 the SPIs (type 3).
        let section = vm.vmte + 8 * kind;
        let word = memory.read64(section);
        if word & VALID != 0 || vm.ists.contains_key(&kind) {
            return Err("valid already");
        }
        let id_bits = (word >> 59) as u32;
        let istsz = (word >> 56 & 3) as u32;
        let two_level = word >> 58 & 1 != 0;
        let l2sz = (word >> 1 & 3) as u32;
        let expected = match self.features.istmd {
            None => 0,
            Some(size) if id_bits >= size => 2,
            Some(_) => 1,
        };
        if istsz != expected {
            return Err("ISTSZ");
        }
        let address = word & ADDR & !0x3f;
        let mut ist = Ist {
            address,
            id_bits,
            iste: 4 << istsz,
            l2_bits: None,
            entries: BTreeMap::new(),
        };
        if two_level {
            if self.features.l2.is_none_or(|sizes| sizes >> l2sz & 1 == 0) {
                return Err("L2SZ");
            }
            let bits = 10 - istsz + 2 * l2sz;
            if id_bits <= bits {
                return Err("two levels for nothing");
            }
            ist.l2_bits = Some(bits);
            memory.own(address, (8 << (id_bits - bits)).max(64));
            for index in 0..1 << (id_bits - bits) {
                let l1 = memory.read64(address + 8 * index);
                if l1 & VALID == 0 {
                    return Err("L1_ISTE that is not valid");
                }
                memory.own(l1 & ADDR & !0xfff, 4096 << (2 * l2sz));
            }
        } else {
            memory.own(address, (ist.iste << id_bits).max(64));
        }
        for id in 0..1 << id_bits {
            let place = place(memory, &ist, id);
            for word in 1..ist.iste / 4 {
                if memory.read32(place + 4 * word) != 0 {
                    return Err("metadata that is not zero");
                }
            }
            // A pending bit that is found is not noticed.
            ist.entries.insert(id, memory.read32(place) & !1);
        }
        memory.own(section, 8);
        memory.write(section, &(word | VALID).to_le_bytes());
        vm.ists.insert(kind, ist);
        Ok(())
    }

    pub fn vdpend(&mut self, memory: &Memory, operand: u64) {
        let (vm, kind, id) = (
            (operand >> 32) as u16 & 0x7fff,
            operand >> 29 & 7,
            operand as u32 & 0xff_ffff,
        );
        let entry = self.vms.get_mut(&vm).and_then(|vm| {
            vm.quiescent = false;
            vm.ists.get_mut(&kind)?.entries.get_mut(&id)
        });
        match entry {
            Some(entry) => *entry = *entry & !1 | (operand >> 63) as u32,
            None => memory.fault(format!("VDPEND {operand:#x} of nothing")),
        }
    }
}

fn place(memory: &Memory, ist: &Ist, id: u32) -> u64 {
    match ist.l2_bits {
        None => ist.address + u64::from(id) * ist.iste,
        Some(bits) => {
            let l1 = memory.read64(ist.address + 8 * u64::from(id >> bits));
            (l1 & ADDR & !0xfff) + u64::from(id & ((1 << bits) - 1)) * ist.iste
        }
    }
}

fn write_back(memory: &Memory, ist: &Ist) {
    for (id, entry) in &ist.entries {
        let place = place(memory, ist, *id);
        memory.write(place, &entry.to_le_bytes());
        // Metadata of its own, which software must not carry elsewhere.
        for word in 1..ist.iste / 4 {
            memory.write(place + 4 * word, &0x5a5a_5a5a_u32.to_le_bytes());
        }
    }
}

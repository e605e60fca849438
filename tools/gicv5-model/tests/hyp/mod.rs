// SPDX-License-Identifier: GPL-2.0-or-later
//! A hypervisor for the virtual IRS, as small as can be: it builds the tables
//! as KVM's `vgic-v5-tables.c` does and asks the IRS to take them.
// Each test program uses its own part of this.
#![allow(dead_code)]

use gicv5_model::config::{Config, Delay, Knobs};
use gicv5_model::cpuif::route::{hcr, Access, PeState};
use gicv5_model::memory::{Env, Log, Memory};
use gicv5_model::regs::{find, Sysreg, TABLE};
use gicv5_model::Gicv5;
use std::collections::{BTreeMap, HashMap};

pub const EL2: PeState = PeState {
    el: 2,
    el2: true,
    hcr_el2: hcr::IMO,
    nmi: false,
};
pub const GUEST: PeState = PeState { el: 1, ..EL2 };

pub const M: u64 = 1 << 63;
pub const U: u64 = 1 << 62;
pub const LPI: u64 = 2 << 29;
pub const SPI: u64 = 3 << 29;

/// Kinds of waits that are no status register's.
pub const GSB_SYS: u32 = 1;
pub const GSB_ACK: u32 = 2;
pub const ISB: u32 = 3;

/// Offsets in the configuration frame.
pub mod irs {
    pub const CR0: u32 = 0x80;
    pub const SPI_STATUSR: u32 = 0x118;
    pub const IST_STATUSR: u32 = 0x194;
    pub const SPI_VMR: u32 = 0x100;
    pub const SPI_SELR: u32 = 0x108;
    pub const SPI_CFGR: u32 = 0x114;
    pub const PE_SELR: u32 = 0x140;
    pub const PE_STATUSR: u32 = 0x144;
    pub const PE_CR0: u32 = 0x148;
    pub const IST_BASER: u32 = 0x180;
    pub const IST_CFGR: u32 = 0x190;
    pub const VMT_BASER: u32 = 0x200;
    pub const VMT_CFGR: u32 = 0x210;
    pub const VMT_STATUSR: u32 = 0x214;
    pub const VPE_SELR: u32 = 0x240;
    pub const VPE_DBR: u32 = 0x248;
    pub const VPE_HPPIR: u32 = 0x250;
    pub const VPE_CR0: u32 = 0x258;
    pub const VPE_STATUSR: u32 = 0x25c;
    pub const VM_DBR: u32 = 0x280;
    pub const VM_SELR: u32 = 0x288;
    pub const VM_STATUSR: u32 = 0x28c;
    pub const VMAP_L2_VMTR: u32 = 0x2c0;
    pub const VMAP_VMR: u32 = 0x2c8;
    pub const VMAP_VISTR: u32 = 0x2d0;
    pub const VMAP_L2_VISTR: u32 = 0x2d8;
    pub const VMAP_VPER: u32 = 0x2e0;
    pub const SAVE_VMR: u32 = 0x300;
    pub const SAVE_VM_STATUSR: u32 = 0x308;
    pub const SWERR_STATUSR: u32 = 0x3c0;
    pub const SWERR_SYNDROMER0: u32 = 0x3c8;
}

/// Memory that is zero until written.
#[derive(Default, Clone)]
pub struct Ram {
    pages: HashMap<u64, [u8; 4096]>,
    /// How many bytes were read and written.
    pub traffic: usize,
}

impl Ram {
    fn byte(&mut self, pa: u64) -> &mut u8 {
        let page = self.pages.entry(pa >> 12).or_insert([0; 4096]);
        &mut page[(pa & 0xfff) as usize]
    }

    pub fn peek(&mut self, pa: u64) -> u64 {
        let mut bytes = [0; 8];
        self.read(pa, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    pub fn poke(&mut self, pa: u64, value: u64) {
        self.write(pa, &value.to_le_bytes());
    }
}

impl Memory for Ram {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        self.traffic += buf.len();
        for (pa, byte) in (pa..).zip(buf) {
            *byte = *self.byte(pa);
        }
        true
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        self.traffic += buf.len();
        for (pa, byte) in (pa..).zip(buf) {
            *self.byte(pa) = *byte;
        }
        true
    }
}

/// The guest errors so far.
#[derive(Default)]
pub struct Errors(pub Vec<String>);

impl Log for Errors {
    fn guest_error(&mut self, msg: core::fmt::Arguments<'_>) {
        self.0.push(msg.to_string());
    }
}

/// Where a VM's tables are.
#[derive(Clone, Copy, Debug)]
pub struct VmTables {
    pub vmte: u64,
    pub vpet: u64,
    pub vpeds: u64,
    /// The physical LPI that is VPE 0's doorbell.
    pub doorbells: u64,
}

pub struct Hyp {
    pub gic: Gicv5,
    pub config: Config,
    pub ram: Ram,
    pub errors: Errors,
    pub knobs: Knobs,
    pub linear: bool,
    pub vms: BTreeMap<u64, VmTables>,
    /// The waits that were due, by the status register's offset or a barrier,
    /// and which of them is left out.
    pub waits: Vec<u32>,
    pub forget: Option<usize>,
    /// The PE that accesses the IRS.
    pub by: Option<u32>,
    brk: u64,
    vmt: u64,
    doorbells: u64,
}

/// Two PEs, and VM 5 with two VPEs.
pub fn one_vm() -> Hyp {
    let mut hyp = Hyp::new(2, false, Knobs::default());
    hyp.vm(5, 2);
    hyp
}

fn row(name: &str) -> &'static Sysreg {
    &TABLE[find(name).unwrap_or_else(|| panic!("no register {name}"))]
}

impl Hyp {
    /// `pes` PEs, 64 SPIs, a VM table, a physical IST, and every PE ready to
    /// run a guest that lets all priorities through.
    pub fn new(pes: u32, linear: bool, knobs: Knobs) -> Self {
        Self::slow(pes, linear, knobs, Delay::default(), None)
    }

    /// The same with operations that take their time, and without wait number
    /// `forget`.
    pub fn slow(pes: u32, linear: bool, knobs: Knobs, delay: Delay, forget: Option<usize>) -> Self {
        let mut config = Config::new(pes, 64, true, 0, linear)
            .unwrap()
            .with_knobs(knobs.clone())
            .unwrap();
        config.delay = delay;
        let mut hyp = Self {
            gic: Gicv5::new(&config),
            config,
            ram: Ram::default(),
            errors: Errors::default(),
            knobs,
            linear,
            vms: BTreeMap::new(),
            waits: Vec::new(),
            forget,
            by: Some(0),
            brk: 1 << 32,
            vmt: 0,
            doorbells: 0x100,
        };
        hyp.irs_write(irs::CR0, 4, 1);
        hyp.wait(irs::CR0);
        let (istsz, size) = hyp.iste(14);
        let ist = hyp.alloc(size << 14);
        hyp.irs_write(irs::IST_CFGR, 4, 14 | istsz << 7);
        hyp.irs_write(irs::IST_BASER, 8, ist | 1);
        hyp.wait(irs::IST_STATUSR);
        let bits = u64::from(hyp.knobs.vm_id_bits);
        let levels = u64::from(hyp.knobs.vmt_two_level);
        hyp.vmt = hyp.alloc(if levels == 1 {
            8 << (bits - 7)
        } else {
            32 << bits
        });
        hyp.irs_write(irs::VMT_CFGR, 4, bits | levels << 16);
        hyp.irs_write(irs::VMT_BASER, 8, hyp.vmt | 1);
        hyp.wait(irs::VMT_STATUSR);
        (0..pes).for_each(|pe| hyp.open(pe));
        hyp
    }

    /// Lets PE `pe` run a guest: no traps, and every priority passes.
    pub fn open(&mut self, pe: u32) {
        for (name, value) in [
            ("ICH_HFGRTR_EL2", u64::MAX),
            ("ICH_HFGWTR_EL2", u64::MAX),
            ("ICH_HFGITR_EL2", u64::MAX),
            ("ICH_VCTLR_EL2", 1),
            ("ICH_VMCR_EL2", 31 << 27 | 1),
            ("ICC_PCR_EL1", 31),
            ("ICC_CR0_EL1", 1),
        ] {
            self.msr(pe, name, value);
        }
    }

    /// ISTSZ and the size of an ISTE in bytes of a table with `bits` ID bits.
    pub fn iste(&self, bits: u32) -> (u64, u64) {
        match self.knobs.istmd_id_bits {
            None => (0, 4),
            Some(limit) if bits >= limit => (2, 16),
            Some(_) => (1, 8),
        }
    }

    /// Zeroed, aligned to its size.
    pub fn alloc(&mut self, size: u64) -> u64 {
        let size = size.next_power_of_two().max(64);
        let pa = self.brk.next_multiple_of(size);
        self.brk = pa + size;
        pa
    }

    pub fn irs_read(&mut self, offset: u32, size: u32) -> u64 {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic
            .irs_read_by(&mut env, self.by, offset, size)
            .expect("abort")
    }

    pub fn irs_write(&mut self, offset: u32, size: u32, value: u64) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        let done = self
            .gic
            .irs_write_by(&mut env, self.by, offset, size, value);
        assert!(done, "abort");
    }

    pub fn mrs_at(&mut self, pe: u32, name: &str, state: &PeState) -> u64 {
        let row = row(name);
        assert_eq!(self.gic.check(pe, row, false, state), Access::Done);
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.read(&mut env, pe, row, state)
    }

    pub fn msr_at(&mut self, pe: u32, name: &str, value: u64, state: &PeState) {
        let row = row(name);
        assert_eq!(self.gic.check(pe, row, true, state), Access::Done);
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.write(&mut env, pe, row, value, state);
    }

    pub fn mrs(&mut self, pe: u32, name: &str) -> u64 {
        self.mrs_at(pe, name, &EL2)
    }

    pub fn msr(&mut self, pe: u32, name: &str, value: u64) {
        self.msr_at(pe, name, value, &EL2);
    }

    pub fn guest_mrs(&mut self, pe: u32, name: &str) -> u64 {
        self.mrs_at(pe, name, &GUEST)
    }

    pub fn guest_msr(&mut self, pe: u32, name: &str, value: u64) {
        self.msr_at(pe, name, value, &GUEST);
    }

    pub fn wire(&mut self, id: u32, level: bool) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.set_spi(&mut env, id, level);
    }

    /// Goes on with another model that is given this one's state.
    pub fn replace(&mut self) {
        let mut other = Gicv5::new(&self.config);
        other.restore(&self.gic.save()).expect("what was saved");
        self.gic = other;
    }

    /// Time passes.
    pub fn step(&mut self) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.step(&mut env);
    }

    pub fn reset_pe(&mut self, pe: u32) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.reset_pe(&mut env, pe);
    }

    fn forgets(&mut self, kind: u32) -> bool {
        self.waits.push(kind);
        self.forget == Some(self.waits.len() - 1)
    }

    /// Polls a status register for IDLE.
    pub fn wait(&mut self, status: u32) {
        if self.forgets(status) {
            return;
        }
        let idle = if status == irs::CR0 { 0b10 } else { 0b01 };
        for _ in 0..100 {
            if self.irs_read(status, 4) & idle != 0 {
                return;
            }
        }
        self.errors.0.push(format!("timeout at {status:#x}"));
    }

    /// GSB SYS.
    pub fn gsb(&mut self, pe: u32) {
        if !self.forgets(GSB_SYS) {
            self.msr(pe, "GSB_SYS", 0);
        }
    }

    /// GSB ACK.
    pub fn gsb_ack(&mut self, pe: u32) {
        if !self.forgets(GSB_ACK) {
            self.guest_msr(pe, "GSB_ACK", 0);
        }
    }

    /// ISB.
    pub fn isb(&mut self, pe: u32) {
        if !self.forgets(ISB) {
            self.gic.synchronize(pe);
        }
    }

    /// How many guest errors `action` makes.
    pub fn errors_of(&mut self, action: impl FnOnce(&mut Self)) -> usize {
        let before = self.errors.0.len();
        action(self);
        self.errors.0.len() - before
    }

    /// Everything so far was in order.
    pub fn no_errors(&self) {
        assert!(self.errors.0.is_empty(), "{:?}", self.errors.0);
    }

    /// Address of `vm`'s L2_VMTE, with a second level if one is needed.
    pub fn vmte(&mut self, vm: u64) -> u64 {
        if !self.knobs.vmt_two_level {
            return self.vmt + vm * 32;
        }
        let l1 = self.vmt + (vm >> 7) * 8;
        if self.ram.peek(l1) == 0 {
            let l2 = self.alloc(4096);
            self.ram.poke(l1, l2);
            self.irs_write(irs::VMAP_L2_VMTR, 8, M | vm);
            self.wait(irs::VMT_STATUSR);
            assert_eq!(self.ram.peek(l1), l2 | 1, "VALID is the IRS's");
        }
        (self.ram.peek(l1) & !0xfff) + (vm & 0x7f) * 32
    }

    /// A VM that is valid, without ISTs and VPEs.
    pub fn create_vm(&mut self, vm: u64, vpe_id_bits: u32) -> VmTables {
        let vmte = self.vmte(vm);
        let vped_size = 1u64 << self.knobs.vped_log2;
        let tables = VmTables {
            vmte,
            vpet: self.alloc(8 << vpe_id_bits),
            vpeds: self.alloc(vped_size << vpe_id_bits),
            doorbells: self.doorbells,
        };
        self.doorbells += 1 << vpe_id_bits;
        let vmd = self.knobs.vmd_log2.map_or(0, |log2| self.alloc(1 << log2));
        self.ram.poke(vmte, vmd);
        self.ram
            .poke(vmte + 8, tables.vpet | u64::from(vpe_id_bits) << 59);
        self.irs_write(irs::VMAP_VMR, 8, M | vm);
        self.wait(irs::VMT_STATUSR);
        assert_eq!(self.ram.peek(vmte), vmd | 1, "VALID is the IRS's");
        self.vms.insert(vm, tables);
        tables
    }

    /// VPE `vpe` becomes valid, with a doorbell on PE 0.
    pub fn create_vpe(&mut self, vm: u64, vpe: u64) {
        let tables = self.vms[&vm];
        let vpete = tables.vpet + vpe * 8;
        let vped = tables.vpeds + (vpe << self.knobs.vped_log2);
        self.ram.poke(vpete, vped);
        self.irs_write(irs::VMAP_VPER, 8, M | vm << 32 | vpe);
        self.wait(irs::VMT_STATUSR);
        assert_eq!(self.ram.peek(vpete), vped | 1, "VALID is the IRS's");
        self.select(vm, vpe);
        assert_eq!(self.irs_read(irs::VPE_STATUSR, 4), 0b11);
        let doorbell = self.doorbell(vm, vpe);
        for (name, operand) in [("GIC_CDPRI", 0), ("GIC_CDAFF", 0), ("GIC_CDEN", 0)] {
            self.msr(0, name, LPI | doorbell | operand);
        }
        self.gsb(0);
        self.irs_write(irs::VPE_DBR, 8, M | doorbell);
        self.wait(irs::VPE_STATUSR);
    }

    /// The physical LPI ID of a VPE's doorbell.
    pub fn doorbell(&self, vm: u64, vpe: u64) -> u64 {
        self.vms[&vm].doorbells + vpe
    }

    pub fn select(&mut self, vm: u64, vpe: u64) {
        self.irs_write(irs::VPE_SELR, 8, M | vpe << 32 | vm);
        self.wait(irs::VPE_STATUSR);
    }

    /// Makes an IST of `ty` with `bits` ID bits valid; with two levels if
    /// `l2sz` says so, each second level mapped only when asked for.
    pub fn map_ist(&mut self, vm: u64, ty: u64, bits: u32, l2sz: Option<u64>) -> u64 {
        let (istsz, size) = self.iste(bits);
        let word = self.vms[&vm].vmte + if ty == LPI { 16 } else { 24 };
        let (ist, structure) = match l2sz {
            None => (self.alloc(size << bits), 0),
            Some(l2sz) => {
                let l2_size = 4096u64 << (2 * l2sz);
                let entries = (size << bits).div_ceil(l2_size);
                let l1 = self.alloc(entries * 8);
                for n in 0..entries {
                    let l2 = self.alloc(l2_size);
                    self.ram.poke(l1 + n * 8, l2);
                }
                (l1, 1 << 58 | l2sz << 1)
            }
        };
        let value = ist | structure | istsz << 56 | u64::from(bits) << 59;
        self.ram.poke(word, value);
        self.irs_write(irs::VMAP_VISTR, 8, M | vm << 32 | ty);
        self.wait(irs::VMT_STATUSR);
        assert_eq!(self.ram.peek(word), value | 1, "VALID is the IRS's");
        ist
    }

    /// A VM with `vpes` VPEs, 32 SPIs and 2^14 LPIs, linear.
    pub fn vm(&mut self, vm: u64, vpes: u64) -> VmTables {
        let bits = vpes.next_power_of_two().trailing_zeros().max(1);
        let tables = self.create_vm(vm, bits);
        self.map_ist(vm, SPI, 5, None);
        for vpe in 0..vpes {
            self.create_vpe(vm, vpe);
        }
        self.map_ist(vm, LPI, 14, None);
        tables
    }

    /// Makes a VPE resident on `pe`; whether that could be done.
    pub fn load(&mut self, pe: u32, vm: u64, vpe: u64) -> bool {
        self.msr(pe, "ICH_CONTEXTR_EL2", M | vpe << 32 | vm);
        self.isb(pe);
        self.mrs(pe, "ICH_CONTEXTR_EL2") >> 62 & 1 == 0
    }

    /// Ends it; with a doorbell for what has at least priority `dbpm`.
    pub fn put(&mut self, pe: u32, dbpm: Option<u64>) {
        let request = dbpm.map_or(0, |dbpm| 1 << 60 | dbpm << 55);
        self.msr(pe, "ICH_CONTEXTR_EL2", request);
    }

    /// ICC_ICSR_EL1 after GIC CDRCFG, of a physical interrupt.
    pub fn icsr(&mut self, intid: u64) -> u64 {
        self.msr(0, "GIC_CDRCFG", intid);
        self.isb(0);
        self.mrs(0, "ICC_ICSR_EL1")
    }

    /// The same of the resident VPE's VM.
    pub fn guest_icsr(&mut self, pe: u32, intid: u64) -> u64 {
        self.guest_msr(pe, "GIC_CDRCFG", intid);
        self.isb(pe);
        self.guest_mrs(pe, "ICC_ICSR_EL1")
    }

    /// Whether the doorbell of a VPE has rung since the last call.
    pub fn rung(&mut self, vm: u64, vpe: u64) -> bool {
        let lpi = LPI | self.doorbell(vm, vpe);
        let pending = self.icsr(lpi) & 0b100 != 0;
        self.msr(0, "GIC_CDPEND", lpi);
        pending
    }
}

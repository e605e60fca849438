// SPDX-License-Identifier: GPL-2.0
//! The tables that EL2 shares with the IRS: the VM table, and what belongs to
//! one VM. Built as KVM's vgic-v5-tables.c does, by what the ID registers say.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use rt::cpu;
use rt::gic::Type;
use rt::irs::{self, *};

/// M of IRS_VMAP_*: do it.
pub const M: u64 = 1 << 63;
/// U of IRS_VMAP_VMR and IRS_VMAP_VISTR: make it invalid.
pub const U: u64 = 1 << 62;
/// VALID of every entry.
pub const VALID: u64 = 1;
/// VPEs of each VM here.
pub const VPES: u64 = 4;
/// The least an LPI IST may have is at most this.
const LPI_ID_BITS: u64 = 14;
/// 32 SPIs.
const SPI_ID_BITS: u64 = 5;
/// The physical LPI that is VPE 0's doorbell of VM 0.
const DOORBELLS: u64 = 0x100;

const ARENA_SIZE: usize = 16 << 20;

/// Memory for tables: zero, and never given back.
#[repr(C, align(262144))]
struct Arena(UnsafeCell<[u8; ARENA_SIZE]>);

// SAFETY: Rust code touches it by volatile accesses only.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_SIZE]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// Zeroed memory of `size` bytes at most 256 KiB, aligned to its size.
pub fn alloc(size: u64) -> u64 {
    let size = (size as usize).next_power_of_two().max(64);
    let start = USED.load(Relaxed).next_multiple_of(size);
    assert!(start + size <= ARENA_SIZE, "no memory for tables left");
    USED.store(start + size, Relaxed);
    ARENA.0.get() as u64 + start as u64
}

/// 8 bytes of a table.
pub fn peek(address: u64) -> u64 {
    cpu::dsb();
    // SAFETY: in the arena, aligned.
    unsafe { (address as *const u64).read_volatile() }
}

/// 8 bytes of a table.
pub fn poke(address: u64, value: u64) {
    // SAFETY: in the arena, aligned; the IRS reads it when told to.
    unsafe { (address as *mut u64).write_volatile(value) };
    cpu::dsb();
}

/// Writes a register that asks for an operation on the VM table, and waits.
pub fn vmap(register: usize, value: u64) {
    irs::wait(VMT_STATUSR, STATUSR_IDLE);
    irs::write64(register, value);
    irs::wait(VMT_STATUSR, STATUSR_IDLE);
}

/// ISTSZ of a table with this many ID bits: with metadata an ISTE has 8 or 16
/// bytes, and 4 without.
fn istsz(id_bits: u64) -> u64 {
    let idr2 = u64::from(irs::read(IDR2));
    match (idr2 >> 14 & 1, id_bits >= idr2 >> 15 & 0x1f) {
        (0, _) => 0,
        (_, false) => 1,
        (_, true) => 2,
    }
}

fn alloc_ist(id_bits: u64) -> u64 {
    alloc(4 << (id_bits + istsz(id_bits)))
}

/// Makes the physical IST and the VM table valid.
pub fn set_up() {
    let bits = LPI_ID_BITS;
    irs::write(IST_CFGR, (bits | istsz(bits) << 7) as u32);
    irs::write64(IST_BASER, alloc_ist(bits) | VALID);
    irs::wait(IST_STATUSR, STATUSR_IDLE);
    let idr3 = irs::read(IDR3);
    let bits = idr3 >> 5 & 0x1f;
    let two_level = idr3 >> 10 & 1;
    let size = if two_level == 1 {
        8 << (bits - 7)
    } else {
        32 << bits
    };
    irs::wait(VMT_STATUSR, STATUSR_IDLE);
    irs::write(VMT_CFGR, bits | two_level << 16);
    irs::write64(VMT_BASER, alloc(size) | VALID);
    irs::wait(VMT_STATUSR, STATUSR_IDLE);
}

/// Where the L2_VMTE of VM `id` is; with its second level, which is made valid
/// if it was not.
fn vmte(id: u64) -> u64 {
    let base = irs::read64(VMT_BASER) & !VALID;
    if irs::read(VMT_CFGR) >> 16 & 1 == 0 {
        return base + 32 * id;
    }
    let l1 = base + 8 * (id >> 7);
    if peek(l1) & VALID == 0 {
        poke(l1, alloc(4096));
        vmap(VMAP_L2_VMTR, M | id);
    }
    (peek(l1) & !0xfff) + 32 * (id & 0x7f)
}

/// A VM's tables.
#[derive(Clone, Copy)]
pub struct Vm {
    pub id: u64,
    /// Address of its L2_VMTE.
    pub vmte: u64,
    /// Address of its VPE table.
    pub vpet: u64,
}

impl Vm {
    /// Fills in the tables of VM `id`, which is not valid afterwards.
    pub fn build(id: u64) -> Self {
        let vmte = vmte(id);
        let idr3 = irs::read(IDR3);
        let vmd = match idr3 & 1 {
            1 => alloc(1 << (idr3 >> 1 & 0xf)),
            _ => 0,
        };
        let vpet = alloc(8 * VPES);
        let vped_size = 1 << (irs::read(IDR4) & 0x3f);
        for vpe in 0..VPES {
            poke(vpet + 8 * vpe, alloc(vped_size));
        }
        poke(vmte, vmd);
        poke(vmte + 8, vpet | u64::from(VPES.trailing_zeros()) << 59);
        for ty in [Type::Lpi, Type::Spi] {
            poke(vmte + word(ty), 0);
        }
        Self { id, vmte, vpet }
    }

    /// IRS_VMAP_VMR.
    pub fn map(&self) {
        vmap(VMAP_VMR, M | self.id);
    }

    /// IRS_VMAP_VMR with U.
    pub fn unmap(&self) {
        vmap(VMAP_VMR, M | U | self.id);
    }

    /// Fills in a linear IST of type `ty`, and IRS_VMAP_VISTR.
    pub fn map_ist(&self, ty: Type) {
        let bits = match ty {
            Type::Spi => SPI_ID_BITS,
            _ => LPI_ID_BITS,
        };
        poke(
            self.vmte + word(ty),
            alloc_ist(bits) | istsz(bits) << 56 | bits << 59,
        );
        vmap(VMAP_VISTR, M | self.id << 32 | (ty as u64) << 29);
    }

    /// IRS_VMAP_VISTR with U.
    pub fn unmap_ist(&self, ty: Type) {
        vmap(VMAP_VISTR, M | U | self.id << 32 | (ty as u64) << 29);
    }

    /// IRS_VMAP_VPER.
    pub fn map_vpe(&self, vpe: u64) {
        vmap(VMAP_VPER, M | self.id << 32 | vpe);
    }

    /// The L2_VMTE's word of the IST of type `ty`.
    pub fn ist_word(&self, ty: Type) -> u64 {
        peek(self.vmte + word(ty))
    }

    /// Selects a VPE, and IRS_VPE_STATUSR.V.
    pub fn select(&self, vpe: u64) -> bool {
        irs::write64(VPE_SELR, 1 << 63 | vpe << 32 | self.id);
        irs::wait(VPE_STATUSR, STATUSR_IDLE);
        irs::read(VPE_STATUSR) & STATUSR_V != 0
    }

    /// Selects the VM, and IRS_VM_STATUSR.V.
    pub fn is_valid(&self) -> bool {
        irs::write(VM_SELR, self.id as u32);
        irs::wait(VM_STATUSR, STATUSR_IDLE);
        irs::read(VM_STATUSR) & STATUSR_V != 0
    }

    /// Everything valid, and each VPE with its doorbell.
    pub fn make(id: u64) -> Self {
        let vm = Self::build(id);
        vm.map();
        vm.map_ist(Type::Spi);
        vm.map_ist(Type::Lpi);
        for vpe in 0..VPES {
            vm.map_vpe(vpe);
            vm.select(vpe);
            irs::write64(VPE_DBR, 1 << 63 | vm.doorbell(vpe));
            irs::wait(VPE_STATUSR, STATUSR_IDLE);
        }
        vm
    }

    /// The ID of the physical LPI that is the doorbell of `vpe`.
    pub fn doorbell(&self, vpe: u64) -> u64 {
        DOORBELLS + self.id * VPES + vpe
    }
}

/// Where the word of an IST is in a L2_VMTE.
fn word(ty: Type) -> u64 {
    match ty {
        Type::Spi => 24,
        _ => 16,
    }
}

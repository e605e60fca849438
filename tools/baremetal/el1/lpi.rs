// SPDX-License-Identifier: GPL-2.0
//! LPIs: the IST in memory, linear and in two levels, and their state.

use core::cell::UnsafeCell;
use rt::gic::*;
use rt::irs::{self, *};
use rt::{cpu, say};

/// LPI INTIDs of this many bits: every implementation can do 14.
const ID_BITS: u32 = 14;
/// ISTE sizes: IST_CFGR.ISTSZ and bytes.
const ISTE_SIZES: [(u32, usize); 3] = [(0, 4), (1, 8), (2, 16)];

/// Memory that the IRS owns while an IST in it is valid. Sized for the widest
/// ISTE, aligned as a linear IST of its size must be.
#[repr(C, align(0x40000))]
struct Table(UnsafeCell<[u64; 0x8000]>);

// SAFETY: accessed only by volatile single words, on one PE at a time.
unsafe impl Sync for Table {}

static LINEAR: Table = Table(UnsafeCell::new([0; 0x8000]));
static LEVEL1: Table = Table(UnsafeCell::new([0; 0x8000]));

impl Table {
    fn address(&self) -> u64 {
        self.0.get() as u64
    }

    fn word(&self, index: usize) -> *mut u32 {
        assert!(index < 0x10000);
        self.0.get().cast::<u32>().wrapping_add(index)
    }

    fn read(&self, index: usize) -> u32 {
        // SAFETY: `word` checked the bounds.
        unsafe { self.word(index).read_volatile() }
    }

    fn write(&self, index: usize, value: u32) {
        // SAFETY: `word` checked the bounds.
        unsafe { self.word(index).write_volatile(value) };
    }

    fn zero(&self) {
        (0..0x10000).for_each(|i| self.write(i, 0));
        cpu::dsb();
    }
}

fn set_valid(base: u64, cfgr: u32) {
    irs::write(IST_CFGR, cfgr);
    irs::write64(IST_BASER, base | IST_VALID);
    irs::wait(IST_STATUSR, STATUSR_IDLE);
}

fn set_invalid() {
    irs::write64(IST_BASER, 0);
    irs::wait(IST_STATUSR, STATUSR_IDLE);
}

/// A linear IST of 14 bits and 4-byte entries, for other sections.
pub fn set_up() {
    LINEAR.zero();
    set_valid(LINEAR.address(), ID_BITS);
}

pub fn tear_down() {
    set_invalid();
}

fn show(what: &str, intid: Intid) {
    say!(
        "lpi/{what}: {} HPPIR={} ISR={}",
        intid.config(),
        hppir(),
        signal()
    );
}

fn done(intid: Intid) {
    eoi();
    intid.deactivate();
}

pub fn run() {
    reset_cpu_interface();
    irs::set_enabled(true);
    no_table();
    registers();
    life(Intid::lpi(5));
    memory_format();
    iste_sizes();
    two_level();
    many();
    reset_cpu_interface();
}

/// With no IST every LPI operation fails.
fn no_table() {
    let lpi = Intid::lpi(1);
    lpi.enable();
    lpi.set_pending(true);
    show("no IST", lpi);
    irs::write(MAP_L2_ISTR, 0);
    irs::wait(IST_STATUSR, STATUSR_IDLE);
    say!(
        "lpi/no IST, MAP_L2_ISTR: IST_BASER {:#x}",
        irs::read64(IST_BASER)
    );
}

/// IST_CFGR and IST_BASER.ADDR can be written only while VALID is clear.
fn registers() {
    LINEAR.zero();
    irs::write(IST_CFGR, ID_BITS);
    say!("lpi/IST_CFGR: {:#x}", irs::read(IST_CFGR));
    set_valid(LINEAR.address(), ID_BITS);
    let same = irs::read64(IST_BASER) == LINEAR.address() | IST_VALID;
    say!("lpi/IST_BASER reads back: {same}");
    let halves = u64::from(irs::read(IST_BASER)) | u64::from(irs::read(IST_BASER + 4)) << 32;
    say!(
        "lpi/IST_BASER in halves the same: {}",
        halves == irs::read64(IST_BASER)
    );
    irs::write(IST_CFGR, ID_BITS | IST_TWO_LEVEL);
    say!("lpi/IST_CFGR while valid: {:#x}", irs::read(IST_CFGR));
    irs::write64(IST_BASER, LEVEL1.address() | IST_VALID);
    let same = irs::read64(IST_BASER) == LINEAR.address() | IST_VALID;
    say!("lpi/IST_BASER.ADDR while valid, kept: {same}");
    irs::write64(IST_BASER, LEVEL1.address());
    say!(
        "lpi/IST_BASER.VALID cleared: {}",
        irs::read64(IST_BASER) & IST_VALID
    );
    irs::write(IST_CFGR, ID_BITS | IST_TWO_LEVEL);
    say!("lpi/IST_CFGR while invalid: {:#x}", irs::read(IST_CFGR));
    irs::write(IST_CFGR, 0);
}

/// One LPI through everything that can happen to it.
fn life(lpi: Intid) {
    set_up();
    show("fresh", lpi);
    lpi.set_priority(10);
    lpi.set_affinity(0);
    lpi.set_pending(true);
    show("pending disabled", lpi);
    lpi.enable();
    show("enabled", lpi);
    lpi.disable();
    show("disabled while pending", lpi);
    lpi.enable();
    lpi.set_pending(false);
    show("pending cleared", lpi);
    lpi.set_pending(true);
    say!("lpi/CDIA: {} APR={:#x}", ack(), ICC_APR_EL1.read());
    show("acknowledged", lpi);
    lpi.set_pending(true);
    show("pending while active", lpi);
    eoi();
    show("dropped", lpi);
    lpi.deactivate();
    show("deactivated", lpi);
    let answer = ack();
    lpi.deactivate();
    lpi.set_pending(true);
    say!("lpi/{answer} deactivated first: HPPIR={}", hppir());
    eoi();
    show("then dropped", lpi);
    lpi.set_handling(true);
    let answer = ack();
    done(lpi);
    say!("lpi/level handling, {answer} done: {}", lpi.config());
    lpi.set_pending(false);
    lpi.set_handling(false);
    lpi.set_priority(3);
    lpi.set_pending(true);
    lpi.set_priority(29);
    ICC_PCR_EL1.write(28);
    show("lowered while pending", lpi);
    ICC_PCR_EL1.write(PRI_LOWEST);
    irs::set_enabled(false);
    say!("lpi/IRS disabled: HPPIR={}", hppir());
    irs::set_enabled(true);
    show("IRS enabled", lpi);
    let beyond = Intid::lpi(1 << ID_BITS);
    beyond.enable();
    beyond.set_pending(true);
    show("beyond the IST", beyond);
    // Making an IST valid that holds Pending is CONSTRAINED UNPREDICTABLE.
    lpi.set_pending(false);
    tear_down();
    show("IST gone", lpi);
    // It comes back as it went, from memory.
    set_valid(LINEAR.address(), ID_BITS);
    show("IST back", lpi);
    tear_down();
}

/// L2_ISTE: pending 0, active 1, HM 2, enable 3, IRM 4, HWU 10:9, priority
/// 15:11, IAFFID 31:16. HWU is the hardware's.
fn memory_format() {
    const HWU: u32 = 3 << 9;
    set_up();
    for (id, text) in [
        (100, "fresh"),
        (101, "enabled"),
        (102, "pending"),
        (103, "active"),
    ] {
        let lpi = Intid::lpi(id);
        if id >= 101 {
            lpi.set_priority(id as u64 & 0x1f);
            lpi.set_affinity(0);
            lpi.enable();
        }
        if id == 103 {
            lpi.set_pending(true);
            ack();
            lpi.set_handling(true);
        }
        if id == 102 {
            lpi.disable();
            lpi.set_pending(true);
        }
        let _ = text;
    }
    tear_down();
    for (id, text) in [
        (100, "fresh"),
        (101, "enabled"),
        (102, "pending"),
        (103, "active"),
    ] {
        say!("lpi/memory, {text}: {:#010x}", LINEAR.read(id) & !HWU);
    }
    say!("lpi/memory, neighbour: {:#010x}", LINEAR.read(104) & !HWU);
    // And the other way: software's table is taken over.
    LINEAR.zero();
    LINEAR.write(200, 1 << 3 | 7 << 11);
    set_valid(LINEAR.address(), ID_BITS);
    let lpi = Intid::lpi(200);
    show("from memory", lpi);
    lpi.set_pending(true);
    show("from memory, pending", lpi);
    lpi.set_pending(false);
    ICC_APR_EL1.write(0);
    tear_down();
}

/// Larger ISTEs only spread the entries.
fn iste_sizes() {
    for (istsz, bytes) in ISTE_SIZES {
        LINEAR.zero();
        set_valid(LINEAR.address(), ID_BITS | istsz << 7);
        let lpi = Intid::lpi(77);
        lpi.set_priority(6);
        lpi.enable();
        lpi.set_pending(true);
        let answer = ack();
        done(lpi);
        tear_down();
        let at = 77 * bytes / 4;
        let nonzero = (0..0x10000).filter(|&i| LINEAR.read(i) != 0).count();
        say!(
            "lpi/ISTE of {bytes} bytes: {answer}, enable and priority {:#x}, words written {nonzero}",
            LINEAR.read(at) & 0xf808
        );
    }
}

/// Two levels, 4 KiB level 2 tables of 1024 4-byte entries.
fn two_level() {
    LEVEL1.zero();
    LINEAR.zero();
    // L1_ISTE: VALID 0, L2_ADDR 55:12. VALID is for MAP_L2_ISTR to set.
    for index in [0, 3] {
        let l2 = LINEAR.address() + index as u64 * 0x1000;
        LEVEL1.write(2 * index, l2 as u32);
        LEVEL1.write(2 * index + 1, (l2 >> 32) as u32);
    }
    set_valid(LEVEL1.address(), ID_BITS | IST_TWO_LEVEL);
    let (low, high, absent) = (Intid::lpi(17), Intid::lpi(3 * 1024 + 5), Intid::lpi(1024));
    for (name, lpi) in [("low", low), ("high", high), ("absent", absent)] {
        lpi.enable();
        say!("lpi/two levels, nothing mapped, {name}: {}", lpi.config());
    }
    for id in [3 * 1024 + 9, 0] {
        irs::write(MAP_L2_ISTR, id);
        irs::wait(IST_STATUSR, STATUSR_IDLE);
        say!(
            "lpi/two levels, MAP_L2_ISTR {id}: valid {} {}",
            LEVEL1.read(0) & 1,
            LEVEL1.read(6) & 1
        );
    }
    for (name, lpi, priority) in [("low", low, 9), ("high", high, 4), ("absent", absent, 1)] {
        lpi.set_priority(priority);
        lpi.set_affinity(0);
        lpi.enable();
        lpi.set_pending(true);
        say!("lpi/two levels, {name}: {}", lpi.config());
    }
    let first = ack();
    done(high);
    let second = ack();
    done(low);
    say!("lpi/two levels, CDIA: {first} {second} {}", ack());
    tear_down();
    let at = |id: usize| LINEAR.read(id) & 0xf808;
    say!(
        "lpi/two levels, memory: {:#x} {:#x}",
        at(17),
        at(3 * 1024 + 5)
    );
}

/// Many pending at once come out by priority.
fn many() {
    set_up();
    for id in 0..64 {
        let lpi = Intid::lpi(1000 + id);
        // 5 is prime to 32: each priority occurs twice.
        lpi.set_priority(id as u64 * 5 % 32);
        lpi.enable();
        lpi.set_pending(true);
    }
    let mut sum = 0;
    let mut count = 0;
    let mut disorder = 0;
    let mut last = 0;
    while let Some(intid) = ack().intid() {
        let priority = (intid.0 & 0xff_ffff).wrapping_sub(1000) * 5 % 32;
        disorder += (priority < last) as u32;
        last = priority;
        sum += intid.0 & 0xff_ffff;
        count += 1;
        done(intid);
    }
    say!(
        "lpi/many: {count} taken, sum {sum}, out of order {disorder}, then {}",
        hppir()
    );
    tear_down();
}

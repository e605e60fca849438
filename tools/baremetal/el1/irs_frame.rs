// SPDX-License-Identifier: GPL-2.0
//! The IRS's configuration frame: ID registers and plain read/write rules.

use rt::irs::{self, *};
use rt::say;

/// A field of an ID register: name, register, lowest bit, width, and which
/// values are this machine's own choice and print alike.
struct Field {
    name: &'static str,
    reg: usize,
    shift: u32,
    width: u32,
    alike: fn(u32) -> Option<&'static str>,
}

fn exact(_: u32) -> Option<&'static str> {
    None
}

macro_rules! fields {
    ($($name:literal $reg:ident $shift:literal $width:literal $alike:expr;)*) => {
        &[$(Field { name: $name, reg: $reg, shift: $shift, width: $width, alike: $alike }),*]
    };
}

/// With no EL2 in the machine VIRT is 0, and with it IDR3 and IDR4.
const FIELDS: &[Field] = fields! {
    "IDR0.INT_DOM" IDR0 0 2 exact;
    "IDR0.PA_RANGE" IDR0 2 4 |v| (v <= 7).then_some("up to 56 bits");
    "IDR0.VIRT" IDR0 6 1 exact;
    "IDR0.ONE_N" IDR0 7 1 exact;
    "IDR0.VIRT_ONE_N" IDR0 8 1 exact;
    "IDR0.SETLPI" IDR0 9 1 exact;
    "IDR0.MEC" IDR0 10 1 exact;
    "IDR0.MPAM" IDR0 11 1 exact;
    "IDR0.SWE" IDR0 12 1 |_| Some("optional");
    "IDR0.RES0" IDR0 13 3 exact;
    "IDR0.IRSID" IDR0 16 16 exact;
    "IDR1.PE_CNT" IDR1 0 16 exact;
    "IDR1.IAFFID_BITS" IDR1 16 4 |_| Some("any");
    "IDR1.PRI_BITS" IDR1 20 3 exact;
    "IDR1.RES0" IDR1 23 9 exact;
    "IDR2.ID_BITS" IDR2 0 5 |v| (16..=24).contains(&v).then_some("16 to 24");
    "IDR2.LPI" IDR2 5 1 exact;
    "IDR2.MIN_LPI_ID_BITS" IDR2 6 4 |v| (v <= 14).then_some("at most 14");
    "IDR2.IST_LEVELS" IDR2 10 1 exact;
    "IDR2.IST_L2SZ" IDR2 11 3 exact;
    "IDR2.ISTMD" IDR2 14 1 exact;
    "IDR2.ISTMD_SZ" IDR2 15 5 exact;
    "IDR2.RES0" IDR2 20 12 exact;
    "IDR3" IDR3 0 32 exact;
    "IDR4" IDR4 0 32 exact;
    "IDR5.SPI_RANGE" IDR5 0 25 |v| (256..=1024).contains(&v).then_some("256 to 1024");
    "IDR6.SPI_IRS_RANGE" IDR6 0 25 |v| (v == irs::read(IDR5)).then_some("all");
    "IDR7.SPI_BASE" IDR7 0 24 exact;
    "IIDR" IIDR 0 32 |_| Some("any");
    "AIDR" AIDR 0 32 exact;
    "DEVARCH" DEVARCH 0 32 exact;
    "CIDR0" CIDR0 0 32 exact;
    "CIDR1" CIDR1 0 32 exact;
    "CIDR2" CIDR2 0 32 exact;
    "CIDR3" CIDR3 0 32 exact;
};

const CIDR0: usize = 0xfff0;
const CIDR1: usize = 0xfff4;
const CIDR2: usize = 0xfff8;
const CIDR3: usize = 0xfffc;

pub fn run() {
    for f in FIELDS {
        let value = (u64::from(irs::read(f.reg)) >> f.shift & ((1 << f.width) - 1)) as u32;
        match (f.alike)(value) {
            Some(text) => say!("irs/{}: {text}", f.name),
            None => say!("irs/{}: {value:#x}", f.name),
        }
    }
    read_only();
    reserved();
    control();
    selects();
}

/// Writes to the ID and status registers are ignored.
fn read_only() {
    let mut changed = 0;
    for offset in [IDR0, IDR1, IDR2, IDR5, IDR6, IDR7, IIDR, AIDR] {
        let before = irs::read(offset);
        irs::write(offset, !before);
        changed += (irs::read(offset) != before) as u32;
    }
    say!("irs/ID registers changed by a write: {changed}");
    irs::write(SYNC_STATUSR, 0);
    irs::write(IST_STATUSR, 0);
    irs::write(SPI_STATUSR, 0);
    say!("irs/SYNC_STATUSR: {:#x}", irs::read(SYNC_STATUSR));
    say!("irs/IST_STATUSR: {:#x}", irs::read(IST_STATUSR));
}

/// Reserved locations are RES0, and software's writes do nothing.
fn reserved() {
    let mut nonzero = 0;
    for offset in [
        0x0020, 0x003c, 0x0048, 0x0050, 0x0088, 0x011c, 0x0400, 0x1000, 0x8000,
    ] {
        irs::write(offset, !0);
        nonzero += (irs::read(offset) != 0) as u32;
    }
    say!("irs/reserved locations that read non-zero: {nonzero}");
}

fn control() {
    say!("irs/CR0 at reset: {:#x}", irs::read(CR0));
    irs::write(CR1, 0);
    say!("irs/CR1 zeros: {:#x}", irs::read(CR1));
    // SH inner, OC and IC write-back, IST_RA and IST_WA: what Linux sets.
    irs::write(CR1, 0xd7);
    say!("irs/CR1 cacheable: {:#x}", irs::read(CR1));
    irs::write(CR0, !0);
    irs::wait(CR0, CR0_IDLE);
    say!("irs/CR0 ones: {:#x}", irs::read(CR0));
    irs::set_enabled(false);
    say!("irs/CR0 zeros: {:#x}", irs::read(CR0));
    irs::set_enabled(true);
    irs::write(SYNCR, 1 << 31);
    irs::wait(SYNC_STATUSR, STATUSR_IDLE);
    say!(
        "irs/SYNC_STATUSR after SYNCR: {:#x}",
        irs::read(SYNC_STATUSR)
    );
}

/// SPI_SELR and PE_SELR: what is not there is not valid, and RAZ/WI.
fn selects() {
    let range = irs::read(IDR5);
    for (name, spi) in [
        ("first", 0),
        ("UART", 1),
        ("last", range - 1),
        ("beyond", range),
    ] {
        irs::write(SPI_SELR, spi);
        irs::wait(SPI_STATUSR, STATUSR_IDLE);
        let status = irs::read(SPI_STATUSR);
        irs::write(SPI_CFGR, !0);
        irs::wait(SPI_STATUSR, STATUSR_IDLE);
        let ones = irs::read(SPI_CFGR);
        irs::write(SPI_CFGR, 0);
        irs::wait(SPI_STATUSR, STATUSR_IDLE);
        let zeros = irs::read(SPI_CFGR);
        say!("irs/SPI {name}: STATUSR {status:#x} CFGR ones {ones:#x} zeros {zeros:#x}");
    }
    irs::write(SPI_SELR, 5);
    irs::set_trigger(5, true);
    irs::set_trigger(6, false);
    irs::write(SPI_SELR, 5);
    irs::wait(SPI_STATUSR, STATUSR_IDLE);
    say!(
        "irs/SPI 5 after configuring 6: CFGR {:#x}",
        irs::read(SPI_CFGR)
    );
    irs::set_trigger(5, false);
    irs::write(SPI_DOMAINR, !0);
    say!("irs/SPI_DOMAINR, one domain: {:#x}", irs::read(SPI_DOMAINR));

    let pes = irs::read(IDR1) & 0xffff;
    for (name, iaffid) in [("this", 0), ("last", pes - 1), ("beyond", pes)] {
        irs::write(PE_SELR, iaffid);
        let status = irs::read(PE_STATUSR);
        irs::write(PE_CR0, !0);
        say!(
            "irs/PE {name}: STATUSR {status:#x} CR0 {:#x}",
            irs::read(PE_CR0)
        );
    }
}

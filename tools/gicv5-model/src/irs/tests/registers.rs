// SPDX-License-Identifier: GPL-2.0-or-later
//! What each group of registers does.

use super::{lpi, spi, Machine, IST_BASE};
use crate::config::{Config, Knobs};
use crate::intid::Priority;
use crate::irs::Command;
use proptest::prelude::*;

const IST_BASER: u32 = 0x180;
const IST_CFGR: u32 = 0x190;
const MAP_L2_ISTR: u32 = 0x1c0;
const SWERR_STATUSR: u32 = 0x3c0;

proptest! {
    /// The identification registers, taken apart as the driver does.
    #[test]
    fn identification(pes in 1u32..=16, spis in 0u32..=1024, virt: bool, bits in 14u32..=24, linear: bool) {
        let mut machine = Machine::new(&Config::new(pes, spis, virt, bits, linear).unwrap());
        let idr: Vec<u32> = (0..8).map(|n| machine.read32(4 * n)).collect();
        prop_assert_eq!((idr[0] >> 6) & 1, u32::from(virt));
        prop_assert_eq!(idr[0] & 3, 1);
        prop_assert_eq!(idr[1] & 0xffff, pes);
        prop_assert_eq!((idr[1] >> 16) & 0xf, 15);
        prop_assert_eq!((idr[1] >> 20) & 7, 0b100);
        prop_assert_eq!(idr[2] & 0x1f, bits);
        prop_assert_eq!((idr[2] >> 5) & 1, 1);
        prop_assert_eq!((idr[2] >> 6) & 0xf, 14);
        prop_assert_eq!((idr[2] >> 10) & 1, u32::from(!linear));
        prop_assert_eq!((idr[2] >> 11) & 7, if linear { 0 } else { 7 });
        prop_assert_eq!(idr[2] >> 14, 0);
        prop_assert_eq!((idr[3] != 0, idr[4] != 0), (virt, virt));
        prop_assert_eq!((idr[5], idr[6], idr[7]), (spis, spis, 0));
        prop_assert!(machine.errors.0.is_empty());
    }

    /// What is unusual in them, each by itself.
    #[test]
    fn knobs(
        vm_id_bits in 8u32..=16,
        vmt_two_level: bool,
        vmd_log2 in prop::option::of(3u32..=15),
        vped_log2 in 3u32..=12,
        vpe_id_bits in 1u32..=16,
        istmd_id_bits in prop::option::of(0u32..=31),
        ist_l2_sizes in 1u32..=7,
        linear: bool,
    ) {
        let knobs = Knobs {
            vm_id_bits,
            vmt_two_level,
            vmd_log2,
            vped_log2,
            vpe_id_bits,
            istmd_id_bits,
            ist_l2_sizes,
        };
        let config = Config::new(1, 0, true, 0, linear).unwrap();
        let mut machine = Machine::new(&config.with_knobs(knobs).unwrap());
        let mut field = |idr: u32, shift: u32, width: u32| {
            machine.read32(4 * idr) >> shift & ((1 << width) - 1)
        };
        prop_assert_eq!(field(2, 10, 1), u32::from(!linear), "IST_LEVELS");
        prop_assert_eq!(field(2, 11, 3), if linear { 0 } else { ist_l2_sizes }, "IST_L2SZ");
        prop_assert_eq!(field(2, 14, 1), u32::from(istmd_id_bits.is_some()), "ISTMD");
        prop_assert_eq!(field(2, 15, 5), istmd_id_bits.unwrap_or(0), "ISTMD_SZ");
        prop_assert_eq!(field(3, 0, 1), u32::from(vmd_log2.is_some()), "VMD");
        prop_assert_eq!(field(3, 1, 4), vmd_log2.unwrap_or(0), "VMD_SZ");
        prop_assert_eq!(field(3, 5, 5), vm_id_bits, "VM_ID_BITS");
        prop_assert_eq!(field(3, 10, 1), u32::from(vmt_two_level), "VMT_LEVELS");
        prop_assert_eq!(field(4, 0, 6), vped_log2, "VPED_SZ");
        prop_assert_eq!(field(4, 6, 4), vpe_id_bits - 1, "VPE_ID_BITS");
    }

    /// IRS_IST_CFGR and IRS_IST_BASER against their rules, whatever is written.
    #[test]
    fn ist_base_is_locked_while_valid(writes in prop::collection::vec((any::<bool>(), any::<u64>()), 1..12)) {
        let mut machine = Machine::enabled(1, 0);
        let (mut cfgr, mut baser) = (0u64, 0u64);
        for (to_cfgr, value) in writes {
            let valid = baser & 1 != 0;
            if to_cfgr {
                machine.write32(IST_CFGR, value as u32);
                if !valid {
                    cfgr = value & 0x1_01ff;
                }
            } else {
                machine.write64(IST_BASER, value);
                baser = match (valid, value & 1 != 0) {
                    (true, true) => baser,
                    (true, false) => baser & !1,
                    (false, _) => value & 0x00ff_ffff_ffff_ffc1,
                };
            }
            prop_assert_eq!(u64::from(machine.read32(IST_CFGR)), cfgr);
            prop_assert_eq!(machine.read64(IST_BASER), baser);
            prop_assert_eq!(machine.read32(0x194), 1);
        }
    }

    #[test]
    fn pe_select(pes in 1u32..=16, iaffid: u16) {
        let mut machine = Machine::enabled(pes, 0);
        machine.write32(0x140, iaffid.into());
        prop_assert_eq!(machine.read32(0x140), u32::from(iaffid));
        let expected = if u32::from(iaffid) < pes { 0b111 } else { 0b001 };
        prop_assert_eq!(machine.read32(0x144), expected);
        machine.write32(0x148, 1);
        prop_assert_eq!(machine.read32(0x148), 0);
    }

    #[test]
    fn spi_select(spis in 0u32..=1024, id in 0u32..2000) {
        let mut machine = Machine::enabled(1, spis);
        machine.write32(0x108, 0xff00_0000 | id);
        prop_assert_eq!(machine.read32(0x108), id);
        let there = id < spis;
        prop_assert_eq!(machine.read32(0x118), if there { 0b11 } else { 0b01 });
        let errors = machine.errors_of(|m| m.write32(0x114, 1));
        prop_assert_eq!(errors, usize::from(!there));
        prop_assert_eq!(machine.read32(0x114), u32::from(there));
    }

    /// Registers that only hold what is written.
    #[test]
    fn storage(virt: bool, value: u64) {
        let mut machine = Machine::new(&Config::new(2, 8, virt, 0, false).unwrap());
        let virtual_mask = if virt { u64::MAX } else { 0 };
        for (offset, size, mask, fixed) in [
            (0x80, 4, 0b1, 0b10),
            (0x84, 4, 0xff | 0xff00 & virtual_mask, 0),
            (0x240, 8, 0xffff_0000_ffff & virtual_mask, 0),
            (0x288, 4, 0xffff & virtual_mask, 0),
            (0x210, 4, 0x1_001f & virtual_mask, 0),
        ] {
            if size == 8 {
                machine.write64(offset, value);
                prop_assert_eq!(machine.read64(offset), value & mask | fixed);
            } else {
                machine.write32(offset, value as u32);
                prop_assert_eq!(u64::from(machine.read32(offset)), value & mask | fixed);
            }
        }
    }
}

#[test]
fn always_idle_and_nothing_virtual_is_valid_yet() {
    let mut machine = Machine::enabled(1, 0);
    for offset in [0xc4, 0x194, 0x214, 0x25c, 0x28c, 0x308] {
        assert_eq!(machine.read32(offset), 1, "{offset:#x}");
    }
    for offset in [
        0x100, 0x248, 0x280, 0x2c0, 0x2c8, 0x2d0, 0x2d8, 0x2e0, 0x300,
    ] {
        let errors = machine.errors_of(|m| m.write64(offset, u64::MAX));
        assert_eq!(errors, 1, "{offset:#x}");
    }
    for offset in [0x25c, 0x28c] {
        assert_eq!(machine.read32(offset), 1, "{offset:#x}");
    }
}

#[test]
fn vm_table_is_locked_while_valid() {
    let mut machine = Machine::enabled(1, 0);
    machine.write32(0x210, 8);
    machine.write64(0x200, 0x1_2345_6781);
    assert_eq!(machine.errors_of(|m| m.write32(0x210, 9)), 1);
    machine.write64(0x200, 0xff01);
    assert_eq!(machine.read32(0x210), 8);
    assert_eq!(machine.read64(0x200), 0x1_2345_6781);
    machine.write64(0x200, 0);
    assert_eq!(machine.read64(0x200), 0x1_2345_6780);
}

#[test]
fn coresight_identification() {
    let mut machine = Machine::enabled(1, 0);
    assert_eq!(machine.read32(0xffbc), 0x4770_5a19);
    let cidr: Vec<u32> = (0..4).map(|n| machine.read32(0xfff0 + 4 * n)).collect();
    assert_eq!(cidr, [0x0d, 0xf0, 0x05, 0xb1]);
    // The JEP106 code of IRS_IIDR in PIDR4.DES_2, PIDR2.DES_1, PIDR1.DES_0.
    let iidr = machine.read32(0x40);
    let des = ((machine.read32(0xffd0) & 0xf) << 8)
        | ((machine.read32(0xffe8) & 7) << 4)
        | (machine.read32(0xffe4) >> 4);
    assert_eq!(des, iidr & 0xf7f);
    assert_eq!(machine.read32(0xffe0), (iidr >> 20) & 0xff);
}

/// Reserved and out-of-range values are said, and give the documented table.
#[test]
fn ist_configuration_errors() {
    for (cfgr, baser, errors) in [
        (16, IST_BASE, 0),
        (13, IST_BASE, 1),
        (17, IST_BASE, 1),
        (16 | (3 << 7), IST_BASE, 1),
        (16 | (3 << 5) | (1 << 16), IST_BASE, 1),
        // L2SZ means nothing in a linear table.
        (16 | (3 << 5), IST_BASE, 0),
        (16, IST_BASE + 0x40, 1),
    ] {
        let mut machine = Machine::enabled(1, 0);
        machine.write32(IST_CFGR, cfgr);
        let found = machine.errors_of(|m| m.write64(IST_BASER, baser | 1));
        assert_eq!(found, errors, "{cfgr:#x} {baser:#x}");
    }
    // Without two levels STRUCTURE is not there.
    let mut machine = Machine::new(&Config::new(1, 0, false, 16, true).unwrap());
    machine.write32(IST_CFGR, 16 | (1 << 16));
    assert_eq!(machine.errors_of(|m| m.write64(IST_BASER, IST_BASE | 1)), 1);
    machine.command(Command::Enable(lpi(0xffff)));
    assert_eq!(machine.ram.peek32(IST_BASE + 0x3_fffc), 8);
}

/// LPI_ID_BITS below the minimum is the minimum, above the maximum the maximum.
#[test]
fn lpi_id_bits_are_clamped() {
    for (asked, last) in [(0, 0x3fff), (14, 0x3fff), (15, 0x7fff), (31, 0xffff)] {
        let mut machine = Machine::enabled(1, 0);
        machine.write32(IST_CFGR, asked);
        machine.write64(IST_BASER, IST_BASE | 1);
        assert_eq!(machine.icsr(lpi(last)), 0);
        machine.ram.accesses.clear();
        assert_eq!(machine.icsr(lpi(last + 1)), 1);
        assert!(machine.ram.accesses.is_empty());
    }
}

#[test]
fn software_errors() {
    let mut machine = Machine::enabled(1, 0);
    machine.write32(IST_CFGR, 16 | (1 << 16));
    machine.write64(IST_BASER, IST_BASE | 1);
    let l1 = IST_BASE + 8 * (0x1234 >> 10);
    machine.ram.faults.push(l1..l1 + 8);

    // An L1_ISTE that cannot be updated.
    machine.write32(MAP_L2_ISTR, 0x1234);
    assert_eq!(machine.read64(SWERR_STATUSR), 0b111);
    let syndrome = (0x1234 << 32) | (2 << 60);
    assert_eq!(machine.read64(SWERR_STATUSR + 8), syndrome);
    assert_eq!(machine.read64(SWERR_STATUSR + 16), l1);
    // The first one is kept; the next one only makes OF.
    machine.command(Command::Enable(lpi(0x1235)));
    assert_eq!(machine.read64(SWERR_STATUSR), 0b1111);
    assert_eq!(machine.read64(SWERR_STATUSR + 8), syndrome);
    // OF alone, then everything.
    machine.write64(SWERR_STATUSR, 0b1000);
    assert_eq!(machine.read64(SWERR_STATUSR), 0b111);
    machine.write32(SWERR_STATUSR + 4, u32::MAX);
    assert_eq!(machine.read64(SWERR_STATUSR), 0b111);
    machine.write32(SWERR_STATUSR, 1);
    assert_eq!(machine.read64(SWERR_STATUSR), 0);
    assert_eq!(machine.read64(SWERR_STATUSR + 8), 0);

    // An L1_ISTE that cannot be read.
    machine.command(Command::Enable(lpi(0x1235)));
    assert_eq!(machine.read64(SWERR_STATUSR), 0x1_0007);
    machine.write32(SWERR_STATUSR, 1);

    // One that is not valid has no code.
    machine.ram.faults.clear();
    assert_eq!(
        machine.errors_of(|m| m.command(Command::Enable(lpi(0x1235)))),
        1
    );
    assert_eq!(machine.read64(SWERR_STATUSR), 0);

    // An L2_ISTE that can be read but not written.
    machine.write32(MAP_L2_ISTR, 0x1234);
    machine.ram.poke(l1, &0x9000_0001u64.to_le_bytes());
    machine.ram.read_only = true;
    machine.command(Command::Enable(lpi(0x1235)));
    assert_eq!(machine.read64(SWERR_STATUSR), 0x2_0007);
    // ADDR has no bits 2:0.
    assert_eq!(
        machine.read64(SWERR_STATUSR + 16),
        (0x9000_0000 + 0x235 * 4) & !7
    );
}

/// MAP_L2_ISTR sets VALID and nothing else, and once.
#[test]
fn map_l2() {
    let mut machine = Machine::enabled(1, 0);
    machine.write32(IST_CFGR, 16 | (1 << 16) | (2 << 5));
    assert_eq!(machine.errors_of(|m| m.write32(MAP_L2_ISTR, 0)), 1);
    machine.write64(IST_BASER, IST_BASE | 1);
    // Four second levels of 64 KiB.
    for id in [0u32, 0x4000, 0x8001, 0xffff] {
        let l1 = IST_BASE + 8 * u64::from(id >> 14);
        machine.ram.poke(
            l1,
            &(0x8000_0000u64 | (u64::from(id >> 14) << 16)).to_le_bytes(),
        );
        assert_eq!(machine.icsr(lpi(id)), 1);
        machine.write32(MAP_L2_ISTR, id);
        assert_eq!(machine.ram.peek64(l1) & 1, 1);
        assert_eq!(machine.icsr(lpi(id)), 0);
        let writes = machine.ram.accesses.len();
        machine.write32(MAP_L2_ISTR, id);
        assert_eq!(machine.ram.accesses.len(), writes + 1, "read only");
    }
    machine.ram.accesses.clear();
    assert_eq!(machine.errors_of(|m| m.write32(MAP_L2_ISTR, 0x1_0000)), 1);
    assert!(machine.ram.accesses.is_empty());
}

/// IRSEN gates what the PEs see, not what the IRS keeps; an invalid IST takes
/// its interrupts away, and a reset everything but the wires.
#[test]
fn enable_invalidate_reset() {
    let mut machine = Machine::with_lpis(2, 4);
    let priority = Priority::from_bits(5);
    for intid in [lpi(9), spi(1)] {
        machine.command(Command::SetPriority { intid, priority });
        machine.command(Command::Enable(intid));
        machine.command(Command::SetPending {
            intid,
            pending: true,
        });
    }
    assert_eq!(machine.hppi(0).unwrap().intid, lpi(9));
    machine.write32(0x80, 0);
    assert_eq!(machine.hppi(0), None);
    assert!(!machine.acknowledge(0, lpi(9)));
    machine.write32(0x80, 1);
    assert_eq!(machine.hppi(0).unwrap().intid, lpi(9));
    machine.write64(IST_BASER, 0);
    assert_eq!(machine.hppi(0).unwrap().intid, spi(1));
    assert_eq!(machine.icsr(lpi(9)), 1);

    machine.wire(2, true);
    machine.irs.reset();
    assert_eq!(machine.read32(0x80), 0b10);
    machine.write32(0x80, 1);
    assert_eq!(machine.hppi(0), None);
    assert_eq!(machine.icsr(spi(1)), 0);
    // SPI 2 is still asserted: becoming level-triggered makes it pending.
    machine.write32(0x108, 2);
    machine.write32(0x114, 1);
    assert_eq!(machine.icsr(spi(2)), (1 << 5) | (1 << 2));
}

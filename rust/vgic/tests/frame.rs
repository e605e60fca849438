// SPDX-License-Identifier: GPL-2.0

//! The IRS's interfaces: the guest's frame, userspace's registers, and what userspace says before
//! INIT.

#![cfg(not(loom))]

mod irs_host;

use irs_host::{Features, TestHost};
use vgic_v5::irs::config::UNDEFINED;
use vgic_v5::irs::{
    Action, Config, Control, Error, Shared, SharedMemory, Stage, Trigger, UserReg, VpeId, VpeSpec,
};

struct Vm {
    host: TestHost,
    shared: Shared,
    control: Control<TestHost>,
}

impl Vm {
    /// vCPUs 0, 1 and 5; 64 SPIs; a host of 5 priority bits and 6 to 16 LPI ID bits.
    fn new() -> Self {
        let host = TestHost::new(Features::PLAIN);
        host.install().unwrap();
        let shared = Shared::new(&host, 64).unwrap();
        let mut vpes = host.list(3).unwrap();
        for id in [0, 1, 5] {
            let doorbell = id.into();
            vpes.push(VpeSpec {
                id: VpeId(id),
                doorbell,
            })
            .unwrap();
        }
        let control = Control::new(&host, &shared, vpes, 5).unwrap();
        Self {
            host,
            shared,
            control,
        }
    }

    fn read(&mut self, offset: u64, size: u32) -> u64 {
        self.control
            .guest_read(&self.host, &self.shared, offset, size)
    }

    fn write(&mut self, offset: u64, size: u32, value: u64) -> Action {
        self.control
            .guest_write(&self.host, &self.shared, offset, size, value)
    }

    fn set(&mut self, offset: u64, value: u64) -> Result<(), Error> {
        let reg = UserReg::parse(offset)?;
        self.control
            .user_write(&self.host, &self.shared, reg, value)
    }

    fn get(&mut self, offset: u64) -> u64 {
        let reg = UserReg::parse(offset).unwrap();
        self.control.user_read(&self.host, &self.shared, reg)
    }
}

/// What a guest reads after reset where that is not 0: offset, value.
const RESET: [(u64, u64); 24] = [
    (0x000, 5 << 2 | 1),
    // 5 priority bits, IAFFIDs of 3 bits (vCPU 5), 3 PEs.
    (0x004, 4 << 20 | 2 << 16 | 3),
    (0x008, 6 << 6 | 1 << 5 | 16),
    (0x014, 64),
    (0x018, 64),
    (0x040, 0x04b0_043b),
    (0x080, 2),
    (0x0c4, 1),
    (0x108, 0xff_ffff),
    (0x10c, 1),
    (0x118, 1),
    (0x144, 7),
    (0x148, 1),
    (0x194, 1),
    (0xffbc, 0x4770_5a19),
    (0xffd0, 0x04),
    (0xffe0, 0x4b),
    (0xffe4, 0xb0),
    (0xffe8, 0x0b),
    (0xfff0, 0x0d),
    (0xfff4, 0xf0),
    (0xfff8, 0x05),
    (0xfffc, 0xb1),
    // The SETLPI frame has nothing.
    (0x1_0000, 0),
];

/// Registers of 64 bits.
const WIDE: [u64; 16] = [
    0x100, 0x180, 0x200, 0x240, 0x248, 0x250, 0x280, 0x2c0, 0x2c8, 0x2d0, 0x2d8, 0x2e0, 0x300,
    0x3c0, 0x3c8, 0x3d0,
];

/// Every 32-bit word of both frames reads as the reset value or 0, before and after an attempt to
/// set all bits of those that cannot be written; accesses of other sizes read as 0.
#[test]
fn reset_values() {
    let mut vm = Vm::new();
    // CR0, CR1, the selectors, the IST.
    let writable = [0x80, 0x84, 0x108, 0x114, 0x140, 0x180, 0x184, 0x190];
    for offset in (0..0x2_0000).step_by(4) {
        let expected = RESET
            .iter()
            .find(|(at, _)| *at == offset)
            .map_or(0, |(_, value)| *value);
        assert_eq!(vm.read(offset, 4), expected, "{offset:#x}");
        if !writable.contains(&offset) {
            assert_eq!(vm.write(offset, 4, u64::MAX), Action::None);
            assert_eq!(vm.read(offset, 4), expected, "{offset:#x}");
        }
        if offset % 8 == 0 {
            // Only a register of 64 bits can be read as a whole, and all of them are 0 now.
            assert_eq!(vm.read(offset, 8), 0, "{offset:#x}");
        }
        for size in [1, 2] {
            assert_eq!(vm.read(offset, size), 0, "{offset:#x}");
        }
    }
    vm.host.assert_innocent();
}

#[test]
fn selectors() {
    let mut vm = Vm::new();
    for (selected, status, config) in [(0, 3, 1), (63, 3, 1), (64, 1, 0), (0xffff_ffff, 1, 0)] {
        assert_eq!(vm.write(0x108, 4, selected), Action::None);
        assert_eq!(vm.read(0x108, 4), selected & 0xff_ffff);
        assert_eq!(vm.read(0x118, 4), status);
        assert_eq!(vm.write(0x114, 4, 1), Action::None);
        assert_eq!(vm.read(0x114, 4), config);
    }
    assert_eq!(vm.shared.spis().trigger(63), Trigger::Level);
    assert_eq!(vm.shared.spis().trigger(62), Trigger::Edge);
    let _ = vm.write(0x108, 4, 63);
    let _ = vm.write(0x114, 4, 0);
    assert_eq!(vm.shared.spis().trigger(63), Trigger::Edge);

    for (selected, status, cr0) in [
        (0, 7, 1),
        (2, 1, 0),
        (5, 7, 1),
        (0x1_0005, 7, 1),
        (512, 1, 0),
    ] {
        assert_eq!(vm.write(0x140, 4, selected), Action::None);
        assert_eq!(vm.read(0x140, 4), selected & 0xffff);
        assert_eq!(
            (vm.read(0x144, 4), vm.read(0x148, 4)),
            (status, cr0),
            "{selected}"
        );
        assert_eq!(vm.get(0x144), 1);
    }
}

#[test]
fn enable() {
    let mut vm = Vm::new();
    assert_eq!(vm.write(0x80, 4, 0), Action::None);
    assert_eq!(vm.write(0x80, 4, 0xffff_ffff), Action::Reload);
    // Not idle before every vCPU has left the guest.
    assert_eq!(vm.read(0x80, 4), 1);
    vm.control.reloaded();
    assert_eq!(vm.read(0x80, 4), 3);
    assert!(vm.shared.enabled());
    assert_eq!(vm.write(0x80, 4, 1), Action::None);
    assert_eq!(vm.read(0x80, 4), 3);
    // Two vCPUs that write: idle when both are done.
    assert_eq!(vm.write(0x80, 4, 2), Action::Reload);
    assert!(!vm.shared.enabled());
    assert_eq!(vm.write(0x80, 4, 1), Action::Reload);
    vm.control.reloaded();
    assert_eq!(vm.read(0x80, 4), 1);
    vm.control.reloaded();
    assert_eq!(vm.read(0x80, 4), 3);
    assert_eq!(vm.write(0x84, 4, 0xffff_ffff), Action::None);
    assert_eq!(vm.read(0x84, 4), 0xffff);
}

/// IST_BASER and IST_CFGR, as a whole and by halves.
#[test]
fn ist() {
    let mut vm = Vm::new();
    // Not acceptable: too few and too many bits, entries of 8 bytes, two levels.
    for cfgr in [0, 5, 17, 12 | 1 << 7, 12 | 1 << 16] {
        assert_eq!(vm.write(0x190, 4, cfgr), Action::None);
        assert_eq!(vm.read(0x190, 4), cfgr);
        assert_eq!(vm.write(0x180, 8, 0x1_2345_6041), Action::None);
        assert_eq!(vm.read(0x180, 8), 0, "{cfgr:#x}");
    }
    let _ = vm.write(0x190, 4, 12);
    assert_eq!(vm.write(0x180, 8, 0xff00_0001_2345_607e), Action::None);
    assert_eq!(
        vm.read(0x180, 8),
        0x1_2345_6040,
        "an address without VALID is kept"
    );
    assert_eq!(vm.write(0x184, 4, 2), Action::None);
    assert_eq!(vm.write(0x180, 4, 0x81), Action::None);
    assert_eq!(vm.read(0x180, 8), 0x2_0000_0081);
    assert_eq!((vm.read(0x180, 4), vm.read(0x184, 4)), (0x81, 2));
    assert_eq!(vm.host.irs.borrow().ist(0, 2), Some(12));
    assert_eq!(vm.read(0x194, 4), 1);
    // Both are read-only now.
    for (offset, value) in [(0x180, 0x3_0000_0001), (0x184, 9)] {
        let size = if offset == 0x180 { 8 } else { 4 };
        assert_eq!(vm.write(offset, size, value), Action::None);
        assert_eq!(vm.read(0x180, 8), 0x2_0000_0081);
    }
    let _ = vm.write(0x190, 4, 13);
    assert_eq!(vm.read(0x190, 4), 12);
    // Not a register's offset, nor a size that it takes.
    let _ = vm.write(0x182, 4, 0);
    let _ = vm.write(0x180, 2, 0);
    assert_eq!(vm.read(0x180, 8), 0x2_0000_0081);
    assert_eq!(vm.write(0x180, 4, 0), Action::None);
    assert_eq!(vm.read(0x180, 8), 0x2_0000_0080);
    assert_eq!(vm.host.irs.borrow().ist(0, 2), None);
    vm.host.assert_innocent();
}

#[test]
fn attribute_offsets() {
    let wide = |offset| WIDE.contains(&offset);
    let mut found = 0;
    for offset in 0..0x400 {
        match UserReg::parse(offset) {
            Ok(_) => {
                assert_eq!(offset % if wide(offset) { 8 } else { 4 }, 0);
                found += 1;
            }
            Err(Error::Invalid) => {
                let start = offset & !3;
                assert!(UserReg::parse(start).is_ok() && offset != start || wide(offset & !7));
            }
            Err(error) => assert_eq!(error, Error::NoSuch),
        }
    }
    assert_eq!(found, 52);
    for (offset, error) in [
        (2, Error::Invalid),
        (0x184, Error::Invalid),
        (0x188, Error::NoSuch),
        (0x1_0000, Error::NoSuch),
        (u64::MAX, Error::NoSuch),
        (1 << 32, Error::NoSuch),
    ] {
        assert_eq!(UserReg::parse(offset), Err(error), "{offset:#x}");
    }
}

#[test]
fn attribute_stages() {
    let stage = |initialized, has_run, placed| Stage {
        initialized,
        has_run,
        placed,
    };
    for write in [false, true] {
        assert_eq!(stage(false, false, true).allows(write), Err(Error::Busy));
        assert_eq!(stage(true, false, false).allows(write), Err(Error::NoSuch));
        assert_eq!(stage(true, false, true).allows(write), Ok(()));
    }
    assert_eq!(stage(true, true, true).allows(false), Ok(()));
    assert_eq!(stage(true, true, false).allows(true), Err(Error::Busy));
}

/// Every register can be written with what it reads as; what else is accepted.
#[test]
fn attribute_values() {
    let mut vm = Vm::new();
    for offset in (0..0x400).chain(0xff00..0x1_0000) {
        if UserReg::parse(offset).is_ok() {
            let value = vm.get(offset);
            assert_eq!(vm.set(offset, value), Ok(()), "{offset:#x}");
            assert_eq!(vm.get(offset), value);
        }
    }
    let idr0 = 1;
    assert_eq!(
        vm.set(0, idr0 | 7 << 2 | 0xbeef << 16),
        Ok(()),
        "PA_RANGE, IRSID"
    );
    for bad in [0, 2, 3]
        .into_iter()
        .chain((6..=12).map(|bit| idr0 | 1 << bit))
    {
        assert_eq!(vm.set(0, bad), Err(Error::Invalid), "{bad:#x}");
    }
    let idr1 = vm.get(4);
    assert_eq!(
        vm.set(4, idr1 & !0xffff & !(7 << 20) | 100 | 3 << 20),
        Ok(()),
        "PE_CNT, fewer priorities"
    );
    for bad in [idr1 + (1 << 20), idr1 + (1 << 16), idr1 - (1 << 16)] {
        assert_eq!(vm.set(4, bad), Err(Error::Invalid), "{bad:#x}");
    }
    let idr2 = |id_bits: u64, min: u64| id_bits | 1 << 5 | min << 6;
    for good in [idr2(16, 6), idr2(14, 7), idr2(6, 6), idr2(16, 6) | 7 << 11] {
        assert_eq!(vm.set(8, good), Ok(()), "{good:#x}");
    }
    for bad in [
        0,
        idr2(17, 6),
        idr2(16, 5),
        idr2(7, 8),
        idr2(16, 6) & !(1 << 5),
        idr2(16, 6) | 1 << 10,
        idr2(16, 6) | 1 << 14,
        idr2(16, 6) | 1 << 15,
    ] {
        assert_eq!(vm.set(8, bad), Err(Error::Invalid), "{bad:#x}");
    }
    for (offset, value) in [(0x14, 64), (0x18, 64), (0x1c, 0)] {
        assert_eq!(vm.set(offset, value), Ok(()));
        // Only 32 bits of it count.
        assert_eq!(vm.set(offset, value | 1 << 32), Ok(()));
        assert_eq!(vm.set(offset, value + 1), Err(Error::Invalid));
    }
    for ignored in [
        0xc, 0x10, 0x40, 0x44, 0xc0, 0xc4, 0x118, 0x144, 0x194, 0x200, 0x308, 0x3c0,
    ] {
        let value = vm.get(ignored);
        assert_eq!(vm.set(ignored, u64::MAX), Ok(()));
        assert_eq!(vm.get(ignored), value, "{ignored:#x}");
    }
    // A trigger mode does not come this way.
    assert_eq!(vm.set(0x108, 3), Ok(()));
    assert_eq!(vm.set(0x114, 1), Ok(()));
    assert_eq!(vm.get(0x114), 0);
    assert_eq!(vm.set(0x80, 1), Ok(()));
    assert!(vm.shared.enabled());
}

#[test]
fn ist_attributes() {
    let mut vm = Vm::new();
    assert_eq!(vm.set(0x180, 0x1000_0001), Ok(()), "without an IST_CFGR");
    assert_eq!(vm.get(0x180), 0x1000_0001);
    assert_eq!(
        vm.control.entries(&vm.host, &vm.shared),
        Err(Error::Invalid)
    );
    assert_eq!(vm.control.ready_to_run(), Err(Error::Invalid));
    assert_eq!(vm.set(0x190, 12), Ok(()));
    assert_eq!(vm.control.entries(&vm.host, &vm.shared), Ok((64, 4096)));
    assert_eq!(vm.set(0x180, 0x2000_0001), Ok(()));
    assert_eq!(vm.set(0x180, 0), Ok(()));
    assert_eq!(vm.control.ready_to_run(), Ok(()));
    assert_eq!(vm.control.entries(&vm.host, &vm.shared), Ok((64, 0)));
    assert_eq!(vm.write(0x180, 8, 0x1000_0001), Action::None);
    assert_eq!(vm.set(0x180, 0x1000_0001), Ok(()));
    assert_eq!(vm.set(0x190, 12), Ok(()));
    for (offset, value) in [
        (0x180, 0x1000_0000),
        (0x180, 0x2000_0001),
        (0x180, 0),
        (0x190, 13),
    ] {
        assert_eq!(vm.set(offset, value), Err(Error::Invalid), "{offset:#x}");
    }
    assert_eq!(vm.control.ready_to_run(), Ok(()));
}

#[test]
fn place_and_size() {
    const LIMIT: u64 = 1 << 40;
    let mut config = Config::default();
    assert_eq!(config.address(), UNDEFINED);
    assert!(!config.is_wanted());
    for (address, error) in [
        (0x1000, Error::Invalid),
        (UNDEFINED, Error::Invalid),
        (u64::MAX - 0xffff, Error::Invalid),
        (LIMIT, Error::TooBig),
        (LIMIT - 0x1_0000, Error::TooBig),
    ] {
        assert_eq!(
            config.set_address(address, LIMIT),
            Err(error),
            "{address:#x}"
        );
    }
    assert_eq!(config.set_address(0, LIMIT), Ok(()));
    assert_eq!((config.address(), config.is_wanted()), (0, true));
    assert_eq!(config.set_address(0x1000, LIMIT), Err(Error::Exists));
    let mut last = Config::default();
    assert_eq!(last.set_address(LIMIT - 0x2_0000, LIMIT), Ok(()));

    let mut config = Config::default();
    assert_eq!((config.spis(false), config.spis(true)), (0, 32));
    for bad in [0, 31, 33, 1056, 1 << 31] {
        assert_eq!(config.set_spis(bad, false), Err(Error::Invalid), "{bad}");
    }
    assert_eq!(config.set_spis(64, true), Err(Error::Busy));
    assert_eq!(config.set_spis(1024, false), Ok(()));
    assert!(config.is_wanted());
    assert_eq!(config.set_spis(1024, false), Err(Error::Busy));
    assert_eq!((config.spis(false), config.spis(true)), (1024, 1024));
    assert_eq!(Config::default().set_spis(96, false), Ok(()));
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The register table, and what every register has in common.

use super::super::frame::{decode, Access, Desc, Feature, Miss, FRAME_SIZE, REGISTERS};
use super::Machine;
use crate::config::Config;
use crate::memory::Env;
use proptest::prelude::*;

#[test]
fn table_is_in_order_and_does_not_overlap() {
    let mut end = 0;
    for desc in REGISTERS {
        assert!(desc.offset >= end, "{}", desc.name);
        assert!(matches!(desc.width, 4 | 8), "{}", desc.name);
        assert_eq!(desc.offset % desc.width, 0, "{}", desc.name);
        end = desc.offset + desc.width;
    }
    assert_eq!(end, FRAME_SIZE);
}

/// Accesses of any size at any offset, near registers more often.
fn access() -> impl Strategy<Value = (u32, u32)> {
    let offset = prop_oneof![0u32..0x400, 0xff80u32..0x1_0010, any::<u32>()];
    (offset, prop_oneof![Just(4u32), Just(8), 0u32..20])
}

/// A 64-bit register that can be written.
fn wide_register() -> impl Strategy<Value = Desc> {
    let wide = |desc: &&Desc| desc.width == 8 && desc.access == Access::ReadWrite;
    let registers: Vec<Desc> = REGISTERS.iter().filter(wide).copied().collect();
    prop::sample::select(registers)
}

proptest! {
    /// decode() against a search through the table.
    #[test]
    fn decode_finds_the_register((offset, size) in access()) {
        let on_the_bus = (size == 4 || size == 8) && offset % size == 0 && offset < FRAME_SIZE;
        let register = REGISTERS
            .iter()
            .find(|desc| (desc.offset..desc.offset + desc.width).contains(&offset));
        match (decode(offset, size), register) {
            (Err(Miss::Bus), _) => prop_assert!(!on_the_bus),
            (Err(Miss::Reserved), found) => prop_assert!(on_the_bus && found.is_none()),
            (Err(Miss::Size(name)), Some(desc)) => {
                prop_assert!(on_the_bus && size == 8 && desc.width == 4);
                prop_assert_eq!(name, desc.name);
            }
            (Ok(target), Some(desc)) => {
                prop_assert!(on_the_bus);
                prop_assert_eq!(target.desc.name, desc.name);
                let mask = if size == 8 { u64::MAX } else { u64::from(u32::MAX) };
                prop_assert_eq!(target.mask, mask << target.shift);
                prop_assert_eq!(target.shift, (offset - desc.offset) * 8);
            }
            (found, register) => prop_assert!(false, "{:?} {:?}", found, register),
        }
    }

    /// What does not reach a register reads as zero and is said to the log, or
    /// is an external abort; no write changes a read-only register.
    #[test]
    fn accesses_in_general((offset, size) in access(), value: u64, virt: bool) {
        let config = Config::new(4, 32, virt, 0, false).unwrap();
        let mut machine = Machine::new(&config);
        let mut env = Env { mem: &mut machine.ram, log: &mut machine.errors };
        let first = machine.irs.read(&mut env, offset, size);
        let written = machine.irs.write(&mut env, offset, size, value);
        let second = machine.irs.read(&mut env, offset, size);
        prop_assert_eq!(first.is_some(), written);
        prop_assert_eq!(second.is_some(), written);
        match decode(offset, size) {
            Err(Miss::Bus) => {
                prop_assert!(!written);
                prop_assert_eq!(machine.errors.0.len(), 3);
            }
            Err(_) => {
                prop_assert_eq!((first, second), (Some(0), Some(0)));
                prop_assert_eq!(machine.errors.0.len(), 3);
            }
            Ok(target) => match (target.desc.feature, target.desc.access) {
                (Feature::Virt, _) if !virt => {
                    prop_assert_eq!((first, second), (Some(0), Some(0)));
                }
                (Feature::Absent, _) | (_, Access::WriteOnly) => {
                    prop_assert_eq!((first, second), (Some(0), Some(0)));
                }
                (_, Access::ReadOnly) => {
                    prop_assert_eq!(first, second);
                    prop_assert_eq!(machine.errors.0.len(), 1);
                }
                (_, Access::ReadWrite) => {}
            },
        }
    }

    /// A 64-bit register in halves is the register.
    #[test]
    fn halves(desc in wide_register(), value: u64, high_first: bool) {
        // VALID would lock the other half.
        let value = value & !1;
        let config = Config::new(4, 32, true, 0, false).unwrap();
        let (mut whole, mut halves) = (Machine::new(&config), Machine::new(&config));
        whole.write64(desc.offset, value);
        let mut parts = [(desc.offset, value as u32), (desc.offset + 4, (value >> 32) as u32)];
        if high_first {
            parts.reverse();
        }
        for (offset, value) in parts {
            halves.write32(offset, value);
        }
        let expected = whole.read64(desc.offset);
        prop_assert_eq!(halves.read64(desc.offset), expected);
        prop_assert_eq!(halves.read32(desc.offset), expected as u32);
        prop_assert_eq!(halves.read32(desc.offset + 4), (expected >> 32) as u32);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What can be done with the definitions of the sample table. `tests/generated.rs` compiles this
//! with rustc's `--test` and runs it.

#[path = "sysregs.rs"]
pub mod sysregs;

use sysregs::*;

/// Bits `lsb` to `msb` of `raw`, one by one.
fn bits(raw: u64, msb: u32, lsb: u32) -> u64 {
    (lsb..=msb).fold(0, |value, bit| value | (raw >> bit & 1) << (bit - lsb))
}

/// `raw` with bits `lsb` to `msb` taken from `value`, one by one.
fn set(raw: u64, msb: u32, lsb: u32, value: u64) -> u64 {
    (lsb..=msb).fold(raw, |raw, bit| match value >> (bit - lsb) & 1 {
        0 => raw & !(1 << bit),
        _ => raw | 1 << bit,
    })
}

/// Values that look random, and some that do not.
fn samples() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let random = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    [0, u64::MAX].into_iter().chain(random.take(1000))
}

#[test]
fn encodings() {
    let encoding = <KINDS_EL1 as SystemRegister>::ENCODING;
    assert_eq!(
        encoding,
        Encoding {
            op0: 3,
            op1: 0,
            crn: 12,
            crm: 10,
            op2: 2
        }
    );
    // As in the kernel: op0 in 20:19, op1 in 18:16, CRn in 15:12, CRm in 11:8, op2 in 7:5.
    assert_eq!(encoding.sys_reg(), 0x18_ca40);
    assert_eq!(encoding.id(), 0xc652);
    assert_eq!(KINDS_EL1::ASM_NAME, "S3_0_C12_C10_2");
    assert_eq!(WHOLE_EL0::ASM_NAME, "S2_3_C15_C15_7");
    assert_eq!(WHOLE_EL0::ENCODING.sys_reg(), 0x13_ffe0);
}

#[test]
fn numbers() {
    for raw in samples() {
        let value = KINDS_EL1::from_raw(raw);
        assert_eq!(value.into_raw(), raw);
        assert_eq!(value.wide().get(), bits(raw, 59, 36));
        assert_eq!(value.type_().get(), bits(raw, 7, 4));
        assert_eq!(value.mixedcase().get(), bits(raw, 2, 1));
        assert_eq!(WHOLE_EL0::from_raw(raw).all().get(), raw);

        let wide = Bits::<24>::truncate(raw >> 9);
        assert_eq!(wide.get(), bits(raw, 32, 9));
        for other in [0, u64::MAX, !raw] {
            let other = KINDS_EL1::from_raw(other);
            let expected = set(other.into_raw(), 59, 36, wide.get());
            assert_eq!(other.with_wide(wide).into_raw(), expected);
            assert_eq!(
                other.try_with_wide(wide.get()).map(Layout::into_raw),
                Some(expected)
            );
        }
        assert_eq!(
            WHOLE_EL0::new().with_all(Bits::truncate(raw)).into_raw(),
            raw
        );
    }
    let value = KINDS_EL1::from_raw(0);
    assert_eq!(value.with_const_type::<15>().into_raw(), 0xf0);
    assert_eq!(value.try_with_type(15), Some(value.with_const_type::<15>()));
    assert_eq!(value.try_with_type(16), None);
    assert_eq!(value.try_with_wide(1 << 24), None);
}

#[test]
fn flags() {
    for raw in samples() {
        let value = KINDS_EL1::from_raw(raw);
        assert_eq!(value.top(), raw >> 63 == 1);
        assert_eq!(value.en(), raw & 1 == 1);
        assert_eq!(value.with_top(true).into_raw(), raw | 1 << 63);
        assert_eq!(value.with_top(false).into_raw(), raw & !(1 << 63));
        assert_eq!(value.with_en(true).into_raw(), raw | 1);
        assert_eq!(value.with_en(false).into_raw(), raw & !1);
    }
}

#[test]
fn enumerations() {
    use KINDS_EL1_LESS as Less;
    use KINDS_EL1_LEVEL as Level;
    use KINDS_EL1_MODE as Mode;

    assert_eq!(Level::SIGNED, Some(false));
    assert_eq!(Less::SIGNED, Some(true));
    assert_eq!(Mode::SIGNED, None);

    let value = KINDS_EL1::from_raw(0);
    for (level, raw) in [(Level::NI, 0), (Level::IMP, 1), (Level::V3, 3)] {
        assert_eq!(value.with_level(level).into_raw(), raw << 32);
        assert_eq!(KINDS_EL1::from_raw(raw << 32).level(), Some(level));
        assert_eq!(
            KINDS_EL1::from_raw(!(15 << 32) | raw << 32).level(),
            Some(level)
        );
    }
    let later = value.with_level_raw(Bits::new::<9>());
    assert_eq!(later.level(), None);
    assert_eq!(later.level_raw(), 9);
    assert!(later.level_at_least(Level::V3));
    assert!(!value.with_level(Level::IMP).level_at_least(Level::V3));
    assert!(value.level_at_least(Level::NI));

    // 0b1111 is below 0b0000.
    let none = value.with_less(Less::NI);
    assert_eq!(none.into_raw(), 15 << 28);
    assert_eq!(none.less(), Some(Less::NI));
    assert!(none.less_at_least(Less::NI) && !none.less_at_least(Less::IMP));
    assert!(value.less_at_least(Less::IMP) && !value.less_at_least(Less::MORE));
    assert!(value
        .with_less_raw(Bits::new::<7>())
        .less_at_least(Less::MORE));
    assert!(!value
        .with_less_raw(Bits::new::<8>())
        .less_at_least(Less::NI));

    assert_eq!(value.mode(), Some(Mode::_4K));
    assert_eq!(value.with_mode(Mode::type_).into_raw(), 2 << 26);
    assert_eq!(value.with_mode_raw(Bits::new::<3>()).mode(), None);
}

#[test]
fn masks() {
    assert_eq!(KINDS_EL1::RES0, 0x7000_0000_0000_0000);
    assert_eq!(KINDS_EL1::RES1, 0x0300_0008);
    assert_eq!(KINDS_EL1::UNKN, 0x00c0_0000);
    assert_eq!(KINDS_EL1::new().into_raw(), KINDS_EL1::RES1);
    assert_eq!(KINDS_EL1::default(), KINDS_EL1::new());
    assert_eq!(TWOFOLD_EL2::RES0, 0xffff_ffff_00ff_ffff);
    assert_eq!(FEAT_X_TWOFOLD_EL2::RES0, 0xffff_ffff_07ff_fffe);
    assert_eq!(<PRIORITYx_EL2 as Layout>::RES0, 0xe0e0_e0e0_e0e0_e0e0);

    let wide = KINDS_EL1::WIDE;
    assert_eq!(
        (wide.shift(), wide.width(), wide.max()),
        (36, 24, 0xff_ffff)
    );
    assert_eq!(wide.mask(), 0x0fff_fff0_0000_0000);
    assert_eq!(WHOLE_EL0::ALL.mask(), u64::MAX);
}

/// Every bit of a register is in one field, or in RES0, RES1 or UNKN, or is RAZ.
#[test]
fn no_bit_means_two_things() {
    for register in REGISTERS {
        let mut seen = 0;
        for field in register.fields {
            assert_eq!(seen & field.mask(), 0, "{} {}", register.name, field.name);
            seen |= field.mask();
        }
    }
    let fields = KINDS_EL1::FIELDS.iter().map(|field| field.mask());
    let masks = [KINDS_EL1::RES0, KINDS_EL1::RES1, KINDS_EL1::UNKN];
    let sum = fields.chain(masks).fold(0, |sum, mask| {
        assert_eq!(sum & mask, 0);
        sum | mask
    });
    assert_eq!(!sum, 0x3f_ff00, "the RAZ bits");
}

#[test]
fn numbered_fields() {
    for raw in samples() {
        let value = PRIORITYx_EL2::from_raw(raw);
        let flags = FLAGSx_EL1::from_raw(raw);
        for n in 0..8 {
            let lsb = n as u32 * 8;
            let prio = value.prio(n).unwrap();
            assert_eq!(prio.get(), bits(raw, lsb + 4, lsb));
            let other = value.with_prio(n, Bits::new::<21>()).unwrap();
            assert_eq!(other.into_raw(), set(raw, lsb + 4, lsb, 21));
        }
        for n in 0..16 {
            assert_eq!(flags.f(n), Some(raw >> n & 1 == 1));
            assert_eq!(flags.with_f(n, true).unwrap().into_raw(), raw | 1 << n);
            assert_eq!(flags.with_f(n, false).unwrap().into_raw(), raw & !(1 << n));
        }
        assert_eq!(value.prio(8), None);
        assert_eq!(value.with_prio(8, Bits::new::<0>()), None);
        assert_eq!((flags.f(16), flags.with_f(16, true)), (None, None));
    }
    assert_eq!(PRIORITYx_EL2::Prio7.shift(), 56);
}

#[test]
fn registers_share_layouts() {
    // These compile if the types are right.
    let _: <PRIORITY1_EL2 as SystemRegister>::Value = PRIORITYx_EL2::new();
    let _: <KINDS_EL12 as SystemRegister>::Value = KINDS_EL1::new();
    let _: <FLAGS_EL12 as SystemRegister>::Value = FLAGSx_EL1::new();
    let _: <FEAT_X_FLAGS_EL12 as SystemRegister>::Value = FEAT_X_FLAGSx_EL1::new();
    let _: <FEAT_X_TWOFOLD_EL2 as SystemRegister>::Value = FEAT_X_TWOFOLD_EL2::new();

    assert_eq!(FEAT_X_TWOFOLD_EL2::ENCODING, TWOFOLD_EL2::ENCODING);
    assert_eq!(FEAT_X_FLAGS_EL12::ENCODING, FLAGS_EL12::ENCODING);
    assert_eq!(FEAT_X_TWOFOLD_EL2::NAME, "TWOFOLD_EL2");
    assert_eq!(PRIORITYn_EL2::COUNT, 3);
    let names = PRIORITYn_EL2::REGISTERS.map(|register| register.name);
    assert_eq!(names, ["PRIORITY0_EL2", "PRIORITY1_EL2", "PRIORITY2_EL2"]);
    let encodings = PRIORITYn_EL2::REGISTERS.map(|register| register.encoding.id());
    assert_eq!(encodings, [0xe670, 0xe671, 0xe67f]);
    assert_eq!(REGISTERS.len(), 9);
    assert_eq!(REGISTERS[0], Register::of::<KINDS_EL1>());
}

#[test]
fn bounded_numbers() {
    assert_eq!(Bits::<5>::MAX, 31);
    assert_eq!(Bits::<64>::MAX, u64::MAX);
    assert_eq!(Bits::<5>::try_new(31).map(Bits::get), Some(31));
    assert_eq!(Bits::<5>::try_new(32), None);
    assert_eq!(Bits::<5>::truncate(33), 1);
    assert_eq!(Bits::<5>::new::<16>().signed(), -16);
    assert_eq!(Bits::<64>::truncate(u64::MAX).signed(), -1);
    assert_eq!(u8::from(Bits::<8>::new::<255>()), 255);
    assert_eq!(u16::from(Bits::<16>::new::<0xffff>()), 0xffff);
    assert_eq!(u32::from(Bits::<32>::new::<0xffff_ffff>()), u32::MAX);
    assert_eq!(u64::from(Bits::<64>::new::<{ u64::MAX }>()), u64::MAX);
    assert!(Bits::<5>::new::<3>() < Bits::<5>::new::<4>() && Bits::<5>::new::<3>() < 4);
    assert_eq!(
        format!("{0} {0:?} {0:#x}", Bits::<5>::new::<17>()),
        "17 17 0x11"
    );
}

#[test]
fn values_can_be_read_by_people() {
    let value = FEAT_X_TWOFOLD_EL2::new()
        .with_en(true)
        .with_const_prio::<31>();
    assert_eq!(
        format!("{value:?}"),
        "FEAT_X_TWOFOLD_EL2(0xf8000001 PRIO=0x1f EN)"
    );
    assert_eq!(format!("{:?}", PRIORITYx_EL2::new()), "PRIORITYx_EL2(0x0)");
}

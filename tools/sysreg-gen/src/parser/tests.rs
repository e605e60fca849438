// SPDX-License-Identifier: GPL-2.0

//! Every rule of the table is broken once, and the message is looked at.

use super::parse;
use crate::model::{Bits, Body, Kind};

/// The message for `text`, without the path.
fn error(text: &str) -> String {
    match parse("t", text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(message) => message.strip_prefix("t:").expect("names the file").into(),
    }
}

/// A register with `lines` in it, which begin in line 2.
fn sysreg(lines: &str) -> String {
    format!("Sysreg R_EL1 3 0 12 0 0\n{lines}\nEndSysreg\n")
}

/// What is wrong with a register, by its lines.
const WRONG_REGISTERS: &[(&str, &str)] = &[
    // Bits.
    ("Field 63:1 F", "3: unspecified bits in R_EL1: 0:0"),
    ("Res0 63:32\nField 30:0 F", "3: R_EL1.F starts at 30 not 31"),
    ("Res0 63:32\nField 32:0 F", "3: R_EL1.F starts at 32 not 31"),
    ("Field 62:0 F", "2: R_EL1.F starts at 62 not 63"),
    ("Field 64:0 F", "2: R_EL1.F starts at 64 not 63"),
    ("Field 63:0 F\nField 0 G", "3: R_EL1.G starts at 0 not -1"),
    ("Res1 62:0", "2: R_EL1.RES1 starts at 62 not 63"),
    ("Unkn 62:0", "2: R_EL1.UNKN starts at 62 not 63"),
    ("Raz 62:0", "2: R_EL1.RAZ starts at 62 not 63"),
    ("Enum 62:0 E", "2: R_EL1.E starts at 62 not 63"),
    (
        "Res0 63:8\nField 7:9 F",
        "3: R_EL1.F has an invalid bit-range '7:9'",
    ),
    ("Field 63:x F", "2: invalid bit-range definition '63:x'"),
    ("Field 63:-1 F", "2: invalid bit-range definition '63:-1'"),
    ("Field 63:3:0 F", "2: invalid bit-range definition '63:3:0'"),
    ("Field +63:0 F", "2: invalid bit-range definition '+63:0'"),
    // Words.
    ("Field 63:0", "2: 2 words found where 3 expected"),
    ("Field 63:0 F G", "2: 4 words found where 3 expected"),
    ("Res0 63:0 F", "2: 3 words found where 2 expected"),
    ("UnsignedEnum 63:0", "2: 2 words found where 3 expected"),
    ("Fields", "2: 1 words found where 2 expected"),
    ("Mapping A B", "2: 3 words found where 2 expected"),
    ("Prefix", "2: 1 words found where 2 expected"),
    (
        "Bits 63:0 F",
        "2: unexpected 'Bits 63:0 F' in a Sysreg block",
    ),
    ("0b0 NI", "2: unexpected '0b0 NI' in a Sysreg block"),
    ("EndPrefix", "2: unexpected 'EndPrefix' in a Sysreg block"),
    ("EndEnum", "2: unexpected 'EndEnum' in a Sysreg block"),
    (
        "EndSysregFields",
        "2: unexpected 'EndSysregFields' in a Sysreg block",
    ),
    (
        "Sysreg S 3 0 0 0 0",
        "2: unexpected 'Sysreg S 3 0 0 0 0' in a Sysreg block",
    ),
    (" ", "2: unexpected '' in a Sysreg block"),
    ("Field 63:0 F-G", "2: 'F-G' is not a name"),
    ("Fields 64", "2: '64' is not a name"),
    ("Prefix 4", "2: '4' is not a name"),
    // Names.
    ("Field 63:1 F\nField 0 F", "3: duplicate field F in R_EL1"),
    // References.
    (
        "Field 63 F\nFields X",
        "3: some fields already defined for R_EL1",
    ),
    (
        "Res0 63:0\nMapping X",
        "3: some fields already defined for R_EL1",
    ),
    ("Fields X\nField 63:0 F", "3: R_EL1.F starts at 63 not -1"),
    ("Mapping R_EL1", "2: R_EL1 maps to itself"),
    // Enumerations.
    (
        "Enum 63:62 E\n0b00 A\n0b0 B",
        "4: duplicate Enum value 0b0 for B",
    ),
    (
        "Enum 63:62 E\n0b00 A\n0b01 A",
        "4: duplicate Enum name A in E",
    ),
    (
        "Enum 63:62 E\n0b100 A",
        "3: Enum value 0b100 for A does not fit E's 2 bits",
    ),
    ("Enum 63:62 E\n0b02 A", "3: invalid Enum value '0b02'"),
    ("Enum 63:62 E\n0b A", "3: invalid Enum value '0b'"),
    ("Enum 63:62 E\n0b1", "3: 1 words found where 2 expected"),
    ("Enum 63:62 E\n0b1 A B", "3: 3 words found where 2 expected"),
    ("Enum 63:62 E\n1 A", "3: unexpected '1 A' in a Enum block"),
    (
        "Enum 63:62 E\nField 61:0 F",
        "3: unexpected 'Field 61:0 F' in a Enum block",
    ),
    ("Enum 63:62 E\nEndEnum", "3: no values in Enum E"),
    (
        "Enum 63:62 E\n0b1 A\nEndEnum now",
        "4: 2 words found where 1 expected",
    ),
    // Prefixes.
    (
        "Prefix P\nField 63:1 F\nEndPrefix\nField 63:0 F",
        "4: unspecified bits in prefix P for R_EL1: 0:0",
    ),
    (
        "Field 63 F\nPrefix P",
        "3: prefixed fields must precede non-prefixed fields (R_EL1)",
    ),
    (
        "Prefix P\nRes0 63:0\nEndPrefix\nPrefix P",
        "5: duplicate prefix P for R_EL1",
    ),
    (
        "Prefix P\nFields X",
        "3: unexpected 'Fields X' in a Prefix block",
    ),
    (
        "Prefix P\nPrefix Q",
        "3: unexpected 'Prefix Q' in a Prefix block",
    ),
    ("Prefix P\nField 62:0 F", "3: P_R_EL1.F starts at 62 not 63"),
    (
        "Prefix P\nRes0 63:0\nEndPrefix",
        "5: unspecified bits in R_EL1: 63:0",
    ),
];

/// What is wrong with a table, by its text.
const WRONG_TABLES: &[(&str, &str)] = &[
    ("Sysreg R 3 0 0 0", "1: 6 words found where 7 expected"),
    ("Sysreg R 3 0 0 0 0 0", "1: 8 words found where 7 expected"),
    ("Sysreg R 4 0 0 0 0", "1: invalid op0 '4', not 0 to 3"),
    ("Sysreg R 3 8 0 0 0", "1: invalid op1 '8', not 0 to 7"),
    ("Sysreg R 3 0 16 0 0", "1: invalid CRn '16', not 0 to 15"),
    ("Sysreg R 3 0 0 c0 0", "1: invalid CRm 'c0', not 0 to 15"),
    ("Sysreg R 3 0 0 0 8", "1: invalid op2 '8', not 0 to 7"),
    ("SysregFields 4A", "1: '4A' is not a name"),
    ("Sysreg 4A 3 0 0 0 0", "1: '4A' is not a name"),
    ("SysregFields A B", "1: 3 words found where 2 expected"),
    (
        "Field 63:0 F",
        "1: unexpected 'Field 63:0 F' outside every block",
    ),
    ("EndSysreg", "1: unexpected 'EndSysreg' outside every block"),
    (
        "# c\n\nSysreg R 3 0 0 0 0\n",
        "3: missing terminator for Sysreg block that began in line 3",
    ),
    (
        "SysregFields X\nField 63:0 F\n",
        "2: missing terminator for SysregFields block that began in line 1",
    ),
    (
        "Sysreg R 3 0 0 0 0\nPrefix P\nRes0 63:0\n",
        "3: missing terminator for Prefix block that began in line 2",
    ),
    (
        "Sysreg R 3 0 0 0 0\nEnum 63:0 E\n0b1 A\n# the end\n",
        "4: missing terminator for Enum block that began in line 2",
    ),
    (
        "SysregFields X\nField 63:1 F\nEndSysregFields",
        "3: unspecified bits in X: 0:0",
    ),
    (
        "SysregFields X\nField 63:0 F\nEndSysregFields\nSysregFields X",
        "4: duplicate SysregFields definition for X",
    ),
    (
        "SysregFields X\nFields Y\nEndSysregFields",
        "2: unexpected 'Fields Y' in a SysregFields block",
    ),
    (
        "Sysreg R 3 0 0 0 0\nField 63:0 F\nEndSysreg\nSysreg R 3 0 0 0 1",
        "4: duplicate Sysreg definition for R",
    ),
    (
        "Sysreg A 3 0 0 0 0\nMapping B\nEndSysreg\nSysreg B 3 0 0 0 1\nMapping A\nEndSysreg",
        "2: A maps to itself",
    ),
];

#[test]
fn wrong_registers_are_refused() {
    for (lines, message) in WRONG_REGISTERS {
        assert_eq!(error(&sysreg(lines)), *message, "for\n{lines}");
    }
}

#[test]
fn wrong_tables_are_refused() {
    for (text, message) in WRONG_TABLES {
        assert_eq!(error(text), *message, "for\n{text}");
    }
}

#[test]
fn comments_and_blank_lines_are_skipped() {
    let text = "# Sysreg\n\n \t# Field\nSysreg R 3 0 0 0 0\n\t Field\t63:0   F\n#\nEndSysreg";
    let table = parse("t", text).unwrap();
    assert_eq!(table.registers[0].name, "R");
}

#[test]
fn a_register_is_read_as_written() {
    let text = "Sysreg ICH_X_EL2 3 4 12 11 7\n\
                Prefix FEAT_GCIE\nRes0 63:32\nField 31:27 VPMR\nRes0 26:1\nField 0 EN\nEndPrefix\n\
                Res1 63\nUnkn 62\nRaz 61:8\nSignedEnum 7:4 S\n0b0000 IMP\n0b1111 NI\nEndEnum\n\
                UnsignedEnum 3:2 U\n0b01 A\nEndEnum\nEnum 1 E\n0b1 B\nEndEnum\nRes0 0\nEndSysreg\n";
    let table = parse("t", text).unwrap();
    let reg = table.register("ICH_X_EL2").unwrap();
    assert_eq!(reg.encoding.asm_name(), "S3_4_C12_C11_7");

    let [gcie] = &reg.prefixed[..] else {
        panic!("one prefix")
    };
    assert_eq!(gcie.name, "FEAT_GCIE_ICH_X_EL2");
    assert_eq!(gcie.res0, 0xffff_ffff_07ff_fffe);
    assert_eq!(gcie.fields[0].name, "VPMR");
    assert_eq!(gcie.fields[0].bits, Bits { msb: 31, lsb: 27 });

    let Body::Own(layout) = &reg.body else {
        panic!("its own lines")
    };
    assert_eq!(
        (layout.res0, layout.res1, layout.unkn, layout.raz),
        (1, 1 << 63, 1 << 62, 0x3fff_ffff_ffff_ff00)
    );
    let enums: Vec<_> = layout
        .fields
        .iter()
        .map(|field| match &field.kind {
            Kind::Enum { signed, values } => (
                field.name.as_str(),
                *signed,
                values
                    .iter()
                    .map(|value| (value.name.as_str(), value.value))
                    .collect::<Vec<_>>(),
            ),
            Kind::Plain => panic!("{} is an enumeration", field.name),
        })
        .collect();
    assert_eq!(
        enums,
        [
            ("S", Some(true), vec![("IMP", 0), ("NI", 15)]),
            ("U", Some(false), vec![("A", 1)]),
            ("E", None, vec![("B", 1)]),
        ]
    );
}

#[test]
fn references_are_followed_wherever_they_stand() {
    let text = "Sysreg A_EL12 3 5 0 0 0\nMapping A_EL1\nEndSysreg\n\
                Sysreg A_EL1 3 0 0 0 0\nFields Ax\nEndSysreg\n\
                SysregFields Ax\nField 63:0 F\nEndSysregFields\n";
    let table = parse("t", text).unwrap();
    let layout = table.layout(table.register("A_EL12").unwrap()).unwrap();
    assert_eq!(layout.name, "Ax");
    assert!(table.warnings.is_empty());
}

#[test]
fn a_reference_to_nothing_is_a_warning() {
    let text = "Sysreg A 3 0 0 0 0\nMapping B\nEndSysreg\nSysreg B 3 0 0 0 1\nFields X\nEndSysreg";
    let table = parse("t", text).unwrap();
    assert!(table.layout(&table.registers[0]).is_none());
    let warning = |name: &str, what: &str| (name.to_string(), what.to_string());
    assert_eq!(
        table.warnings,
        [
            warning("A", "t:2: A: nothing describes X"),
            warning("B", "t:5: B: nothing describes X"),
        ]
    );
}

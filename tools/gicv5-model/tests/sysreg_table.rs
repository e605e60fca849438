// SPDX-License-Identifier: GPL-2.0-or-later
//! The table of registers against the kernel's, and against itself.

use gicv5_model::regs::{find, Sysreg, TABLE};
use std::collections::HashSet;
use std::path::PathBuf;

/// What the model has beyond the kernel's table.
const EXTRA: [&str; 1] = ["ICH_HPPIR_EL2"];

/// What the kernel's table has of GICv3 and of FEAT_GCIE_LEGACY.
const LEGACY: [&str; 4] = [
    "ICC_NMIAR1_EL1",
    "ICH_HCR_EL2",
    "ICH_VTR_EL2",
    "ICH_MISR_EL2",
];

fn kernel_file(path: &str) -> Option<String> {
    let source = std::env::var_os("LINUX_SRC").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../build/src/linux"),
        PathBuf::from,
    );
    let file = source.join(path);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("SKIP: no {}", file.display());
    }
    text
}

#[test]
fn names_and_encodings_are_unique() {
    let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
    let encodings: HashSet<_> = TABLE.iter().map(|row| row.encoding).collect();
    let regs: HashSet<_> = TABLE.iter().map(|row| format!("{:?}", row.reg)).collect();
    assert_eq!(names.len(), TABLE.len());
    assert_eq!(encodings.len(), TABLE.len());
    assert_eq!(regs.len(), TABLE.len());
}

#[test]
fn the_kernels_registers() {
    let Some(text) = kernel_file("arch/arm64/tools/sysreg") else {
        return;
    };
    let mut seen = HashSet::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let ["Sysreg", name, encoding @ ..] = &words[..] else {
            continue;
        };
        let gic = name.starts_with("ICC_") || name.starts_with("ICH_");
        if !gic || LEGACY.contains(name) {
            continue;
        }
        let index = find(name).unwrap_or_else(|| panic!("the model lacks {name}"));
        let encoding: Vec<u8> = encoding.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(TABLE[index].encoding[..], encoding, "{name}");
        seen.insert(name.to_string());
    }
    assert!(seen.len() > 60, "only {} registers found", seen.len());
    for row in TABLE.iter().filter(|row| !row.is_insn()) {
        let name = row.name.to_str().unwrap();
        assert!(
            seen.contains(name) || EXTRA.contains(&name),
            "{name} is not in the kernel's table"
        );
    }
}

#[test]
fn the_kernels_instructions() {
    let Some(text) = kernel_file("arch/arm64/include/asm/sysreg.h") else {
        return;
    };
    let mut seen = 0;
    for line in text.lines() {
        let insn = line.strip_prefix("#define GICV5_OP_");
        let barrier = line
            .strip_prefix("#define ")
            .filter(|rest| rest.starts_with("GSB_"));
        let Some(rest) = insn.or(barrier) else {
            continue;
        };
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap();
        let name = name.trim_end_matches("_BARRIER_INSN");
        let (_, numbers) = rest.split_once('(').unwrap();
        let encoding: Vec<u8> = numbers
            .trim_end_matches(')')
            .split(',')
            .take(5)
            .map(|n| n.trim().parse().unwrap())
            .collect();
        let index = find(name).unwrap_or_else(|| panic!("the model lacks {name}"));
        assert_eq!(TABLE[index].encoding[..], encoding, "{name}");
        seen += 1;
    }
    // The kernel that is at hand has no virtual IRS.
    let known = |row: &&Sysreg| row.is_insn() && row.encoding[1] != 4;
    assert_eq!(seen, TABLE.iter().filter(known).count());
}

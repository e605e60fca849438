// SPDX-License-Identifier: GPL-2.0

//! The kernel's own generator as the oracle: what it refuses is refused here, and what both accept
//! means the same to both.
//!
//! `GEN_SYSREG_AWK` is the kernel's arch/arm64/tools/gen-sysreg.awk, which is not part of this
//! tree: without it these tests are ignored (`--include-ignored` runs them).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const TABLE: &str = include_str!("sample/sysreg");

/// How many tables are made of the sample.
const TABLES: usize = 1500;

/// Reasons for which this program refuses tables that the kernel's accepts: such a table gives
/// wrong C, or C that does not compile.
const STRICTER: &[&str] = &[
    "duplicate field",
    "duplicate Enum",
    "does not fit",
    "invalid Enum value",
    "no values in Enum",
    "invalid op",
    "invalid CR",
    "invalid bit-range",
    "is not a name",
    "maps to itself",
    "cannot be a name",
];

/// Reasons for which both do.
const EQUAL: &[&str] = &[
    "starts at",
    "unspecified bits",
    "words found where",
    "unexpected",
    "missing terminator",
    "duplicate Sysreg definition",
    "duplicate SysregFields definition",
    "duplicate prefix",
    "prefixed fields must precede",
    "some fields already defined",
];

struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// The sample with one thing wrong, or with a change that is right.
fn change(random: &mut Random) -> String {
    let mut lines: Vec<String> = TABLE.lines().map(String::from).collect();
    // Comments are of no interest.
    lines.retain(|line| !line.starts_with('#') && !line.is_empty());
    let at = random.below(lines.len());
    let other = random.below(lines.len());
    let mut words: Vec<String> = lines[at].split_whitespace().map(String::from).collect();
    let word = random.below(words.len());
    match random.below(8) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[other].clone()),
        2 => lines.swap(at, other),
        3 => lines.truncate(at + 1),
        4 => {
            words.remove(word);
            lines[at] = words.join("\t");
        }
        5 => {
            let keywords = [
                "Field",
                "Res0",
                "Res1",
                "Unkn",
                "Raz",
                "Enum",
                "UnsignedEnum",
                "SignedEnum",
                "EndEnum",
                "Prefix",
                "EndPrefix",
                "Sysreg",
                "EndSysreg",
                "SysregFields",
                "EndSysregFields",
                "Fields",
                "Mapping",
                "0b01",
                "#",
                "Other",
            ];
            words[0] = random.of(&keywords).into();
            lines[at] = words.join(" ");
        }
        6 => {
            // A block twice, if one begins here.
            let end = |word: &str| {
                lines[at..]
                    .iter()
                    .position(|line| line == &format!("End{word}"))
            };
            if let Some(end) = words.first().and_then(|word| end(word)) {
                let block = lines[at..=at + end].to_vec();
                lines.splice(at..at, block);
            }
        }
        _ => {
            let number = random.below(70).to_string();
            let wrong = [
                "63:0",
                "0",
                "1:1",
                "7:9",
                "31:27",
                "EN",
                "KINDS_EL1",
                &number,
            ];
            words[word] = random.of(&wrong).into();
            lines[at] = words.join("\t");
        }
    }
    lines.join("\n") + "\n"
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn directory() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("against_awk");
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("cargo's directory for tests can be written");
    path
}

/// What awk makes of the table in `dir`, in `dir/header`; whether it was content.
fn awk(dir: &Path, script: &Path) -> bool {
    let output = run(Command::new("awk")
        .current_dir(dir)
        .arg("-f")
        .arg(script)
        .arg("sysreg"));
    fs::write(dir.join("header"), &output.stdout).unwrap();
    output.status.success()
}

fn sysreg_gen(dir: &Path) -> Result<(), String> {
    let output = run(Command::new(env!("CARGO_BIN_EXE_sysreg-gen"))
        .current_dir(dir)
        .args("--table sysreg --check-header header --out sysregs.rs".split(' ')));
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn script() -> PathBuf {
    let path = env::var_os("GEN_SYSREG_AWK").expect("GEN_SYSREG_AWK names the kernel's generator");
    fs::canonicalize(path).expect("GEN_SYSREG_AWK exists")
}

#[test]
#[ignore = "needs the kernel's generator"]
fn changed_tables_are_judged_alike() {
    let script = script();
    let dir = directory();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut alike = [0; 2];
    let mut reasons = vec![0; EQUAL.len()];
    for _ in 0..TABLES {
        let table = change(&mut random);
        fs::write(dir.join("sysreg"), &table).unwrap();
        let accepted = awk(&dir, &script);
        match sysreg_gen(&dir) {
            // The headers agree too, or there would be an error.
            Ok(()) => assert!(accepted, "only awk refuses\n{table}"),
            Err(message) if accepted => assert!(
                STRICTER.iter().any(|reason| message.contains(reason)),
                "only awk accepts: {message}\n{table}"
            ),
            Err(message) => {
                for (count, reason) in reasons.iter_mut().zip(EQUAL) {
                    *count += usize::from(message.contains(reason));
                }
            }
        }
        alike[usize::from(accepted)] += 1;
    }
    // The changes were such that something was shown.
    assert!(alike.iter().all(|count| *count > TABLES / 20), "{alike:?}");
    for (count, reason) in reasons.iter().zip(EQUAL) {
        assert!(*count > 0, "no table was refused as '{reason}'");
    }
    println!(
        "# {} tables refused, {} accepted by awk",
        alike[0], alike[1]
    );
}

// SPDX-License-Identifier: GPL-2.0

//! The program as a build runs it, and rustc's view of what it writes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const TABLE: &str = include_str!("sample/sysreg");
const USES: &str = include_str!("sample/uses.rs");

/// An empty directory of the test's own.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("cargo's directory for tests can be written");
    path
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs the generator in `dir` on `table`.
fn generate(dir: &Path, table: &str, options: &[&str]) -> Output {
    fs::write(dir.join("sysreg"), table).expect("the directory is the test's own");
    run(Command::new(env!("CARGO_BIN_EXE_sysreg-gen"))
        .current_dir(dir)
        .args(["--table", "sysreg", "--out", "sysregs.rs"])
        .args(options))
}

fn rustc(dir: &Path, options: &[&str]) -> Output {
    run(
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .current_dir(dir)
            .args(["--edition", "2021"])
            .args(options),
    )
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("messages are UTF-8")
}

/// Panics with what a command said, if it failed.
fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

#[test]
fn definitions_do_what_they_say() {
    let dir = directory("uses");
    let output = generate(&dir, TABLE, &[]);
    succeeded(&output);
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    fs::write(dir.join("uses.rs"), USES).unwrap();
    // With overflow checks: a wrong shift panics.
    let options = ["--test", "-C", "debug-assertions=on", "-D", "warnings"];
    succeeded(&rustc(&dir, &[&options[..], &["uses.rs"]].concat()));
    let tests = run(&mut Command::new(dir.join("uses")));
    succeeded(&tests);
    let count = USES.matches("#[test]\n").count();
    let passed = format!("test result: ok. {count} passed");
    assert!(text(&tests.stdout).contains(&passed), "not {passed}");
}

/// The file is a `no_std` module, whether it is named or included, with nothing to complain about.
#[test]
fn definitions_are_a_module_and_can_be_included() {
    let dir = directory("lints");
    succeeded(&generate(&dir, TABLE, &[]));
    for (file, line) in [
        (
            "path.rs",
            "/// M\n#[path = \"sysregs.rs\"] pub mod registers;",
        ),
        (
            "include.rs",
            "/// M\npub mod m { include!(\"sysregs.rs\"); }",
        ),
        ("private.rs", "#[path = \"sysregs.rs\"] mod registers;"),
    ] {
        fs::write(dir.join(file), format!("//! C\n#![no_std]\n{line}\n")).unwrap();
        let lints = [
            "-Dwarnings",
            "-Wmissing_docs",
            "-Wrust_2018_idioms",
            "-Wunreachable_pub",
        ];
        let options = ["--crate-type", "lib", "--emit", "metadata", file];
        succeeded(&rustc(&dir, &[&lints[..], &options].concat()));
    }
}

/// A constant that does not fit does not compile, and a value of another width has another type.
#[test]
fn what_does_not_fit_does_not_compile() {
    let dir = directory("misuses");
    succeeded(&generate(&dir, TABLE, &[]));
    for (line, message) in [
        // The first shows that the others fail for their own reason.
        ("KINDS_EL1::new().with_const_type::<15>()", ""),
        ("KINDS_EL1::new().with_const_type::<16>()", "evaluation of"),
        ("Bits::<4>::new::<16>()", "evaluation of"),
        ("Bits::<65>::MAX", "evaluation of"),
        (
            "KINDS_EL1::new().with_type(Bits::<5>::new::<1>())",
            "mismatched types",
        ),
        ("KINDS_EL1::new().with_type(1)", "mismatched types"),
        ("KINDS_EL1::new().with_level(1)", "mismatched types"),
        ("KINDS_EL1(7)", "private field"),
        ("Bits::<4>(16)", "private field"),
        ("u8::from(Bits::<9>::MAX)", "`From<u64>` is not implemented"),
        (
            "u8::from(Bits::<9>::truncate(1))",
            "`From<generated::Bits<9>>` is not implemented",
        ),
    ] {
        let program =
            format!("mod sysregs;\nuse sysregs::*;\nfn main() {{\n    let _ = {line};\n}}\n");
        fs::write(dir.join("main.rs"), program).unwrap();
        let output = rustc(&dir, &["-o", "main", "main.rs"]);
        let said = text(&output.stderr);
        assert_eq!(
            output.status.success(),
            message.is_empty(),
            "{line}:\n{said}"
        );
        assert!(said.contains(message), "{line}:\n{said}");
    }
}

#[test]
fn a_selection_brings_the_layouts_it_needs() {
    let dir = directory("selection");
    let names = "FLAGS_EL12 # an alias\nPRIORITY1_EL2\n";
    fs::write(dir.join("names"), names).unwrap();
    succeeded(&generate(
        &dir,
        TABLE,
        &["--names", "names", "--also", "KINDS_EL12"],
    ));
    let program = "mod sysregs;\nuse sysregs::*;\nfn main() {\n    \
                   let _: <KINDS_EL12 as SystemRegister>::Value = KINDS_EL1::new();\n    \
                   let _: <FLAGS_EL12 as SystemRegister>::Value = FLAGSx_EL1::new();\n    \
                   assert_eq!(REGISTERS.len(), 3);\n}\n";
    fs::write(dir.join("main.rs"), program).unwrap();
    succeeded(&rustc(&dir, &["-o", "main", "main.rs"]));
    succeeded(&run(&mut Command::new(dir.join("main"))));
    let sysregs = fs::read_to_string(dir.join("sysregs.rs")).unwrap();
    assert!(!sysregs.contains("TWOFOLD") && !sysregs.contains("PRIORITY0"));
}

/// After a mistake in the table there is no output, not even an older one.
#[test]
fn a_wrong_table_leaves_no_output() {
    let dir = directory("wrong");
    succeeded(&generate(&dir, TABLE, &[]));
    assert!(dir.join("sysregs.rs").exists());
    let wrong = TABLE.replace("Field\t31:27\tPRIO", "Field\t31:28\tPRIO");
    let output = generate(&dir, &wrong, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "sysreg:38: FEAT_X_TWOFOLD_EL2.RES0 starts at 26 not 27\n"
    );
    let left: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["sysreg"]);
}

#[test]
fn a_wrong_command_line_has_its_own_status() {
    let dir = directory("usage");
    let output = generate(&dir, TABLE, &["--frobnicate"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("usage: sysreg-gen"));
    assert!(!dir.join("sysregs.rs").exists());
    let output = generate(&dir, TABLE, &["--also", "NONE_EL1"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "sysreg: no register NONE_EL1\n");
}

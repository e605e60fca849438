// SPDX-License-Identifier: GPL-2.0

//! Generates the register definitions for the host, with the tool and the table that Kbuild uses,
//! and compiles the kernel's macros for INTIDs, for a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn run(command: &mut Command) {
    let status = command.status().expect("cannot start the command");
    assert!(status.success(), "{command:?}: {status}");
}

/// The `#define`s of a header, each with the lines that it goes on for.
fn defines(header: &Path) -> String {
    let text = fs::read_to_string(header).unwrap();
    let mut defines = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside = inside || line.starts_with("#define");
        if inside {
            defines.push_str(line);
            defines.push('\n');
        }
        inside = inside && line.ends_with('\\');
    }
    defines
}

/// An object of `tests/intids.c`, which is linked into the tests.
fn compile_intids(here: &Path, linux: &Path, out: &Path) {
    let source = here.join("tests/intids.c");
    let headers = [
        linux.join("include/linux/irqchip/arm-gic-v5.h"),
        linux.join("include/kvm/arm_vgic.h"),
    ];
    for path in headers.iter().chain([&source]) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let text: String = headers.iter().map(|header| defines(header)).collect();
    fs::write(out.join("kernel_intids.h"), text).unwrap();
    let object = out.join("intids.o");
    run(Command::new("cc")
        .args(["-O2", "-Wall", "-Werror", "-c", "-I"])
        .arg(out)
        .arg("-I")
        .arg(linux.join("tools/include"))
        .arg("-o")
        .arg(&object)
        .arg(source));
    println!("cargo::rustc-link-arg-tests={}", object.display());
}

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let top = here.join("../..");
    let generator = top.join("tools/sysreg-gen/src/main.rs");
    let linux = env::var_os("LINUX_SRC").map_or(top.join("build/src/linux"), PathBuf::from);
    let table = linux.join("arch/arm64/tools/sysreg");
    let names = top.join("rust/sysregs.txt");
    let watched: [&Path; 3] = [&top.join("tools/sysreg-gen/src"), &table, &names];
    for path in watched {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-env-changed=LINUX_SRC");
    assert!(
        fs::exists(&table).unwrap_or(false),
        "{}: no kernel source; `make testbed` fetches it, LINUX_SRC= names another",
        table.display()
    );

    let tool = out.join("sysreg-gen");
    run(Command::new(env::var_os("RUSTC").unwrap())
        .args(["--edition=2021", "-O", "-o"])
        .arg(&tool)
        .arg(generator));
    run(Command::new(tool)
        .arg("--table")
        .arg(table)
        .arg("--names")
        .arg(names)
        .arg("--out")
        .arg(out.join("sysregs.rs")));
    compile_intids(&here, &linux, &out);
}

// SPDX-License-Identifier: GPL-2.0

//! Generates the register definitions for the host, with the tool and the table that Kbuild uses.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn run(command: &mut Command) {
    let status = command.status().expect("cannot start the command");
    assert!(status.success(), "{command:?}: {status}");
}

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let top = here.join("../..");
    let generator = top.join("tools/sysreg-gen/src/main.rs");
    let table = env::var_os("LINUX_SRC")
        .map_or(top.join("build/src/linux"), PathBuf::from)
        .join("arch/arm64/tools/sysreg");
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
}

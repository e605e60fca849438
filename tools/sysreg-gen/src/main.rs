// SPDX-License-Identifier: GPL-2.0

//! Rust register definitions from the kernel's `arch/arm64/tools/sysreg`.
//!
//! The table is the kernel's own description of the arm64 system registers, from which its C
//! header is generated; this program makes Rust of the same lines, so that no encoding and no
//! field position is typed by hand, and can prove that both say the same (`--check-header`).
//!
//! It is built by `rustc` alone from Kbuild, and by `cargo` for its tests: only `std` is used.

mod args;
mod constants;
mod emit;
mod header;
mod model;
mod parser;
mod select;

use std::{fs, path::Path, process::ExitCode};

use args::Command;

/// Puts `text` into `path` so that no reader ever sees half of it.
fn write_whole(path: &str, text: &str) -> Result<(), String> {
    let part = format!("{path}.part");
    fs::write(&part, text)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| {
            // The first error is the one worth reporting, not that of the clean-up.
            let _ = fs::remove_file(&part);
            format!("{path}: {error}")
        })
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// Does what the command line asks for; the answer is the line to print.
fn run(command: &Command) -> Result<String, String> {
    let table = parser::parse(&command.table, &read(&command.table)?)?;
    let selected = select::select(&table, &command.selection)?;
    let mut done = Vec::new();

    if let Some(path) = &command.header {
        let header = header::Header::parse(path, &read(path)?)?;
        let count = header::compare(&table, &header)?;
        done.push(format!("{count} constants agree with {path}"));
        if let Some(out) = &command.asserts {
            let (text, count) = emit::asserts(&table, &selected, &header)?;
            write_whole(out, &text)?;
            done.push(format!("{count} constants asserted in {out}"));
        }
    }
    if let Some(out) = &command.out {
        write_whole(out, &emit::definitions(&table, &selected)?)?;
        done.push(format!("{} registers in {out}", selected.len()));
    }
    for (name, warning) in &table.warnings {
        if selected.iter().any(|reg| reg.name == *name) {
            eprintln!("warning: {warning}");
        }
    }
    Ok(done.join("\n"))
}

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(Some(command)) => command,
        Ok(None) => {
            print!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("sysreg-gen: {message}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(done) => {
            // A build wants silence from what works; the comparison's count is the result.
            if command.header.is_some() {
                println!("{done}");
            }
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            // Whatever an earlier run left does not describe this table: a build must not go on
            // with it.
            for out in command.out.iter().chain(&command.asserts) {
                if Path::new(out).is_file() {
                    let _ = fs::remove_file(out);
                }
            }
            ExitCode::FAILURE
        }
    }
}

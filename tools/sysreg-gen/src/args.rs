// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::select::Selection;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: sysreg-gen --table TABLE [SELECTION] --out FILE
       sysreg-gen --table TABLE --check-header HEADER [[SELECTION] --asserts FILE]

  --table TABLE         the kernel's arch/arm64/tools/sysreg
  --out FILE            write Rust definitions of the selected registers
  --check-header HEADER compare the whole table, as read here, with the kernel's generated
                        asm/sysreg-defs.h, and print how many constants agree
  --asserts FILE        write a Rust file that holds the definitions (--out's FILE, as module
                        `sysregs`) against the header's values when it is compiled

SELECTION (all registers without it; the options add up and can be repeated):
  --prefix PREFIX       registers whose name starts with PREFIX
  --also NAME           the register NAME
  --names FILE          registers named in FILE, one a line; # starts a comment
";

/// A checked command line.
#[derive(Debug)]
pub(crate) struct Command {
    /// The table's path.
    pub(crate) table: String,
    /// Which registers to emit.
    pub(crate) selection: Selection,
    /// Where the definitions go.
    pub(crate) out: Option<String>,
    /// The C header to compare with.
    pub(crate) header: Option<String>,
    /// Where the assertions go.
    pub(crate) asserts: Option<String>,
}

/// Reads the arguments after the program's name; `None` means that help was asked for.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Command>, String> {
    let mut table = None;
    let mut selection = Selection::default();
    let mut out = None;
    let mut header = None;
    let mut asserts = None;

    let mut args = args;
    while let Some(arg) = args.next() {
        if arg == "--help" || arg == "-h" {
            return Ok(None);
        }
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--table" => once(&arg, &mut table, value()?)?,
            "--out" => once(&arg, &mut out, value()?)?,
            "--check-header" => once(&arg, &mut header, value()?)?,
            "--asserts" => once(&arg, &mut asserts, value()?)?,
            "--prefix" => selection.prefixes.push(value()?),
            "--also" => selection.names.push(value()?),
            "--names" => selection.files.push(value()?),
            _ => return Err(format!("unknown argument '{arg}'")),
        }
    }

    let Some(table) = table else {
        return Err("--table is missing".into());
    };
    if out.is_none() && header.is_none() {
        return Err("nothing to do: give --out or --check-header".into());
    }
    if asserts.is_some() && header.is_none() {
        return Err("--asserts takes its values from --check-header's file".into());
    }
    Ok(Some(Command {
        table,
        selection,
        out,
        header,
        asserts,
    }))
}

fn once(arg: &str, slot: &mut Option<String>, value: String) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{arg} is given twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Option<Command>, String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn a_command_line_says_what_to_do() {
        let command = of("--table T --prefix ICC_ --prefix ICH_ --also X --out O")
            .unwrap()
            .unwrap();
        assert_eq!(command.table, "T");
        assert_eq!(command.selection.prefixes, ["ICC_", "ICH_"]);
        assert_eq!(command.selection.names, ["X"]);
        assert_eq!(command.out.as_deref(), Some("O"));
        assert!(of("--help").unwrap().is_none());
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for (line, words) in [
            ("--out O", "--table is missing"),
            ("--table T", "nothing to do"),
            ("--table T --out", "--out needs a value"),
            ("--table T --table U --out O", "--table is given twice"),
            ("--table T --asserts A --out O", "--check-header"),
            ("--table T --out O --frob", "unknown argument '--frob'"),
        ] {
            let error = of(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}

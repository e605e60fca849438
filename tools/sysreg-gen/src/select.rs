// SPDX-License-Identifier: GPL-2.0

//! Which of the table's registers are wanted.

use crate::model::{Register, Table};

/// The command line's choice; empty means every register.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Registers whose names start so.
    pub(crate) prefixes: Vec<String>,
    /// Registers of exactly these names.
    pub(crate) names: Vec<String>,
    /// Files that list names.
    pub(crate) files: Vec<String>,
}

/// The selected registers, in the table's order.
///
/// # Errors
///
/// A name or prefix that selects nothing is an error: it is a typing mistake, or a table that is
/// too old for the caller.
pub(crate) fn select<'a>(
    table: &'a Table,
    selection: &Selection,
) -> Result<Vec<&'a Register>, String> {
    if table.registers.is_empty() {
        return Err(format!("{}: no registers", table.path));
    }
    let mut names = selection.names.clone();
    for file in &selection.files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        names.extend(listed(&text));
    }
    if names.is_empty() && selection.prefixes.is_empty() && selection.files.is_empty() {
        return Ok(table.registers.iter().collect());
    }

    for name in &names {
        if !table.registers.iter().any(|reg| reg.name == *name) {
            return Err(format!("{}: no register {name}", table.path));
        }
    }
    for prefix in &selection.prefixes {
        if !table
            .registers
            .iter()
            .any(|reg| reg.name.starts_with(prefix))
        {
            return Err(format!("{}: no register named {prefix}*", table.path));
        }
    }
    Ok(table
        .registers
        .iter()
        .filter(|reg| {
            names.contains(&reg.name) || selection.prefixes.iter().any(|p| reg.name.starts_with(p))
        })
        .collect())
}

/// The names in a `--names` file.
fn listed(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .filter(|name| !name.is_empty())
        .map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let text = "Sysreg A_EL1 3 0 0 0 0\nField 63:0 F\nEndSysreg\n\
                    Sysreg A_EL2 3 4 0 0 0\nField 63:0 F\nEndSysreg\n\
                    Sysreg B_EL1 3 0 0 0 1\nField 63:0 F\nEndSysreg\n";
        crate::parser::parse("t", text).unwrap()
    }

    fn names(selection: &Selection) -> Result<Vec<String>, String> {
        let table = table();
        select(&table, selection).map(|regs| regs.iter().map(|reg| reg.name.clone()).collect())
    }

    #[test]
    fn prefixes_and_names_add_up_in_table_order() {
        assert_eq!(
            names(&Selection::default()).unwrap(),
            ["A_EL1", "A_EL2", "B_EL1"]
        );
        let selection = Selection {
            prefixes: vec!["B_".into()],
            names: vec!["A_EL2".into()],
            ..Selection::default()
        };
        assert_eq!(names(&selection).unwrap(), ["A_EL2", "B_EL1"]);
    }

    #[test]
    fn what_selects_nothing_is_an_error() {
        let prefix = Selection {
            prefixes: vec!["C_".into()],
            ..Selection::default()
        };
        assert_eq!(names(&prefix).unwrap_err(), "t: no register named C_*");
        let name = Selection {
            names: vec!["A".into()],
            ..Selection::default()
        };
        assert_eq!(names(&name).unwrap_err(), "t: no register A");
    }

    #[test]
    fn a_table_without_registers_is_an_error() {
        let empty = crate::parser::parse("t", "# nothing\n").unwrap();
        let error = select(&empty, &Selection::default()).unwrap_err();
        assert_eq!(error, "t: no registers");
    }

    #[test]
    fn a_list_has_comments_and_blank_lines() {
        let text = "# all of them\nA_EL1\n\n  B_EL1 # and this\n";
        assert_eq!(listed(text).collect::<Vec<_>>(), ["A_EL1", "B_EL1"]);
    }
}

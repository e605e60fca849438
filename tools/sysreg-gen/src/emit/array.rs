// SPDX-License-Identifier: GPL-2.0

//! Registers that differ by a number, as `register_array!` of `support/register.rs`.

use super::names;
use crate::model::{Register, Table};

/// Registers 0 to n-1 of one layout.
#[derive(Debug)]
pub(super) struct Array<'a> {
    /// The registers' name with `n` for the number, as the architecture writes them together.
    name: String,
    value: &'a str,
    /// By number.
    registers: Vec<&'a str>,
}

/// The arrays among the selected registers, in the table's order.
pub(super) fn arrays<'a>(table: &'a Table, selected: &[&'a Register]) -> Vec<Array<'a>> {
    let mut arrays: Vec<Array<'_>> = Vec::new();
    let mut broken = Vec::new();
    for reg in selected {
        let (Some((stem, number, suffix)), Some(shared)) =
            (names::numbered(&reg.name), super::shared(table, reg))
        else {
            continue;
        };
        let name = format!("{stem}n{suffix}");
        let known = arrays.iter_mut().find(|array| array.name == name);
        let next = known.as_ref().map_or(0, |array| array.registers.len());
        match known {
            // Out of order, or of another layout: not an array that can be counted through.
            _ if number as usize != next => broken.push(name),
            Some(array) if array.value != shared.layout.name => broken.push(name),
            Some(array) => array.registers.push(&reg.name),
            None => arrays.push(Array {
                name,
                value: &shared.layout.name,
                registers: vec![&reg.name],
            }),
        }
    }
    arrays.retain(|array| array.registers.len() > 1 && !broken.contains(&array.name));
    arrays
}

impl Array<'_> {
    /// The array's Rust text.
    pub(super) fn emit(&self) -> String {
        let Array {
            name,
            value,
            registers,
        } = self;
        let count = registers.len();
        let mut text = format!(
            "\nregister_array! {{\n    /// {} to {}, each of which holds a [`{value}`].\n    \
             {name} => {value}, {count};\n",
            registers[0],
            registers[count - 1],
        );
        for (n, register) in registers.iter().enumerate() {
            text += &format!("    {n} {register}\n");
        }
        text + "}\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrays among registers of these names and layouts.
    fn found(registers: &[(&str, &str)]) -> Vec<(String, usize)> {
        let mut text = String::new();
        for layout in ["Ax", "Bx"] {
            text += &format!("SysregFields {layout}\nField 63:0 F\nEndSysregFields\n");
        }
        for (name, layout) in registers {
            text += &format!("Sysreg {name} 3 0 0 0 0\nFields {layout}\nEndSysreg\n");
        }
        let table = crate::parser::parse("t", &text).unwrap();
        let selected: Vec<_> = table.registers.iter().collect();
        arrays(&table, &selected)
            .into_iter()
            .map(|array| (array.name, array.registers.len()))
            .collect()
    }

    #[test]
    fn numbered_registers_of_one_layout_are_an_array() {
        assert_eq!(
            found(&[
                ("A0_EL1", "Ax"),
                ("B0_EL1", "Ax"),
                ("A1_EL1", "Ax"),
                ("A2_EL1", "Ax"),
                ("A0_EL2", "Ax"),
                ("B1_EL1", "Ax"),
            ]),
            [("An_EL1".into(), 3), ("Bn_EL1".into(), 2)]
        );
    }

    #[test]
    fn gaps_and_mixtures_are_not() {
        assert!(found(&[("A0_EL1", "Ax")]).is_empty());
        assert!(found(&[("A0_EL1", "Ax"), ("A2_EL1", "Ax")]).is_empty());
        assert!(found(&[("A1_EL1", "Ax"), ("A2_EL1", "Ax")]).is_empty());
        assert!(found(&[("A0_EL1", "Ax"), ("A1_EL1", "Bx")]).is_empty());
    }
}

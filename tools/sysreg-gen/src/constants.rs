// SPDX-License-Identifier: GPL-2.0

//! The constants that the kernel's C header has for a table, and what they are called in the
//! generated Rust.

use crate::{
    header::Value,
    model::{Field, Kind, Layout, Register, Table},
};

/// A macro of the C header.
#[derive(Debug)]
pub(crate) struct Constant {
    /// Its name in C.
    pub(crate) name: String,
    /// What the table says that it is.
    pub(crate) value: Value,
    /// The Rust expression for the same.
    pub(crate) rust: String,
    /// What the Rust expression gives.
    pub(crate) kind: RustKind,
}

/// The type of a constant's Rust expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RustKind {
    /// An integer.
    Number,
    /// A `&str`.
    Text,
    /// An `Option<bool>`.
    Truth,
}

/// Collects constants.
#[derive(Default)]
struct List(Vec<Constant>);

impl List {
    fn push(&mut self, name: String, kind: RustKind, value: Value, rust: String) {
        self.0.push(Constant {
            name,
            value,
            rust,
            kind,
        });
    }

    fn number(&mut self, name: String, value: u64, rust: String) {
        self.push(name, RustKind::Number, Value::Number(value), rust);
    }
}

/// Every constant for the whole table.
pub(crate) fn all(table: &Table) -> Vec<Constant> {
    let mut list = Vec::new();
    for shared in &table.shared {
        for layout in shared.prefixed.iter().chain([&shared.layout]) {
            list.extend(of_layout(layout));
        }
    }
    for reg in &table.registers {
        list.extend(of_register(reg));
        let own = match reg.body {
            crate::model::Body::Own(ref layout) => Some(layout),
            _ => None,
        };
        for layout in reg.prefixed.iter().chain(own) {
            list.extend(of_layout(layout));
        }
    }
    list
}

/// The constants of a register itself, with the masks that it has from another's layout.
pub(crate) fn of_register(reg: &Register) -> Vec<Constant> {
    let mut list = List::default();
    let name = &reg.name;
    let trait_of = format!("<{name} as SystemRegister>");
    list.push(
        format!("REG_{name}"),
        RustKind::Text,
        Value::Word(reg.encoding.asm_name()),
        format!("{trait_of}::ASM_NAME"),
    );
    list.number(
        format!("SYS_{name}"),
        u64::from(reg.encoding.sys_reg()),
        format!("{trait_of}::ENCODING.sys_reg()"),
    );
    for (part, value) in reg.encoding.parts() {
        list.number(
            format!("SYS_{name}_{part}"),
            u64::from(value),
            format!("{trait_of}::ENCODING.{}", part.to_lowercase()),
        );
    }
    if let Some(other) = reg.body.reference() {
        for mask in ["RES0", "RES1", "UNKN"] {
            list.push(
                format!("{name}_{mask}"),
                RustKind::Number,
                Value::Word(format!("{other}_{mask}")),
                format!("<{trait_of}::Value as Layout>::{mask}"),
            );
        }
    }
    list.0
}

/// The constants of a layout.
pub(crate) fn of_layout(layout: &Layout) -> Vec<Constant> {
    let mut list = List::default();
    let name = &layout.name;
    for field in &layout.fields {
        of_field(&mut list, layout, field);
    }
    for (mask, value) in [
        ("RES0", layout.res0),
        ("RES1", layout.res1),
        ("UNKN", layout.unkn),
    ] {
        list.number(format!("{name}_{mask}"), value, format!("{name}::{mask}"));
    }
    list.0
}

fn of_field(list: &mut List, layout: &Layout, field: &Field) {
    let name = format!("{}_{}", layout.name, field.name);
    let rust = format!("{}::{}", layout.name, field.name);
    let bits = field.bits;
    list.number(name.clone(), bits.mask(), format!("{rust}.mask()"));
    for (what, value, rust) in [
        ("MASK", bits.mask(), format!("{rust}.mask()")),
        ("SHIFT", u64::from(bits.lsb), format!("{rust}.shift()")),
        ("WIDTH", u64::from(bits.width()), format!("{rust}.width()")),
    ] {
        list.number(format!("{name}_{what}"), value, rust);
    }
    let Kind::Enum { signed, values } = &field.kind else {
        return;
    };
    let of = crate::emit::enumeration_name(layout, field);
    if let Some(signed) = signed {
        list.push(
            format!("{name}_SIGNED"),
            RustKind::Truth,
            Value::Word(signed.to_string()),
            format!("{of}::SIGNED"),
        );
    }
    for value in values {
        list.number(
            format!("{name}_{}", value.name),
            value.value,
            format!(
                "{of}::{}.into_bits().get()",
                crate::emit::variant_name(&value.name)
            ),
        );
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A layout as `layout!`, and its enumerations as `enumeration!`, of `support/layout.rs`.

use std::fmt::Write;

use super::names;
use crate::model::{Field, Kind, Layout, Value};

/// Fewer numbered fields than this are named one by one: `TID3` is a flag of its own, `EN63` is
/// the 64th of an array.
const LEAST_ARRAY: usize = 8;

/// Numbered fields that lie evenly from bit 0 up.
struct Array<'a> {
    stem: &'a str,
    count: usize,
    width: u32,
    stride: u32,
}

impl Array<'_> {
    fn has(&self, field: &Field) -> bool {
        names::numbered(&field.name).is_some_and(|(stem, ..)| stem == self.stem)
    }
}

/// The Rust text of `layout` and of the enumerations in it.
pub(super) fn emit(layout: &Layout) -> Result<String, String> {
    let mut text = String::new();
    for field in &layout.fields {
        if let Kind::Enum { signed, values } = &field.kind {
            text += &enumeration(layout, field, *signed, values)?;
        }
    }
    let name = names::constant(&layout.name)?;
    let doc = match &layout.prefix {
        Some(prefix) => format!(
            "{} where {prefix} is implemented.",
            layout.name[prefix.len() + 1..].trim_start()
        ),
        None => format!("The contents of {name}."),
    };
    let arrays = arrays(layout);
    writeln!(text, "\nlayout! {{\n    /// {doc}")
        .and_then(|()| {
            writeln!(
                text,
                "    {name}, res0: {:#x}, res1: {:#x}, unkn: {:#x};",
                layout.res0, layout.res1, layout.unkn
            )
        })
        .map_err(|error| error.to_string())?;
    for field in &layout.fields {
        let constant =
            names::constant(&field.name).map_err(|what| format!("{}: {what}", layout.name))?;
        let accessors = match arrays.iter().any(|array| array.has(field)) {
            true => "element ()".into(),
            false => accessors(layout, field),
        };
        text += &format!(
            "    {}:{} {constant} {accessors};\n",
            field.bits.msb, field.bits.lsb
        );
    }
    for array in &arrays {
        let getter = names::getter(array.stem);
        let bare = array.stem.to_lowercase();
        text += &format!(
            "    [{}] {} {} every {} {} ({getter} with_{bare});\n",
            array.count,
            if array.width == 1 { "flag" } else { "number" },
            array.width,
            array.stride,
            array.stem,
        );
    }
    text += "}\n";
    Ok(text)
}

/// The kind of `field`, its methods' names and its type, as `accessors!` takes them.
fn accessors(layout: &Layout, field: &Field) -> String {
    let get = names::getter(&field.name);
    // With something before or after it no keyword is left.
    let bare = field.name.to_lowercase();
    match &field.kind {
        Kind::Plain if field.bits.width() == 1 => format!("flag ({get} with_{bare})"),
        Kind::Plain => {
            format!("number ({get} with_{bare} with_const_{bare} try_with_{bare})")
        }
        Kind::Enum { signed, .. } => {
            let methods = format!("{get} {bare}_raw with_{bare} with_{bare}_raw");
            let (kind, at_least) = match signed {
                None => ("choice", String::new()),
                Some(false) => ("unsigned", format!(" {bare}_at_least")),
                Some(true) => ("signed", format!(" {bare}_at_least")),
            };
            let of = enumeration_name(layout, field);
            format!("{kind} ({methods}{at_least}): {of}")
        }
    }
}

/// The type of a field's values: the C header's name of the field.
pub(crate) fn enumeration_name(layout: &Layout, field: &Field) -> String {
    format!("{}_{}", layout.name, field.name)
}

fn enumeration(
    layout: &Layout,
    field: &Field,
    signed: Option<bool>,
    values: &[Value],
) -> Result<String, String> {
    let name = enumeration_name(layout, field);
    let width = field.bits.width();
    let mut text = format!(
        "\nenumeration! {{\n    /// Values of [`{0}::{1}`].\n    {2}, {width} bits, signed: {signed:?};\n",
        layout.name,
        field.name,
        names::constant(&name)?,
    );
    for Value { name, value } in values {
        text += &format!(
            "    {} = 0b{value:0width$b};\n",
            names::variant(name),
            width = width as usize
        );
    }
    text += "}\n";
    Ok(text)
}

/// The arrays among the fields of `layout`.
fn arrays(layout: &Layout) -> Vec<Array<'_>> {
    let mut stems: Vec<&str> = Vec::new();
    for field in &layout.fields {
        if let Some((stem, _, "")) = names::numbered(&field.name) {
            if !stems.contains(&stem) {
                stems.push(stem);
            }
        }
    }
    stems
        .into_iter()
        .filter_map(|stem| array(layout, stem))
        .collect()
}

/// The fields named `stem` and a number, if they are an array.
fn array<'a>(layout: &'a Layout, stem: &'a str) -> Option<Array<'a>> {
    let mut elements: Vec<(u32, &Field)> = layout
        .fields
        .iter()
        .filter_map(|field| match names::numbered(&field.name) {
            Some((name, number, "")) if name == stem => Some((number, field)),
            _ => None,
        })
        .collect();
    elements.sort_by_key(|(number, _)| *number);

    let width = elements.first()?.1.bits.width();
    let stride = elements.get(1)?.1.bits.lsb;
    let even = elements.iter().zip(0..).all(|((number, field), n)| {
        *number == n
            && matches!(field.kind, Kind::Plain)
            && field.bits.width() == width
            && field.bits.lsb == n * stride
    });
    // A getter of the array's name must not be another field's.
    let free = !layout
        .fields
        .iter()
        .any(|field| field.name.eq_ignore_ascii_case(stem));
    (elements.len() >= LEAST_ARRAY && even && free).then_some(Array {
        stem,
        count: elements.len(),
        width,
        stride,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Body;

    fn emitted(lines: &str) -> String {
        let text = format!("Sysreg R_EL1 3 0 0 0 0\n{lines}\nEndSysreg\n");
        let table = crate::parser::parse("t", &text).unwrap();
        let Body::Own(layout) = &table.registers[0].body else {
            unreachable!("no reference in it")
        };
        emit(layout).unwrap()
    }

    #[test]
    fn kinds_of_fields_have_their_accessors() {
        let text = emitted(
            "Res0 63:9\nField 8:4 TYPE\nField 3 EN\nUnsignedEnum 2:1 U\n0b01 4K\nEndEnum\nRes1 0",
        );
        for line in [
            "R_EL1, res0: 0xfffffffffffffe00, res1: 0x1, unkn: 0x0;",
            "8:4 TYPE number (type_ with_type with_const_type try_with_type);",
            "3:3 EN flag (en with_en);",
            "2:1 U unsigned (u u_raw with_u with_u_raw u_at_least): R_EL1_U;",
            "R_EL1_U, 2 bits, signed: Some(false);",
            "_4K = 0b01;",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
    }

    /// `count` fields of `width` bits, `stride` apart, with the numbers from `first` up.
    fn fields(count: u32, first: u32, width: u32, stride: u32) -> String {
        let mut lines = String::new();
        let end = (count - 1) * stride + width;
        if end < 64 {
            lines += &format!("Res0 63:{end}\n");
        }
        for n in (0..count).rev() {
            let lsb = n * stride;
            lines += &format!("Field {}:{lsb} F{}\n", lsb + width - 1, first + n);
            if width < stride && n > 0 {
                lines += &format!("Res0 {}:{}\n", lsb - 1, lsb - stride + width);
            }
        }
        lines
    }

    #[test]
    fn even_fields_from_zero_are_an_array() {
        assert!(emitted(&fields(64, 0, 1, 1)).contains("[64] flag 1 every 1 F (f with_f);"));
        assert!(emitted(&fields(8, 0, 5, 8)).contains("[8] number 5 every 8 F (f with_f);"));
    }

    #[test]
    fn other_fields_are_not_an_array() {
        for lines in [
            fields(7, 0, 1, 1),
            fields(8, 1, 1, 1),
            // Named in the other direction.
            "Field 63:56 F0\nField 55:48 F1\nField 47:40 F2\nField 39:32 F3\nField 31:24 F4\n\
             Field 23:16 F5\nField 15:8 F6\nField 7:0 F7"
                .into(),
            fields(8, 0, 5, 8).replace("Field 60:56 F7", "Enum 60:56 F7\n0b0 A\nEndEnum"),
            fields(8, 0, 5, 8).replace("Res0 63:61", "Res0 63:62\nField 61 f"),
        ] {
            let text = emitted(&lines);
            assert!(!text.contains(" every "), "{text}");
        }
    }
}

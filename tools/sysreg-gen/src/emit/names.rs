// SPDX-License-Identifier: GPL-2.0

//! The table's names as Rust's.
//!
//! Types, fields' constants and enumerations' values keep the architecture's spelling, so that
//! whoever knows the manual, or greps the kernel, finds them; methods are in lower case.

/// Words that cannot be names, as of edition 2021.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Every layout and register has these already.
const METHODS: &[&str] = &[
    "clone", "eq", "fmt", "from_raw", "hash", "into_raw", "ne", "new", "read", "write",
];

/// Every layout has these already.
const CONSTANTS: &[&str] = &[
    "FIELDS", "NAME", "RES0", "RES1", "UNKN", "ENCODING", "ASM_NAME",
];

/// A name that stays as it is.
///
/// # Errors
///
/// If Rust or the generated code's own items have it; no table had such a name so far.
pub(super) fn constant(name: &str) -> Result<&str, String> {
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    match digit || KEYWORDS.contains(&name) || CONSTANTS.contains(&name) {
        true => Err(format!("{name} cannot be a name in the generated Rust")),
        false => Ok(name),
    }
}

/// A value's name; one that begins with a digit gets an underscore before it.
pub(crate) fn variant(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else if KEYWORDS.contains(&name) {
        format!("{name}_")
    } else {
        name.into()
    }
}

/// A field's getter; one that is taken already gets an underscore after it, as bindgen does.
pub(super) fn getter(name: &str) -> String {
    let name = name.to_lowercase();
    let taken = |words: &[&str]| words.contains(&name.as_str());
    if taken(KEYWORDS) || taken(METHODS) {
        format!("{name}_")
    } else {
        variant(&name)
    }
}

/// `name` split around the last number in it that is not the exception level's.
///
/// `ICH_PPI_PRIORITYR15_EL2` is `("ICH_PPI_PRIORITYR", 15, "_EL2")`.
pub(super) fn numbered(name: &str) -> Option<(&str, u32, &str)> {
    let (stem, suffix) = name.split_at(name.rfind("_EL").unwrap_or(name.len()));
    let start = stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = &stem[start..];
    // 01 would be 1's double.
    if start == 0 || (number.len() > 1 && number.starts_with('0')) {
        return None;
    }
    Some((&stem[..start], number.parse().ok()?, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_where_rust_lets_them() {
        assert_eq!(constant("EOIcount"), Ok("EOIcount"));
        assert!(constant("RES0").is_err());
        assert!(constant("type").is_err());
        assert!(constant("4BITS").is_err());
        assert_eq!(variant("4BITS"), "_4BITS");
        assert_eq!(variant("NI"), "NI");
        assert_eq!(getter("vSGIEOICount"), "vsgieoicount");
        assert_eq!(getter("TYPE"), "type_");
        assert_eq!(getter("NEW"), "new_");
    }

    #[test]
    fn a_number_in_a_name_is_found() {
        assert_eq!(
            numbered("ICH_PPI_PRIORITYR15_EL2"),
            Some(("ICH_PPI_PRIORITYR", 15, "_EL2"))
        );
        assert_eq!(numbered("Priority0"), Some(("Priority", 0, "")));
        assert_eq!(numbered("ICH_VMCR_EL2"), None);
        assert_eq!(numbered("A01"), None);
        assert_eq!(numbered("7"), None);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The kernel's generated C header, `asm/sysreg-defs.h`, and the comparison with it.
//!
//! The header is read as C: macros are names for expressions, and the few functions in them are
//! computed here, from their meaning in the kernel and not from this program's own masks.

use std::collections::BTreeMap;

use crate::{constants, model::Table};

/// What a macro stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number.
    Number(u64),
    /// A word that is not a number by itself: an assembler name, a truth value, another macro.
    Word(String),
}

/// The macros of a header, by name.
#[derive(Debug)]
pub(crate) struct Header {
    path: String,
    macros: BTreeMap<String, Value>,
}

impl Header {
    /// Reads `text`; `path` is for messages.
    ///
    /// # Errors
    ///
    /// A line that is not understood, with its number: nothing is skipped, as a skipped line
    /// would not be compared.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let mut macros = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let at = |what: &str| format!("{path}:{}: {what}: {line}", index + 1);
            let Some(define) = line.strip_prefix("#define") else {
                let known = line.is_empty()
                    || line.starts_with("#ifndef ")
                    || line.starts_with("#endif")
                    || (line.starts_with("/*") && line.ends_with("*/"));
                match known {
                    true => continue,
                    false => return Err(at("not understood")),
                }
            };
            let (name, text) = define
                .trim()
                .split_once(char::is_whitespace)
                .unwrap_or((define.trim(), ""));
            if text.trim().is_empty() {
                // The include guard.
                continue;
            }
            let value = expression(text).ok_or_else(|| at("not a known expression"))?;
            if macros.insert(name.to_string(), value).is_some() {
                return Err(at("defined twice"));
            }
        }
        Ok(Header {
            path: path.into(),
            macros,
        })
    }

    /// The number that `name` stands for, possibly by way of other macros.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let mut value = self.macros.get(name)?;
        // Longer than any chain of macros can be.
        for _ in 0..self.macros.len() {
            match value {
                Value::Number(number) => return Some(*number),
                Value::Word(word) => value = self.macros.get(word)?,
            }
        }
        None
    }

    /// What `name` stands for.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.macros.get(name)
    }
}

/// Compares every macro with the table as this program read it; the answer is their number.
///
/// # Errors
///
/// Every difference, one a line: another value, a macro that the table does not explain, one that
/// it should have led to. A header without macros is an error, as nothing was compared.
pub(crate) fn compare(table: &Table, header: &Header) -> Result<usize, String> {
    let path = &header.path;
    if header.macros.is_empty() {
        return Err(format!("{path}: nothing to compare"));
    }
    let mut unexplained: BTreeMap<&str, &Value> = header
        .macros
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    let mut differences = Vec::new();
    let mut agreed = 0;
    for constant in constants::all(table) {
        match unexplained.remove(constant.name.as_str()) {
            Some(value) if *value == constant.value => agreed += 1,
            Some(value) => differences.push(format!(
                "{path}: {}: {value:?} in the header, {:?} from the table",
                constant.name, constant.value
            )),
            None => differences.push(format!("{path}: no {}", constant.name)),
        }
    }
    let rest = unexplained.keys();
    differences.extend(rest.map(|name| format!("{path}: {name}: not from {}", table.path)));
    match differences.is_empty() {
        true => Ok(agreed),
        false => Err(differences.join("\n")),
    }
}

/// The value of a whole C expression.
fn expression(text: &str) -> Option<Value> {
    let mut rest = text.trim();
    let value = alternatives(&mut rest)?;
    rest.is_empty().then_some(value)
}

/// Terms joined by `|`.
fn alternatives(rest: &mut &str) -> Option<Value> {
    let mut value = term(rest)?;
    while accept(rest, "|") {
        match (value, term(rest)?) {
            (Value::Number(left), Value::Number(right)) => value = Value::Number(left | right),
            _ => return None,
        }
    }
    Some(value)
}

/// A number, a word, a call, or an expression in parentheses.
fn term(rest: &mut &str) -> Option<Value> {
    if accept(rest, "(") {
        let value = alternatives(rest)?;
        return accept(rest, ")").then_some(value);
    }
    let length = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    *rest = after.trim_start();
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return number(word).map(Value::Number);
    }
    if !accept(rest, "(") {
        return (!word.is_empty()).then(|| Value::Word(word.into()));
    }
    let mut arguments = Vec::new();
    loop {
        match alternatives(rest)? {
            Value::Number(number) => arguments.push(number),
            Value::Word(_) => return None,
        }
        if !accept(rest, ",") {
            break;
        }
    }
    accept(rest, ")").then_some(())?;
    call(word, &arguments).map(Value::Number)
}

fn accept(rest: &mut &str, token: &str) -> bool {
    match rest.strip_prefix(token) {
        Some(after) => {
            *rest = after.trim_start();
            true
        }
        None => false,
    }
}

fn number(word: &str) -> Option<u64> {
    match (word.strip_prefix("0b"), word.strip_prefix("0x")) {
        (Some(digits), _) => u64::from_str_radix(digits, 2).ok(),
        (_, Some(digits)) => u64::from_str_radix(digits, 16).ok(),
        _ => word.parse().ok(),
    }
}

/// The kernel's macros with arguments.
fn call(name: &str, arguments: &[u64]) -> Option<u64> {
    match (name, arguments) {
        ("UL", [value]) => Some(*value),
        ("GENMASK" | "GENMASK_ULL", [high, low]) => {
            let bits = *low..=*high;
            (*high < 64).then(|| bits.fold(0, |mask, bit| mask | (1 << bit)))
        }
        ("sys_reg", [op0, op1, crn, crm, op2]) => {
            Some((op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<Value> {
        expression(text)
    }

    #[test]
    fn expressions_have_their_c_meaning() {
        for (text, number) in [
            ("7", 7),
            ("UL(0b0101)", 5),
            ("GENMASK(63, 0)", u64::MAX),
            ("GENMASK(31, 27)", 0xf800_0000),
            ("GENMASK(0, 0)", 1),
            (
                "(UL(0) | GENMASK_ULL(63, 62) | GENMASK_ULL(1, 1))",
                (3 << 62) | 2,
            ),
            ("sys_reg(3, 4, 12, 11, 7)", 0x1c_cbe0),
        ] {
            assert_eq!(value(text), Some(Value::Number(number)), "{text}");
        }
        let word = |word: &str| Some(Value::Word(word.into()));
        assert_eq!(value("S3_4_C12_C11_7"), word("S3_4_C12_C11_7"));
        assert_eq!(value("true"), word("true"));
        assert_eq!(value("(TTBRx_EL1_RES0)"), word("TTBRx_EL1_RES0"));
    }

    #[test]
    fn unknown_expressions_are_refused() {
        for text in [
            "",
            "FROB(1)",
            "GENMASK(64, 0)",
            "1 + 1",
            "(1",
            "UL(0) |",
            "0b2",
            "A | B",
            "UL()",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn lines_are_understood_or_reported() {
        let header = Header::parse(
            "h",
            "#ifndef G\n#define G\n\n/* c */\n#define A  (B)\n#define B\tUL(2)\n#endif /* G */\n",
        )
        .unwrap();
        assert_eq!(header.number("A"), Some(2));
        assert_eq!(header.number("C"), None);

        let error = |text| Header::parse("h", text).unwrap_err();
        assert_eq!(
            error("\n#include <a.h>"),
            "h:2: not understood: #include <a.h>"
        );
        assert!(error("#define A 1\n#define A 1").contains("h:2: defined twice"));
        assert!(error("#define A f(1)").contains("h:1: not a known expression"));
        let round = Header::parse("h", "#define A (B)\n#define B (A)").unwrap();
        assert_eq!(round.number("A"), None);
    }

    const TABLE: &str = "Sysreg R_EL1 3 0 1 2 3\nField 63:8 F\nUnsignedEnum 7:4 E\n0b0001 IMP\n\
                         EndEnum\nRes1 3:0\nEndSysreg\n";
    const HEADER: &str = "\
        #define REG_R_EL1 S3_0_C1_C2_3\n#define SYS_R_EL1 sys_reg(3, 0, 1, 2, 3)\n\
        #define SYS_R_EL1_Op0 3\n#define SYS_R_EL1_Op1 0\n#define SYS_R_EL1_CRn 1\n\
        #define SYS_R_EL1_CRm 2\n#define SYS_R_EL1_Op2 3\n\
        #define R_EL1_F GENMASK(63, 8)\n#define R_EL1_F_MASK GENMASK(63, 8)\n\
        #define R_EL1_F_SHIFT 8\n#define R_EL1_F_WIDTH 56\n\
        #define R_EL1_E GENMASK(7, 4)\n#define R_EL1_E_MASK GENMASK(7, 4)\n\
        #define R_EL1_E_SHIFT 4\n#define R_EL1_E_WIDTH 4\n#define R_EL1_E_SIGNED false\n\
        #define R_EL1_E_IMP UL(0b0001)\n\
        #define R_EL1_RES0 (UL(0))\n#define R_EL1_RES1 (UL(0) | GENMASK_ULL(3, 0))\n\
        #define R_EL1_UNKN (UL(0))\n";

    fn compared(header: &str) -> Result<usize, String> {
        let table = crate::parser::parse("t", TABLE)?;
        compare(&table, &Header::parse("h", header)?)
    }

    #[test]
    fn an_equal_header_is_counted() {
        assert_eq!(compared(HEADER), Ok(20));
    }

    /// Whatever single value changes in the header, or goes, or comes, is noticed.
    #[test]
    fn every_difference_is_found() {
        for line in HEADER.lines() {
            let name = line.split_whitespace().nth(1).unwrap();
            let other = HEADER.replace(line, &format!("#define {name} 17"));
            let error = compared(&other).unwrap_err();
            assert!(
                error.starts_with(&format!("h: {name}: Number(17) in")),
                "{error}"
            );
            let missing = HEADER.replace(&format!("{line}\n"), "");
            assert_eq!(compared(&missing), Err(format!("h: no {name}")));
        }
        let more = format!("{HEADER}#define R_EL1_G 1\n");
        assert_eq!(compared(&more), Err("h: R_EL1_G: not from t".into()));
        assert_eq!(compared(""), Err("h: nothing to compare".into()));
    }
}

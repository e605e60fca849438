// SPDX-License-Identifier: GPL-2.0

//! A line's words: how many, and what each may be.

use crate::model::Bits;

/// The words after the keyword, of which there must be `N`.
pub(super) fn operands<'a, const N: usize>(words: &[&'a str]) -> Result<[&'a str; N], String> {
    words[1..]
        .try_into()
        .map_err(|_| format!("{} words found where {} expected", words.len(), N + 1))
}

/// A name that C macros begin with: an identifier in itself.
pub(super) fn symbol(name: &str) -> Result<(), String> {
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Err(format!("'{name}' is not a name")),
        false => identifier(name),
    }
}

/// A name that C macros end with.
pub(super) fn identifier(name: &str) -> Result<(), String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match !name.is_empty() && name.chars().all(valid) {
        true => Ok(()),
        false => Err(format!("'{name}' is not a name")),
    }
}

/// A decimal number without a sign.
fn number(word: &str) -> Option<u32> {
    let digits = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten()
}

pub(super) fn operand(what: &str, word: &str, max: u8) -> Result<u8, String> {
    number(word)
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| *value <= max)
        .ok_or(format!("invalid {what} '{word}', not 0 to {max}"))
}

/// `msb:lsb`, or one number for both.
pub(super) fn bit_range(word: &str) -> Result<Bits, String> {
    let (msb, lsb) = word.split_once(':').unwrap_or((word, word));
    match (number(msb), number(lsb)) {
        (Some(msb), Some(lsb)) => Ok(Bits { msb, lsb }),
        _ => Err(format!("invalid bit-range definition '{word}'")),
    }
}

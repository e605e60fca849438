// SPDX-License-Identifier: GPL-2.0-or-later
//! The model's whole state as bytes, and back.
//!
//! Each structure has one function that goes over its fields, and serves both
//! ways, so that what is saved and what is restored cannot differ. Memory is not
//! part of it: the tables are in the machine's. The bytes are little-endian
//! doublewords, in the order in which the fields are gone over; there is no
//! promise between versions of the model but that others' are refused.

use crate::config::Config;
use crate::intid::Priority;
use core::fmt;

/// Changes whenever what is saved does.
const VERSION: u64 = 6;
const MAGIC: u64 = u64::from_le_bytes(*b"gicv5mdl");

/// Why a state cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// It is not one of this version of the model.
    NotOurs,
    /// It is one of a model with another configuration.
    OtherConfig,
    /// It is not what any model could be in, or it is cut short or too long.
    Broken,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOurs => "not a state of this version of the model",
            Self::OtherConfig => "a state of a model with another configuration",
            Self::Broken => "not a state that a model can be in",
        })
    }
}

impl core::error::Error for RestoreError {}

enum Mode<'a> {
    Save(Vec<u8>),
    Load { rest: &'a [u8], bad: bool },
}

/// Bytes that are written, or read. What is read and is not as it must be is
/// remembered, and everything is 0 from then on.
pub(crate) struct Archive<'a>(Mode<'a>);

impl<'a> Archive<'a> {
    /// To save into.
    pub fn saving() -> Self {
        Self(Mode::Save(Vec::new()))
    }

    /// To load from.
    pub const fn loading(bytes: &'a [u8]) -> Self {
        Self(Mode::Load {
            rest: bytes,
            bad: false,
        })
    }

    /// The header.
    ///
    /// # Errors
    ///
    /// What is loaded is of another model.
    pub fn header(&mut self, config: &Config) -> Result<(), RestoreError> {
        let mut same = |value: u64| {
            let mut found = value;
            self.bits(&mut found, u64::MAX);
            found == value
        };
        if !(same(MAGIC) && same(VERSION)) {
            return Err(RestoreError::NotOurs);
        }
        let all = config.words().into_iter().all(same);
        all.then_some(()).ok_or(RestoreError::OtherConfig)
    }

    /// What was saved.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Mode::Save(bytes) => bytes,
            Mode::Load { .. } => Vec::new(),
        }
    }

    /// Whether everything was loaded, and nothing is left.
    pub const fn is_complete(&self) -> bool {
        match &self.0 {
            Mode::Save(_) => true,
            Mode::Load { rest, bad } => !*bad && rest.is_empty(),
        }
    }

    /// What is loaded has to be so.
    pub fn require(&mut self, ok: bool) {
        if let Mode::Load { rest, bad } = &mut self.0 {
            if !ok {
                *bad = true;
                *rest = &[];
            }
        }
    }

    /// A value that has no bits but those of `mask`.
    pub fn bits(&mut self, value: &mut u64, mask: u64) {
        match &mut self.0 {
            Mode::Save(bytes) => bytes.extend(value.to_le_bytes()),
            Mode::Load { rest, bad } => {
                *value = 0;
                match rest.split_first_chunk() {
                    Some((word, after)) if !*bad => {
                        *rest = after;
                        *value = u64::from_le_bytes(*word);
                    }
                    _ => *bad = true,
                }
            }
        }
        if *value & !mask != 0 {
            *value &= mask;
            self.require(false);
        }
    }

    /// A number of any type.
    pub fn number<T: Copy + Into<u64> + TryFrom<u64> + Default>(&mut self, value: &mut T) {
        let mut word = (*value).into();
        self.bits(&mut word, u64::MAX);
        let narrow = T::try_from(word);
        self.require(narrow.is_ok());
        *value = narrow.unwrap_or_default();
    }

    /// A flag.
    pub fn flag(&mut self, value: &mut bool) {
        let mut word = (*value).into();
        self.bits(&mut word, 1);
        *value = word != 0;
    }

    /// A priority.
    pub fn priority(&mut self, value: &mut Priority) {
        let mut word = value.get().into();
        self.bits(&mut word, 0x1f);
        *value = Priority::from_bits(word);
    }

    /// Something that there may be.
    pub fn option<T: Default>(
        &mut self,
        value: &mut Option<T>,
        each: impl FnOnce(&mut T, &mut Self),
    ) {
        let mut there = value.is_some();
        self.flag(&mut there);
        if there {
            each(value.get_or_insert_default(), self);
        } else {
            *value = None;
        }
    }

    /// Any number of somethings, each at least a doubleword.
    pub fn list<T: Default>(
        &mut self,
        values: &mut Vec<T>,
        mut each: impl FnMut(&mut T, &mut Self),
    ) {
        let mut count = values.len() as u64;
        self.bits(&mut count, u64::MAX);
        if let Mode::Load { rest, .. } = &self.0 {
            let fits = count <= rest.len() as u64 / 8;
            self.require(fits);
            let count = if fits { count as usize } else { 0 };
            values.clear();
            values.resize_with(count, T::default);
        }
        for value in values {
            each(value, self);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! An array whose allocation can fail.
//!
//! The kernel has its own vector, and the host crate has the standard one; this is what the two
//! have in common and the virtual IRS needs.

use super::error::{Error, Result};

#[cfg(not(CONFIG_RUST))]
extern crate alloc;

#[cfg(CONFIG_RUST)]
use kernel::alloc::{flags::GFP_KERNEL, KVVec as Inner};

#[cfg(not(CONFIG_RUST))]
use alloc::vec::Vec as Inner;

/// An array on the heap, of a fixed capacity.
pub struct List<T>(Inner<T>);

impl<T> List<T> {
    /// An array without elements, and without memory.
    pub const fn new() -> Self {
        Self(Inner::new())
    }

    /// An empty array with room for `capacity` elements. May sleep.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    pub fn with_capacity(capacity: usize) -> Result<Self> {
        #[cfg(CONFIG_RUST)]
        {
            Inner::with_capacity(capacity, GFP_KERNEL)
                .map(Self)
                .map_err(|_| Error::NoMemory)
        }
        #[cfg(not(CONFIG_RUST))]
        {
            let mut inner = Inner::new();
            inner
                .try_reserve_exact(capacity)
                .map_err(|_| Error::NoMemory)?;
            Ok(Self(inner))
        }
    }

    /// Appends `value`, within the capacity.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`] if the array is full.
    pub fn push(&mut self, value: T) -> Result {
        if self.0.len() == self.0.capacity() {
            return Err(Error::NoMemory);
        }
        #[cfg(CONFIG_RUST)]
        {
            self.0
                .push_within_capacity(value)
                .map_err(|_| Error::NoMemory)
        }
        #[cfg(not(CONFIG_RUST))]
        {
            self.0.push(value);
            Ok(())
        }
    }

    /// Gives each element to `consumer`.
    pub fn consume(self, consumer: impl FnMut(T)) {
        self.0.into_iter().for_each(consumer);
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> core::ops::DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

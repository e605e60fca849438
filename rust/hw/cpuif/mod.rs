// SPDX-License-Identifier: GPL-2.0

//! The registers of this CPU's virtual interface, as the host's mode lets the kernel reach them,
//! and what they are known to hold.

mod cache;
mod local;
mod nvhe;
mod vhe;

pub(crate) use cache::{cache_of, epoch};
pub(crate) use local::Local;
pub(crate) use nvhe::Nvhe;
pub(crate) use vhe::{is_vhe, Vhe};

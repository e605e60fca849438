// SPDX-License-Identifier: GPL-2.0-or-later
//! The Arm GICv5 as software sees it.

pub mod config;
pub mod intid;
pub mod irs;
pub mod memory;

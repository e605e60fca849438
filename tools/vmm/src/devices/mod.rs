// SPDX-License-Identifier: GPL-2.0
//! The devices that this process emulates.

pub mod pl011;
pub mod rtc;
pub mod virtio;

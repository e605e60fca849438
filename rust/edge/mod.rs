// SPDX-License-Identifier: GPL-2.0

//! Where the logic meets KVM: the operations of `struct vgic_v5_backend`, in C's types.
//!
//! This is the only place, with [`crate::regs`], that is `unsafe`. Each operation turns pointers
//! into references to what it needs, has the logic decide, and turns the outcome into what C
//! expects.
//!
//! | | |
//! |---|---|
//! | [`backend`] | the table of operations, and its registration |
//! | [`context`] | from C's pointers to ours |
//! | [`lifecycle`] | VMs and vCPUs come and go, and are reset |
//! | [`switch`] | the world switch: load, put, flush, sync; what tracepoints show of it |
//! | [`interrupts`] | injection, owners, direct injection |
//! | [`traps`] | accesses of the guest's that trap |
//! | [`attributes`] | the device's attributes; saving and restoring |
//! | [`view`] | debugfs |

pub(crate) mod attributes;
pub(crate) mod backend;
pub(crate) mod context;
pub(crate) mod interrupts;
pub(crate) mod lifecycle;
pub(crate) mod switch;
pub(crate) mod traps;
pub(crate) mod view;

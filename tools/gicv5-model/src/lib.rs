// SPDX-License-Identifier: GPL-2.0-or-later
//! The Arm GICv5 (FEAT_GCIE and one IRS) as software sees it.
//!
//! An executable reading of the architecture (Arm IHI 111701). It is the
//! hardware inside an emulator, through the C interface in
//! `include/gicv5_model.h`; the oracle for tests of software that drives a
//! GICv5; and documentation. Whoever embeds it supplies processors, wires and
//! memory, and decides nothing.
//!
//! # Where a rule comes from
//!
//! The documentation of an item names its source: a rule of the architecture
//! (`R_`, `D_`, `I_` and a name of five letters) as far as sources that can be
//! read publicly cite it, the description of a register, or the Linux function
//! that relies on the behaviour. What the architecture leaves open, or what
//! could not be known, is marked **CHOICE**.
//!
//! # Time
//!
//! Every access is complete, with all its effects, before it returns. That is
//! within what the architecture allows ("in finite time", R_XCLJC), and it
//! makes the barriers do nothing. With [`Delay`](config::Delay) operations take
//! their time, and software that forgets a barrier or does not wait for IDLE is
//! caught.
//!
//! # Shape
//!
//! [`Gicv5`] has one [`CpuInterface`](cpuif::CpuInterface) a PE and one
//! [`Irs`](irs::Irs); what crosses between them is a
//! [`Candidate`](intid::Candidate) one way, a [`Command`](irs::Command) the
//! other. Nothing here is `unsafe` but `ffi`.

mod archive;
pub mod config;
pub mod cpuif;
mod delay;
mod ffi;
pub mod intid;
pub mod irs;
pub mod memory;
mod model;
pub mod regs;
mod sync;

pub use archive::RestoreError;
pub use model::{Gicv5, Lines, PeSet};

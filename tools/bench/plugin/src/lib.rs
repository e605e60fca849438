// SPDX-License-Identifier: GPL-2.0
//! A plugin for the emulator: counts what the kernel executes between the
//! events of KVM's life, so that two GICv5 backends can be compared.
//!
//! Every instruction of the kernel and its modules is counted, GICv5 register
//! accesses and barriers also by name, by additions in the translated code.
//! Calls of this plugin are only made for events: a guest is left or entered,
//! one of the vGIC's functions is called or returns, a program makes a mark.
//! Then [`windows`] takes differences, and [`report`] writes them down.
//!
//! The machine must run on one thread (`-icount`, `-accel tcg,thread=single`),
//! where the order of events is that of execution.
//!
//! Arguments: `map=` the kernel's System.map, `out=` where the report goes, and
//! `profile=` where to write what the instructions of the windows were spent
//! on, if that is wanted.

pub mod counts;
pub mod decode;
#[cfg(not(test))]
mod ffi;
#[cfg(not(test))]
mod plugin;
pub mod report;
pub mod symbols;
pub mod windows;

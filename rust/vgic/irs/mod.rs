// SPDX-License-Identifier: GPL-2.0

//! The virtual IRS: SPIs and LPIs of a VM.
//!
//! The physical IRS does the work: it holds the state of a VM's interrupts in tables that KVM
//! allocates, delivers them to VPEs that are resident on a PE, and wakes others through doorbells.
//! KVM emulates the registers by which a guest configures its IRS, gives the tables to the hardware
//! and takes them back, and tells it what devices do.
//!
//! | | |
//! |---|---|
//! | [`control`] | a VM's IRS as a whole: what KVM calls |
//! | [`config`], [`frame`], [`attributes`] | interfaces: to userspace before INIT, to the guest, to userspace after INIT |
//! | [`spi`], [`vpe`] | what devices and vCPUs do, without a lock |
//! | [`save`] | the state of SPIs and LPIs, out and in |
//! | [`vm`], [`ist`], [`vmt`] | a VM's tables, and the host's table of VMs |
//! | [`table`] | memory that the IRS has |
//! | [`host`], [`sizes`] | commands to the host's IRS; what it says about itself |
//! | [`entry`], [`registers`], [`field`] | encodings |
//! | [`ports`], [`list`], [`error`] | what this needs of the world, and how it fails |

pub mod attributes;
pub mod config;
pub mod control;
pub mod entry;
pub mod error;
pub mod field;
pub mod frame;
pub mod host;
pub mod ist;
pub mod list;
pub mod ports;
pub mod registers;
pub mod save;
pub mod sizes;
pub mod spi;
pub mod table;
pub mod vm;
pub mod vmt;
pub mod vpe;

pub use attributes::{Stage, UserReg};
pub use config::Config;
pub use control::{Action, Control, Shared};
pub use entry::Iste;
pub use error::{Error, Result};
pub use frame::{FRAMES_SIZE, FRAME_SIZE};
pub use host::{IstKind, Saved, VmId, VpeId};
pub use list::List;
pub use ports::{Block, Cpu, HostIrs, SharedMemory};
pub use save::{Sink, Source};
pub use sizes::Sizes;
pub use spi::{Spis, Trigger};
pub use vm::VpeSpec;
pub use vmt::{Host, VmTable};
pub use vpe::{ContextFault, Leaving, Vpe};

// SPDX-License-Identifier: GPL-2.0

//! A vCPU's CPU interface: its PPIs, its registers, and how it moves between memory and hardware.
//!
//! # Where the state is
//!
//! A [`CpuInterface`] holds one word per property of its 64 architected PPIs. Which copy of the
//! state is the true one depends on whether the vCPU is loaded:
//!
//! | | [`Parked`] | [`Resident`], outside the guest | in the guest |
//! |---|---|---|---|
//! | enables | memory | memory (guest writes trap) | memory |
//! | edge latch, line levels | memory | memory | memory + `ICH_PPI_PENDR0` |
//! | active bits, priorities, APR, VMCR | memory | registers (memory is as of the last put) | registers |
//! | direct injection (DVI) | memory | memory | `ICH_PPI_DVIR0` |
//!
//! Each physical CPU has a [`RegisterCache`]: what its registers are known to hold. Every
//! transition writes a register only where the cache differs from what is wanted, so a vCPU that
//! comes back to a CPU nobody else used costs nothing, and one that follows another VM costs what
//! differs.
//!
//! # Who changes what
//!
//! Any thread: the [`Inputs`] (edge latch, line levels, owners, direct injection). The thread that
//! runs the vCPU: the [`SavedState`], through [`Parked`] and [`Resident`]. Any thread may *read*
//! everything at any time; what it reads of a running vCPU is out of date, as it would be on
//! hardware.

mod inputs;
mod interface;
mod load_state;
mod owners;
mod pending;
mod ppi;
mod priority;
mod register_cache;
pub mod registers;
mod saved;
mod traps;
mod uaccess;
mod vm_ppis;

pub use inputs::{Injection, Inputs};
pub use interface::CpuInterface;
pub use load_state::{LoadState, Parked, Resident};
pub use owners::{Owner, OwnerError, PpiOwners};
pub use ppi::{PpiId, PpiMask};
pub use priority::{Priority, PriorityMask};
pub use register_cache::RegisterCache;
pub use registers::Reg;
pub use saved::SavedState;
pub use traps::{TrappedRegister, Undefined};
pub use uaccess::{BadValue, Half, UserRegister};
pub use vm_ppis::VmPpis;

// SPDX-License-Identifier: GPL-2.0

//! What a virtual GICv5 CPU interface is and how it moves between memory and registers.
//!
//! Nothing here knows the C side of KVM, touches hardware, or is `unsafe`. The tree is compiled
//! twice: inside the module (`rust/kvm_arm_vgic_v5.rs`) and as an ordinary host crate
//! (`rust/logic/host.rs`), where it is tested against the architecture model and under loom.
//!
//! # Where the state lives
//!
//! A [`Vcpu`] holds one word per property of its 64 architected PPIs. Which copy of the state is
//! the true one depends on where the vCPU is:
//!
//! | | [`Parked`] | [`Resident`], outside the guest | in the guest |
//! |---|---|---|---|
//! | enables | memory | memory (guest writes trap) | memory |
//! | edge latch, line levels | memory | memory | memory + `ICH_PPI_PENDR0` |
//! | active bits, priorities, APR, VMCR | memory | registers (memory is as of the last put) | registers |
//! | direct injection (DVI) | memory | memory | `ICH_PPI_DVIR0` |
//!
//! Each physical CPU has a [`Shadow`]: what its registers are known to hold. Every transition
//! writes a register only where the shadow differs from what is wanted, so a vCPU that comes back
//! to a CPU nobody else used costs nothing, and one that follows another VM costs what differs.
//!
//! # Room to grow
//!
//! PPIs are the first interrupt source that feeds a vCPU. SPIs and LPIs arrive from a virtual IRS
//! as candidates of the VPE; a module for them sits beside [`vcpu`] and joins it in
//! [`Vcpu::has_pending`] and in [`Parked::load`], the two places that speak for the whole vCPU.

mod intid;
#[cfg(any(CONFIG_KUNIT = "y", all(test, not(loom))))]
mod kunit;
mod pending;
mod ppi;
mod priority;
mod registers;
mod residency;
mod shadow;
mod stats;
mod sync;
mod traps;
mod uaccess;
mod vcpu;
mod vm;
mod wires;

pub use intid::{Intid, IntidType};
pub use ppi::{PpiId, PpiMask};
pub use priority::{Priority, PriorityMask};
pub use registers::{Reg, Registers};
pub use residency::{Flushed, Folded, Parked, Residency, Resident};
pub use shadow::Shadow;
pub use stats::{Event, Stats};
pub use sync::Word;
pub use traps::{TrapError, TrappedRegister};
pub use uaccess::{BadValue, Half, UserRegister};
pub use vcpu::{Injection, Vcpu};
pub use vm::Vm;
pub use wires::{Owner, WireError, Wires};

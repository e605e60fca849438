// SPDX-License-Identifier: GPL-2.0

//! What a virtual GICv5 is, and how it moves between memory and hardware.
//!
//! Nothing here knows the C side of KVM, touches hardware, or is `unsafe`. The tree is compiled
//! twice: inside the module (`rust/kvm_arm_vgic_v5.rs`) and as an ordinary host crate
//! (`rust/vgic/host.rs`), where it is tested against the architecture model and under loom. What
//! it needs of the outside it asks for through the traits of [`ports`].
//!
//! | | |
//! |---|---|
//! | [`Vm`], [`Vcpu`] | what a VM and a vCPU consist of |
//! | [`cpuif`] | the CPU interface of a vCPU: its PPIs, its registers, load and put |
//! | [`irs`] | the virtual IRS: SPIs and LPIs |
//! | [`ports`] | traits that the hardware layer implements |
//! | [`intid`], [`stats`], [`word`] | interrupt IDs, counters, a word that threads share |

pub mod cpuif;
pub mod intid;
pub mod irs;
#[cfg(any(CONFIG_KUNIT = "y", all(test, not(loom))))]
mod kunit;
pub mod ports;
pub mod stats;
mod vcpu;
mod vm;
pub mod word;

pub use vcpu::{Vcpu, VcpuThread};
pub use vm::Vm;

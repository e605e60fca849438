// SPDX-License-Identifier: GPL-2.0

//! Where the module meets KVM: the operations of `struct vgic_v5_backend`.
//!
//! This is the only place, with [`crate::hw`], that is `unsafe`. A trampoline turns C's pointers
//! into values once, an operation has [`crate::vgic`] decide, and the trampoline turns the outcome
//! into what C expects.
//!
//! | | |
//! |---|---|
//! | [`types`] | KVM's structures as Rust values; guards for its locks |
//! | [`backend`] | the operations, as traits |
//! | [`trampolines`] | from C's calls to the traits; the table |
//! | [`registration`] | offers the table to KVM |
//! | [`gicv5`] | this backend, and its data |
//! | [`init`] | VMs and vCPUs come and go, and are reset |
//! | [`switch`] | the world switch: load, put, flush, sync; what tracepoints show of it |
//! | [`irq`] | injection, owners, direct injection |
//! | [`irs`] | a VM's virtual IRS, and the host's |
//! | [`mmio`], [`iodev`] | the IRS's frames in the guest's memory map; KVM's bus |
//! | [`sysreg`] | accesses of the guest's that trap |
//! | [`device`] | the device's attributes; saving and restoring |
//! | [`debug`] | debugfs |

mod backend;
mod debug;
mod device;
mod gicv5;
mod init;
mod iodev;
mod irq;
pub(crate) mod irs;
mod mmio;
pub(crate) mod registration;
mod switch;
mod sysreg;
mod trampolines;
mod types;

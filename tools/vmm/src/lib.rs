// SPDX-License-Identifier: GPL-2.0
//! A small virtual machine monitor for arm64, on KVM and the rust-vmm crates.
//!
//! It boots a Linux Image with an initramfs on any number of vCPUs, with a
//! GICv3 or a GICv5, virtio disks, networks, random numbers and console.
//! [`gic`] is written to be read by authors of other VMMs.

pub mod args;
pub mod bus;
pub mod devices;
pub mod fdt;
pub mod gic;
pub mod image;
pub mod layout;
pub mod peer;
pub mod terminal;
#[cfg(target_arch = "aarch64")]
pub mod vcpu;
#[cfg(target_arch = "aarch64")]
pub mod vm;

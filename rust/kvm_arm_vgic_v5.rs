// SPDX-License-Identifier: GPL-2.0

//! KVM/arm64's GICv5, in Rust.
//!
//! Three layers, one directory each: `vgic` decides and knows neither C nor hardware, `hw` reaches
//! the registers, `kvm` is what KVM calls.

// `scripts/check 23` looks.
#![warn(clippy::multiple_unsafe_ops_per_block)]

use kernel::prelude::*;

mod hw;
mod kvm;
// Public as it is on the host, where it is a crate of its own.
pub mod vgic;

/// The C side, by bindgen, of `include/kvm_arm_vgic_v5.h`.
#[allow(
    clippy::all,
    clippy::as_underscore,
    clippy::cast_lossless,
    clippy::multiple_unsafe_ops_per_block,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_imports
)]
mod bindings {
    use kernel::ffi;
    use kernel::prelude::*;

    include!(concat!(env!("VGIC_V5_OBJ"), "/rust/bindings_generated.rs"));
}

/// Register definitions, generated from the kernel's table and named as there.
#[allow(clippy::upper_case_acronyms)]
mod sysregs {
    include!(concat!(env!("VGIC_V5_OBJ"), "/rust/sysregs_generated.rs"));
}

module! {
    type: VgicV5,
    name: "kvm_arm_vgic_v5",
    authors: ["The kvm_arm_vgic_v5 developers"],
    description: "KVM/arm64 GICv5 backend in Rust",
    license: "GPL",
    params: {
        retain: bool {
            default: true,
            description: "Trust a CPU's registers to hold what was left there (0: restore all at every vCPU load)",
        },
        irs_always: bool {
            default: false,
            description: "Every VM has an IRS and must place it, as with Linux 7.4 and later (0: VMs whose VMM does not ask for one have PPIs only)",
        },
    },
}

/// `module!` has no field for it.
#[cfg(MODULE)]
#[used]
#[link_section = ".modinfo"]
static VERSION: [u8; 14] = *b"version=0.1.0\0";

struct VgicV5 {
    // Dropped in this order: no VM can come while the VM table goes.
    _registration: kvm::registration::Registration,
    _irs: kvm::irs::Installed,
}

impl kernel::Module for VgicV5 {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let irs = kvm::irs::Installed::new();
        let registration = kvm::registration::Registration::new()?;
        // Only now: a host that has no GICv5 for guests at all is told so, in one line.
        irs.explain();
        Ok(Self {
            _registration: registration,
            _irs: irs,
        })
    }
}

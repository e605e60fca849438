// SPDX-License-Identifier: GPL-2.0

//! KVM/arm64's GICv5, in Rust.
//!
//! Three layers, one directory each: `logic` decides and knows neither C nor hardware, `regs` are
//! the registers, `edge` is what KVM calls.

use kernel::prelude::*;

mod edge;
// Public as it is on the host, where it is a crate of its own.
pub mod logic;
mod regs;

/// The C side, by bindgen, of `include/kvm_arm_vgic_v5.h`.
#[allow(
    clippy::all,
    clippy::as_underscore,
    clippy::cast_lossless,
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
    },
}

/// `module!` has no field for it.
#[cfg(MODULE)]
#[used]
#[link_section = ".modinfo"]
static VERSION: [u8; 14] = *b"version=0.1.0\0";

struct VgicV5 {
    _backend: edge::backend::Backend,
}

impl kernel::Module for VgicV5 {
    fn init(module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _backend: edge::backend::Backend::register(module)?,
        })
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Entries of tables that software has changed, or freed, while they are valid.
//!
//! The IRS has read them when they became valid and sees no change (CHOICE), so
//! a change goes unnoticed until somebody relies on one that other hardware
//! would have seen, or not. It is looked for when the VM ceases to be valid: each
//! entry has to be as the IRS left it. A table that was freed is found if its
//! memory was used again by then. ISTEs are looked at whenever they are named.

use super::vm::Vm;
use super::vmt::{self, VALID};
use crate::intid::IntType;
use crate::memory::Env;

/// An entry, and what the IRS left in it.
struct Entry {
    what: &'static str,
    pa: u64,
    left: u64,
}

/// What there is of a VM.
fn entries(vm: &Vm) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut entry = |what, pa, left| all.push(Entry { what, pa, left });
    let [word0, word1] = vm.words;
    entry("L2_VMTE", vm.vmte, word0 | VALID);
    entry("L2_VMTE", vm.vmte + 8, word1);
    for ty in [IntType::Lpi, IntType::Spi] {
        if let (Some(word), Ok(pa)) = (vm.ist_word(ty), vmt::ist_word(vm.vmte, ty)) {
            entry("L2_VMTE", pa, word | VALID);
        }
    }
    for (id, vpe) in &vm.vpes {
        entry("VPETE", vm.vpet + u64::from(*id) * 8, vpe.vpete | VALID);
        entry("VPE descriptor", vpe.vped, vpe.state.bits());
    }
    all
}

/// Says which of the entries of VM `id`, which is still valid, software has
/// changed.
pub(super) fn say_changed(env: &mut Env<'_>, id: u16, vm: &Vm) {
    for Entry { what, pa, left } in entries(vm) {
        if vmt::read64(env.mem, pa) != Ok(left) {
            env.log.guest_error(format_args!(
                "VM {id}: the {what} at {pa:#x} was changed while it is valid"
            ));
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A VM and its vCPUs in debugfs: `kvm/<pid>-<fd>/vgic-v5`.
//!
//! KVM removes the VM's directory, and waits for its readers, before it destroys the VM.

use super::{backend, context};
use crate::bindings;
use crate::logic::{Event, PpiId, PpiMask, Residency, Vcpu, Vm};
use kernel::bindings as kbindings;
use kernel::fmt;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;

/// Adds the file. That it cannot be is no reason not to run a VM.
///
/// # Safety
///
/// `kvm` is valid, and has our data.
pub(super) unsafe fn create(kvm: *mut bindings::kvm) {
    // SAFETY: `kvm` is valid.
    let parent = unsafe { (*kvm).debugfs_dentry }.cast::<kbindings::dentry>();
    let Some(operations) = backend::file_operations() else {
        return;
    };
    #[cfg(CONFIG_DEBUG_FS)]
    // SAFETY: The parent is the VM's directory, or an error, which debugfs takes as "nowhere". The
    // operations live as long as the module, which the VM holds. The VM outlives the file.
    unsafe {
        kbindings::debugfs_create_file_full(
            c"vgic-v5".as_char_ptr(),
            0o444,
            parent,
            kvm.cast(),
            core::ptr::null(),
            operations,
        )
    };
    #[cfg(not(CONFIG_DEBUG_FS))]
    let _ = (parent, operations);
}

/// # Safety
///
/// As `open` of the `struct file_operations` of a file that [`create`] made.
pub(super) unsafe extern "C" fn open(
    inode: *mut kbindings::inode,
    file: *mut kbindings::file,
) -> c_int {
    // SAFETY: `inode` is valid.
    let kvm = unsafe { (*inode).i_private };
    // SAFETY: `file` is being opened; `show` takes what `create` gave.
    unsafe { kbindings::single_open(file, Some(show), kvm) }
}

/// # Safety
///
/// `seq` is a live seq_file that [`open`] opened.
unsafe extern "C" fn show(seq: *mut kbindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: `open` put the VM there, and debugfs keeps it while it reads.
    let kvm = unsafe { (*seq).private }.cast::<bindings::kvm>();
    // SAFETY: The file is live, and only this thread uses it.
    let file = unsafe { SeqFile::from_raw(seq) };
    // SAFETY: The VM is valid, and has our data.
    let vm = unsafe { context::vm(kvm) };
    show_vm(file, vm);
    // SAFETY: The VM is valid.
    for vcpu in unsafe { context::vcpus(kvm) } {
        // SAFETY: An online vCPU is valid.
        let id = unsafe { context::vcpu_id(vcpu) };
        // SAFETY: As above, and it has our data.
        let data = unsafe { context::vcpu(vcpu) };
        show_vcpu(file, id, vm, data);
    }
    0
}

/// A set of PPIs by their architected names.
struct Names(PpiMask);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(" -");
        }
        for ppi in self.0.iter() {
            match ppi.name() {
                Some(name) => write!(f, " {name}")?,
                None => write!(f, " PPI{}", ppi.number())?,
            }
        }
        Ok(())
    }
}

fn show_vm(file: &SeqFile, vm: &Vm) {
    seq_print!(
        file,
        "backend:     {}\n",
        backend::NAME.to_str().unwrap_or("?")
    );
    seq_print!(file, "implemented:{}\n", Names(vm.implemented()));
    seq_print!(file, "visible:    {}\n", Names(vm.visible()));
    seq_print!(file, "level:      {}\n", Names(vm.level()));
    seq_print!(file, "userspace:  {}\n", Names(vm.userspace()));
}

fn show_vcpu(file: &SeqFile, id: c_int, vm: &Vm, vcpu: &Vcpu) {
    // What the registers of a resident vCPU hold is only known to its CPU.
    let place = match vcpu.residency() {
        Residency::Parked(_) => "parked",
        Residency::Resident(_) => "resident; active, priorities, APR and VMCR as of the last put",
    };
    let vmcr = vcpu.vmcr();
    seq_print!(file, "\nvcpu {} ({})\n", id, place);
    seq_print!(
        file,
        "  EN {}  VPMR {}  APR {:#010x}\n",
        u8::from(vmcr.en()),
        vmcr.vpmr().get(),
        vcpu.apr().into_raw()
    );
    for (name, set) in [
        ("enabled", vcpu.enabled()),
        ("pending", vcpu.pending() & !vcpu.direct()),
        ("active ", vcpu.active()),
        ("direct ", vcpu.direct()),
    ] {
        seq_print!(file, "  {}:{}\n", name, Names(set));
    }
    seq_print!(file, "  priority:");
    for ppi in vm.visible().iter() {
        show_priority(file, vcpu, ppi);
    }
    seq_print!(file, "\n ");
    for (event, name) in Event::ALL {
        seq_print!(file, " {} {};", name, vcpu.stats().get(event));
    }
    seq_print!(file, "\n");
}

fn show_priority(file: &SeqFile, vcpu: &Vcpu, ppi: PpiId) {
    let priority = vcpu.priority(ppi).value();
    seq_print!(file, "{} {}", Names(ppi.mask()), priority);
}

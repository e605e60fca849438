// SPDX-License-Identifier: GPL-2.0

//! A VM and its vCPUs in debugfs: `kvm/<pid>-<fd>/vgic-v5`.
//!
//! KVM removes the VM's directory, and waits for its readers, before it destroys the VM.

use super::backend::Backend;
use super::gicv5::{GicV5, Kvm};
use super::irs::VmIrs;
use crate::bindings;
use crate::hw::doorbell::Doorbell;
use crate::hw::table;
use crate::vgic::cpuif::{CpuInterface, PpiId, PpiMask, VmPpis};
use crate::vgic::irs::{Host, IstKind, Iste, Saved, Trigger};
use crate::vgic::stats::Event;
use kernel::bindings as kbindings;
use kernel::fmt;
use kernel::module::this_module;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;

/// The kernel crate's debugfs puts files into directories of its own only; KVM's is C's.
#[repr(transparent)]
struct FileOperations(kbindings::file_operations);

// SAFETY: Never written.
unsafe impl Sync for FileOperations {}

static FILES: FileOperations = FileOperations(kbindings::file_operations {
    owner: this_module::<crate::VgicV5>().as_ptr(),
    open: Some(open),
    read: Some(kbindings::seq_read),
    llseek: Some(kbindings::seq_lseek),
    release: Some(kbindings::single_release),
    ..pin_init::zeroed()
});

/// Adds the file. Failure is not fatal.
pub(super) fn create(kvm: Kvm<'_>) {
    let parent = kvm.debugfs_dir();
    #[cfg(CONFIG_DEBUG_FS)]
    // SAFETY: The parent is the VM's directory, or an error, which debugfs takes as "nowhere". The
    // operations live as long as the module, which the VM holds. The VM outlives the file.
    unsafe {
        kbindings::debugfs_create_file_full(
            c"vgic-v5".as_char_ptr(),
            0o444,
            parent,
            kvm.as_ptr().cast(),
            core::ptr::null(),
            &FILES.0,
        )
    };
    #[cfg(not(CONFIG_DEBUG_FS))]
    let _ = (parent, &FILES);
}

/// # Safety
///
/// As `open` of the `struct file_operations` of a file that [`create`] made.
unsafe extern "C" fn open(inode: *mut kbindings::inode, file: *mut kbindings::file) -> c_int {
    // SAFETY: `inode` is valid.
    let kvm = unsafe { (*inode).i_private };
    // SAFETY: `file` is being opened; `show` takes what `create` gave.
    unsafe { kbindings::single_open(file, Some(show), kvm) }
}

/// # Safety
///
/// `seq` is a live seq_file that [`open`] opened.
unsafe extern "C" fn show(seq: *mut kbindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: `open` put there what `create` gave it.
    let kvm = unsafe { (*seq).private }.cast::<bindings::kvm>();
    // SAFETY: KVM removes the file, and waits for its readers, before it destroys the VM's data.
    let kvm = unsafe { Kvm::from_raw(kvm) };
    // SAFETY: The file is live, and only this thread uses it.
    let file = unsafe { SeqFile::from_raw(seq) };
    show_vm(file, kvm.data().ppis());
    let irs = kvm.data().irs().get();
    if let Some(irs) = irs {
        show_irs(file, irs);
    }
    for vcpu in kvm.vcpus() {
        show_vcpu(file, vcpu.id(), kvm.data().ppis(), vcpu.data().cpuif());
        if let Some(doorbell) = irs.and_then(|irs| irs.doorbell(vcpu)) {
            show_vpe(file, doorbell);
        }
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

fn show_vm(file: &SeqFile, vm: &VmPpis) {
    seq_print!(
        file,
        "backend:     {}\n",
        GicV5::NAME.to_str().unwrap_or("?")
    );
    seq_print!(file, "implemented:{}\n", Names(vm.implemented()));
    seq_print!(file, "visible:    {}\n", Names(vm.visible()));
    seq_print!(file, "level:      {}\n", Names(vm.level()));
    seq_print!(file, "userspace:  {}\n", Names(vm.userspace()));
}

fn show_irs(file: &SeqFile, irs: &VmIrs) {
    let shared = &irs.shared;
    let vm = shared.vm().map_or(-1, |vm| vm.number().into());
    seq_print!(file, "irs:         VM ID {}", vm);
    seq_print!(file, "; IRSEN {}", u8::from(shared.enabled()));
    seq_print!(file, "; {} SPIs", shared.spis().count());
    let id_bits = irs.lpi_id_bits().unwrap_or(0);
    seq_print!(file, "; LPI ID bits {}", id_bits);
    seq_print!(file, "; leaked by all VMs {} bytes\n", table::leaked());
    show_vm_table(file, irs);
    show_entries(file, irs);
}

/// The host's table of VMs.
fn show_vm_table(file: &SeqFile, irs: &VmIrs) {
    let shown = irs.host().with_table(|table| {
        let (used, all) = (table.in_use(), table.capacity());
        seq_print!(file, "VM table:    {} of {} IDs in use", used, all);
        if let Some((present, all)) = table.second_level() {
            seq_print!(file, "; {} of {} second-level tables", present, all);
        }
        seq_print!(file, "\n");
        Ok(())
    });
    if shown.is_err() {
        seq_print!(file, "VM table:    none\n");
    }
}

/// SPIs that are in any state but the first, one a line; LPIs counted.
fn show_entries(file: &SeqFile, irs: &VmIrs) {
    let states = [
        (Iste::ENABLE, "enabled"),
        (Iste::PENDING, "pending"),
        (Iste::ACTIVE, "active"),
    ];
    let mut lpis = [0_u32; 3];
    let outcome = irs.with_control(|control, host, shared| {
        control.show(host, shared, |kind, id, entry| {
            let now = states.map(|(state, _)| entry.has(state));
            if kind == IstKind::Lpi {
                for (count, is) in lpis.iter_mut().zip(now) {
                    *count += u32::from(is);
                }
                return;
            }
            let level = shared.spis().trigger(id) == Trigger::Level;
            if level || now.contains(&true) {
                seq_print!(file, "  SPI {}:", id);
                for ((_, name), _) in states.iter().zip(now).filter(|(_, is)| *is) {
                    seq_print!(file, " {}", *name);
                }
                let (priority, vpe) = (Iste::PRIORITY.get(entry.0.into()), entry.0 >> 16);
                seq_print!(file, "; priority {}; VPE {}", priority, vpe);
                match (level, shared.spis().line(id)) {
                    (false, _) => seq_print!(file, "; edge\n"),
                    (true, false) => seq_print!(file, "; level, low\n"),
                    (true, true) => seq_print!(file, "; level, high\n"),
                }
            }
        })
    });
    for ((_, name), count) in states.iter().zip(lpis) {
        seq_print!(file, "  LPIs {}: {}\n", *name, count);
    }
    match outcome {
        Ok(Ok(Saved::Quiescent)) => {}
        Ok(Ok(Saved::Changed)) => seq_print!(file, "  (changed meanwhile)\n"),
        Ok(Err(_)) | Err(_) => seq_print!(file, "  (the IRS does not say)\n"),
    }
}

fn show_vpe(file: &SeqFile, doorbell: &Doorbell) {
    let vpe = doorbell.vpe();
    seq_print!(
        file,
        "  VPE {}; doorbell LPI {}, asked for {} times, rang {} times\n",
        if vpe.is_resident() {
            "resident"
        } else {
            "not resident"
        },
        doorbell.lpi(),
        vpe.asked(),
        vpe.rings()
    );
}

fn show_vcpu(file: &SeqFile, id: c_int, vm: &VmPpis, vcpu: &CpuInterface) {
    // What the registers of a resident vCPU hold is only known to its CPU.
    let (inputs, saved) = (vcpu.inputs(), vcpu.saved());
    let place = if saved.is_resident() {
        "resident; active, priorities, APR and VMCR as of the last put"
    } else {
        "parked"
    };
    let vmcr = saved.vmcr();
    seq_print!(file, "\nvcpu {} ({})\n", id, place);
    seq_print!(
        file,
        "  EN {}  VPMR {}  APR {:#010x}\n",
        u8::from(vmcr.en()),
        vmcr.vpmr().get(),
        saved.apr().into_raw()
    );
    for (name, set) in [
        ("enabled", saved.enabled()),
        ("pending", inputs.pending() & !inputs.direct()),
        ("active ", saved.active()),
        ("direct ", inputs.direct()),
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

fn show_priority(file: &SeqFile, vcpu: &CpuInterface, ppi: PpiId) {
    let priority = vcpu.saved().priority(ppi).value();
    seq_print!(file, "{} {}", Names(ppi.mask()), priority);
}

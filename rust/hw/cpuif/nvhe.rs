// SPDX-License-Identifier: GPL-2.0

//! The kernel runs at EL1: the EL2 object saves and restores the registers on every exit and
//! entry, from and to memory it shares with the kernel.
//!
//! What it does is C's and costs what C costs; this makes that memory look like the registers.
//! On entry EL2 writes everything, PPIs 64 to 127 as 0, and writes PENDR without the direct PPIs.
//! On exit it saves all but APR, which has a hypercall of its own, and clears DVIR.

use super::local::Local;
use crate::bindings;
use crate::vgic::cpuif::Reg;
use crate::vgic::ports::CpuRegisters;

/// The memory behind the registers while one vCPU is on this CPU.
///
/// # Invariants
///
/// Both point to memory that is valid while the value lives and that nothing else accesses,
/// but EL2 while the guest runs.
pub(crate) struct Nvhe {
    /// The vCPU's own.
    cpu_if: *mut bindings::vgic_v5_cpu_if,
    /// This CPU's, used by one vCPU after the other.
    ppis: *mut bindings::vgic_v5_ppi_state,
}

impl Nvhe {
    /// Where a register is kept; `None` for those that EL2 decides on by itself.
    #[inline(always)]
    fn place(&self, reg: Reg) -> Option<*mut u64> {
        let (cpu_if, ppis) = (self.cpu_if, self.ppis);
        macro_rules! place {
            ($base:ident.$field:ident) => {
                // SAFETY: Type invariant: the pointer is valid, so its field is in bounds.
                Some(unsafe { &raw mut (*$base).$field }.cast::<u64>())
            };
        }
        let priorityr = |n: usize| {
            // SAFETY: Type invariant: the pointer is valid, so its field is in bounds.
            let first = unsafe { &raw mut (*cpu_if).vgic_ppi_priorityr }.cast::<u64>();
            // Called with constants below 8, the length of the array.
            Some(first.wrapping_add(n))
        };
        match reg {
            Reg::Vmcr => place!(cpu_if.vgic_vmcr),
            Reg::Apr => place!(cpu_if.vgic_apr),
            Reg::Enabler0 => place!(cpu_if.vgic_ppi_enabler),
            Reg::Activer0 => place!(cpu_if.vgic_ppi_activer),
            Reg::Dvir0 => place!(cpu_if.vgic_ppi_dvir),
            Reg::Icsr => place!(cpu_if.vgic_icsr),
            Reg::Pendr0 => place!(ppis.pendr),
            Reg::Priorityr0 => priorityr(0),
            Reg::Priorityr1 => priorityr(1),
            Reg::Priorityr2 => priorityr(2),
            Reg::Priorityr3 => priorityr(3),
            Reg::Priorityr4 => priorityr(4),
            Reg::Priorityr5 => priorityr(5),
            Reg::Priorityr6 => priorityr(6),
            Reg::Priorityr7 => priorityr(7),
            _ => None,
        }
    }
}

impl CpuRegisters for Nvhe {
    // Most of them are the vCPU's own memory, and not where the last one left its state.
    const RETAINS: bool = false;

    #[inline(always)]
    fn read(&self, reg: Reg) -> u64 {
        if reg == Reg::Apr {
            // SAFETY: Type invariant: valid, and on this CPU it is the loaded vCPU's.
            unsafe { bindings::kvm_vgic_v5_save_apr(self.cpu_if) };
        }
        match self.place(reg) {
            // SAFETY: `place` gives valid pointers to 64 bits that only we access now.
            Some(place) => unsafe { place.read() },
            None => 0,
        }
    }

    #[inline(always)]
    fn write(&mut self, reg: Reg, value: u64) {
        if let Some(place) = self.place(reg) {
            // SAFETY: `place` gives valid pointers to 64 bits that only we access now.
            unsafe { place.write(value) }
        }
    }

    fn synchronize(&mut self) {}

    fn loaded(&mut self) {
        // SAFETY: Type invariant: valid. It holds VMCR and APR of the vCPU that is being loaded.
        unsafe { bindings::kvm_vgic_v5_restore_vmcr_apr(self.cpu_if) }
    }

    fn unloaded(&mut self) {
        // The registers, too: only this hypercall writes VMCR, and whoever runs here next without
        // a GICv5 of its own does not. What it writes to APR then means nothing, as VMCR.EN is 0.
        // SAFETY: Type invariant: valid. It holds 0 for VMCR and APR of the vCPU that was put.
        unsafe { bindings::kvm_vgic_v5_restore_vmcr_apr(self.cpu_if) }
    }

    fn exited(&mut self) {
        // EL2 saves the active state apart from what it restores, and does not carry it over.
        // SAFETY: Type invariant: valid, and only we access it now.
        let active = unsafe { (*self.ppis).activer_exit };
        // SAFETY: The guest does not run, so EL2 does not access it either.
        unsafe { (*self.cpu_if).vgic_ppi_activer = active };
    }
}

impl Local for Nvhe {
    unsafe fn of(vcpu: *mut bindings::kvm_vcpu) -> Self {
        // SAFETY: The caller vouches for the vCPU, so the field is in bounds.
        let union = unsafe { &raw mut (*vcpu).arch.vgic_cpu.__bindgen_anon_1 };
        // SAFETY: Preemption is disabled, so the CPU's memory stays this CPU's.
        let ppis = unsafe { bindings::kvm_vgic_v5_ppi_state() };
        // INVARIANT: The union holds a vgic_v5_cpu_if as the VM has a GICv5. Both pieces of memory
        // are accessed by the core only on the paths that this backend's operations replace.
        Self {
            cpu_if: union.cast(),
            ppis,
        }
    }
}

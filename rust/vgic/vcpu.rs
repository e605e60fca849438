// SPDX-License-Identifier: GPL-2.0

//! What a vCPU consists of, as far as its GIC is concerned.

use super::cpuif::{CpuInterface, LoadState, PpiMask};
use super::vm::Vm;

/// A vCPU's part of the GIC.
pub struct Vcpu {
    cpuif: CpuInterface,
}

/// Proof that the caller is the only one who may move a vCPU between memory and registers: the
/// thread that runs the vCPU, or one that holds its mutex while it does not run.
///
/// Whoever implements it sees to it that no two values for one vCPU exist at the same time. The
/// module makes one per operation of KVM's that promises as much.
pub trait VcpuThread<'a> {
    /// The vCPU.
    fn vcpu(&self) -> &'a Vcpu;
}

impl Vcpu {
    /// A vCPU as after power-on, not loaded.
    ///
    /// `token` must be non-zero and never reused.
    pub fn new(token: u64) -> Self {
        Self {
            cpuif: CpuInterface::new(token),
        }
    }

    /// Its CPU interface.
    #[inline(always)]
    pub fn cpuif(&self) -> &CpuInterface {
        &self.cpuif
    }

    /// Whether the vCPU is in memory or on this CPU. The proof is used up, so there is one answer
    /// at a time.
    #[inline(always)]
    pub fn load_state<'a>(thread: impl VcpuThread<'a>) -> LoadState<'a> {
        LoadState::of(&thread.vcpu().cpuif)
    }

    /// Whether the vCPU would be signalled an interrupt if it ran now; see
    /// [`CpuInterface::has_pending`].
    #[inline]
    pub fn has_pending(&self, vm: &Vm, physical: impl FnOnce() -> PpiMask) -> bool {
        self.cpuif.has_pending(vm.ppis(), physical)
    }
}

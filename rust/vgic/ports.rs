// SPDX-License-Identifier: GPL-2.0

//! What this layer needs of the outside: traits that the hardware layer, and tests, implement.

use super::cpuif::registers::Reg;

/// One CPU's virtual interface as its hypervisor reaches it.
///
/// Three things implement it: `msr` and `mrs` on a VHE host, the memory that the EL2 object saves
/// to and restores from on an nVHE host, and the architecture model in host tests.
pub trait CpuRegisters {
    /// Whether what one vCPU leaves in these registers is found there by the next to be loaded.
    /// False makes every load write everything.
    const RETAINS: bool = true;

    /// Reads a register.
    fn read(&self, reg: Reg) -> u64;

    /// Writes a register.
    fn write(&mut self, reg: Reg, value: u64);

    /// Makes the writes so far take effect before the accesses that follow (ISB).
    fn synchronize(&mut self);

    /// Called at the end of a load: VMCR and APR hold the vCPU's values.
    fn loaded(&mut self) {}

    /// Called at the end of a put: VMCR holds 0, and must be 0 in the hardware from now on.
    fn unloaded(&mut self) {}

    /// Called after the guest has run, before anything is read.
    fn exited(&mut self) {}
}

// SPDX-License-Identifier: GPL-2.0

//! Has a vCPU that does not run something to wake up for?

use super::interface::CpuInterface;
use super::ppi::PpiMask;
use super::priority::PriorityMask;
use super::vm_ppis::VmPpis;

impl CpuInterface {
    /// Whether the CPU interface would signal an interrupt if the vCPU ran now.
    ///
    /// `physical` gives the pending physical PPIs of the CPU that the vCPU is on, by which those of
    /// the mapped PPIs go; it is not asked if none of them would matter.
    ///
    /// A PPI that is active is no candidate, whatever its pending state. The C backend does not
    /// look at that and can wake a vCPU for an interrupt that it then cannot take.
    #[inline]
    pub fn has_pending(&self, ppis: &VmPpis, physical: impl FnOnce() -> PpiMask) -> bool {
        let could = ppis.visible() & self.saved().enabled() & !self.saved().active();
        let mapped = self.inputs().owners().mapped();
        let mut candidates = could & self.inputs().pending() & !mapped;
        if !(could & mapped).is_empty() {
            candidates = candidates | could & mapped & physical();
        }
        if candidates.is_empty() {
            return false;
        }
        let mask = PriorityMask::new(self.saved().vmcr(), self.saved().apr());
        candidates
            .iter()
            .any(|ppi| mask.admits(self.saved().priority(ppi)))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Has a vCPU that does not run something to wake up for?

use super::ppi::{PpiId, PpiMask};
use super::priority::PriorityMask;
use super::stats::Event;
use super::vcpu::Vcpu;
use super::vm::Vm;

impl Vcpu {
    /// Whether the CPU interface would signal an interrupt if the vCPU ran now.
    ///
    /// `input_level` says whether the device behind a mapped PPI asserts it, and is only asked
    /// about those that everything else lets through.
    ///
    /// A PPI that is active is no candidate, whatever its pending state. The C backend does not
    /// look at that and can wake a vCPU for an interrupt that it then cannot take.
    #[inline]
    pub fn has_pending(&self, vm: &Vm, input_level: impl Fn(PpiId) -> bool) -> bool {
        self.stats.count(Event::PendingCheck);
        let mapped = self.wires().mapped();
        let held = self.pending() & !mapped;
        let candidates = vm.visible() & self.enabled() & !self.active() & (held | mapped);
        if candidates.is_empty() {
            return false;
        }
        let mask = PriorityMask::new(self.vmcr(), self.apr());
        if mask.blocks_all() {
            return false;
        }
        // Those whose state is here first: they cost less to ask.
        self.any(candidates & held, |ppi| mask.admits(self.priority(ppi)))
            || self.any(candidates & mapped, |ppi| {
                mask.admits(self.priority(ppi)) && input_level(ppi)
            })
    }

    fn any(&self, of: PpiMask, test: impl Fn(PpiId) -> bool) -> bool {
        of.iter().any(test)
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! What a PE finds in a register only after a context synchronization event, so
//! that software which forgets the ISB is caught.
//!
//! GIC CDRCFG and GIC VDRCFG write ICC_ICSR_EL1 indirectly, and so does a write
//! to ICH_CONTEXTR_EL2 its own F. A read is sure to find an indirect write only
//! with a context synchronization event in between: ISB, exception entry or
//! exception return. (That is the architecture's rule for all System registers;
//! Linux: `gicv5_iri_irq_get_irqchip_state`, `__vgic_v5_make_resident`.) With
//! [`Delay::steps`](crate::config::Delay) it does not find it before that, or
//! before its time is over; and a read in between is a guest error.
//!
//! CHOICE: until then the register reads as before, F as 0.

use crate::archive::Archive;
use crate::memory::Log;
use crate::model::Gicv5;

/// An indirect write that is not to be seen yet, and for how many steps.
#[derive(Clone, Copy, Debug)]
struct Unseen {
    value: u64,
    /// F of ICH_CONTEXTR_EL2.
    fault: bool,
    left: u32,
}

/// What PE's registers will hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unsynchronized {
    icsr: Option<Unseen>,
    contextr: Option<Unseen>,
}

impl Unsynchronized {
    /// Saves or loads it.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        for place in [&mut self.icsr, &mut self.contextr] {
            let mut there = place.map(|unseen| (unseen.value, unseen.fault, unseen.left));
            archive.option(&mut there, |(value, fault, left), archive| {
                archive.number(value);
                archive.flag(fault);
                archive.number(left);
                // A step is taken before it is looked at.
                archive.require(*left != 0);
            });
            *place = there.map(|(value, fault, left)| Unseen { value, fault, left });
        }
    }
}

impl Gicv5 {
    /// A context synchronization event on PE `pe`: ISB, exception entry or
    /// exception return. Needed only with
    /// [`Delay::steps`](crate::config::Delay).
    pub fn synchronize(&mut self, pe: u32) {
        let Some(place) = self.unsynchronized.get_mut(pe as usize) else {
            return;
        };
        let Unsynchronized { icsr, contextr } = core::mem::take(place);
        if icsr.is_none() && contextr.is_none() {
            return;
        }
        if let Some(cpuif) = self.change(pe) {
            if let Some(Unseen { value, .. }) = icsr {
                cpuif.set_icsr(value);
            }
            if let Some(Unseen { value, fault, .. }) = contextr {
                cpuif.set_contextr(value, fault);
            }
        }
    }

    /// A step for what is not to be seen yet.
    pub(crate) fn step_unsynchronized(&mut self) {
        for pe in 0..self.num_pes() {
            let Some(place) = self.unsynchronized.get_mut(pe as usize) else {
                return;
            };
            let all = [&mut place.icsr, &mut place.contextr];
            let mut over = false;
            for unseen in all.into_iter().flatten() {
                unseen.left -= 1;
                over |= unseen.left == 0;
            }
            if over {
                self.synchronize(pe);
            }
        }
    }

    /// GIC CDRCFG or GIC VDRCFG on PE `pe` leaves `value` in ICC_ICSR_EL1.
    pub(crate) fn answer(&mut self, pe: u32, value: u64) {
        let left = self.queue.steps() + 1;
        match self.unsynchronized.get_mut(pe as usize) {
            Some(place) if left > 1 => {
                place.icsr = Some(Unseen {
                    value,
                    fault: false,
                    left,
                });
            }
            _ => {
                if let Some(cpuif) = self.change(pe) {
                    cpuif.set_icsr(value);
                }
            }
        }
    }

    /// ICH_CONTEXTR_EL2 of PE `pe` becomes `value`, and with `asks` software
    /// wants to know F, which is `fault`.
    pub(crate) fn set_contextr(&mut self, pe: u32, value: u64, asks: bool, fault: bool) {
        let left = self.queue.steps() + 1;
        let waits = asks && left > 1;
        if let Some(place) = self.unsynchronized.get_mut(pe as usize) {
            place.contextr = waits.then_some(Unseen { value, fault, left });
        }
        if let Some(cpuif) = self.change(pe) {
            cpuif.set_contextr(value, fault && !waits);
        }
    }

    /// ICC_ICSR_EL1 of PE `pe` is written directly, which comes later.
    pub(crate) fn write_icsr(&mut self, pe: u32) {
        if let Some(place) = self.unsynchronized.get_mut(pe as usize) {
            place.icsr = None;
        }
    }

    /// ICC_ICSR_EL1 of PE `pe` is read.
    pub(crate) fn read_icsr(&self, log: &mut dyn Log, pe: u32) {
        if self.unseen(pe).icsr.is_some() {
            log.guest_error(format_args!(
                "ICC_ICSR_EL1 is read without a context synchronization event since GIC CDRCFG"
            ));
        }
    }

    /// ICH_CONTEXTR_EL2 of PE `pe` is read.
    pub(crate) fn read_contextr(&self, log: &mut dyn Log, pe: u32) {
        if self.unseen(pe).contextr.is_some() {
            log.guest_error(format_args!(
                "ICH_CONTEXTR_EL2 is read without a context synchronization event since V was written"
            ));
        }
    }

    fn unseen(&self, pe: u32) -> Unsynchronized {
        let place = self.unsynchronized.get(pe as usize);
        place.copied().unwrap_or_default()
    }
}

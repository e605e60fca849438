// SPDX-License-Identifier: GPL-2.0-or-later
//! Operations that take their time, so that software which does not wait for
//! them is caught.
//!
//! The architecture says only that an operation is complete in finite time
//! (R_XCLJC), and how software finds out: GSB SYS for the PE's own GIC CD* and
//! GIC VD*, GSB ACK for its acknowledge, IDLE of a status register for what was
//! written to the IRS. With [`Delay::steps`] they wait that long.
//!
//! A step is an access to a GIC register or instruction by any PE, or a call of
//! [`Gicv5::step`] for time that passes without one. What the wires and
//! ICH_CONTEXTR_EL2 do is done at once.

use crate::archive::Archive;
use crate::config::Delay;
use crate::intid::Intid;
use crate::irs::{status_of, Command, Owner};
use crate::memory::Env;
use crate::model::Gicv5;

/// What is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A command that PE `pe` has sent.
    Command {
        pe: u32,
        owner: Owner,
        command: Command,
    },
    /// A write to the configuration frame; `status` is the offset of the
    /// register whose IDLE tells that it is done.
    Frame {
        offset: u32,
        size: u32,
        value: u64,
        status: u32,
    },
}

impl Default for Work {
    fn default() -> Self {
        Self::Command {
            pe: 0,
            owner: Owner::Physical,
            command: Command::Enable(Intid::from_raw(0)),
        }
    }
}

impl Work {
    fn archive(&mut self, archive: &mut Archive<'_>) {
        let mut is_frame = matches!(self, Self::Frame { .. });
        archive.flag(&mut is_frame);
        if is_frame != matches!(self, Self::Frame { .. }) {
            *self = Self::Frame {
                offset: 0,
                size: 4,
                value: 0,
                status: 0,
            };
        }
        match self {
            Self::Command { pe, owner, command } => {
                archive.number(pe);
                owner.archive(archive);
                command.archive(archive);
            }
            Self::Frame {
                offset,
                size,
                value,
                status,
            } => {
                archive.number(offset);
                archive.number(size);
                archive.number(value);
                archive.number(status);
                archive.require(status_of(*offset, *size) == Some(*status));
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Steps to go; `None`: it never completes.
    left: Option<u32>,
    work: Work,
}

/// What is waiting, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    delay: Delay,
    entries: Vec<Entry>,
    /// For each PE the interrupt that it has acknowledged without GSB ACK since
    /// then, and how many steps that is relevant.
    acknowledged: Vec<Option<(Owner, Intid, u32)>>,
}

impl Queue {
    pub fn new(delay: &Delay, pes: u32) -> Self {
        Self {
            delay: *delay,
            entries: Vec::new(),
            acknowledged: vec![None; pes as usize],
        }
    }

    /// Saves or loads it.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.list(&mut self.entries, |entry, archive| {
            archive.option(&mut entry.left, |left, archive| archive.number(left));
            // A step is taken before it is looked at.
            archive.require(entry.left != Some(0));
            entry.work.archive(archive);
        });
        for place in &mut self.acknowledged {
            let mut saved = place.map(Some);
            archive.option(&mut saved, |saved, archive| {
                let nothing = (Owner::Physical, Intid::from_raw(0), 1);
                let (owner, intid, left) = saved.get_or_insert(nothing);
                owner.archive(archive);
                intid.archive(archive);
                archive.number(left);
                archive.require(*left != 0);
            });
            *place = saved.flatten();
        }
    }

    /// Nothing is waiting any longer, and nothing of it is done.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.acknowledged.fill(None);
    }

    /// [`Delay::steps`].
    pub const fn steps(&self) -> u32 {
        self.delay.steps
    }

    /// Whether anything ever waits.
    pub fn is_on(&self) -> bool {
        self.delay.steps != 0 || self.delay.stuck.is_some()
    }

    fn push(&mut self, left: Option<u32>, work: Work) {
        self.entries.push(Entry { left, work });
    }

    /// Removes what `due` says, in order.
    fn take(&mut self, mut due: impl FnMut(&mut Entry) -> bool) -> Vec<Work> {
        let mut taken = Vec::new();
        self.entries.retain_mut(|entry| {
            let due = due(entry);
            if due {
                taken.push(entry.work);
            }
            !due
        });
        taken
    }

    /// Whether a write waits that the status register at this offset tells of.
    fn is_busy(&self, offset: u32) -> bool {
        let waits =
            |entry: &Entry| matches!(entry.work, Work::Frame { status, .. } if status == offset);
        self.entries.iter().any(waits)
    }
}

impl Gicv5 {
    /// Time passes: one step for everything that waits. Needed only with
    /// [`Delay::steps`], where software may wait without asking.
    pub fn step(&mut self, env: &mut Env<'_>) {
        if !self.queue.is_on() {
            return;
        }
        self.step_unsynchronized();
        for place in &mut self.queue.acknowledged {
            if let Some((.., left)) = place {
                *left -= 1;
                if *left == 0 {
                    *place = None;
                }
            }
        }
        let due = self.queue.take(|entry| match &mut entry.left {
            Some(left) => {
                *left -= 1;
                *left == 0
            }
            None => false,
        });
        self.finish(env, due);
    }

    fn finish(&mut self, env: &mut Env<'_>, due: Vec<Work>) {
        for work in due {
            match work {
                Work::Command { owner, command, .. } => self.irs_mut().command(env, owner, command),
                Work::Frame {
                    offset,
                    size,
                    value,
                    ..
                } => {
                    self.irs_mut().write(env, offset, size, value);
                }
            }
        }
    }

    /// GSB SYS on PE `pe`: what it has sent is complete.
    pub(crate) fn barrier(&mut self, env: &mut Env<'_>, pe: u32) {
        let own =
            |entry: &mut Entry| matches!(entry.work, Work::Command { pe: from, .. } if from == pe);
        let due = self.queue.take(own);
        self.finish(env, due);
    }

    /// What PE `pe` has sent for this interrupt is complete: the commands of a
    /// PE for one interrupt are done in order.
    pub(crate) fn barrier_for(&mut self, env: &mut Env<'_>, pe: u32, of: Owner, intid: Intid) {
        let due = self.queue.take(|entry| match entry.work {
            Work::Command {
                pe: from,
                owner,
                command,
            } => from == pe && owner == of && command.intid() == intid,
            Work::Frame { .. } => false,
        });
        self.finish(env, due);
    }

    /// PE `pe` sends a command.
    pub(crate) fn send(&mut self, env: &mut Env<'_>, pe: u32, owner: Owner, command: Command) {
        if let Command::Deactivate(intid) = command {
            let acknowledged = self.queue.acknowledged.get(pe as usize).copied().flatten();
            if acknowledged.is_some_and(|(of, id, _)| (of, id) == (owner, intid)) {
                // It may arrive before the acknowledge.
                env.log.guest_error(format_args!(
                    "{command}: no GSB ACK since it was acknowledged; it stays active"
                ));
                return;
            }
        }
        let work = Work::Command { pe, owner, command };
        if self.queue.delay.steps == 0 {
            self.finish(env, vec![work]);
        } else {
            // The access that brings it is a step, too.
            self.queue.push(Some(self.queue.delay.steps + 1), work);
        }
    }

    /// PE `pe` has acknowledged an interrupt of the IRS.
    pub(crate) fn sent_acknowledge(&mut self, pe: u32, owner: Owner, intid: Intid) {
        let steps = self.queue.delay.steps;
        if let Some(place) = self.queue.acknowledged.get_mut(pe as usize) {
            *place = (steps != 0).then_some((owner, intid, steps + 1));
        }
    }

    /// GSB ACK on PE `pe`.
    pub(crate) fn barrier_ack(&mut self, pe: u32) {
        if let Some(place) = self.queue.acknowledged.get_mut(pe as usize) {
            *place = None;
        }
    }

    /// A write to the frame, which waits if it is one that IDLE of a status
    /// register tells of. False is an external abort.
    ///
    /// Such a write while IDLE is 0 is software's fault. CHOICE: it is ignored;
    /// the other half of a 64-bit register is not one.
    pub(crate) fn write_frame(
        &mut self,
        env: &mut Env<'_>,
        offset: u32,
        size: u32,
        value: u64,
    ) -> bool {
        let status = match status_of(offset, size) {
            Some(status) if self.queue.is_on() => status,
            _ => return self.irs_mut().write(env, offset, size, value),
        };
        let half = |entry: &Entry| match entry.work {
            Work::Frame {
                offset: first,
                size: 4,
                ..
            } => size == 4 && first == offset ^ 4,
            _ => false,
        };
        if self.queue.is_busy(status) && !self.queue.entries.iter().any(half) {
            env.log.guest_error(format_args!(
                "write of {value:#x} at IRS offset {offset:#x} while the status at {status:#x} is not IDLE"
            ));
            return true;
        }
        let work = Work::Frame {
            offset,
            size,
            value,
            status,
        };
        let Delay { steps, stuck } = self.queue.delay;
        match (stuck == Some(offset & !7) || stuck == Some(offset), steps) {
            (true, _) => self.queue.push(None, work),
            (false, 0) => self.finish(env, vec![work]),
            (false, steps) => self.queue.push(Some(steps + 1), work),
        }
        true
    }

    /// A read of the frame. A status register whose operation waits is not
    /// IDLE, and no other field of it means anything.
    pub(crate) fn read_frame(&mut self, env: &mut Env<'_>, offset: u32, size: u32) -> Option<u64> {
        let value = self.irs_mut().read(env, offset, size)?;
        match self.queue.is_busy(offset) {
            true => Some(0),
            false => Some(value),
        }
    }
}

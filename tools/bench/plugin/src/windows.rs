// SPDX-License-Identifier: GPL-2.0
//! From events and running counts to windows: what was executed between two
//! events. Knows nothing of the emulator.
//!
//! Time is that of one emulated processor after the other, as in a
//! single-threaded run: an event comes with the counts of every processor.

use crate::counts::Counts;

/// What opens and closes a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a guest's exit to the next entry to a guest on the same processor;
    /// only that processor's counts.
    RoundTrip,
    /// The same, but only for the first one after a mark that asks for it.
    OneRoundTrip,
    /// From a start mark to a stop mark, wherever; the counts of all
    /// processors.
    Marks,
    /// From the call to the return of the vGIC's function of that name.
    Call(String),
}

impl Kind {
    /// Reads the word `window=...` of a case's description.
    fn parse(description: &str) -> Option<Self> {
        let word = description
            .split(' ')
            .find_map(|word| word.strip_prefix("window="))?;
        match word {
            "roundtrip" => Some(Self::RoundTrip),
            "one-roundtrip" => Some(Self::OneRoundTrip),
            "marks" => Some(Self::Marks),
            _ => Some(Self::Call(word.strip_prefix("call:")?.to_owned())),
        }
    }
}

/// What was executed in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// In the kernel and its modules, all told.
    pub all: Counts,
    /// In the vGIC's functions and what they called.
    pub vgic: Counts,
    /// How often a guest was left; the exit that opened the window included.
    pub exits: u64,
}

impl Window {
    const ZERO: Self = Self {
        all: Counts::ZERO,
        vgic: Counts::ZERO,
        exits: 0,
    };

    fn since(self, start: Self) -> Self {
        Self {
            all: self.all - start.all,
            vgic: self.vgic - start.vgic,
            exits: self.exits - start.exits,
        }
    }
}

/// A call of one of the vGIC's functions from outside of it.
#[derive(Debug)]
struct Call {
    function: String,
    /// Where it returns to, and the stack pointer by then.
    return_to: u64,
    sp: u64,
    start: Window,
}

#[derive(Debug, Default)]
struct Cpu {
    /// The vGIC's counts in calls that returned.
    vgic: Option<Counts>,
    exits: u64,
    call: Option<Call>,
    /// Where the round trip began.
    exit: Option<Window>,
}

impl Cpu {
    /// Everything since the beginning, seen as a window.
    fn total(&self, now: &Counts) -> Window {
        let mut vgic = self.vgic.unwrap_or(Counts::ZERO);
        if let Some(call) = &self.call {
            vgic += *now - call.start.all;
        }
        Window {
            all: *now,
            vgic,
            exits: self.exits,
        }
    }
}

/// One measurement: its description and its windows in order.
#[derive(Debug)]
pub struct Case {
    /// Words `key=value`, as the program under measurement gave them.
    pub description: String,
    /// In the order of their ends.
    pub windows: Vec<Window>,
    kind: Kind,
}

/// Turns events into windows.
#[derive(Debug)]
pub struct Recorder {
    cpus: Vec<Cpu>,
    cases: Vec<Case>,
    /// The case that windows are recorded for.
    current: Option<usize>,
    marked: Option<Window>,
    /// The next guest exit opens a window of [`Kind::OneRoundTrip`].
    armed: bool,
}

impl Recorder {
    /// For a machine with `cpus` processors.
    pub fn new(cpus: usize) -> Self {
        Self {
            cpus: (0..cpus).map(|_| Cpu::default()).collect(),
            cases: Vec::new(),
            current: None,
            marked: None,
            armed: false,
        }
    }

    /// Every case so far.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// What is measured now, if anything is.
    pub fn current(&self) -> Option<usize> {
        self.current
    }

    /// Starts a case, or goes on with an earlier one of the same description.
    ///
    /// # Errors
    ///
    /// If the description does not say which windows are meant.
    pub fn begin(&mut self, description: &str) -> Result<(), String> {
        self.end();
        let known = self.cases.iter().position(|c| c.description == description);
        self.current = Some(match known {
            Some(index) => index,
            None => {
                let kind = Kind::parse(description)
                    .ok_or_else(|| format!("no window=... in {description:?}"))?;
                self.cases.push(Case {
                    description: description.to_owned(),
                    windows: Vec::new(),
                    kind,
                });
                self.cases.len() - 1
            }
        });
        Ok(())
    }

    /// Ends the case; windows that are open are dropped.
    pub fn end(&mut self) {
        self.current = None;
        self.marked = None;
        self.armed = false;
        for cpu in &mut self.cpus {
            cpu.call = None;
            cpu.exit = None;
        }
    }

    fn kind(&self) -> Option<&Kind> {
        self.current.map(|index| &self.cases[index].kind)
    }

    /// How many windows there are, of all cases.
    pub fn windows(&self) -> usize {
        self.cases.iter().map(|case| case.windows.len()).sum()
    }

    /// Whether a window is open anywhere.
    pub fn is_open(&self) -> bool {
        (0..self.cpus.len()).any(|cpu| self.inside(cpu).is_some())
    }

    /// Whether processor `cpu` is in a window that is open, of which case, and
    /// whether it is in the vGIC.
    pub fn inside(&self, cpu: usize) -> Option<(usize, bool)> {
        let cpu = &self.cpus[cpu];
        let open = match self.kind()? {
            Kind::RoundTrip | Kind::OneRoundTrip => cpu.exit.is_some(),
            Kind::Marks => self.marked.is_some(),
            Kind::Call(name) => cpu.call.as_ref().is_some_and(|call| call.function == *name),
        };
        open.then_some((self.current?, cpu.call.is_some()))
    }

    fn record(&mut self, window: Window) {
        if let Some(index) = self.current {
            self.cases[index].windows.push(window);
        }
    }

    /// The mark that asks for the next round trip.
    pub fn arm(&mut self) {
        self.armed = true;
    }

    /// The mark that opens a window; one that is open is given up.
    pub fn start(&mut self, now: &[Counts]) {
        self.marked = Some(self.sum(now));
    }

    /// The mark that closes a window.
    pub fn stop(&mut self, now: &[Counts]) {
        let sum = self.sum(now);
        if let Some(start) = self.marked.take() {
            if self.kind() == Some(&Kind::Marks) {
                self.record(sum.since(start));
            }
        }
    }

    fn sum(&self, now: &[Counts]) -> Window {
        let mut sum = Window::ZERO;
        for (cpu, now) in self.cpus.iter().zip(now) {
            let total = cpu.total(now);
            sum.all += total.all;
            sum.vgic += total.vgic;
            sum.exits += total.exits;
        }
        sum
    }

    /// Processor `cpu` leaves a guest.
    pub fn guest_exit(&mut self, cpu: usize, now: &Counts) {
        let wanted = match self.kind() {
            Some(Kind::RoundTrip) => true,
            Some(Kind::OneRoundTrip) => std::mem::take(&mut self.armed),
            _ => false,
        };
        let cpu = &mut self.cpus[cpu];
        let start = cpu.total(now);
        cpu.exits += 1;
        if wanted {
            cpu.exit = Some(start);
        }
    }

    /// Processor `cpu` enters a guest.
    pub fn guest_entry(&mut self, cpu: usize, now: &Counts) {
        let cpu = &mut self.cpus[cpu];
        if let Some(start) = cpu.exit.take() {
            let window = cpu.total(now).since(start);
            self.record(window);
        }
    }

    /// Processor `cpu` is about to execute the vGIC's `function`, which will
    /// return to `return_to`. Gives whether the return is to be reported;
    /// otherwise it is part of a call that is going on.
    pub fn call(
        &mut self,
        cpu: usize,
        function: &str,
        return_to: u64,
        sp: u64,
        now: &Counts,
    ) -> bool {
        if self.current.is_none() || self.cpus[cpu].call.is_some() {
            return false;
        }
        let start = self.cpus[cpu].total(now);
        self.cpus[cpu].call = Some(Call {
            function: function.to_owned(),
            return_to,
            sp,
            start,
        });
        true
    }

    /// Processor `cpu` is at the address that a call returns to. Gives whether
    /// the call is over; it is not if another task or an interrupt came by.
    pub fn reached(&mut self, cpu: usize, pc: u64, sp: u64, now: &Counts) -> bool {
        let state = &mut self.cpus[cpu];
        match &state.call {
            Some(call) if call.return_to == pc && call.sp == sp => (),
            _ => return false,
        }
        let total = state.total(now);
        state.vgic = Some(total.vgic);
        if let Some(call) = state.call.take() {
            if matches!(self.kind(), Some(Kind::Call(name)) if *name == call.function) {
                self.record(total.since(call.start));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;

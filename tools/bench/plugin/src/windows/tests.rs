// SPDX-License-Identifier: GPL-2.0
//! A machine that executes on command, and the windows that come out.

use super::*;
use crate::counts::Slot;

struct Machine {
    recorder: Recorder,
    now: [Counts; 2],
}

impl Machine {
    fn new(description: &str) -> Self {
        let mut recorder = Recorder::new(2);
        recorder.begin(description).unwrap();
        Self {
            recorder,
            now: [Counts::ZERO; 2],
        }
    }

    fn run(&mut self, cpu: usize, insns: u64) {
        for _ in 0..insns {
            self.now[cpu].add(Slot::INSNS);
        }
    }

    fn exit(&mut self, cpu: usize) {
        self.recorder.guest_exit(cpu, &self.now[cpu]);
    }

    fn entry(&mut self, cpu: usize) {
        self.recorder.guest_entry(cpu, &self.now[cpu]);
    }

    fn call(&mut self, cpu: usize, function: &str) -> bool {
        self.recorder
            .call(cpu, function, 0x1000, 0x80, &self.now[cpu])
    }

    fn reached(&mut self, cpu: usize, sp: u64) -> bool {
        self.recorder.reached(cpu, 0x1000, sp, &self.now[cpu])
    }

    /// All instructions, the vGIC's, and the exits, of every window.
    fn windows(&self) -> Vec<(u64, u64, u64)> {
        let case = self.recorder.cases().last().unwrap();
        case.windows
            .iter()
            .map(|w| (w.all.insns(), w.vgic.insns(), w.exits))
            .collect()
    }
}

#[test]
fn round_trip_is_from_exit_to_entry_on_one_processor() {
    let mut m = Machine::new("window=roundtrip");
    m.run(0, 100);
    m.exit(0);
    m.run(0, 7);
    m.run(1, 1000);
    assert!(m.call(0, "kvm_vgic_sync_hwstate"));
    m.run(0, 30);
    assert!(m.reached(0, 0x80));
    m.run(0, 3);
    m.entry(0);
    m.run(0, 5);
    m.entry(0);
    assert_eq!(m.windows(), [(40, 30, 1)]);
}

#[test]
fn only_the_armed_round_trip_counts() {
    let mut m = Machine::new("window=one-roundtrip");
    for armed in [false, true, false] {
        if armed {
            m.recorder.arm();
        }
        m.exit(1);
        m.run(1, if armed { 10 } else { 20 });
        m.entry(1);
    }
    assert_eq!(m.windows(), [(10, 0, 1)]);
}

#[test]
fn marks_count_every_processor() {
    let mut m = Machine::new("x=1 window=marks y=2");
    m.recorder.stop(&m.now);
    m.run(0, 9);
    m.recorder.start(&m.now);
    m.run(0, 5);
    m.exit(1);
    m.call(1, "module");
    m.run(1, 6);
    m.recorder.stop(&m.now);
    assert_eq!(m.windows(), [(11, 6, 1)]);
}

#[test]
fn calls_inside_a_call_and_foreign_stacks_are_part_of_it() {
    let mut m = Machine::new("window=call:kvm_vgic_put");
    assert!(m.call(0, "kvm_vgic_put"));
    m.run(0, 10);
    assert!(!m.call(0, "vgic_v5_put"));
    m.run(0, 10);
    assert!(!m.reached(0, 0x40), "another stack");
    m.run(0, 10);
    assert!(m.reached(0, 0x80));
    assert!(!m.reached(0, 0x80), "it is over");
    assert!(m.call(0, "kvm_vgic_load"));
    m.run(0, 10);
    assert!(m.reached(0, 0x80));
    assert_eq!(m.windows(), [(30, 30, 0)]);
}

#[test]
fn the_end_drops_what_is_open() {
    let mut m = Machine::new("window=roundtrip");
    m.exit(0);
    m.recorder.end();
    assert!(!m.call(0, "vgic_init"));
    m.recorder.begin("window=roundtrip").unwrap();
    m.entry(0);
    assert_eq!(m.windows(), []);
}

#[test]
fn a_case_goes_on_under_its_description() {
    let mut m = Machine::new("window=roundtrip backend=c");
    for backend in ["rust", "c"] {
        let description = format!("window=roundtrip backend={backend}");
        m.recorder.begin(&description).unwrap();
        m.exit(0);
        m.entry(0);
    }
    let cases = m.recorder.cases();
    assert_eq!(cases.len(), 2);
    assert!(cases.iter().all(|case| case.windows.len() == 1));
    assert!(m.recorder.begin("backend=c").is_err());
}

#[test]
fn says_what_is_open() {
    let mut m = Machine::new("window=roundtrip");
    assert_eq!(m.recorder.inside(0), None);
    m.exit(0);
    assert_eq!(m.recorder.inside(0), Some((0, false)));
    assert_eq!(m.recorder.inside(1), None);
    assert!(m.recorder.is_open());
    m.call(0, "kvm_vgic_sync_hwstate");
    assert_eq!(m.recorder.inside(0), Some((0, true)));
    m.reached(0, 0x80);
    m.entry(0);
    assert_eq!(m.recorder.inside(0), None);
    assert!(!m.recorder.is_open());
    assert_eq!(m.recorder.windows(), 1);

    let mut m = Machine::new("window=call:kvm_vgic_put");
    m.call(0, "kvm_vgic_load");
    assert_eq!(m.recorder.inside(0), None);
    m.reached(0, 0x80);
    m.call(0, "kvm_vgic_put");
    assert_eq!(m.recorder.inside(0), Some((0, true)));
}

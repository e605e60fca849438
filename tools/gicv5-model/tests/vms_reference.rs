// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual IRS against a reference that keeps each interrupt of each VM by
//! itself and looks at all of them whenever it is asked: arbitrary histories of
//! commands from guests and from the hypervisor, of VPEs that come, go and
//! move, of doorbells, and of VMs that become invalid and valid again.

mod hyp;

use gicv5_model::config::Knobs;
use hyp::{irs, Hyp, LPI, M, SPI, U};
use proptest::prelude::*;

const PES: usize = 2;
const VMS: usize = 2;
const VPES: usize = 2;
/// SPI 0 to 2 and LPI 0 to 2 of each VM, and one that is beyond the table.
const IDS: [u64; 7] = [SPI, SPI | 1, SPI | 2, LPI, LPI | 1, LPI | 2, SPI | 0x1000];

#[derive(Clone, Copy, Debug, Default)]
struct Irq {
    pending: bool,
    active: bool,
    enabled: bool,
    level: bool,
    priority: u64,
    target: usize,
    /// The IRS knows of it: it does not look for what is in a table that
    /// becomes valid.
    noticed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Doorbell {
    requested: bool,
    dbpm: u64,
    /// The physical LPI's Pending.
    rung: bool,
}

#[derive(Clone, Debug, Default)]
struct Vm {
    valid: bool,
    irqs: [Irq; 6],
    doorbells: [Doorbell; VPES],
}

#[derive(Clone, Debug, Default)]
struct Reference {
    vms: [Vm; VMS],
    /// The VM and the VPE.
    residents: [Option<(usize, usize)>; PES],
}

/// Changes one interrupt, as the instruction of that number.
#[derive(Clone, Copy, Debug)]
enum Change {
    Enable,
    Disable,
    Priority(u64),
    Affinity(u64),
    Pending(bool),
    Handling(bool),
    Deactivate,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// By the guest on a PE, or by the hypervisor for a VM.
    Guest(usize, u64, Change),
    Hypervisor(usize, u64, Change),
    Load(usize, usize, usize),
    Put(usize, Option<u64>),
    Acknowledge(usize),
    Request(usize, usize, u64),
    UnmapMap(usize),
    /// The machine is saved, and goes on as another.
    Restore,
    Unmap(usize),
    Map(usize),
    ResetPe(usize),
}

impl Change {
    fn apply(self, irq: &mut Irq) {
        match self {
            Self::Enable => irq.enabled = true,
            Self::Disable => irq.enabled = false,
            Self::Priority(priority) => irq.priority = priority,
            Self::Affinity(target) => irq.target = target as usize,
            Self::Pending(pending) => irq.pending = pending,
            Self::Handling(level) => irq.level = level,
            Self::Deactivate => irq.active = false,
        }
    }

    /// The instruction, without CD or VD, and its operand in both forms.
    fn encode(self) -> (&'static str, u64, u64) {
        match self {
            Self::Enable => ("EN", 0, 0),
            Self::Disable => ("DIS", 0, 0),
            Self::Priority(priority) => ("PRI", priority << 35, priority << 59),
            Self::Affinity(vpe) => ("AFF", vpe << 32, vpe << 48),
            Self::Pending(on) => ("PEND", u64::from(on) << 32, u64::from(on) << 63),
            Self::Handling(on) => ("HM", u64::from(on) << 32, u64::from(on) << 63),
            Self::Deactivate => ("DI", 0, 0),
        }
    }
}

impl Reference {
    fn irq(&mut self, vm: usize, intid: u64) -> Option<&mut Irq> {
        let vm = &mut self.vms[vm];
        let n = IDS[..6].iter().position(|id| *id == intid)?;
        vm.valid.then_some(&mut vm.irqs[n])
    }

    fn change(&mut self, vm: usize, intid: u64, change: Change) {
        if let Some(irq) = self.irq(vm, intid) {
            change.apply(irq);
            irq.noticed = true;
        }
        self.ring();
    }

    /// The candidate of a VPE, by looking at all.
    fn best(&self, vm: usize, vpe: usize) -> Option<(u64, u64)> {
        let vm = &self.vms[vm];
        let all = IDS.iter().zip(&vm.irqs).filter(|(_, irq)| {
            irq.noticed && irq.pending && irq.enabled && !irq.active && irq.target == vpe
        });
        all.map(|(intid, irq)| (irq.priority, *intid))
            .min()
            .filter(|_| vm.valid)
    }

    /// Every doorbell that is due.
    fn ring(&mut self) {
        for vm in 0..VMS {
            for vpe in 0..VPES {
                if self.residents.contains(&Some((vm, vpe))) {
                    continue;
                }
                let best = self.best(vm, vpe);
                let doorbell = &mut self.vms[vm].doorbells[vpe];
                if doorbell.requested && best.is_some_and(|(p, _)| p <= doorbell.dbpm) {
                    doorbell.requested = false;
                    doorbell.rung = true;
                }
            }
        }
    }

    fn load(&mut self, pe: usize, vm: usize, vpe: usize) -> bool {
        if self.residents[pe] == Some((vm, vpe)) {
            return true;
        }
        self.residents[pe] = None;
        self.ring();
        if !self.vms[vm].valid || self.residents.contains(&Some((vm, vpe))) {
            return false;
        }
        self.residents[pe] = Some((vm, vpe));
        self.vms[vm].doorbells[vpe].requested = false;
        true
    }

    fn put(&mut self, pe: usize, dbpm: Option<u64>) {
        if let (Some((vm, vpe)), Some(dbpm)) = (self.residents[pe], dbpm) {
            let doorbell = &mut self.vms[vm].doorbells[vpe];
            doorbell.requested = true;
            doorbell.dbpm = dbpm;
        }
        self.residents[pe] = None;
        self.ring();
    }

    fn acknowledge(&mut self, pe: usize) -> u64 {
        let Some((vm, vpe)) = self.residents[pe] else {
            return 0;
        };
        let Some((_, intid)) = self.best(vm, vpe) else {
            return 0;
        };
        let irq = self.irq(vm, intid).unwrap();
        irq.active = true;
        irq.pending &= irq.level;
        1 << 32 | intid
    }

    fn unmap(&mut self, vm: usize) {
        self.vms[vm].valid = false;
        for place in &mut self.residents {
            if place.is_some_and(|(resident, _)| resident == vm) {
                *place = None;
            }
        }
        for irq in &mut self.vms[vm].irqs {
            irq.noticed = false;
        }
    }

    fn icsr(&mut self, vm: usize, intid: u64) -> u64 {
        let Some(irq) = self.irq(vm, intid) else {
            return 1;
        };
        irq.noticed = true;
        u64::from(irq.enabled) << 1
            | u64::from(irq.pending) << 2
            | u64::from(irq.active) << 4
            | u64::from(irq.level) << 5
            | irq.priority << 11
            | (irq.target as u64) << 32
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Enable),
        1 => Just(Change::Disable),
        2 => (0u64..4).prop_map(|n| Change::Priority(n * 10)),
        2 => (0u64..3).prop_map(Change::Affinity),
        4 => prop::bool::weighted(0.8).prop_map(Change::Pending),
        1 => any::<bool>().prop_map(Change::Handling),
        1 => Just(Change::Deactivate),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = || prop::sample::select(&IDS[..]);
    let vpe = || (0..VMS, 0..VPES);
    let dbpm = || prop::sample::select(vec![0u64, 9, 10, 31]);
    prop_oneof![
        6 => (0..PES, id(), change()).prop_map(|(pe, id, c)| Step::Guest(pe, id, c)),
        8 => (0..VMS, id(), change()).prop_map(|(vm, id, c)| Step::Hypervisor(vm, id, c)),
        6 => (0..PES, vpe()).prop_map(|(pe, (vm, vpe))| Step::Load(pe, vm, vpe)),
        4 => (0..PES, prop::option::weighted(0.8, dbpm())).prop_map(|(pe, d)| Step::Put(pe, d)),
        4 => (0..PES).prop_map(Step::Acknowledge),
        2 => (vpe(), dbpm()).prop_map(|((vm, vpe), d)| Step::Request(vm, vpe, d)),
        1 => (0..VMS).prop_map(Step::UnmapMap),
        1 => (0..VMS).prop_map(Step::Unmap),
        2 => (0..VMS).prop_map(Step::Map),
        1 => (0..PES).prop_map(Step::ResetPe),
        1 => Just(Step::Restore),
    ]
}

fn apply(hyp: &mut Hyp, reference: &mut Reference, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Guest(pe, intid, change) => {
            let (name, operand, _) = change.encode();
            hyp.guest_msr(pe as u32, &format!("GIC_CD{name}"), intid | operand);
            if let Some((vm, _)) = reference.residents[pe] {
                reference.change(vm, intid, change);
            }
        }
        Step::Hypervisor(vm, intid, change) => {
            let (name, _, operand) = change.encode();
            let operand = intid | operand | (vm as u64) << 32;
            hyp.msr(1, &format!("GIC_VD{name}"), operand);
            reference.change(vm, intid, change);
        }
        Step::Load(pe, vm, vpe) => {
            let done = hyp.load(pe as u32, vm as u64, vpe as u64);
            prop_assert_eq!(done, reference.load(pe, vm, vpe));
        }
        Step::Put(pe, dbpm) => {
            hyp.put(pe as u32, dbpm);
            reference.put(pe, dbpm);
        }
        Step::Acknowledge(pe) => {
            let got = hyp.guest_mrs(pe as u32, "GICR_CDIA");
            hyp.guest_msr(pe as u32, "GIC_CDEOI", 0);
            prop_assert_eq!(got, reference.acknowledge(pe));
        }
        Step::Request(vm, vpe, dbpm) => {
            hyp.select(vm as u64, vpe as u64);
            let lpi = hyp.doorbell(vm as u64, vpe as u64);
            hyp.irs_write(irs::VPE_DBR, 8, M | 1 << 62 | dbpm << 32 | lpi);
            if reference.vms[vm].valid {
                let doorbell = &mut reference.vms[vm].doorbells[vpe];
                doorbell.requested = true;
                doorbell.dbpm = dbpm;
            }
            reference.ring();
        }
        Step::Unmap(vm) => {
            hyp.irs_write(irs::VMAP_VMR, 8, M | U | vm as u64);
            reference.unmap(vm);
        }
        Step::Map(vm) => {
            hyp.irs_write(irs::VMAP_VMR, 8, M | vm as u64);
            reference.vms[vm].valid = true;
        }
        Step::UnmapMap(vm) => {
            apply(hyp, reference, Step::Unmap(vm))?;
            apply(hyp, reference, Step::Map(vm))?;
        }
        Step::Restore => hyp.replace(),
        Step::ResetPe(pe) => {
            hyp.reset_pe(pe as u32);
            hyp.open(pe as u32);
            reference.put(pe, None);
        }
    }
    Ok(())
}

/// What can be seen without changing anything.
fn compare(hyp: &mut Hyp, reference: &Reference) -> Result<(), TestCaseError> {
    let valid = |best: Option<(u64, u64)>| best.map_or(0, |(_, intid)| 1 << 32 | intid);
    for (pe, resident) in reference.residents.iter().enumerate() {
        let best = resident.and_then(|(vm, vpe)| reference.best(vm, vpe));
        prop_assert_eq!(
            hyp.mrs(pe as u32, "ICH_HPPIR_EL2"),
            valid(best),
            "PE {}",
            pe
        );
        let virq = hyp.gic.lines(pe as u32).bits() & 0b1100 != 0;
        prop_assert_eq!(virq, best.is_some(), "PE {}", pe);
    }
    for vm in 0..VMS {
        for vpe in 0..VPES {
            hyp.select(vm as u64, vpe as u64);
            let hppir = hyp.irs_read(irs::VPE_HPPIR, 8);
            prop_assert_eq!(hppir, valid(reference.best(vm, vpe)), "{} {}", vm, vpe);
            let doorbell = reference.vms[vm].doorbells[vpe];
            let lpi = LPI | hyp.doorbell(vm as u64, vpe as u64);
            let pending = hyp.icsr(lpi) & 0b100 != 0;
            prop_assert_eq!(pending, doorbell.rung, "doorbell {} {}", vm, vpe);
            if reference.vms[vm].valid {
                let requested = hyp.irs_read(irs::VPE_DBR, 8) >> 62 & 1 != 0;
                prop_assert_eq!(requested, doorbell.requested);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_histories(steps in prop::collection::vec(step(), 1..80), two_level: bool) {
        let knobs = Knobs { vmt_two_level: two_level, ..Knobs::default() };
        let mut hyp = Hyp::new(PES as u32, true, knobs);
        let mut reference = Reference::default();
        for vm in 0..VMS {
            hyp.vm(vm as u64, VPES as u64);
            reference.vms[vm].valid = true;
        }
        for step in steps {
            apply(&mut hyp, &mut reference, step)?;
            compare(&mut hyp, &reference)?;
            // Whoever takes it clears it.
            if let Step::Put(..) = step {
                for vm in 0..VMS {
                    for vpe in 0..VPES {
                        hyp.rung(vm as u64, vpe as u64);
                        reference.vms[vm].doorbells[vpe].rung = false;
                    }
                }
            }
        }
        // The state of every interrupt, which also notices it.
        for pe in 0..PES {
            if let Some((vm, _)) = reference.residents[pe] {
                for intid in IDS {
                    let got = hyp.guest_icsr(pe as u32, intid);
                    prop_assert_eq!(got, reference.icsr(vm, intid), "{:#x}", intid);
                }
                reference.ring();
                compare(&mut hyp, &reference)?;
            }
        }
    }
}

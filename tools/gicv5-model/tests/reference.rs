// SPDX-License-Identifier: GPL-2.0-or-later
//! Arbitrary histories of the CPU interface, against a reference that keeps
//! every interrupt by itself, as the architecture's text does, and looks at
//! each one whenever it is asked anything.
//!
//! The reference goes by the registers' names, so that it also finds a row of
//! the table that leads to the wrong register.

mod common;

use common::{ppi, valid, Machine, EL2, GUEST};
use gicv5_model::config::Config;
use gicv5_model::cpuif::route::{hcr, PeState};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The numbers of the PPIs that exist below 64; only 3 is an Edge one, and 25
/// can be left out.
const EXIST: [u32; 8] = [3, 22, 23, 25, 26, 27, 28, 30];

/// Index of the physical and of the virtual interface.
const PHYSICAL: usize = 0;
const VIRTUAL: usize = 1;

#[derive(Clone, Default)]
struct Ppi {
    exists: bool,
    edge: bool,
    wire: bool,
    latch: bool,
    /// ICH_PPI_PENDR and ICH_PPI_DVIR.
    pend: bool,
    dvi: bool,
    enabled: [bool; 2],
    active: [bool; 2],
    priority: [u8; 2],
}

impl Ppi {
    fn physically_pending(&self) -> bool {
        if self.edge {
            self.latch
        } else {
            self.wire
        }
    }

    /// What software in `domain` or an acknowledge makes of Pending.
    fn set_pending(&mut self, domain: usize, pending: bool) {
        if !self.exists || !self.edge {
        } else if domain == PHYSICAL || self.dvi {
            self.latch = pending;
        } else {
            self.pend = pending;
        }
    }
}

struct Reference {
    ppis: Vec<Ppi>,
    en: [bool; 2],
    mask: [u8; 2],
    active_priorities: [BTreeSet<u8>; 2],
    vctlr_en: bool,
    /// HCR_EL2.{NV, NV1} is {1, 0}.
    nested: bool,
    config: Config,
}

impl Reference {
    fn new(config: &Config) -> Self {
        let ppi = |id: u32| Ppi {
            exists: match id {
                25 => config.gicmnt,
                64.. => config.high_ppis >> (id - 64) & 1 != 0,
                _ => EXIST.contains(&id),
            },
            edge: id == 3,
            ..Ppi::default()
        };
        Self {
            ppis: (0..128).map(ppi).collect(),
            en: [false; 2],
            mask: [0; 2],
            active_priorities: Default::default(),
            vctlr_en: false,
            nested: false,
            config: config.clone(),
        }
    }

    /// A reset, after which the wires are as before.
    fn reset(&mut self) {
        let wires: Vec<bool> = self.ppis.iter().map(|ppi| ppi.wire).collect();
        let nested = self.nested;
        *self = Self::new(&self.config.clone());
        self.nested = nested;
        for (ppi, wire) in self.ppis.iter_mut().zip(wires) {
            ppi.wire = wire;
        }
    }

    /// The physical PPI that virtual PPI `id` has its Pending from, if that is
    /// injected (D_QNZMN, R_GYGNW).
    fn injected(&self, id: usize) -> Option<usize> {
        let from = match (self.nested, id) {
            (true, 26) => 30,
            (true, 28) => 27,
            (true, 27 | 30) => return None,
            _ => id,
        };
        self.ppis[from].dvi.then_some(from)
    }

    fn pending(&self, id: usize, domain: usize) -> bool {
        let from = match domain {
            PHYSICAL => Some(id),
            _ => self.injected(id),
        };
        from.map_or(self.ppis[id].pend, |from| {
            self.ppis[from].physically_pending()
        })
    }

    fn hppi(&self, domain: usize) -> Option<(u8, u32)> {
        if !self.en[domain] || (domain == VIRTUAL && !self.vctlr_en) {
            return None;
        }
        let mut best: Option<(u8, u32)> = None;
        for (id, ppi) in self.ppis.iter().enumerate() {
            let candidate = self.pending(id, domain) && ppi.enabled[domain] && !ppi.active[domain];
            let rank = (ppi.priority[domain], id as u32);
            if candidate && best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        let (priority, id) = best?;
        let running = self.active_priorities[domain].first();
        let preempts = running.is_none_or(|running| priority < *running);
        (preempts && priority <= self.mask[domain]).then_some((priority, id))
    }

    fn lines(&self) -> u32 {
        let line = |domain, plain, superpriority| match self.hppi(domain) {
            None => 0,
            Some((0, _)) => superpriority,
            Some(_) => plain,
        };
        line(PHYSICAL, 1, 2) | line(VIRTUAL, 4, 8)
    }

    fn acknowledge(&mut self, domain: usize, cdnmia: bool, nmi: bool) -> u64 {
        match self.hppi(domain) {
            Some((priority, id)) if (priority == 0 && nmi) == cdnmia => {
                self.active_priorities[domain].insert(priority);
                let interrupt = &mut self.ppis[id as usize];
                interrupt.active[domain] = true;
                interrupt.set_pending(domain, false);
                valid(ppi(id))
            }
            _ => 0,
        }
    }

    /// Which register: kind, the interface whose state it is, the number n.
    fn parse(name: &str, asking: usize) -> Option<(&str, usize, usize)> {
        let (rest, domain) = match name.strip_prefix("ICC_PPI_") {
            Some(rest) => (rest.strip_suffix("_EL1")?, asking),
            None => (
                name.strip_prefix("ICH_PPI_")?.strip_suffix("_EL2")?,
                VIRTUAL,
            ),
        };
        let digits = rest.find(|c: char| c.is_ascii_digit())?;
        Some((&rest[..digits], domain, rest[digits..].parse().ok()?))
    }

    /// Visits the PPIs of register n with their bit or byte of `value`.
    fn write_ppis(&mut self, name: &str, asking: usize, value: u64) -> bool {
        let Some((kind, domain, n)) = Self::parse(name, asking) else {
            return false;
        };
        let hypervisor = name.starts_with("ICH");
        if kind == "PRIORITYR" {
            for byte in 0..8 {
                let ppi = &mut self.ppis[8 * n + byte];
                if ppi.exists {
                    ppi.priority[domain] = (value >> (8 * byte)) as u8 & 31;
                }
            }
            return true;
        }
        for bit in 0..64 {
            let ppi = &mut self.ppis[64 * n + bit];
            let one = value >> bit & 1 != 0;
            if !ppi.exists {
                continue;
            }
            match kind {
                "ENABLER" => ppi.enabled[domain] = one,
                "ACTIVER" => ppi.active[domain] = one,
                "DVIR" => ppi.dvi = one,
                "PENDR" if hypervisor => ppi.pend = one,
                "SACTIVER" if one => ppi.active[domain] = true,
                "CACTIVER" if one => ppi.active[domain] = false,
                "SPENDR" if one => ppi.set_pending(domain, true),
                "CPENDR" if one => ppi.set_pending(domain, false),
                "SACTIVER" | "CACTIVER" | "SPENDR" | "CPENDR" => {}
                _ => panic!("{name}"),
            }
        }
        true
    }

    fn write(&mut self, name: &str, asking: usize, value: u64) {
        let priorities = |value: u64| (0..32).filter(|p| value >> p & 1 != 0).collect();
        if self.write_ppis(name, asking, value) {
            return;
        }
        match name {
            "ICC_CR0_EL1" => self.en[asking] = value & 1 != 0,
            "ICC_PCR_EL1" => self.mask[asking] = value as u8 & 31,
            "ICC_APR_EL1" => self.active_priorities[asking] = priorities(value),
            "ICH_APR_EL2" => self.active_priorities[VIRTUAL] = priorities(value),
            "ICH_VCTLR_EL2" => self.vctlr_en = value & 1 != 0,
            "ICH_VMCR_EL2" => {
                self.en[VIRTUAL] = value & 1 != 0;
                self.mask[VIRTUAL] = (value >> 27) as u8 & 31;
            }
            "GIC_CDEOI" => {
                self.active_priorities[asking].pop_first();
            }
            "GIC_CDDI" => {
                let id = value as usize & 0xff_ffff;
                if value >> 29 & 7 == 1 && id < 128 {
                    self.ppis[id].active[asking] = false;
                }
            }
            _ => panic!("{name}"),
        }
    }

    fn read_ppis(&self, name: &str, asking: usize) -> Option<u64> {
        let (kind, domain, n) = Self::parse(name, asking)?;
        if kind == "PRIORITYR" {
            return Some((0..8).fold(0, |value, byte| {
                value | u64::from(self.ppis[8 * n + byte].priority[domain]) << (8 * byte)
            }));
        }
        let bit = |id: usize, ppi: &Ppi| match kind {
            "HMR" => ppi.exists && !ppi.edge,
            "ENABLER" => ppi.enabled[domain],
            "ACTIVER" | "SACTIVER" | "CACTIVER" => ppi.active[domain],
            "SPENDR" | "CPENDR" => self.pending(id, domain),
            "PENDR" => ppi.pend,
            "DVIR" => ppi.dvi,
            _ => panic!("{name}"),
        };
        Some((0..64).fold(0, |value, n_bit| {
            let id = 64 * n + n_bit;
            value | u64::from(bit(id, &self.ppis[id])) << n_bit
        }))
    }

    fn read(&self, name: &str, asking: usize) -> u64 {
        let hppir = |domain| self.hppi(domain).map_or(0, |(_, id)| valid(ppi(id)));
        let apr = |domain: usize| {
            let set = &self.active_priorities[domain];
            set.iter().fold(0, |value, p| value | 1 << p)
        };
        if let Some(value) = self.read_ppis(name, asking) {
            return value;
        }
        match name {
            "ICC_CR0_EL1" => u64::from(self.en[asking]) | 6,
            "ICC_PCR_EL1" => self.mask[asking].into(),
            "ICC_APR_EL1" => apr(asking),
            "ICC_HPPIR_EL1" => hppir(asking),
            "ICH_HPPIR_EL2" => hppir(VIRTUAL),
            "ICH_APR_EL2" => apr(VIRTUAL),
            "ICH_VCTLR_EL2" => self.vctlr_en.into(),
            "ICH_VMCR_EL2" => u64::from(self.en[VIRTUAL]) | u64::from(self.mask[VIRTUAL]) << 27,
            _ => panic!("{name}"),
        }
    }
}

/// The registers that the reference knows.
fn known(name: &str) -> bool {
    let own = [
        "ICC_ICSR_EL1",
        "ICC_IAFFIDR_EL1",
        "ICC_IDR0_EL1",
        "ICH_CONTEXTR_EL2",
    ];
    !own.contains(&name) && !name.contains("_HFG") && name.starts_with("IC")
}

fn names(wanted: impl Fn(&gicv5_model::regs::Sysreg) -> bool) -> Vec<&'static str> {
    let rows = gicv5_model::regs::TABLE.iter();
    rows.filter(|row| wanted(row))
        .map(|row| row.name.to_str().unwrap())
        .filter(|name| known(name))
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Wire(u32, bool),
    Write(&'static str, usize, u64),
    Acknowledge {
        domain: usize,
        cdnmia: bool,
        nmi: bool,
    },
    Reset,
    /// HCR_EL2's NV, NV1.
    Nested(bool, bool),
}

/// Values in which the PPIs that exist, and small priorities, are frequent.
fn value() -> impl Strategy<Value = u64> {
    let some_ppis = proptest::sample::subsequence(EXIST.to_vec(), 0..=EXIST.len())
        .prop_map(|ids| ids.iter().fold(0, |set, id| set | 1u64 << id));
    prop_oneof![
        some_ppis,
        any::<u64>(),
        any::<u64>().prop_map(|v| v & 0x0303_0303_0303_0303),
        Just(u64::MAX),
        Just(0),
    ]
}

/// The registers that decide most.
const BUSY: [&str; 12] = [
    "ICC_PPI_SPENDR0_EL1",
    "ICC_PPI_CPENDR0_EL1",
    "ICC_PPI_CACTIVER0_EL1",
    "ICC_PPI_ENABLER0_EL1",
    "ICC_PPI_PRIORITYR0_EL1",
    "ICC_PPI_PRIORITYR3_EL1",
    "ICC_APR_EL1",
    "ICH_PPI_DVIR0_EL2",
    "ICH_PPI_PENDR0_EL2",
    "ICH_PPI_ACTIVER0_EL2",
    "ICH_PPI_PRIORITYR0_EL2",
    "ICH_PPI_PRIORITYR3_EL2",
];

fn step() -> impl Strategy<Value = Step> {
    let writes = prop_oneof![
        1 => proptest::sample::select(names(|row| row.writable())),
        2 => proptest::sample::select(BUSY.to_vec()),
    ];
    let id = prop_oneof![9 => proptest::sample::select(EXIST.to_vec()), 1 => 0u32..200];
    let domain = 0usize..2;
    prop_oneof![
        4 => (id.clone(), any::<bool>()).prop_map(|(id, level)| Step::Wire(id, level)),
        8 => (writes, domain.clone(), value()).prop_map(|(n, d, v)| Step::Write(n, d, v)),
        4 => (domain.clone(), any::<bool>(), any::<bool>()).prop_map(
            |(domain, cdnmia, nmi)| Step::Acknowledge { domain, cdnmia, nmi }
        ),
        2 => domain.clone().prop_map(|domain| Step::Write("GIC_CDEOI", domain, 0)),
        2 => (domain, id, 0u64..8).prop_map(|(domain, id, ty)| {
            let ty = if ty > 3 { 1 } else { ty };
            Step::Write("GIC_CDDI", domain, ty << 29 | u64::from(id))
        }),
        1 => Just(Step::Reset),
        1 => any::<(bool, bool)>().prop_map(|(nv, nv1)| Step::Nested(nv, nv1)),
    ]
}

/// Both interfaces open, so that something happens.
fn opening() -> Vec<Step> {
    let write = |name, value| Step::Write(name, PHYSICAL, value);
    vec![
        write("ICH_VCTLR_EL2", 1),
        write("ICH_VMCR_EL2", u64::MAX),
        write("ICC_CR0_EL1", 1),
        write("ICC_PCR_EL1", 31),
        write("ICC_PPI_ENABLER0_EL1", u64::MAX),
        write("ICH_PPI_ENABLER0_EL2", u64::MAX),
        write("ICC_PPI_ENABLER1_EL1", u64::MAX),
        write("ICH_PPI_ENABLER1_EL2", u64::MAX),
    ]
}

fn state(reference: &Reference, domain: usize) -> PeState {
    let state = [EL2, GUEST][domain];
    let nv = if reference.nested { hcr::NV } else { 0 };
    PeState {
        hcr_el2: state.hcr_el2 | nv,
        ..state
    }
}

fn apply(machine: &mut Machine, reference: &mut Reference, step: &Step) {
    match *step {
        Step::Wire(id, level) => {
            machine.wire(id, level);
            if let Some(ppi) = reference.ppis.get_mut(id as usize) {
                ppi.latch |= ppi.exists && ppi.edge && level && !ppi.wire;
                ppi.wire = ppi.exists && level;
            }
        }
        Step::Write(name, domain, value) => {
            let domain = if name.starts_with("ICH") {
                PHYSICAL
            } else {
                domain
            };
            let state = state(reference, domain);
            machine.at(state, |machine| machine.msr(name, value));
            reference.write(name, domain, value);
        }
        Step::Acknowledge {
            domain,
            cdnmia,
            nmi,
        } => {
            let name = if cdnmia { "GICR_CDNMIA" } else { "GICR_CDIA" };
            let state = PeState {
                nmi,
                ..state(reference, domain)
            };
            let got = machine.at(state, |machine| machine.mrs(name));
            assert_eq!(got, reference.acknowledge(domain, cdnmia, nmi), "{name}");
        }
        Step::Reset => {
            machine.reset_pe(0);
            for name in ["ICH_HFGRTR_EL2", "ICH_HFGWTR_EL2", "ICH_HFGITR_EL2"] {
                let state = state(reference, PHYSICAL);
                machine.at(state, |machine| machine.msr(name, u64::MAX));
            }
            reference.reset();
        }
        Step::Nested(nv, nv1) => {
            reference.nested = nv && !nv1;
            let bits = if nv { hcr::NV } else { 0 } | if nv1 { hcr::NV1 } else { 0 };
            let state = PeState {
                hcr_el2: GUEST.hcr_el2 | bits,
                ..GUEST
            };
            machine.gic.pe_state(0, &state);
        }
    }
}

fn compare(machine: &mut Machine, reference: &Reference) {
    for name in names(|row| row.readable()) {
        for domain in [PHYSICAL, VIRTUAL] {
            if name.starts_with("ICH") && domain == VIRTUAL {
                continue;
            }
            let state = state(reference, domain);
            let got = machine.at(state, |machine| machine.mrs(name));
            let expected = reference.read(name, domain);
            assert_eq!(
                got, expected,
                "{name} domain {domain}: {got:#x}, {expected:#x}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_histories(
        open: bool,
        gicmnt: bool,
        high_ppis in prop_oneof![Just(0), Just(u64::MAX), any::<u64>()],
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut config = Config::new(1, 64, true, 0, false).unwrap();
        config.gicmnt = gicmnt;
        config.high_ppis = high_ppis;
        let mut machine = Machine::untrapped_with(&config);
        let mut reference = Reference::new(&config);
        if open {
            for step in opening() {
                apply(&mut machine, &mut reference, &step);
            }
        }
        for step in &steps {
            apply(&mut machine, &mut reference, step);
            prop_assert_eq!(machine.lines().bits(), reference.lines(), "{:?}", step);
        }
        compare(&mut machine, &reference);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual interface, by example: what a hypervisor and its guests do.

mod common;

use common::{ppi, spi, valid, Machine, EL2, GUEST};
use gicv5_model::cpuif::route::PeState;
use gicv5_model::Lines;

const SW_PPI: u32 = 3;
const PMUIRQ: u32 = 23;
const CNTV: u32 = 27;

/// A hypervisor that selects virtual interrupts, and a guest that has enabled
/// its interface and the PPIs of `ids`.
fn guest(ids: &[u32]) -> Machine {
    let mut machine = Machine::untrapped(1);
    machine.msr("ICH_VCTLR_EL2", 1);
    machine.at(GUEST, |guest| {
        for n in 0..16 {
            guest.msr(&format!("ICC_PPI_PRIORITYR{n}_EL1"), 0x1f1f_1f1f_1f1f_1f1f);
        }
        guest.msr("ICC_PCR_EL1", 0x1f);
        guest.msr("ICC_CR0_EL1", 1);
        let enabled = ids.iter().fold(0, |set, id| set | 1 << id);
        guest.msr("ICC_PPI_ENABLER0_EL1", enabled);
    });
    machine
}

#[test]
fn the_guests_registers_are_the_hypervisors() {
    let mut machine = guest(&[SW_PPI, CNTV]);
    assert_eq!(machine.mrs("ICH_VMCR_EL2"), 0x1f << 27 | 1);
    assert_eq!(machine.mrs("ICH_PPI_ENABLER0_EL2"), 1 << SW_PPI | 1 << CNTV);
    assert_eq!(machine.mrs("ICH_PPI_PRIORITYR0_EL2"), 0x1f << 24);
    machine.msr("ICH_VMCR_EL2", 5 << 27);
    machine.msr("ICH_APR_EL2", 1 << 9);
    machine.msr("ICH_PPI_ACTIVER0_EL2", 1 << CNTV);
    machine.msr("ICC_ICSR_EL1", 1 << 4);
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("ICC_CR0_EL1"), 6);
        assert_eq!(guest.mrs("ICC_PCR_EL1"), 5);
        assert_eq!(guest.mrs("ICC_APR_EL1"), 1 << 9);
        assert_eq!(guest.mrs("ICC_PPI_CACTIVER0_EL1"), 1 << CNTV);
        assert_eq!(guest.mrs("ICC_PPI_HMR0_EL1"), 0x5ec0_0000);
        assert_eq!(guest.mrs("ICC_ICSR_EL1"), 1 << 4, "there is one ICSR");
    });
    // None of this reached the physical interface.
    for name in [
        "ICC_PCR_EL1",
        "ICC_APR_EL1",
        "ICC_PPI_ENABLER0_EL1",
        "ICC_PPI_SACTIVER0_EL1",
    ] {
        assert_eq!(machine.mrs(name), 0, "{name}");
    }
}

#[test]
fn the_names_at_el2_are_physical_with_and_without_e2h() {
    let mut machine = guest(&[]);
    for hcr_el2 in [0, 1 << 4, 1 << 34, 1 << 34 | 1 << 27] {
        machine.state = PeState { hcr_el2, ..EL2 };
        machine.msr("ICC_PCR_EL1", hcr_el2 >> 4 & 3);
        assert_eq!(machine.mrs("ICH_VMCR_EL2") >> 27, 0x1f);
        machine.state = PeState {
            el: 1,
            hcr_el2: 0,
            ..EL2
        };
        assert_eq!(
            machine.mrs("ICC_PCR_EL1"),
            hcr_el2 >> 4 & 3,
            "EL1 without IMO"
        );
    }
}

#[test]
fn an_injected_level_interrupt() {
    let mut machine = guest(&[PMUIRQ]);
    machine.msr("ICH_PPI_PENDR0_EL2", 1 << PMUIRQ);
    assert_eq!(machine.lines(), Lines::VIRQ);
    assert_eq!(machine.mrs("ICH_HPPIR_EL2"), valid(ppi(PMUIRQ)));
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(PMUIRQ)));
        guest.msr("ICC_PPI_CPENDR0_EL1", 1 << PMUIRQ);
        assert_eq!(
            guest.mrs("ICC_PPI_SPENDR0_EL1"),
            1 << PMUIRQ,
            "level: read-only"
        );
        guest.msr("GIC_CDEOI", 0);
        guest.msr("GIC_CDDI", ppi(PMUIRQ));
    });
    assert_eq!(
        machine.lines(),
        Lines::VIRQ,
        "until the hypervisor takes it away"
    );
    machine.msr("ICH_PPI_PENDR0_EL2", 0);
    assert_eq!(machine.lines().bits(), 0);
    assert_eq!(machine.mrs("ICC_APR_EL1"), 0, "nothing physical happened");
}

#[test]
fn selection_is_gated() {
    let mut machine = guest(&[SW_PPI]);
    machine.msr("ICH_PPI_PENDR0_EL2", 1 << SW_PPI);
    machine.msr("ICH_VCTLR_EL2", 0);
    assert_eq!(machine.lines().bits(), 0);
    assert_eq!(machine.at(GUEST, |guest| guest.mrs("GICR_CDIA")), 0);
    assert_eq!(machine.at(GUEST, |guest| guest.mrs("ICC_HPPIR_EL1")), 0);
    machine.msr("ICH_VCTLR_EL2", 1);
    assert_eq!(machine.lines(), Lines::VIRQ);
    machine.msr("ICH_VMCR_EL2", 0x1f << 27);
    assert_eq!(machine.lines().bits(), 0, "the guest's own enable");
}

#[test]
fn a_directly_injected_timer() {
    let mut machine = guest(&[CNTV]);
    machine.wire(CNTV, true);
    assert_eq!(machine.lines().bits(), 0, "not without DVI");
    machine.msr("ICH_PPI_DVIR0_EL2", 1 << CNTV);
    assert_eq!(machine.lines(), Lines::VIRQ);
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("ICC_PPI_SPENDR0_EL1"), 1 << CNTV);
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(CNTV)));
        guest.msr("GIC_CDEOI", 0);
        guest.wire(CNTV, false);
        assert_eq!(guest.mrs("ICC_PPI_SPENDR0_EL1"), 0);
        guest.msr("GIC_CDDI", ppi(CNTV));
    });
    assert_eq!(machine.lines().bits(), 0);
    // Pending is all that the two share.
    assert_eq!(machine.mrs("ICC_PPI_SACTIVER0_EL1"), 0);
    machine.wire(CNTV, true);
    machine.msr("ICC_PPI_ENABLER0_EL1", 1 << CNTV);
    machine.msr("ICC_CR0_EL1", 1);
    assert_eq!(
        machine.lines(),
        Lines::NMI.and(Lines::VIRQ),
        "physical priority 0"
    );
    machine.msr("ICC_PPI_SACTIVER0_EL1", 1 << CNTV);
    assert_eq!(
        machine.lines(),
        Lines::VIRQ,
        "the host holds the physical one active"
    );
}

#[test]
fn pendr_is_ignored_while_dvi_is_set() {
    let mut machine = guest(&[CNTV]);
    machine.msr("ICH_PPI_PENDR0_EL2", 1 << CNTV);
    machine.msr("ICH_PPI_DVIR0_EL2", 1 << CNTV);
    assert_eq!(machine.lines().bits(), 0, "the wire is low");
    assert_eq!(
        machine.mrs("ICH_PPI_PENDR0_EL2"),
        1 << CNTV,
        "but the bit stays"
    );
    machine.wire(CNTV, true);
    machine.msr("ICH_PPI_PENDR0_EL2", 0);
    assert_eq!(machine.lines(), Lines::VIRQ);
    assert_eq!(machine.mrs("ICH_PPI_PENDR0_EL2"), 0);
    machine.msr("ICH_PPI_DVIR0_EL2", 0);
    assert_eq!(
        machine.lines().bits(),
        0,
        "the wire's level does not linger"
    );
}

#[test]
fn a_directly_injected_edge_interrupt_has_one_latch() {
    let mut machine = guest(&[SW_PPI]);
    machine.msr("ICH_PPI_DVIR0_EL2", 1 << SW_PPI);
    machine.at(GUEST, |guest| guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI));
    assert_eq!(machine.mrs("ICC_PPI_SPENDR0_EL1"), 1 << SW_PPI);
    assert_eq!(
        machine.at(GUEST, |guest| guest.mrs("GICR_CDIA")),
        valid(ppi(SW_PPI))
    );
    assert_eq!(
        machine.mrs("ICC_PPI_SPENDR0_EL1"),
        0,
        "the guest's acknowledge took it"
    );
}

#[test]
fn an_edge_interrupt_of_the_guests_own() {
    let mut machine = guest(&[SW_PPI]);
    machine.at(GUEST, |guest| {
        guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(SW_PPI)));
        assert_eq!(guest.mrs("ICC_PPI_SPENDR0_EL1"), 0);
        guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    });
    assert_eq!(machine.mrs("ICH_PPI_PENDR0_EL2"), 1 << SW_PPI);
    assert_eq!(machine.mrs("ICC_PPI_SPENDR0_EL1"), 0, "not the host's");
    // With DVI the guest's name is the physical PPI's, and PENDR stays.
    machine.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    machine.msr("ICH_PPI_DVIR0_EL2", 1 << SW_PPI);
    machine.at(GUEST, |guest| {
        guest.msr("ICC_PPI_CPENDR0_EL1", 1 << SW_PPI);
        assert_eq!(guest.mrs("ICC_PPI_CPENDR0_EL1"), 0);
    });
    assert_eq!(machine.mrs("ICC_PPI_SPENDR0_EL1"), 0);
    assert_eq!(machine.mrs("ICH_PPI_PENDR0_EL2"), 1 << SW_PPI);
    // And without it, the other way round.
    machine.msr("ICH_PPI_DVIR0_EL2", 0);
    machine.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    machine.at(GUEST, |guest| guest.msr("ICC_PPI_CPENDR0_EL1", 1 << SW_PPI));
    assert_eq!(machine.mrs("ICC_PPI_SPENDR0_EL1"), 1 << SW_PPI);
    assert_eq!(machine.mrs("ICH_PPI_PENDR0_EL2"), 0);
}

#[test]
fn virtual_priorities_preempt() {
    let mut machine = guest(&[SW_PPI, CNTV]);
    machine.at(GUEST, |guest| {
        guest.set_priority("ICC", SW_PPI, 12);
        guest.set_priority("ICC", CNTV, 4);
        guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(SW_PPI)));
    });
    machine.msr("ICH_PPI_DVIR0_EL2", 1 << CNTV);
    machine.wire(CNTV, true);
    assert_eq!(machine.lines(), Lines::VIRQ);
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(CNTV)));
        assert_eq!(guest.mrs("ICC_APR_EL1"), 1 << 12 | 1 << 4);
        guest.msr("GIC_CDEOI", 0);
        assert_eq!(guest.mrs("ICC_APR_EL1"), 1 << 12);
    });
    assert_eq!(machine.mrs("ICH_APR_EL2"), 1 << 12);
    assert_eq!(machine.mrs("ICC_APR_EL1"), 0);
    machine.msr("ICH_PPI_PRIORITYR3_EL2", 0);
    machine.msr("ICH_PPI_ACTIVER0_EL2", 0);
    assert_eq!(machine.lines(), Lines::VNMI);
    let nmi = PeState { nmi: true, ..GUEST };
    assert_eq!(machine.at(nmi, |guest| guest.mrs("GICR_CDIA")), 0);
    assert_eq!(
        machine.at(nmi, |guest| guest.mrs("GICR_CDNMIA")),
        valid(ppi(CNTV))
    );
}

/// What `__vgic_v5_save_*` and `__vgic_v5_restore_*` hold of one guest.
#[derive(Clone, Default)]
struct Saved {
    vmcr: u64,
    apr: u64,
    active: u64,
    enabled: u64,
    pending: u64,
    dvi: u64,
    priorities: [u64; 8],
}

fn save(machine: &mut Machine, guest: &mut Saved) {
    guest.vmcr = machine.mrs("ICH_VMCR_EL2");
    guest.apr = machine.mrs("ICH_APR_EL2");
    guest.active = machine.mrs("ICH_PPI_ACTIVER0_EL2");
    guest.enabled = machine.mrs("ICH_PPI_ENABLER0_EL2");
    guest.pending = machine.mrs("ICH_PPI_PENDR0_EL2");
    for (n, value) in guest.priorities.iter_mut().enumerate() {
        *value = machine.mrs(&format!("ICH_PPI_PRIORITYR{n}_EL2"));
    }
    machine.msr("ICH_PPI_DVIR0_EL2", 0);
}

fn restore(machine: &mut Machine, guest: &Saved) {
    machine.msr("ICH_VMCR_EL2", guest.vmcr);
    machine.msr("ICH_APR_EL2", guest.apr);
    machine.msr("ICH_PPI_DVIR0_EL2", guest.dvi);
    machine.msr("ICH_PPI_ACTIVER0_EL2", guest.active);
    machine.msr("ICH_PPI_ENABLER0_EL2", guest.enabled);
    machine.msr("ICH_PPI_PENDR0_EL2", guest.pending & !guest.dvi);
    for (n, value) in guest.priorities.iter().enumerate() {
        machine.msr(&format!("ICH_PPI_PRIORITYR{n}_EL2"), *value);
    }
}

#[test]
fn two_guests_alternate() {
    let mut machine = guest(&[SW_PPI, CNTV]);
    let mut first = Saved {
        dvi: 1 << CNTV,
        ..Saved::default()
    };
    let mut second = Saved::default();
    machine.msr("ICH_PPI_DVIR0_EL2", first.dvi);
    // The first guest is interrupted in its handler of SW_PPI, with another
    // edge pending; its timer is running.
    machine.at(GUEST, |guest| {
        guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
        guest.mrs("GICR_CDIA");
        guest.msr("ICC_PPI_SPENDR0_EL1", 1 << SW_PPI);
    });
    machine.wire(CNTV, true);
    save(&mut machine, &mut first);
    restore(&mut machine, &second);
    assert_eq!(machine.lines().bits(), 0);
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("ICC_PPI_SPENDR0_EL1"), 0);
        assert_eq!(guest.mrs("ICC_PPI_SACTIVER0_EL1"), 0);
        assert_eq!(guest.mrs("ICC_APR_EL1"), 0);
        guest.msr("ICC_PCR_EL1", 3);
    });
    save(&mut machine, &mut second);
    machine.wire(CNTV, false);
    restore(&mut machine, &first);
    machine.at(GUEST, |guest| {
        assert_eq!(guest.mrs("ICC_PCR_EL1"), 0x1f);
        assert_eq!(guest.mrs("ICC_PPI_SPENDR0_EL1"), 1 << SW_PPI);
        assert_eq!(guest.mrs("ICC_PPI_SACTIVER0_EL1"), 1 << SW_PPI);
        assert_eq!(guest.mrs("ICC_APR_EL1"), 1 << 31);
        guest.msr("GIC_CDEOI", 0);
        guest.msr("GIC_CDDI", ppi(SW_PPI));
        assert_eq!(guest.mrs("GICR_CDIA"), valid(ppi(SW_PPI)));
    });
    save(&mut machine, &mut first);
    restore(&mut machine, &second);
    assert_eq!(machine.at(GUEST, |guest| guest.mrs("ICC_PCR_EL1")), 3);
}

#[test]
fn no_vpe_is_resident_without_a_vm() {
    let mut machine = guest(&[]);
    machine.msr("ICH_CONTEXTR_EL2", 1 << 63 | 7 << 32 | 2);
    assert_eq!(
        machine.mrs("ICH_CONTEXTR_EL2"),
        1 << 63 | 1 << 62 | 7 << 32 | 2,
        "F"
    );
    machine.msr("ICH_CONTEXTR_EL2", 1 << 62 | 7 << 32);
    assert_eq!(machine.mrs("ICH_CONTEXTR_EL2"), 7 << 32, "F is the IRS's");
}

/// A guest that is not trapped sees which PE it runs on, whatever VPE it is.
#[test]
fn iaffidr_has_no_virtual_view() {
    let mut machine = Machine::untrapped(3);
    machine.pe = 2;
    for context in [0, 1 << 63 | 7 << 32 | 2, 7 << 32] {
        machine.msr("ICH_CONTEXTR_EL2", context);
        assert_eq!(machine.at(GUEST, |guest| guest.mrs("ICC_IAFFIDR_EL1")), 2);
        assert_eq!(machine.mrs("ICC_IAFFIDR_EL1"), 2);
    }
}

#[test]
fn without_a_vpe_there_are_no_spis_and_lpis() {
    let mut machine = guest(&[]);
    let lpi = 2 << 29 | 1;
    machine.at(GUEST, |guest| {
        for insn in ["GIC_CDEN", "GIC_CDPEND", "GIC_CDDI"] {
            guest.msr(insn, lpi);
        }
        guest.msr("GIC_CDRCFG", lpi);
        assert_eq!(guest.mrs("ICC_ICSR_EL1"), 1);
    });
    assert_eq!(machine.errors.0.len(), 4, "{:?}", machine.errors.0);
}

/// EL2 names a VM's interrupts whatever is resident; where there is no such VM
/// it is an error, and the physical interrupt of that number is not touched.
#[test]
fn the_hypervisors_instructions() {
    let mut machine = guest(&[]);
    machine.msr("GIC_CDPRI", spi(7) | 9 << 35);
    machine.msr("GIC_CDRCFG", spi(7));
    let before = machine.mrs("ICC_ICSR_EL1");
    assert_eq!(machine.errors.0.len(), 0, "{:?}", machine.errors.0);
    let vm = 3 << 32;
    let insns = ["VDEN", "VDDIS", "VDPRI", "VDAFF", "VDPEND", "VDDI", "VDHM"];
    for (errors, insn) in insns.iter().enumerate() {
        machine.msr(&format!("GIC_{insn}"), spi(7) | vm | 0xffff << 48);
        assert_eq!(machine.errors.0.len(), errors + 1, "{insn}");
        machine.msr("GIC_CDRCFG", spi(7));
        assert_eq!(machine.mrs("ICC_ICSR_EL1"), before, "{insn}");
    }
    machine.msr("GIC_VDRCFG", spi(7));
    assert_eq!(machine.mrs("ICC_ICSR_EL1"), 1, "no VPE is resident");
    // A PPI of a VM is in registers.
    let errors = machine.errors.0.len();
    machine.msr("GIC_VDDI", ppi(3) | vm);
    assert_eq!(machine.errors.0.len(), errors + 1);
}

/// A guest that waits for its link to the IRS does not wait for ever.
#[test]
fn the_link_is_up_in_both_domains() {
    let mut machine = guest(&[]);
    for (en, value) in [(1, 7), (0, 6)] {
        machine.msr("ICC_CR0_EL1", en);
        assert_eq!(machine.mrs("ICC_CR0_EL1"), value);
        machine.at(GUEST, |guest| {
            guest.msr("ICC_CR0_EL1", en);
            assert_eq!(guest.mrs("ICC_CR0_EL1"), value);
        });
    }
}

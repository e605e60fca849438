// SPDX-License-Identifier: GPL-2.0-or-later
//! The virtual IRS by example.

mod hyp;

use gicv5_model::config::Knobs;
use gicv5_model::cpuif::route::{Access, PeState};
use gicv5_model::regs::{find, TABLE};
use gicv5_model::Lines;
use hyp::{irs, one_vm, Hyp, EL2, GUEST, LPI, M, SPI, U};

const VALID: u64 = 1 << 32;

/// The machines whose ID registers make software build its tables differently.
fn machines() -> Vec<(bool, Knobs, Option<u64>)> {
    let default = Knobs::default();
    let mut machines = vec![
        (true, default.clone(), None),
        (false, default.clone(), None),
        (
            false,
            Knobs {
                vmt_two_level: true,
                vm_id_bits: 16,
                vmd_log2: Some(12),
                vped_log2: 12,
                istmd_id_bits: Some(10),
                ..default.clone()
            },
            Some(0),
        ),
        (
            true,
            Knobs {
                vped_log2: 3,
                istmd_id_bits: Some(20),
                ..default.clone()
            },
            None,
        ),
    ];
    for l2sz in 0..3 {
        let knobs = Knobs {
            ist_l2_sizes: 1 << l2sz,
            ..default.clone()
        };
        machines.push((false, knobs, Some(l2sz)));
    }
    machines
}

#[test]
fn a_guests_interrupts_from_end_to_end() {
    for (linear, knobs, l2sz) in machines() {
        let mut hyp = Hyp::new(2, linear, knobs);
        hyp.create_vm(200, 1);
        hyp.map_ist(200, SPI, 7, None);
        hyp.create_vpe(200, 0);
        hyp.create_vpe(200, 1);
        hyp.map_ist(200, LPI, 16, l2sz);
        let id = 0xabcd;
        if l2sz.is_some() {
            hyp.irs_write(irs::VMAP_L2_VISTR, 8, M | 200 << 32 | LPI | id);
        }
        assert!(hyp.load(1, 200, 1));
        for intid in [LPI | id, SPI | 100] {
            hyp.guest_msr(1, "GIC_CDAFF", intid | 1 << 32);
            hyp.guest_msr(1, "GIC_CDPRI", intid | 9 << 35);
            hyp.guest_msr(1, "GIC_CDEN", intid);
            hyp.guest_msr(1, "GIC_CDPEND", intid | 1 << 32);
            assert_eq!(hyp.gic.lines(1), Lines::VIRQ);
            assert_eq!(hyp.gic.lines(0), Lines::default());
            assert_eq!(hyp.mrs(1, "ICH_HPPIR_EL2"), VALID | intid);
            hyp.select(200, 1);
            assert_eq!(hyp.irs_read(irs::VPE_HPPIR, 8), VALID | intid);
            assert_eq!(hyp.guest_mrs(1, "GICR_CDIA"), VALID | intid);
            assert_eq!(hyp.guest_icsr(1, intid), 1 << 32 | 9 << 11 | 0b1_0010);
            assert_eq!(hyp.gic.lines(1), Lines::default());
            hyp.guest_msr(1, "GIC_CDEOI", 0);
            hyp.guest_msr(1, "GIC_CDDI", intid);
            assert_eq!(hyp.guest_icsr(1, intid), 1 << 32 | 9 << 11 | 0b10);
        }
        hyp.no_errors();
    }
}

#[test]
fn one_number_in_three_domains() {
    let mut hyp = Hyp::new(2, false, Knobs::default());
    hyp.vm(0, 1);
    hyp.vm(1, 1);
    assert!(hyp.load(0, 0, 0) && hyp.load(1, 1, 0));
    for pe in 0..2 {
        hyp.guest_msr(pe, "GIC_CDEN", SPI | 3);
    }
    hyp.msr(0, "GIC_CDEN", SPI | 3);
    hyp.msr(0, "GIC_VDPEND", M | 1 << 32 | SPI | 3);
    assert_eq!(hyp.gic.lines(0), Lines::default());
    assert_eq!(hyp.gic.lines(1), Lines::VNMI, "priority 0");
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), 0);
    assert_eq!(hyp.guest_mrs(1, "GICR_CDIA"), VALID | SPI | 3);
    assert_eq!(hyp.icsr(SPI | 3), 0b10);
    assert_eq!(hyp.guest_icsr(0, SPI | 3), 0b10);
    assert_eq!(hyp.guest_icsr(1, SPI | 3), 0b1_0010);
    hyp.no_errors();
}

#[test]
fn the_hypervisors_instructions() {
    let mut hyp = one_vm();
    assert!(hyp.load(0, 5, 0));
    let (vm, intid) = (5 << 32, LPI | 77);
    for (name, operand, icsr) in [
        ("GIC_VDEN", 0, 0b10),
        ("GIC_VDPRI", 21 << 59, 21 << 11 | 0b10),
        ("GIC_VDAFF", 1 << 48, 1 << 32 | 21 << 11 | 0b10),
        ("GIC_VDHM", M, 1 << 32 | 21 << 11 | 0b10_0010),
        ("GIC_VDPEND", M, 1 << 32 | 21 << 11 | 0b10_0110),
        ("GIC_VDPEND", 0, 1 << 32 | 21 << 11 | 0b10_0010),
        ("GIC_VDHM", 0, 1 << 32 | 21 << 11 | 0b10),
        ("GIC_VDDIS", 0, 1 << 32 | 21 << 11),
    ] {
        hyp.msr(0, name, operand | vm | intid);
        hyp.msr(0, "GIC_VDRCFG", intid);
        assert_eq!(hyp.mrs(0, "ICC_ICSR_EL1"), icsr, "{name}");
    }
    for (name, operand) in [("GIC_VDAFF", 0), ("GIC_VDEN", 0), ("GIC_VDPEND", M)] {
        hyp.msr(1, name, operand | vm | intid);
    }
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), VALID | intid);
    hyp.msr(1, "GIC_VDDI", vm | intid);
    assert_eq!(hyp.guest_icsr(0, intid), 21 << 11 | 0b10);
    assert_eq!(hyp.icsr(intid), 0, "the physical one");
    hyp.no_errors();
    // GIC VDRCFG needs a resident VPE; the others a valid VM.
    let errors = hyp.errors_of(|hyp| {
        hyp.msr(1, "GIC_VDRCFG", intid);
        assert_eq!(hyp.mrs(1, "ICC_ICSR_EL1"), 1);
        hyp.msr(1, "GIC_VDPEND", M | 6 << 32 | intid);
    });
    assert_eq!(errors, 2);
    // At EL1 they are UNDEFINED, or trap for a nested hypervisor.
    let row = &TABLE[find("GIC_VDPEND").unwrap()];
    let nested = PeState {
        hcr_el2: GUEST.hcr_el2 | 1 << 42,
        ..GUEST
    };
    assert_eq!(hyp.gic.check(0, row, true, &GUEST), Access::Undefined);
    assert_eq!(hyp.gic.check(0, row, true, &nested), Access::TrapEl2);
    assert_eq!(hyp.gic.check(0, row, false, &EL2), Access::Undefined);
}

#[test]
fn residency() {
    let mut hyp = one_vm();
    for (vm, vpe) in [(4, 0), (5, 2), (5, 0xffff)] {
        assert_eq!(hyp.errors_of(|hyp| assert!(!hyp.load(0, vm, vpe))), 1);
    }
    assert!(hyp.load(0, 5, 1));
    assert!(hyp.load(0, 5, 1), "again");
    assert_eq!(hyp.errors_of(|hyp| assert!(!hyp.load(1, 5, 1))), 1);
    assert!(hyp.load(1, 5, 0));
    assert!(hyp.load(0, 5, 1));
    // A move needs no end first: the other VPE is free then.
    hyp.put(1, None);
    assert!(hyp.load(0, 5, 0) && hyp.load(1, 5, 1));
    // Reset ends it.
    hyp.reset_pe(1);
    assert_eq!(hyp.mrs(1, "ICH_CONTEXTR_EL2"), 0);
    assert!(hyp.load(1, 5, 1));
    // So does a failure.
    assert!(!hyp.load(1, 9, 1));
    hyp.msr(1, "ICH_HFGITR_EL2", u64::MAX);
    assert_eq!(hyp.errors_of(|hyp| hyp.guest_msr(1, "GIC_CDEN", LPI)), 1);
}

#[test]
fn iri_hppi_dis() {
    let mut hyp = one_vm();
    hyp.msr(0, "GIC_VDEN", 5 << 32 | SPI | 1);
    hyp.msr(0, "GIC_VDPRI", 3 << 59 | 5 << 32 | SPI | 1);
    hyp.msr(0, "GIC_VDPEND", M | 5 << 32 | SPI | 1);
    hyp.msr(0, "ICH_CONTEXTR_EL2", M | 1 << 61 | 5);
    assert_eq!(hyp.mrs(0, "ICH_CONTEXTR_EL2"), M | 1 << 61 | 5);
    assert_eq!(hyp.gic.lines(0), Lines::default());
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), 0);
    assert_eq!(hyp.guest_icsr(0, SPI | 1), 3 << 11 | 0b110, "it is there");
    // Virtual PPIs are not concerned.
    hyp.msr(0, "ICH_PPI_ENABLER0_EL2", 8);
    hyp.msr(0, "ICH_PPI_PENDR0_EL2", 8);
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), VALID | 1 << 29 | 3);
    hyp.guest_msr(0, "GIC_CDEOI", 0);
    hyp.msr(0, "ICH_CONTEXTR_EL2", M | 5);
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), VALID | SPI | 1);
    hyp.no_errors();
}

/// VPE 0 has SPI 1 at priority 9; SPI 2 is at 20.
fn for_doorbells() -> Hyp {
    let mut hyp = one_vm();
    for (spi, priority) in [(1, 9), (2, 20)] {
        hyp.msr(0, "GIC_VDEN", 5 << 32 | SPI | spi);
        hyp.msr(0, "GIC_VDPRI", priority << 59 | 5 << 32 | SPI | spi);
    }
    hyp
}

fn pend(hyp: &mut Hyp, spi: u64, on: bool) {
    hyp.msr(1, "GIC_VDPEND", u64::from(on) << 63 | 5 << 32 | SPI | spi);
}

#[test]
fn a_doorbell_rings_once_for_each_request() {
    let mut hyp = for_doorbells();
    pend(&mut hyp, 1, true);
    assert!(!hyp.rung(5, 0), "not requested");
    assert!(hyp.load(0, 5, 0));
    assert!(!hyp.rung(5, 0));
    hyp.put(0, None);
    assert!(!hyp.rung(5, 0), "not requested");
    assert!(hyp.load(0, 5, 0));
    hyp.put(0, Some(31));
    assert!(hyp.rung(5, 0), "pending before the request");
    pend(&mut hyp, 2, true);
    pend(&mut hyp, 1, false);
    pend(&mut hyp, 1, true);
    assert!(!hyp.rung(5, 0), "one shot");
    pend(&mut hyp, 1, false);
    pend(&mut hyp, 2, false);
    assert!(hyp.load(0, 5, 0));
    hyp.put(0, Some(9));
    pend(&mut hyp, 2, true);
    assert!(!hyp.rung(5, 0), "not of sufficient priority");
    pend(&mut hyp, 1, true);
    assert!(hyp.rung(5, 0), "at DBPM");
    assert!(!hyp.rung(5, 1), "the other VPE's");
    hyp.no_errors();
}

#[test]
fn a_doorbell_follows_every_change() {
    // What may make the condition true: Pending, Enabled, priority, target,
    // not Active.
    for (before, name, operand) in [
        (0, "GIC_VDPEND", M | SPI | 1),
        (1, "GIC_VDEN", SPI | 1),
        (2, "GIC_VDPRI", 3 << 59 | SPI | 1),
        (3, "GIC_VDAFF", SPI | 1),
        (4, "GIC_VDDI", SPI | 1),
    ] {
        let mut hyp = for_doorbells();
        pend(&mut hyp, 1, true);
        assert!(hyp.load(0, 5, 0));
        match before {
            0 => pend(&mut hyp, 1, false),
            1 => hyp.guest_msr(0, "GIC_CDDIS", SPI | 1),
            2 => hyp.guest_msr(0, "GIC_CDPRI", 30 << 35 | SPI | 1),
            3 => hyp.guest_msr(0, "GIC_CDAFF", 1 << 32 | SPI | 1),
            _ => {
                hyp.guest_msr(0, "GIC_CDHM", 1 << 32 | SPI | 1);
                hyp.guest_mrs(0, "GICR_CDIA");
                hyp.guest_msr(0, "GIC_CDEOI", 0);
            }
        }
        hyp.put(0, Some(9));
        assert!(!hyp.rung(5, 0), "{name}");
        hyp.msr(1, name, 5 << 32 | operand);
        assert!(hyp.rung(5, 0), "{name}");
        hyp.no_errors();
    }
}

#[test]
fn a_request_in_the_register() {
    let mut hyp = for_doorbells();
    let doorbell = hyp.doorbell(5, 0);
    hyp.select(5, 0);
    assert_eq!(hyp.irs_read(irs::VPE_DBR, 8), M | doorbell);
    let request = M | 1 << 62 | 9 << 32 | doorbell;
    hyp.irs_write(irs::VPE_DBR, 8, request);
    assert_eq!(hyp.irs_read(irs::VPE_DBR, 8), request);
    // Residency ends it.
    assert!(hyp.load(0, 5, 0));
    assert_eq!(hyp.irs_read(irs::VPE_DBR, 8), M | 9 << 32 | doorbell);
    // While resident it waits.
    hyp.irs_write(irs::VPE_DBR, 8, request);
    pend(&mut hyp, 1, true);
    assert!(!hyp.rung(5, 0));
    hyp.put(0, None);
    assert!(hyp.rung(5, 0));
    assert_eq!(hyp.irs_read(irs::VPE_DBR, 8), M | 9 << 32 | doorbell);
    // CONTEXTR's DBPM goes to the register; without DBV there is no doorbell.
    hyp.irs_write(irs::VPE_DBR, 8, doorbell);
    assert!(hyp.load(0, 5, 0));
    hyp.put(0, Some(17));
    assert!(!hyp.rung(5, 0));
    assert_eq!(hyp.irs_read(irs::VPE_DBR, 8), 1 << 62 | 17 << 32 | doorbell);
    hyp.irs_write(irs::VPE_DBR + 4, 4, 3 << 30 | 17);
    assert!(hyp.rung(5, 0));
    hyp.no_errors();
}

#[test]
fn what_is_not_valid() {
    let mut hyp = one_vm();
    assert!(hyp.load(0, 5, 0));
    hyp.guest_msr(0, "GIC_CDEN", LPI | 1);
    hyp.guest_msr(0, "GIC_CDPEND", 1 << 32 | LPI | 1);
    assert_eq!(hyp.gic.lines(0), Lines::VNMI);
    // An LPI IST that is no more.
    hyp.irs_write(irs::VMAP_VISTR, 8, M | U | 5 << 32 | LPI);
    assert_eq!(hyp.gic.lines(0), Lines::default());
    hyp.no_errors();
    assert_eq!(hyp.guest_icsr(0, LPI | 1), 1);
    assert_eq!(hyp.guest_icsr(0, SPI | 1), 0);
    assert_eq!(hyp.guest_icsr(0, SPI | 32), 1, "beyond the table");
    // A VM that is no more, while a VPE of it is resident.
    assert_eq!(
        hyp.errors_of(|hyp| hyp.irs_write(irs::VMAP_VMR, 8, M | U | 5)),
        1
    );
    let vmte = hyp.vms[&5].vmte;
    assert_eq!(hyp.ram.peek(vmte) & 1, 0);
    assert_eq!(hyp.guest_icsr(0, SPI | 1), 1);
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), 0);
    assert!(!hyp.load(0, 5, 0));
    hyp.select(5, 0);
    assert_eq!(hyp.irs_read(irs::VPE_STATUSR, 4), 1);
    hyp.irs_write(irs::VM_SELR, 4, 5);
    assert_eq!(hyp.irs_read(irs::VM_STATUSR, 4), 1);
    assert_eq!(hyp.errors_of(|hyp| hyp.irs_write(irs::VPE_DBR, 8, M)), 1);
}

/// What KVM does to restore a VM's interrupts.
#[test]
fn a_vm_valid_again_is_as_it_was() {
    let mut hyp = one_vm();
    assert!(hyp.load(0, 5, 0));
    hyp.guest_msr(0, "GIC_CDEN", LPI | 1);
    hyp.guest_msr(0, "GIC_CDPRI", 4 << 35 | LPI | 1);
    hyp.guest_msr(0, "GIC_CDPEND", 1 << 32 | LPI | 1);
    hyp.put(0, None);
    hyp.irs_write(irs::VMAP_VMR, 8, M | U | 5);
    hyp.irs_write(irs::VM_SELR, 4, 5);
    assert_eq!(hyp.irs_read(irs::VM_STATUSR, 4), 1);
    hyp.irs_write(irs::VMAP_VMR, 8, M | 5);
    assert_eq!(hyp.irs_read(irs::VM_STATUSR, 4), 3);
    hyp.select(5, 1);
    assert_eq!(hyp.irs_read(irs::VPE_STATUSR, 4), 3);
    assert!(hyp.load(0, 5, 0));
    assert_eq!(hyp.gic.lines(0), Lines::default(), "nothing is looked for");
    hyp.msr(0, "GIC_VDPEND", M | 5 << 32 | LPI | 1);
    assert_eq!(hyp.gic.lines(0), Lines::VIRQ);
    hyp.put(0, Some(4));
    assert!(hyp.rung(5, 0), "the doorbell is still there");
    hyp.no_errors();
}

#[test]
fn an_interrupt_waits_for_its_vpe() {
    let mut hyp = Hyp::new(1, false, Knobs::default());
    hyp.create_vm(1, 2);
    hyp.map_ist(1, SPI, 5, None);
    hyp.create_vpe(1, 0);
    for (name, operand) in [
        ("GIC_VDAFF", 3 << 48),
        ("GIC_VDPRI", 1 << 59),
        ("GIC_VDEN", 0),
        ("GIC_VDPEND", M),
    ] {
        hyp.msr(0, name, operand | 1 << 32 | SPI | 7);
    }
    hyp.create_vpe(1, 3);
    assert!(hyp.load(0, 1, 3));
    assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), VALID | SPI | 7);
    hyp.no_errors();
}

#[test]
fn saving() {
    let mut hyp = one_vm();
    let (s, q) = (1 << 63, 1 << 62);
    let save = |hyp: &mut Hyp, bits: u64| {
        hyp.irs_write(irs::SAVE_VMR, 8, bits | 5);
        hyp.irs_read(irs::SAVE_VM_STATUSR, 4)
    };
    assert_eq!(save(&mut hyp, q), 1, "not saved yet");
    assert_eq!(save(&mut hyp, s | q), 3);
    assert_eq!(save(&mut hyp, q), 3);
    assert_eq!(save(&mut hyp, 0), 1, "not asked for");
    assert_eq!(save(&mut hyp, q), 3);
    let changes: [&dyn Fn(&mut Hyp); 4] = [
        &|hyp| hyp.msr(0, "GIC_VDPEND", M | 5 << 32 | SPI | 1),
        &|hyp| hyp.msr(0, "GIC_VDPEND", 5 << 32 | SPI | 1),
        &|hyp| hyp.msr(0, "GIC_VDEN", 5 << 32 | LPI | 1),
        &|hyp| assert!(hyp.load(0, 5, 0)),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        change(&mut hyp);
        assert_eq!(save(&mut hyp, q), 1, "{n}");
        // Not while a VPE is resident.
        assert_eq!(save(&mut hyp, s | q), if n == 3 { 1 } else { 3 }, "{n}");
    }
    hyp.put(0, None);
    assert_eq!(save(&mut hyp, s | q), 3);
    // What changes nothing does not matter, and neither do other VMs.
    hyp.vm(6, 1);
    hyp.msr(0, "GIC_VDEN", 5 << 32 | LPI | 1);
    hyp.msr(0, "GIC_VDEN", 6 << 32 | LPI | 1);
    assert_eq!(save(&mut hyp, q), 3);
    hyp.no_errors();
}

#[test]
fn a_wire_that_is_a_vms() {
    let mut hyp = one_vm();
    hyp.msr(0, "GIC_CDEN", SPI | 4);
    hyp.msr(0, "GIC_VDEN", 5 << 32 | SPI | 4);
    hyp.irs_write(irs::SPI_SELR, 4, 4);
    hyp.irs_write(irs::SPI_CFGR, 4, 1);
    hyp.wire(4, true);
    assert_eq!(hyp.gic.lines(0), Lines::NMI);
    hyp.irs_write(irs::SPI_VMR, 8, M | 5);
    assert_eq!(hyp.irs_read(irs::SPI_VMR, 8), M | 5);
    assert_eq!(hyp.gic.lines(0), Lines::default());
    hyp.no_errors();
    assert_eq!(hyp.icsr(SPI | 4), 1, "the physical one is out of reach");
    assert!(hyp.load(0, 5, 0));
    hyp.wire(4, false);
    hyp.wire(4, true);
    assert_eq!(hyp.gic.lines(0), Lines::VNMI);
    assert_eq!(hyp.guest_icsr(0, SPI | 4), 0b10_0110, "HM is level now");
    hyp.wire(4, false);
    assert_eq!(hyp.gic.lines(0), Lines::default());
    hyp.irs_write(irs::SPI_VMR, 8, 0);
    assert_eq!(hyp.gic.lines(0), Lines::NMI, "as it was");
}

#[test]
fn the_tables_valid_bits_are_the_irss() {
    let mut hyp = one_vm();
    let tables = hyp.vms[&5];
    // Valid already.
    for (offset, value) in [
        (irs::VMAP_VMR, M | 5),
        (irs::VMAP_VISTR, M | 5 << 32 | SPI),
        (irs::VMAP_VISTR, M | 5 << 32 | LPI),
        (irs::VMAP_VPER, M | 5 << 32 | 1),
        // Not valid, of a VM and a VPE that there cannot be.
        (irs::VMAP_VMR, M | 0x100),
        (irs::VMAP_VMR, M | U | 6),
        (irs::VMAP_VISTR, M | 6 << 32 | SPI),
        (irs::VMAP_VPER, M | 6 << 32),
        (irs::VMAP_VPER, M | 5 << 32 | 2),
        (irs::VMAP_L2_VISTR, M | 6 << 32 | LPI),
        // Linear.
        (irs::VMAP_L2_VMTR, M | 6),
        (irs::VMAP_L2_VISTR, M | 5 << 32 | LPI),
        // Of no type.
        (irs::VMAP_VISTR, M | 5 << 32 | 1 << 29),
        (irs::VMAP_VISTR, M | 5 << 32),
    ] {
        assert_eq!(
            hyp.errors_of(|hyp| hyp.irs_write(offset, 8, value)),
            1,
            "{offset:#x} {value:#x}"
        );
    }
    // Nothing without M.
    for offset in [irs::VMAP_VMR, irs::VMAP_VISTR, irs::VMAP_VPER] {
        assert_eq!(
            hyp.errors_of(|hyp| hyp.irs_write(offset, 8, U | 5 << 32 | 5)),
            0
        );
    }
    // VALID set by software, of a VM, and of a VPE.
    hyp.ram.poke(tables.vmte + 32, 1);
    assert_eq!(hyp.errors_of(|hyp| assert!(!hyp.load(0, 6, 0))), 1);
    hyp.ram.poke(tables.vmte + 40, tables.vpet | 1 << 59);
    assert_eq!(
        hyp.errors_of(|hyp| hyp.irs_write(irs::VMAP_VMR, 8, M | 6)),
        1
    );
    hyp.create_vm(7, 2);
    let vpet = hyp.vms[&7].vpet;
    hyp.ram.poke(vpet + 8, 1);
    assert_eq!(hyp.errors_of(|hyp| assert!(!hyp.load(0, 7, 1))), 1);
    assert_eq!(
        hyp.errors_of(|hyp| hyp.irs_write(irs::VMAP_VPER, 8, M | 7 << 32 | 1)),
        1
    );
    // The table of VMs, while there are some.
    let errors = hyp.errors_of(|hyp| hyp.irs_write(irs::VMT_BASER, 8, 0));
    assert_eq!(errors, 2, "two VMs are valid");
    assert!(!hyp.load(0, 5, 0));
}

#[test]
fn a_software_error_says_whose_interrupt() {
    let mut hyp = Hyp::new(1, false, Knobs::default());
    hyp.create_vm(9, 1);
    hyp.map_ist(9, LPI, 16, Some(0));
    // The second level is not mapped: no access to it, no code.
    hyp.msr(0, "GIC_VDEN", 9 << 32 | LPI | 0x4321);
    assert_eq!(hyp.irs_read(irs::SWERR_STATUSR, 8), 0);
    assert_eq!(hyp.errors.0.len(), 1);
    hyp.irs_write(irs::VMAP_L2_VISTR, 8, M | 9 << 32 | LPI | 0x4321);
    hyp.msr(0, "GIC_VDEN", 9 << 32 | LPI | 0x4321);
    assert_eq!(hyp.errors.0.len(), 1);
    hyp.msr(0, "GIC_VDEN", 9 << 32 | LPI | 0x4_0000);
    assert_eq!(hyp.errors.0.len(), 2);
    assert!(hyp.errors.0[1].contains("VM 9's LPI"), "{:?}", hyp.errors.0);
}

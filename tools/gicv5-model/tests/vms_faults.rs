// SPDX-License-Identifier: GPL-2.0-or-later
//! What software must not do to a VM's tables, by example.

mod hyp;

use gicv5_model::config::{Delay, Knobs};
use hyp::{irs, one_vm, Hyp, LPI, M, SPI, U};

/// Software must not change a valid table. Where operations take their time the
/// change is lost, too; making the VM valid again takes it.
#[test]
fn an_entry_that_is_changed_under_the_irs() {
    for steps in [0, 5] {
        let delay = Delay { steps, stuck: None };
        let mut hyp = Hyp::slow(1, false, Knobs::default(), delay, None);
        hyp.create_vm(5, 1);
        let ist = hyp.map_ist(5, SPI, 5, None);
        hyp.create_vpe(5, 0);
        assert!(hyp.load(0, 5, 0));
        hyp.guest_msr(0, "GIC_CDEN", SPI | 2);
        hyp.gsb(0);
        assert_eq!(hyp.ram.peek(ist + 8), 1 << 3);
        hyp.ram.poke(ist + 8, 1 << 3 | 7 << 11);
        let errors = hyp.errors_of(|hyp| {
            let seen = if steps == 0 { 7 << 11 } else { 0 };
            assert_eq!(hyp.guest_icsr(0, SPI | 2), seen | 0b10);
        });
        assert_eq!(errors, 1);
        hyp.put(0, None);
        hyp.irs_write(irs::VMAP_VMR, 8, M | U | 5);
        hyp.wait(irs::VMT_STATUSR);
        hyp.ram.poke(ist + 8, 1 << 3 | 9 << 11);
        hyp.irs_write(irs::VMAP_VMR, 8, M | 5);
        hyp.wait(irs::VMT_STATUSR);
        assert!(hyp.load(0, 5, 0));
        let errors = hyp.errors_of(|hyp| {
            assert_eq!(hyp.guest_icsr(0, SPI | 2), 9 << 11 | 0b10);
        });
        assert_eq!(errors, 0);
    }
}

/// Neither must it change, or free, the entries that describe a valid VM.
#[test]
fn a_table_that_is_changed_under_the_irs() {
    type Place<'a> = &'a dyn Fn(&Hyp) -> u64;
    let entries: [(&str, Place<'_>); 5] = [
        ("L2_VMTE", &|hyp| hyp.vms[&5].vmte),
        ("L2_VMTE", &|hyp| hyp.vms[&5].vmte + 8),
        ("L2_VMTE", &|hyp| hyp.vms[&5].vmte + 24),
        ("VPETE", &|hyp| hyp.vms[&5].vpet + 8),
        ("VPE descriptor", &|hyp| hyp.vms[&5].vpeds + 64),
    ];
    let unmap = |hyp: &mut Hyp| hyp.irs_write(irs::VMAP_VMR, 8, M | U | 5);
    for (what, pa) in entries {
        let mut hyp = one_vm();
        let pa = pa(&hyp);
        let left = hyp.ram.peek(pa);
        hyp.ram.poke(pa, left ^ 1 << 40);
        hyp.replace();
        assert_eq!(hyp.errors_of(unmap), 1, "{what}");
        let said = hyp.errors.0.last().unwrap();
        assert!(said.contains(&format!("the {what} at {pa:#x}")), "{said}");
        // As it was in time, or changed when it may be.
        let mut hyp = one_vm();
        hyp.ram.poke(pa, left ^ 1 << 40);
        hyp.ram.poke(pa, left);
        assert_eq!(hyp.errors_of(unmap), 0, "{what}");
        hyp.ram.poke(pa, 0);
        hyp.irs_write(irs::VMAP_VMR, 8, M | 5);
        assert_eq!(hyp.errors_of(unmap), 0, "{what}");
    }
    // The word of an IST that is not valid is software's.
    let mut hyp = one_vm();
    hyp.irs_write(irs::VMAP_VISTR, 8, M | U | 5 << 32 | LPI);
    let word = hyp.vms[&5].vmte + 16;
    hyp.ram.poke(word, 0);
    unmap(&mut hyp);
    hyp.no_errors();
}

#[test]
fn smaller_faults_of_software() {
    let mut hyp = one_vm();
    for (what, action) in [
        (
            "CR1",
            &(|hyp: &mut Hyp| hyp.irs_write(0x84, 4, 1)) as &dyn Fn(&mut Hyp),
        ),
        ("CDEOI", &|hyp| hyp.msr(0, "GIC_CDEOI", SPI | 1)),
        ("VM_DBR", &|hyp| hyp.irs_write(irs::VM_DBR, 8, M)),
        ("IRM", &|hyp| {
            hyp.msr(0, "GIC_VDAFF", 1 << 28 | 5 << 32 | SPI | 1)
        }),
    ] {
        assert_eq!(hyp.errors_of(|hyp| action(hyp)), 1, "{what}");
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! What things cost, in bytes of memory that the IRS moves: nothing goes over a
//! table. How often candidates are compared is counted where they are kept.

mod hyp;

use gicv5_model::config::Knobs;
use hyp::{irs, Hyp, LPI, M, SPI, U};

/// The bytes that `action` makes the IRS move.
fn traffic(hyp: &mut Hyp, action: impl FnOnce(&mut Hyp)) -> usize {
    let before = hyp.ram.traffic;
    action(hyp);
    hyp.ram.traffic - before
}

/// VM 5 with 2^`bits` LPIs, `l2sz` as for [`Hyp::map_ist`], and one VPE.
fn vm(bits: u32, l2sz: Option<u64>) -> Hyp {
    let mut hyp = Hyp::new(1, false, Knobs::default());
    hyp.create_vm(5, 1);
    hyp.map_ist(5, SPI, 5, None);
    hyp.create_vpe(5, 0);
    hyp.map_ist(5, LPI, bits, l2sz);
    hyp
}

#[test]
fn a_vm_with_many_lpis_becomes_valid() {
    for l2sz in [None, Some(0), Some(2)] {
        let cost = [14, 16].map(|bits| {
            let mut hyp = vm(bits, l2sz);
            let ist =
                |hyp: &mut Hyp, bits| hyp.irs_write(irs::VMAP_VISTR, 8, M | bits | 5 << 32 | LPI);
            let vm = |hyp: &mut Hyp, bits| hyp.irs_write(irs::VMAP_VMR, 8, M | bits | 5);
            let cost = [
                traffic(&mut hyp, |hyp| ist(hyp, U)),
                traffic(&mut hyp, |hyp| ist(hyp, 0)),
                traffic(&mut hyp, |hyp| vm(hyp, U)),
                traffic(&mut hyp, |hyp| vm(hyp, 0)),
            ];
            hyp.no_errors();
            cost
        });
        assert_eq!(cost[0], cost[1], "{l2sz:?}");
        // The entries that it is about, and not one ISTE for each LPI.
        assert!(cost[1].iter().all(|bytes| *bytes < 256), "{cost:?}");
    }
}

/// Nearly all of a guest's LPIs are pending, and some are taken.
#[test]
fn an_interrupt_among_60000() {
    for l2sz in [None, Some(0)] {
        let mut hyp = vm(16, l2sz);
        assert!(hyp.load(0, 5, 0));
        let mut worst = 0;
        for id in 0..60_000 {
            let intid = LPI | id;
            if l2sz.is_some() && id % 1024 == 0 {
                hyp.irs_write(irs::VMAP_L2_VISTR, 8, M | 5 << 32 | intid);
            }
            for (name, operand) in [("GIC_CDEN", 0), ("GIC_CDPEND", 1 << 32)] {
                worst = worst.max(traffic(&mut hyp, |hyp| {
                    hyp.guest_msr(0, name, intid | operand)
                }));
            }
        }
        for id in 0..500 {
            worst = worst.max(traffic(&mut hyp, |hyp| {
                assert_eq!(hyp.guest_mrs(0, "GICR_CDIA"), 1 << 32 | LPI | id);
            }));
            hyp.guest_msr(0, "GIC_CDEOI", 0);
            hyp.guest_msr(0, "GIC_CDDI", LPI | id);
        }
        // An L1_ISTE, and an ISTE to and fro.
        assert!(worst <= 16, "{worst} bytes");
        hyp.no_errors();
    }
}

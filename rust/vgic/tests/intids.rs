// SPDX-License-Identifier: GPL-2.0

//! INTIDs against the kernel's own macros for them, which `intids.c` makes functions of.

#![cfg(not(loom))]

use proptest::prelude::*;
use vgic_v5::cpuif::PpiId;
use vgic_v5::intid::{Intid, IntidType};

mod kernel {
    // SAFETY: `intids.c` has each of them, and they only compute.
    unsafe extern "C" {
        pub safe fn kernel_is_sgi(raw: u32) -> bool;
        pub safe fn kernel_is_ppi(raw: u32) -> bool;
        pub safe fn kernel_is_lpi(raw: u32) -> bool;
        pub safe fn kernel_is_spi(raw: u32) -> bool;
        pub safe fn kernel_has_type_ppi(raw: u32) -> bool;
        pub safe fn kernel_id(raw: u32) -> u32;
        pub safe fn kernel_make_ppi(id: u32) -> u32;
        pub safe fn kernel_make_lpi(id: u32) -> u32;
        pub safe fn kernel_make_spi(id: u32) -> u32;
        pub safe fn kernel_type_mask() -> u32;
        pub safe fn kernel_id_mask() -> u32;
        pub safe fn kernel_private_irqs() -> u32;
        pub safe fn kernel_sw_ppi() -> u32;
        pub safe fn kernel_pmuirq() -> u32;
        pub safe fn kernel_gicmnt() -> u32;
        pub safe fn kernel_cnthp() -> u32;
        pub safe fn kernel_cntv() -> u32;
        pub safe fn kernel_cnthv() -> u32;
        pub safe fn kernel_cntp() -> u32;
    }
}
use kernel::*;

/// What the kernel's macros make of 32 bits.
fn kernel_kind(raw: u32) -> Option<IntidType> {
    // Of the PPIs, __irq_is_ppi() has only those that KVM's guests can be given.
    match (
        kernel_has_type_ppi(raw),
        kernel_is_lpi(raw),
        kernel_is_spi(raw),
    ) {
        (true, false, false) => Some(IntidType::Ppi),
        (false, true, false) => Some(IntidType::Lpi),
        (false, false, true) => Some(IntidType::Spi),
        (false, false, false) => None,
        _ => panic!("{raw:#x} is of two types"),
    }
}

fn kernel_make(kind: IntidType, id: u32) -> u32 {
    match kind {
        IntidType::Ppi => kernel_make_ppi(id),
        IntidType::Lpi => kernel_make_lpi(id),
        IntidType::Spi => kernel_make_spi(id),
    }
}

/// All that we and the kernel say of an INTID whose reserved bits are clear.
fn agree(raw: u32) {
    let ours = Intid::decode(raw);
    assert_eq!(ours.map(Intid::kind), kernel_kind(raw), "{raw:#x}");
    assert!(!kernel_is_sgi(raw), "{raw:#x}");
    let ppi = ours.and_then(Intid::architected_ppi);
    assert_eq!(ppi.is_some(), kernel_is_ppi(raw), "{raw:#x}");
    if let Some(ppi) = ppi {
        assert_eq!(ppi.number(), kernel_id(raw), "{raw:#x}");
        assert_eq!(Intid::from(ppi).encode(), raw);
    }
    if let Some(ours) = ours {
        assert_eq!(ours.id(), kernel_id(raw), "{raw:#x}");
        assert_eq!(ours.encode(), raw);
        assert_eq!(kernel_make(ours.kind(), ours.id()), raw);
        assert_eq!(Intid::new(ours.kind(), ours.id()), Some(ours));
    }
}

#[test]
fn every_intid() {
    let reserved = !(kernel_type_mask() | kernel_id_mask());
    assert_eq!(reserved, 0x1f00_0000);
    for kind in 0..8 {
        for id in 0..=kernel_id_mask() {
            agree((kind << 29) | id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    /// The kernel looks at neither the reserved bits of an INTID nor those of an ID that do not
    /// fit; here there is no such INTID.
    #[test]
    fn what_the_kernel_does_not_look_at(raw: u32, id: u32) {
        let fits = kernel_type_mask() | kernel_id_mask();
        prop_assert_eq!(Intid::decode(raw).is_some(), raw & !fits == 0 && kernel_kind(raw).is_some());
        for kind in [IntidType::Ppi, IntidType::Lpi, IntidType::Spi] {
            prop_assert_eq!(Intid::new(kind, id).is_some(), id & !kernel_id_mask() == 0);
            prop_assert_eq!(
                Intid::new(kind, id & kernel_id_mask()).map(Intid::encode),
                Some(kernel_make(kind, id))
            );
        }
    }
}

#[test]
fn named_ppis() {
    for (ours, kernel) in [
        (PpiId::SW_PPI, kernel_sw_ppi()),
        (PpiId::PMUIRQ, kernel_pmuirq()),
        (PpiId::GICMNT, kernel_gicmnt()),
        (PpiId::CNTHP, kernel_cnthp()),
        (PpiId::CNTV, kernel_cntv()),
        (PpiId::CNTHV, kernel_cnthv()),
        (PpiId::CNTP, kernel_cntp()),
    ] {
        assert_eq!(ours.number(), kernel, "{:?}", ours.name());
    }
    assert_eq!(PpiId::COUNT as u32, kernel_private_irqs());
    assert_eq!(PpiId::new(kernel_private_irqs()), None);
    assert_eq!(
        PpiId::new(kernel_private_irqs() - 1).map(PpiId::number),
        Some(kernel_private_irqs() - 1)
    );
}

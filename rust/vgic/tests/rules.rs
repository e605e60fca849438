// SPDX-License-Identifier: GPL-2.0

//! Rules that a sentence states, one test each, and what the fast path may cost.

#![cfg(not(loom))]

mod machine;
mod thread;

use machine::{owned, GuestOp, Machine};
use thread::parked;
use vgic_v5::cpuif::{
    BadValue, Half, Injection, Owner, OwnerError, PpiId, PpiMask, TrappedRegister, Undefined,
    UserRegister,
};
use vgic_v5::intid::{Intid, IntidType};
use vgic_v5::{Vcpu, Vm};

const ALL: PpiMask = PpiMask::from_bits(u64::MAX);

fn owner(n: u64) -> Owner {
    Owner::new(n).unwrap()
}

#[test]
fn intids_are_encoded_as_the_kernel_does() {
    // GICV5_HWIRQ_TYPE is 31:29, GICV5_HWIRQ_ID 23:0.
    for (kind, field) in [
        (IntidType::Ppi, 1),
        (IntidType::Lpi, 2),
        (IntidType::Spi, 3),
    ] {
        for id in [0, 1, 63, 64, 0xff_ffff] {
            let intid = Intid::new(kind, id).unwrap();
            assert_eq!(intid.encode(), (field << 29) | id);
            assert_eq!(Intid::decode(intid.encode()), Some(intid));
            let ppi = intid.architected_ppi().map(PpiId::number);
            assert_eq!(ppi, (kind == IntidType::Ppi && id < 64).then_some(id));
        }
        assert_eq!(Intid::new(kind, 1 << 24), None);
    }
    for type_field in [0, 4, 5, 6, 7] {
        assert_eq!(Intid::decode(type_field << 29), None);
    }
    assert_eq!(Intid::decode((1 << 29) | (1 << 24)), None);
}

#[test]
fn the_guest_sees_what_is_driven_and_sw_ppi() {
    let vm = Vm::new(ALL & !PpiId::CNTHP.mask());
    let vcpu = Vcpu::new(1);
    for ppi in [PpiId::CNTV, PpiId::CNTHP] {
        vcpu.cpuif()
            .inputs()
            .owners()
            .set_owner(ppi, owner(1))
            .unwrap();
    }
    assert!(!vm.ppis().is_final());
    let visible = vm.ppis().finalize([vcpu.cpuif().inputs().owners().owned()]);
    assert_eq!(visible, PpiId::CNTV.mask() | PpiId::SW_PPI.mask());
    assert_eq!(vm.ppis().level(), PpiId::CNTV.mask());
    assert_eq!(vm.ppis().userspace(), PpiId::SW_PPI.mask());
    // Fixed from now on.
    vcpu.cpuif()
        .inputs()
        .owners()
        .set_owner(PpiId::PMUIRQ, owner(1))
        .unwrap();
    assert_eq!(
        vm.ppis().finalize([vcpu.cpuif().inputs().owners().owned()]),
        visible
    );
    assert_eq!(vm.ppis().visible(), visible);
}

#[test]
fn what_the_guest_sees_does_not_depend_on_who_runs_first() {
    let vm = Vm::new(ALL);
    let vcpus = [Vcpu::new(1), Vcpu::new(2)];
    vcpus[1]
        .cpuif()
        .inputs()
        .owners()
        .set_owner(PpiId::CNTV, owner(1))
        .unwrap();
    let visible = vm.ppis().finalize(
        vcpus
            .iter()
            .map(|vcpu| vcpu.cpuif().inputs().owners().owned()),
    );
    assert_eq!(visible, PpiId::CNTV.mask() | PpiId::SW_PPI.mask());
}

#[test]
fn a_device_owns_its_ppi() {
    let vcpu = Vcpu::new(1);
    let owners = vcpu.cpuif().inputs().owners();
    owners.set_owner(PpiId::CNTV, owner(1)).unwrap();
    owners.set_owner(PpiId::CNTV, owner(1)).unwrap();
    assert_eq!(
        owners.set_owner(PpiId::CNTV, owner(2)),
        Err(OwnerError::Owned)
    );
    assert_eq!(
        vcpu.cpuif().inject(PpiId::CNTV, true, None),
        Injection::NotOwner
    );
    assert_eq!(
        vcpu.cpuif().inject(PpiId::CNTV, true, Some(owner(2))),
        Injection::NotOwner
    );
    assert!(vcpu.cpuif().inputs().pending().is_empty());
    assert_eq!(
        vcpu.cpuif().inject(PpiId::CNTV, true, Some(owner(1))),
        Injection::Changed
    );
    assert_eq!(
        vcpu.cpuif().inject(PpiId::CNTV, true, Some(owner(1))),
        Injection::Unchanged
    );
    assert_eq!(
        vcpu.cpuif().inject(PpiId::SW_PPI, false, None),
        Injection::Unchanged
    );
}

#[test]
fn a_device_can_own_every_ppi_and_there_is_an_end_to_devices() {
    let vcpu = Vcpu::new(1);
    for ppi in ALL.iter() {
        vcpu.cpuif()
            .inputs()
            .owners()
            .set_owner(ppi, owner(1))
            .unwrap();
        assert!(vcpu.cpuif().inputs().owners().is_owner(ppi, Some(owner(1))));
    }
    assert_eq!(vcpu.cpuif().inputs().owners().owned(), ALL);
    let vcpu = Vcpu::new(2);
    for (n, ppi) in (1..=8).zip(ALL.iter()) {
        vcpu.cpuif()
            .inputs()
            .owners()
            .set_owner(ppi, owner(n))
            .unwrap();
        vcpu.cpuif().map(ppi, 0).unwrap();
    }
    let ninth = PpiId::new(8).unwrap();
    assert_eq!(
        vcpu.cpuif().inputs().owners().set_owner(ninth, owner(9)),
        Err(OwnerError::Full)
    );
    assert_eq!(vcpu.cpuif().map(ninth, 8), Err(OwnerError::Full));
    assert!(!vcpu.cpuif().inputs().direct().contains(ninth));
}

#[test]
fn mappings() {
    let vcpu = Vcpu::new(1);
    assert_eq!(vcpu.cpuif().inputs().owners().hwirq(PpiId::CNTV), None);
    vcpu.cpuif().map(PpiId::CNTV, 27).unwrap();
    assert_eq!(vcpu.cpuif().inputs().owners().hwirq(PpiId::CNTV), Some(27));
    assert_eq!(vcpu.cpuif().inputs().direct(), PpiId::CNTV.mask());
    assert!(vcpu.cpuif().unmap(PpiId::CNTV));
    assert!(!vcpu.cpuif().unmap(PpiId::CNTV));
    assert_eq!(vcpu.cpuif().inputs().owners().hwirq(PpiId::CNTV), None);
    assert!(vcpu.cpuif().inputs().direct().is_empty());
}

#[test]
fn a_reset_of_a_mapped_ppi_spares_the_others() {
    let mut machine = Machine::new(1, 1);
    machine.map(0, 2, true);
    machine.guest(0, GuestOp::SetActive(u64::MAX));
    machine.inject(0, 0, true);
    machine.put(0);
    let vcpu = &machine.vcpus[0];
    assert!(vcpu.cpuif().is_mapped_active(PpiId::CNTV));
    assert!(
        !vcpu.cpuif().is_mapped_active(PpiId::CNTP),
        "active but not mapped"
    );
    let parked = parked(vcpu);
    parked.reset_mapped(PpiId::CNTV);
    parked.reset_mapped(PpiId::CNTP);
    assert!(!vcpu.cpuif().saved().active().contains(PpiId::CNTV));
    assert!(vcpu.cpuif().saved().active().contains(PpiId::CNTP));
    assert!(vcpu.cpuif().inputs().pending().contains(PpiId::SW_PPI));
}

#[test]
fn trapped_registers() {
    use vgic_v5::sysregs::{
        SystemRegister, ICC_IAFFIDR_EL1, ICC_IDR0_EL1, ICC_PCR_EL1, ICC_PPI_ENABLER0_EL1,
        ICC_PPI_ENABLER1_EL1, ICC_PPI_HMR0_EL1, ICC_PPI_HMR1_EL1,
    };
    let (vm, vcpu) = (Vm::new(ALL), Vcpu::new(1));
    vcpu.cpuif()
        .inputs()
        .owners()
        .set_owner(PpiId::CNTV, owner(1))
        .unwrap();
    vm.ppis().finalize([vcpu.cpuif().inputs().owners().owned()]);
    let decode = |sys_reg| TrappedRegister::decode(sys_reg).unwrap();
    let read = |sys_reg| decode(sys_reg).read(vm.ppis(), vcpu.cpuif(), 0x1234);
    let write = |sys_reg, value| decode(sys_reg).write(vm.ppis(), vcpu.cpuif(), value);
    // 5 bits of priority, 16 of ID.
    assert_eq!(read(ICC_IDR0_EL1::ENCODING.sys_reg()), Ok(4 << 4));
    assert_eq!(read(ICC_IAFFIDR_EL1::ENCODING.sys_reg()), Ok(0x1234));
    assert_eq!(
        read(ICC_PPI_HMR0_EL1::ENCODING.sys_reg()),
        Ok(PpiId::CNTV.mask().bits())
    );
    assert_eq!(read(ICC_PPI_HMR1_EL1::ENCODING.sys_reg()), Ok(0));
    for read_only in [
        ICC_IDR0_EL1::ENCODING,
        ICC_IAFFIDR_EL1::ENCODING,
        ICC_PPI_HMR0_EL1::ENCODING,
        ICC_PPI_HMR1_EL1::ENCODING,
    ] {
        assert_eq!(write(read_only.sys_reg(), 0), Err(Undefined));
    }
    let enabler = ICC_PPI_ENABLER0_EL1::ENCODING.sys_reg();
    assert_eq!(read(enabler), Err(Undefined));
    write(enabler, u64::MAX).unwrap();
    assert_eq!(vcpu.cpuif().saved().enabled(), vm.ppis().visible());
    write(ICC_PPI_ENABLER1_EL1::ENCODING.sys_reg(), u64::MAX).unwrap();
    assert_eq!(vcpu.cpuif().saved().enabled(), vm.ppis().visible());
    assert_eq!(
        TrappedRegister::decode(ICC_PCR_EL1::ENCODING.sys_reg()),
        None
    );
}

#[test]
fn userspace_registers_refuse_what_they_cannot_hold() {
    let (vm, vcpu) = (Vm::new(PpiId::SW_PPI.mask()), Vcpu::new(1));
    let parked = parked(&vcpu);
    use UserRegister::*;
    let bad = [
        (Icsr, 1 << 6),
        (Enabler(Half::Lower), 1 << 4),
        (Active(Half::Lower), 1 << 4),
        (Pending(Half::Lower), 1 << 4),
        (Enabler(Half::Upper), 1),
        (Active(Half::Upper), 1),
        (Pending(Half::Upper), 1),
        (Priority(7), 0x20),
        (Priority(8), 1),
        (Priority(15), 1),
        (Apr, 1 << 32),
        (Cr0, 1 << 3),
        (Pcr, 32),
    ];
    for (register, value) in bad {
        let before = register.get(vm.ppis(), &parked);
        assert_eq!(
            register.set(vm.ppis(), &parked, value),
            Err(BadValue),
            "{register:?}"
        );
        assert_eq!(register.get(vm.ppis(), &parked), before, "{register:?}");
    }
    let good = [
        (Icsr, 0xffff_0000_f83f),
        (Enabler(Half::Lower), 1 << 3),
        (Active(Half::Lower), 1 << 3),
        (Pending(Half::Lower), 1 << 3),
        (Enabler(Half::Upper), 0),
        (Priority(7), 0x1f00_1f00_1f00_1f00),
        (Priority(15), 0),
        (Apr, 0xffff_ffff),
        (Cr0, 7),
        (Pcr, 31),
    ];
    for (register, value) in good {
        register.set(vm.ppis(), &parked, value).unwrap();
        assert_eq!(register.get(vm.ppis(), &parked), value, "{register:?}");
    }
    // The link to the IRS is not what is written.
    for en in [0, 1] {
        Cr0.set(vm.ppis(), &parked, en).unwrap();
        assert_eq!(Cr0.get(vm.ppis(), &parked), en | 6);
    }
    // Cleared as they were set: these are raw writes.
    Pending(Half::Lower).set(vm.ppis(), &parked, 0).unwrap();
    assert!(vcpu.cpuif().inputs().pending().is_empty());
}

#[test]
fn userspace_registers_have_their_encodings() {
    use vgic_v5::sysregs::{
        SystemRegister, ICC_IDR0_EL1, ICC_PPI_CACTIVER0_EL1, ICC_PPI_CPENDR0_EL1,
        ICC_PPI_PRIORITYR15_EL1, ICC_PPI_SPENDR1_EL1,
    };
    let decode = UserRegister::decode;
    assert_eq!(UserRegister::all().count(), 10 + 16);
    assert_eq!(
        decode(ICC_PPI_SPENDR1_EL1::ENCODING.id()),
        Some(UserRegister::Pending(Half::Upper))
    );
    assert_eq!(
        decode(ICC_PPI_PRIORITYR15_EL1::ENCODING.id()),
        Some(UserRegister::Priority(15))
    );
    for refused in [
        ICC_PPI_CPENDR0_EL1::ENCODING,
        ICC_PPI_CACTIVER0_EL1::ENCODING,
        ICC_IDR0_EL1::ENCODING,
    ] {
        assert_eq!(decode(refused.id()), None);
    }
}

#[test]
fn enables_restored_before_the_first_run_are_masked_by_what_the_guest_gets() {
    let mut machine = Machine::new(1, 1);
    machine.vm = Vm::new(machine.vm.ppis().implemented());
    let everything = machine.vm.ppis().implemented().bits();
    let before = parked(&machine.vcpus[0]);
    let enabler = UserRegister::Enabler(Half::Lower);
    enabler.set(machine.vm.ppis(), &before, everything).unwrap();
    assert_eq!(enabler.get(machine.vm.ppis(), &before), everything);
    machine.vm.ppis().finalize(owned(&machine.vcpus));
    let visible = machine.vm.ppis().visible().bits();
    assert_ne!(visible, everything);
    let shown = machine.view(0).get("ICC_PPI_ENABLER0_EL1");
    assert_eq!(shown, visible);
    machine.put(0);
    let after = parked(&machine.vcpus[0]);
    assert_eq!(enabler.get(machine.vm.ppis(), &after), visible);
}

/// Accesses of `what`, which starts and ends where the vCPU is resident.
fn cost(machine: &mut Machine, what: impl FnOnce(&mut Machine)) -> usize {
    let before = machine.pes[0].accesses.get();
    what(machine);
    machine.pes[0].accesses.get() - before
}

#[test]
fn what_a_round_trip_costs() {
    let mut machine = Machine::new(2, 1);
    machine.load(0, 0);
    machine.enter(0);
    let round_trip = |machine: &mut Machine| {
        machine.exit(0);
        machine.enter(0);
    };
    // PENDR0 and ICSR out, ICSR in.
    assert_eq!(cost(&mut machine, round_trip), 3);
    machine.map(0, 2, true);
    // And DVIR0 off and on.
    assert_eq!(cost(&mut machine, round_trip), 5);
    // And a changed PENDR0.
    let injected = cost(&mut machine, |machine| machine.inject(0, 0, true));
    assert_eq!(injected, 6);
    // A pending interrupt that the guest has not taken is still in the register.
    assert_eq!(cost(&mut machine, round_trip), 5);
}

#[test]
fn what_a_put_and_a_load_cost() {
    let mut machine = Machine::new(2, 1);
    for vcpu in [0, 1] {
        machine.guest(vcpu, GuestOp::WriteCr0(1));
        machine.put(vcpu);
    }
    machine.load(0, 0);
    machine.enter(0);
    // Back to where nobody else was: VMCR, which was switched off, and the entry and exit.
    let again = cost(&mut machine, |machine| {
        machine.put(0);
        machine.load(0, 0);
        machine.enter(0);
    });
    assert_eq!(again, 2 + 11 + 1 + 1 + 1);
    // Two idle vCPUs in turn: the same, as their registers do not differ.
    let alternate = cost(&mut machine, |machine| {
        machine.put(0);
        machine.load(1, 0);
        machine.enter(1);
    });
    assert_eq!(alternate, 2 + 11 + 1 + 1 + 1);
}

#[test]
fn memory() {
    // A slab of 512 bytes.
    assert!(size_of::<Vcpu>() <= 512, "{}", size_of::<Vcpu>());
}

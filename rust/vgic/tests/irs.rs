// SPDX-License-Identifier: GPL-2.0

//! A VM's tables on a strict host: orders, sizes, failures, saving and restoring.

#![cfg(not(loom))]

mod irs_host;

use irs_host::{nothing_left, Fault, Features, TestHost};
use proptest::prelude::*;
use std::collections::VecDeque;
use vgic_v5::irs::{
    Action, Control, Error, IstKind, List, Result, Saved, Shared, SharedMemory, Sink, Sizes,
    Source, UserReg, VpeId, VpeSpec,
};

const PA_RANGE: u8 = 2;
const IST_BASER: u64 = 0x180;
const IST_CFGR: u64 = 0x190;
const LPI: u64 = 2;
const SPI: u64 = 3;

struct Vm {
    shared: Shared,
    control: Control<TestHost>,
}

fn vpes(host: &TestHost, ids: &[u16]) -> Result<List<VpeSpec>> {
    let mut list = host.list(ids.len())?;
    for &id in ids {
        list.push(VpeSpec {
            id: VpeId(id),
            doorbell: 0x100 + u32::from(id),
        })?;
    }
    Ok(list)
}

impl Vm {
    fn new(host: &TestHost, ids: &[u16], spis: u32) -> Result<Self> {
        let shared = Shared::new(host, spis)?;
        let control = Control::new(host, &shared, vpes(host, ids)?, PA_RANGE)?;
        Ok(Self { shared, control })
    }

    fn id(&self) -> u16 {
        self.shared.vm().unwrap().number()
    }

    fn write(&mut self, host: &TestHost, offset: u64, size: u32, value: u64) -> Action {
        self.control
            .guest_write(host, &self.shared, offset, size, value)
    }

    fn read(&mut self, host: &TestHost, offset: u64, size: u32) -> u64 {
        self.control.guest_read(host, &self.shared, offset, size)
    }

    fn map_lpis(&mut self, host: &TestHost, id_bits: u64) -> Action {
        let _ = self.write(host, IST_CFGR, 4, id_bits);
        self.write(host, IST_BASER, 8, 0x8000_0001)
    }

    fn destroy(self, host: &TestHost) -> Result {
        self.control.destroy(host, &self.shared)
    }
}

/// Entries as userspace has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Image {
    spis: VecDeque<u32>,
    lpis: VecDeque<u32>,
}

impl Sink for Image {
    fn put(&mut self, kind: IstKind, entry: u32) -> Result {
        match kind {
            IstKind::Spi => self.spis.push_back(entry),
            IstKind::Lpi => self.lpis.push_back(entry),
        }
        Ok(())
    }
}

impl Source for Image {
    fn get(&mut self, kind: IstKind) -> Result<u32> {
        let list = match kind {
            IstKind::Spi => &mut self.spis,
            IstKind::Lpi => &mut self.lpis,
        };
        list.pop_front().ok_or(Error::Fault)
    }
}

fn host(features: Features) -> TestHost {
    let host = TestHost::new(features);
    host.install().unwrap();
    host
}

/// On every kind of host, a VM comes, gets LPIs of every size, loses them and goes, and nothing is
/// left of it.
#[test]
fn life_on_every_kind_of_host() {
    for features in Features::all() {
        let host = host(features);
        let empty = host.memory.allocated();
        let mut vm = Vm::new(&host, &[17, 3], 96).unwrap();
        assert_eq!(host.irs.borrow().valid_vms(), [0]);
        assert_eq!(host.irs.borrow().ist(0, SPI), Some(7));
        // DBV, and the LPI.
        let doorbells = [(3, 1 << 63 | 0x103), (17, 1 << 63 | 0x111)];
        assert_eq!(host.irs.borrow().doorbells(0), doorbells);
        for id_bits in [6, 12, 14] {
            assert_eq!(vm.map_lpis(&host, id_bits), Action::None);
            assert_eq!(host.irs.borrow().ist(0, LPI), Some(id_bits as u32));
            assert_eq!(vm.read(&host, IST_BASER, 8), 0x8000_0001);
            assert_eq!(vm.write(&host, IST_BASER, 8, 0), Action::None);
            assert_eq!(host.irs.borrow().ist(0, LPI), None);
        }
        let _ = vm.map_lpis(&host, 13);
        vm.destroy(&host).unwrap();
        assert_eq!(host.ids_in_use(), 0);
        // L2 VM tables stay.
        let l2 = usize::from(features.vmt_two_level);
        assert_eq!(host.memory.allocated(), empty + l2);
        host.remove().unwrap();
        assert!(nothing_left(&host));
        host.assert_innocent();
    }
}

/// Kernels with pages of 16K and 64K choose other second-level tables.
#[test]
fn page_sizes() {
    for (page_size, l2, bits) in [
        (0x1000, 7, 10),
        (0x4000, 7, 12),
        (0x1_0000, 7, 14),
        (0x1_0000, 3, 10),
    ] {
        let features = Features {
            l2: Some(l2),
            ..Features::PLAIN
        };
        let host = TestHost::with_page_size(features, page_size);
        host.install().unwrap();
        let mut vm = Vm::new(&host, &[0], 32).unwrap();
        let before = host.memory.allocated();
        let _ = vm.map_lpis(&host, 16);
        // One first-level table, and as many of the second as it takes.
        assert_eq!(host.memory.allocated() - before, 1 + (1 << (16 - bits)));
        vm.destroy(&host).unwrap();
        host.assert_innocent();
    }
}

/// VM IDs: each VM has its own, beyond one second-level table; the last one is the last; those of
/// VMs that went are used again.
#[test]
fn as_many_vms_as_there_are_ids() {
    for vmt_two_level in [false, true] {
        let host = host(Features {
            vmt_two_level,
            ..Features::PLAIN
        });
        let mut vms: Vec<_> = (0..512)
            .map(|_| Vm::new(&host, &[0], 32).unwrap())
            .collect();
        for (id, vm) in vms.iter().enumerate() {
            assert_eq!(usize::from(vm.id()), id);
        }
        assert_eq!(Vm::new(&host, &[0], 32).err(), Some(Error::NoVmId));
        vms.swap_remove(300).destroy(&host).unwrap();
        let vm = Vm::new(&host, &[0], 32).unwrap();
        assert_eq!(vm.id(), 300);
        vms.push(vm);
        vms.into_iter().for_each(|vm| vm.destroy(&host).unwrap());
        host.remove().unwrap();
        assert!(nothing_left(&host));
        host.assert_innocent();
    }
}

#[test]
fn vcpu_ids() {
    let host = host(Features::PLAIN);
    assert_eq!(Vm::new(&host, &[], 32).err(), Some(Error::NoDevice));
    assert_eq!(Vm::new(&host, &[512], 32).err(), Some(Error::TooBig));
    // Largest vCPU ID, and the width of an IAFFID that it takes, less one.
    for (max, field) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 1),
        (4, 2),
        (255, 7),
        (256, 8),
        (511, 8),
    ] {
        let mut vm = Vm::new(&host, &[max], 32).unwrap();
        assert_eq!(vm.read(&host, 4, 4) >> 16 & 0xf, field, "{max}");
        vm.destroy(&host).unwrap();
    }
    assert_eq!(host.sizes_max(), Sizes::MAX_VCPUS);
    host.assert_innocent();
}

/// Every allocation fails once: the error is ENOMEM, nothing is left, and the next try works.
#[test]
fn allocations_fail() {
    let two_level = Features {
        vmt_two_level: true,
        vmd: true,
        istmd: None,
        l2: Some(1),
    };
    for features in [Features::PLAIN, two_level] {
        for count in 0.. {
            let host = TestHost::new(features);
            host.memory.fail_after(count);
            let installed = host.install();
            if installed.is_err() {
                assert_eq!(installed, Err(Error::NoMemory));
                assert!(nothing_left(&host));
                host.install().unwrap();
            }
            let before = host.memory.allocated();
            let vm = Vm::new(&host, &[1, 0], 1024);
            let failed = vm.is_err();
            let mut vm = vm.unwrap_or_else(|error| {
                assert_eq!(error, Error::NoMemory);
                assert!(host.memory.allocated() <= before + usize::from(features.vmt_two_level));
                assert_eq!(host.ids_in_use(), 0);
                Vm::new(&host, &[1, 0], 1024).unwrap()
            });
            let before = host.memory.allocated();
            assert_eq!(vm.map_lpis(&host, 12), Action::None);
            if vm.read(&host, IST_BASER, 8) & 1 == 0 {
                assert!(!failed);
                assert_eq!(host.memory.allocated(), before);
                let _ = vm.map_lpis(&host, 12);
            }
            assert_eq!(host.irs.borrow().ist(0, LPI), Some(12));
            let done = !host.memory.has_failed();
            vm.destroy(&host).unwrap();
            host.remove().unwrap();
            assert!(nothing_left(&host));
            assert_eq!(host.memory.leaked(), 0);
            host.assert_innocent();
            if done {
                assert!(count > 5);
                break;
            }
        }
    }
}

/// Every command times out once, done or not: what the IRS may have is leaked and nothing else, and
/// the next VM works.
#[test]
fn commands_time_out() {
    let features = Features {
        vmt_two_level: true,
        vmd: true,
        istmd: Some(14),
        l2: Some(1),
    };
    for fault in [Fault::SlowlyDone, Fault::Stuck] {
        for count in 0.. {
            let host = host(features);
            host.irs.borrow_mut().fail_after(count, fault);
            let mut dead = false;
            match Vm::new(&host, &[1, 0], 32) {
                Err(error) => {
                    let expected = match fault {
                        // The second-level table is kept, and there is nothing to take back; all
                        // else is the IRS's for good.
                        Fault::Stuck if count > 0 => Error::Dead,
                        _ => Error::Timeout,
                    };
                    assert_eq!(error, expected, "{count}");
                    dead = error == Error::Dead;
                }
                Ok(mut vm) => {
                    let action = vm.map_lpis(&host, 12);
                    if action == Action::None && vm.read(&host, IST_BASER, 8) & 1 != 0 {
                        dead |= vm.write(&host, IST_BASER, 8, 0) == Action::Kill;
                    }
                    dead |= action == Action::Kill;
                    if fault == Fault::Stuck && dead {
                        host.irs.borrow_mut().recover();
                    }
                    dead |= vm.destroy(&host).is_err();
                }
            }
            let done = !host.irs.borrow_mut().has_failed();
            assert_eq!(host.memory.leaked() > 0, dead, "{fault:?} {count}");
            host.irs.borrow_mut().recover();
            let leaked = host.memory.leaked();
            let vm = Vm::new(&host, &[5], 32).unwrap();
            assert_eq!(host.irs.borrow().doorbells(vm.id()).len(), 1);
            vm.destroy(&host).unwrap();
            assert_eq!(host.memory.leaked(), leaked);
            host.remove().unwrap();
            // What was leaked is still there, and only that.
            assert_eq!(host.memory.allocated(), leaked);
            host.assert_innocent();
            if done {
                assert!(count > 10);
                break;
            }
        }
    }
}

/// The VM table itself.
#[test]
fn the_vm_table_times_out() {
    for fault in [Fault::SlowlyDone, Fault::Stuck] {
        // The installation; the removal.
        for count in 0..2 {
            let host = TestHost::new(Features::PLAIN);
            host.irs.borrow_mut().fail_after(count, fault);
            if host.install().is_ok() {
                assert_eq!(host.remove(), Err(Error::Timeout));
            }
            assert_eq!(host.memory.allocated(), host.memory.leaked(), "{count}");
            let slow = host.irs.borrow_mut().has_failed();
            assert!(slow);
            host.irs.borrow_mut().recover();
            host.assert_innocent();
        }
    }
    let host = host(Features::PLAIN);
    let before = host.memory.allocated();
    assert_eq!(host.install(), Err(Error::Busy));
    assert_eq!(host.memory.allocated(), before);
}

#[test]
fn save_and_restore() {
    for features in Features::all() {
        let host = host(features);
        let mut source = Vm::new(&host, &[0, 1], 64).unwrap();
        assert_eq!(source.write(&host, 0x80, 4, 1), Action::Reload);
        let _ = source.map_lpis(&host, 12);
        let vm = source.id();
        for (kind, id, entry) in [
            (LPI, 0, 0x0001_4009),
            (LPI, 4095, 0x0001_4808),
            (SPI, 5, 0x0000_400c),
        ] {
            *host.irs.borrow_mut().entry(vm, kind, id) = entry;
        }
        // An SPI without CDHM whose line is high and which the guest has taken; one that is pending
        // though its line is low.
        let _ = source.write(&host, 0x108, 4, 7);
        let _ = source.write(&host, 0x114, 4, 1);
        assert_eq!(source.shared.inject(&mut host.cpu(), 7, true), Ok(true));
        *host.irs.borrow_mut().entry(vm, SPI, 7) = 0x0000_4008;
        *host.irs.borrow_mut().entry(vm, SPI, 63) = 0x0001_400d;

        let mut image = Image::default();
        source
            .control
            .save(&host, &source.shared, &mut image)
            .unwrap();
        assert_eq!((image.spis.len(), image.lpis.len()), (64, 4096));
        let registers: Vec<_> = (0..0x400)
            .filter_map(|offset| Some((offset, UserReg::parse(offset).ok()?)))
            .map(|(offset, reg)| (offset, source.control.user_read(&host, &source.shared, reg)))
            .collect();
        assert_eq!(registers.len(), 52);

        let mut target = Vm::new(&host, &[0, 1], 64).unwrap();
        for (offset, value) in registers {
            let reg = UserReg::parse(offset).unwrap();
            let written = target.control.user_write(&host, &target.shared, reg, value);
            assert_eq!(written, Ok(()), "{offset:#x}");
        }
        assert_eq!(target.control.ready_to_run(), Err(Error::Invalid));
        let nothing = target
            .control
            .save(&host, &target.shared, &mut Image::default());
        assert_eq!(nothing, Err(Error::NoSuch));
        let mut short = image.clone();
        short.lpis.pop_back();
        let mut restore = |image: &mut Image| {
            target
                .control
                .restore(&host, &target.shared, &mut host.cpu(), image)
        };
        assert_eq!(restore(&mut short), Err(Error::Fault));
        assert_eq!(restore(&mut image.clone()), Ok(()));
        assert_eq!(restore(&mut image.clone()), Err(Error::Busy));
        assert_eq!(target.control.ready_to_run(), Ok(()));
        assert!(target.shared.enabled());
        for (kind, id, entry) in [
            (LPI, 0, 0x0001_4009),
            (SPI, 63, 0x0001_400d),
            (SPI, 7, 0x0000_4008),
        ] {
            assert_eq!(*host.irs.borrow_mut().entry(target.id(), kind, id), entry);
        }
        assert!(target.shared.spis().line(7));
        assert_eq!(target.shared.inject(&mut host.cpu(), 7, true), Ok(false));
        let mut again = Image::default();
        target
            .control
            .save(&host, &target.shared, &mut again)
            .unwrap();
        assert_eq!(again, image);
        assert_eq!(host.irs.borrow().doorbells(target.id()).len(), 2);

        for vm in [source, target] {
            vm.destroy(&host).unwrap();
        }
        host.remove().unwrap();
        assert!(nothing_left(&host));
        host.assert_innocent();
    }
}

/// A change between the two looks of a save.
struct Meddler<'a>(&'a TestHost, u16, u32);

impl Sink for Meddler<'_> {
    fn put(&mut self, _kind: IstKind, _entry: u32) -> Result {
        if self.2 == 0 {
            *self.0.irs.borrow_mut().entry(self.1, SPI, 1) |= 1;
        }
        self.2 = self.2.wrapping_sub(1);
        Ok(())
    }
}

#[test]
fn a_save_notices_changes() {
    let host = host(Features::PLAIN);
    let mut vm = Vm::new(&host, &[0], 32).unwrap();
    let _ = vm.map_lpis(&host, 6);
    // The first SPI, the last, the first LPI, the last; later is too late.
    for at in [0, 31, 32, 95] {
        let saved = vm
            .control
            .save(&host, &vm.shared, &mut Meddler(&host, vm.id(), at));
        assert_eq!(saved, Err(Error::Busy), "{at}");
    }
    let saved = vm
        .control
        .save(&host, &vm.shared, &mut Meddler(&host, vm.id(), 96));
    assert_eq!(saved, Ok(()));
    vm.destroy(&host).unwrap();
    host.assert_innocent();
}

/// What debugfs shows of a VM's interrupts.
#[test]
fn entries_are_shown() {
    let host = host(Features::PLAIN);
    let mut vm = Vm::new(&host, &[0], 32).unwrap();
    let _ = vm.map_lpis(&host, 6);
    for (kind, id, entry) in [(SPI, 31, 0x0001_4009), (LPI, 63, 0x0000_080a)] {
        *host.irs.borrow_mut().entry(vm.id(), kind, id) = entry;
    }
    let mut shown = Vec::new();
    let outcome = vm.control.show(&host, &vm.shared, |kind, id, entry| {
        shown.push((kind, id, entry.0));
    });
    assert_eq!(outcome, Ok(Saved::Quiescent));
    assert_eq!(shown.len(), 32 + 64);
    assert_eq!(shown[31], (IstKind::Spi, 31, 0x0001_4009));
    assert_eq!(shown[95], (IstKind::Lpi, 63, 0x0000_080a));
    assert!(shown[32..95]
        .iter()
        .all(|(kind, _, entry)| *kind == IstKind::Lpi && *entry == 0));

    let mut first = true;
    let outcome = vm.control.show(&host, &vm.shared, |_, _, _| {
        if core::mem::take(&mut first) {
            *host.irs.borrow_mut().entry(vm.id(), SPI, 1) |= 1;
        }
    });
    assert_eq!(outcome, Ok(Saved::Changed));
    vm.destroy(&host).unwrap();
    host.assert_innocent();
}

/// Every allocation and every command of a restore fails once.
#[test]
fn restores_fail() {
    let features = Features {
        vmt_two_level: true,
        vmd: true,
        istmd: Some(14),
        l2: Some(1),
    };
    let image = Image {
        spis: (0..32).collect(),
        lpis: (0..1 << 14).collect(),
    };
    let prepare = |host: &TestHost| {
        let mut vm = Vm::new(host, &[0], 32).unwrap();
        for (offset, value) in [(IST_CFGR, 14), (IST_BASER, 0x1001)] {
            let reg = UserReg::parse(offset).unwrap();
            vm.control.user_write(host, &vm.shared, reg, value).unwrap();
        }
        vm
    };
    for count in 0.. {
        let host = host(features);
        let mut vm = prepare(&host);
        let before = host.memory.allocated();
        host.memory.fail_after(count);
        let restored = vm
            .control
            .restore(&host, &vm.shared, &mut host.cpu(), &mut image.clone());
        if host.memory.has_failed() {
            assert_eq!(restored, Err(Error::NoMemory));
            assert_eq!(host.memory.allocated(), before);
            vm.control
                .restore(&host, &vm.shared, &mut host.cpu(), &mut image.clone())
                .unwrap();
        } else {
            restored.unwrap();
        }
        vm.destroy(&host).unwrap();
        host.remove().unwrap();
        assert!(nothing_left(&host));
        host.assert_innocent();
        if restored.is_ok() {
            break;
        }
    }
    for fault in [Fault::SlowlyDone, Fault::Stuck] {
        for count in 0.. {
            let host = host(features);
            let mut vm = prepare(&host);
            host.irs.borrow_mut().fail_after(count, fault);
            let restored =
                vm.control
                    .restore(&host, &vm.shared, &mut host.cpu(), &mut image.clone());
            let failed = host.irs.borrow_mut().has_failed();
            assert_eq!(failed, restored.is_err());
            host.irs.borrow_mut().recover();
            if failed {
                assert_eq!(vm.control.ready_to_run(), Err(Error::Dead));
            }
            assert_eq!(vm.destroy(&host).is_err(), failed);
            Vm::new(&host, &[5], 32).unwrap().destroy(&host).unwrap();
            let leaked = host.memory.leaked();
            host.remove().unwrap();
            assert_eq!(host.memory.allocated(), leaked);
            host.assert_innocent();
            if !failed {
                break;
            }
        }
    }
}

proptest! {
    /// Whatever a guest writes to its frame: the host's IRS is used as it must be, and the frame
    /// shows an IST as valid exactly while the host has one.
    #[test]
    fn hostile_guests(writes in prop::collection::vec((
        prop_oneof![
            3 => Just(IST_BASER), 1 => Just(IST_BASER + 4), 2 => Just(IST_CFGR), 1 => Just(0x80_u64),
            1 => Just(0x108_u64), 1 => Just(0x114_u64), 1 => 0..0x2_0000_u64,
        ],
        prop_oneof![Just(4_u32), Just(8), Just(1), Just(2)],
        prop_oneof![0..20_u64, any::<u64>()],
    ), 1..60)) {
        let host = host(Features { l2: Some(1), ..Features::PLAIN });
        let mut vm = Vm::new(&host, &[0, 1], 32).unwrap();
        for (offset, size, value) in writes {
            let action = vm.write(&host, offset, size, value);
            prop_assert_ne!(action, Action::Kill);
            if action == Action::Reload {
                vm.control.reloaded();
            }
            let valid = vm.read(&host, IST_BASER, 8) & 1 != 0;
            prop_assert_eq!(host.irs.borrow().ist(0, LPI).is_some(), valid);
            let enabled = vm.read(&host, 0x80, 4) == 3;
            prop_assert_eq!(vm.shared.enabled(), enabled);
        }
        vm.destroy(&host).unwrap();
        host.remove().unwrap();
        prop_assert!(nothing_left(&host));
        host.assert_innocent();
    }
}

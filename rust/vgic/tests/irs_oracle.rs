// SPDX-License-Identifier: GPL-2.0

//! The virtual IRS on the architecture model: guests' instructions, residency, doorbells, saving and
//! restoring. The model's log of software's errors must stay empty.

#![cfg(not(loom))]

mod irs_host;

use gicv5_model::config::{Config, Knobs};
use gicv5_model::cpuif::route::{hcr, PeState};
use gicv5_model::memory::{Env, Log};
use gicv5_model::regs::{find, TABLE};
use gicv5_model::{Gicv5, Lines};
use irs_host::Piece;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use vgic_v5::cpuif::PriorityMask;
use vgic_v5::irs::{
    Action, Block, Control, Cpu, Error, Host, HostIrs, IstKind, Leaving, Result, Shared,
    SharedMemory, Sink, Sizes, Source, UserReg, VmTable, Vpe, VpeId, VpeSpec,
};
use vgic_v5::sysregs::{Bits, FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2};

const EL2: PeState = PeState {
    el: 2,
    el2: true,
    hcr_el2: hcr::IMO,
    nmi: false,
};
const GUEST: PeState = PeState { el: 1, ..EL2 };

/// INTIDs.
const LPI: u64 = 2 << 29;
const SPI: u64 = 3 << 29;
/// Host LPIs from here on are doorbells.
const DOORBELLS: u32 = 32;

/// What software did wrong.
#[derive(Default)]
struct Errors(Vec<String>);

impl Log for Errors {
    fn guest_error(&mut self, msg: std::fmt::Arguments<'_>) {
        self.0.push(msg.to_string());
    }
}

/// The model reads and writes the memory of `irs_host`.
struct Bus<'a>(&'a irs_host::Memory);

impl gicv5_model::memory::Memory for Bus<'_> {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        self.0.peek(pa, buf)
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        self.0.write(pa, buf);
        true
    }
}

/// A machine that is the model.
struct Machine {
    memory: irs_host::Memory,
    gic: RefCell<Gicv5>,
    errors: RefCell<Errors>,
    sizes: Sizes,
    table: RefCell<Option<VmTable<Piece>>>,
    locked: Cell<bool>,
}

impl Machine {
    fn new(knobs: Knobs, linear: bool) -> Self {
        let mut config = Config::new(2, 32, true, 16, linear).unwrap();
        config.knobs = knobs;
        let memory = irs_host::Memory::default();
        let mut gic = Gicv5::new(&config);
        let mut errors = Errors::default();
        let mut env = Env {
            mem: &mut Bus(&memory),
            log: &mut errors,
        };
        let idr = [0, 4, 8, 12, 16].map(|at| gic.irs_read(&mut env, at, 4).unwrap() as u32);
        let machine = Self {
            memory,
            gic: RefCell::new(gic),
            errors: RefCell::new(errors),
            sizes: Sizes::new(idr, 4096).unwrap(),
            table: RefCell::new(None),
            locked: Cell::new(false),
        };
        machine.boot();
        machine
    }

    /// What the host's driver does: its own IST, LPIs that may ring, both CPUs.
    fn boot(&self) {
        let iste = self.sizes.iste_size(14);
        let size = iste.bytes() << 14;
        let ist = self.memory.allocate(size, size).unwrap();
        self.exclusive(|| {
            self.write32(0x190, iste.encoding() << 7 | 14);
            self.write64(0x180, ist.address() | 1);
            self.write32(0x80, 1);
        });
        std::mem::forget(ist);
        for pe in 0..2 {
            for (reg, value) in [
                ("ICH_VCTLR_EL2", 1),
                ("ICC_PCR_EL1", 31),
                ("ICC_CR0_EL1", 1),
            ] {
                self.el2(pe, reg, value);
            }
        }
        for doorbell in DOORBELLS..DOORBELLS + 8 {
            let intid = LPI | u64::from(doorbell);
            self.el2(0, "GIC_CDPRI", intid | 1 << 35);
            self.el2(0, "GIC_CDEN", intid);
        }
        let table = VmTable::install(self, &self.sizes).unwrap();
        *self.table.borrow_mut() = Some(table);
    }

    fn access(&self, pe: u32, state: &PeState, name: &str, value: Option<u64>) -> u64 {
        let row = &TABLE[find(name).unwrap_or_else(|| panic!("no {name}"))];
        let mut errors = self.errors.borrow_mut();
        let mut env = Env {
            mem: &mut Bus(&self.memory),
            log: &mut *errors,
        };
        let mut gic = self.gic.borrow_mut();
        match value {
            Some(value) => {
                gic.write(&mut env, pe, row, value, state);
                0
            }
            None => gic.read(&mut env, pe, row, state),
        }
    }

    fn el2(&self, pe: u32, name: &str, value: u64) {
        self.access(pe, &EL2, name, Some(value));
    }

    fn guest(&self, pe: u32, name: &str, value: u64) {
        self.access(pe, &GUEST, name, Some(value));
    }

    /// The guest takes its interrupt, if it has one.
    fn take(&self, pe: u32) -> Option<u64> {
        let taken = self.access(pe, &GUEST, "GICR_CDIA", None);
        if taken >> 32 & 1 == 0 {
            return None;
        }
        let intid = taken & 0xffff_ffff;
        self.guest(pe, "GIC_CDEOI", 0);
        self.guest(pe, "GIC_CDDI", intid);
        Some(intid)
    }

    fn virq(&self, pe: u32) -> bool {
        self.gic.borrow().lines(pe).bits() & Lines::VIRQ.bits() != 0
    }

    /// The host's doorbell that rings on a CPU, taken.
    fn doorbell(&self, pe: u32) -> Option<u32> {
        let taken = self.access(pe, &EL2, "GICR_CDIA", None);
        if taken >> 32 & 1 == 0 {
            return None;
        }
        self.el2(pe, "GIC_CDEOI", 0);
        self.el2(pe, "GIC_CDDI", taken & 0xffff_ffff);
        Some(taken as u32 & 0xff_ffff)
    }

    fn assert_innocent(&self) {
        assert_eq!(self.errors.borrow().0, [""; 0]);
        assert_eq!(self.memory.faults(), [""; 0]);
    }
}

impl HostIrs for Machine {
    fn read32(&self, offset: u32) -> u32 {
        self.frame(offset, 4, None) as u32
    }

    fn write32(&self, offset: u32, value: u32) {
        self.frame(offset, 4, Some(value.into()));
    }

    fn read64(&self, offset: u32) -> u64 {
        self.frame(offset, 8, None)
    }

    fn write64(&self, offset: u32, value: u64) {
        self.frame(offset, 8, Some(value));
    }

    fn relax(&self) {}

    fn exclusive<T>(&self, operation: impl FnOnce() -> T) -> T {
        assert!(!self.locked.replace(true));
        let result = operation();
        self.locked.set(false);
        result
    }
}

impl Machine {
    fn frame(&self, offset: u32, size: u32, value: Option<u64>) -> u64 {
        assert!(self.locked.get());
        let mut errors = self.errors.borrow_mut();
        let mut env = Env {
            mem: &mut Bus(&self.memory),
            log: &mut *errors,
        };
        let mut gic = self.gic.borrow_mut();
        match value {
            Some(value) => {
                assert!(gic.irs_write(&mut env, offset, size, value));
                0
            }
            None => gic.irs_read(&mut env, offset, size).unwrap(),
        }
    }
}

impl SharedMemory for Machine {
    type Block = Piece;

    fn allocate(&self, size: usize, align: usize) -> Result<Piece> {
        self.memory.allocate(size, align)
    }
}

impl Host for Machine {
    fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    fn with_table<T>(&self, change: impl FnOnce(&mut VmTable<Piece>) -> Result<T>) -> Result<T> {
        change(self.table.borrow_mut().as_mut().ok_or(Error::NoDevice)?)
    }
}

/// One CPU of it.
struct Pe<'a>(&'a Machine, u32);

impl Cpu for Pe<'_> {
    fn enter_context(&mut self, contextr: u64) -> u64 {
        self.0.el2(self.1, "ICH_CONTEXTR_EL2", contextr);
        self.0.access(self.1, &EL2, "ICH_CONTEXTR_EL2", None)
    }

    fn leave_context(&mut self, contextr: u64) {
        self.0.el2(self.1, "ICH_CONTEXTR_EL2", contextr);
    }

    fn vdpend(&mut self, operand: u64) {
        self.0.el2(self.1, "GIC_VDPEND", operand);
    }

    // The model does what it is told at once.
    fn complete(&mut self) {}
}

/// A VM with two vCPUs, IDs 0 and 1.
struct Vm<'a> {
    machine: &'a Machine,
    shared: Shared,
    control: Control<Machine>,
    vpes: [Vpe; 2],
}

impl<'a> Vm<'a> {
    fn new(machine: &'a Machine, first_doorbell: u32) -> Self {
        let shared = Shared::new(machine, 64).unwrap();
        let mut vpes = machine.list(2).unwrap();
        for id in 0..2 {
            let doorbell = first_doorbell + u32::from(id);
            let id = VpeId(id);
            vpes.push(VpeSpec { id, doorbell }).unwrap();
        }
        let control = Control::new(machine, &shared, vpes, 5).unwrap();
        Self {
            machine,
            shared,
            control,
            vpes: [Vpe::new(), Vpe::new()],
        }
    }

    fn write(&mut self, offset: u64, size: u32, value: u64) -> Action {
        self.control
            .guest_write(self.machine, &self.shared, offset, size, value)
    }

    /// What a Linux guest sets up: its IRS, LPIs, a CPU interface.
    fn boot(&mut self, id_bits: u64) {
        let _ = self.write(0x80, 4, 1);
        let _ = self.write(0x190, 4, id_bits);
        let _ = self.write(0x180, 8, 0x10_0001);
        let reg = UserReg::parse(0x180).unwrap();
        let baser = self.control.user_read(self.machine, &self.shared, reg);
        assert_eq!(baser, 0x10_0001);
    }

    fn load(&self, vcpu: u16, pe: u32) {
        let vm = self.shared.vm().unwrap();
        let vpe = &self.vpes[usize::from(vcpu)];
        let enabled = self.shared.enabled();
        vpe.load(&mut Pe(self.machine, pe), vm, VpeId(vcpu), enabled)
            .unwrap();
        // ICH_VMCR_EL2: EN, all priorities.
        self.machine.el2(pe, "ICH_VMCR_EL2", 31 << 27 | 1);
    }

    fn put(&self, vcpu: u16, pe: u32, waiting: bool) {
        self.machine.el2(pe, "ICH_VMCR_EL2", 0);
        let vmcr = FEAT_GCIE_ICH_VMCR_EL2::new()
            .with_en(true)
            .with_vpmr(Bits::truncate(31));
        let leaving = if waiting {
            Leaving::Waiting(PriorityMask::new(vmcr, ICH_APR_EL2::from_raw(0)))
        } else {
            Leaving::Preempted
        };
        let vpe = &self.vpes[usize::from(vcpu)];
        vpe.put(&mut Pe(self.machine, pe), leaving, self.shared.enabled());
    }

    fn configure(&self, pe: u32, intid: u64, target: u64) {
        self.machine.guest(pe, "GIC_CDPRI", intid | 8 << 35);
        self.machine.guest(pe, "GIC_CDAFF", intid | target << 32);
        self.machine.guest(pe, "GIC_CDEN", intid);
    }

    fn inject(&self, id: u32, level: bool) {
        self.shared
            .inject(&mut Pe(self.machine, 1), id, level)
            .unwrap();
    }
}

/// Machines whose ID registers select other code.
fn machines() -> Vec<Machine> {
    let knobs = Knobs::default;
    vec![
        Machine::new(knobs(), true),
        Machine::new(knobs(), false),
        Machine::new(
            Knobs {
                vmt_two_level: true,
                vm_id_bits: 16,
                vmd_log2: Some(12),
                vped_log2: 12,
                istmd_id_bits: Some(14),
                ist_l2_sizes: 1,
                ..knobs()
            },
            false,
        ),
        Machine::new(
            Knobs {
                ist_l2_sizes: 4,
                istmd_id_bits: Some(20),
                ..knobs()
            },
            false,
        ),
    ]
}

#[test]
fn interrupts_of_every_kind() {
    for machine in machines() {
        let mut vm = Vm::new(&machine, DOORBELLS);
        vm.boot(14);
        vm.load(0, 0);
        let lpi = LPI | 0x2fff;
        vm.configure(0, lpi, 1);
        vm.configure(0, SPI | 63, 0);
        // An IPI to a vCPU that is elsewhere, running or not.
        machine.guest(0, "GIC_CDPEND", lpi | 1 << 32);
        assert!(!machine.virq(0));
        vm.load(1, 1);
        assert_eq!(machine.take(1), Some(lpi));
        machine.guest(0, "GIC_CDPEND", lpi | 1 << 32);
        assert!(machine.virq(1));
        assert_eq!(machine.take(1), Some(lpi));
        assert_eq!(machine.take(1), None);
        // An edge, a level.
        vm.inject(63, true);
        assert_eq!(machine.take(0), Some(SPI | 63));
        assert_eq!(machine.take(0), None);
        let _ = vm.write(0x108, 4, 63);
        let _ = vm.write(0x114, 4, 1);
        machine.guest(0, "GIC_CDHM", SPI | 63 | 1 << 32);
        vm.inject(63, true);
        assert_eq!(machine.take(0), Some(SPI | 63));
        assert_eq!(machine.take(0), Some(SPI | 63), "still high");
        vm.inject(63, false);
        assert_eq!(machine.take(0), None);
        // The IRS is disabled: nothing until the vCPU is loaded with it enabled.
        vm.inject(63, true);
        assert_eq!(vm.write(0x80, 4, 0), Action::Reload);
        vm.put(0, 0, false);
        vm.load(0, 0);
        assert!(!machine.virq(0));
        assert_eq!(vm.write(0x80, 4, 1), Action::Reload);
        vm.put(0, 0, false);
        vm.load(0, 0);
        assert!(machine.virq(0));
        vm.put(0, 0, false);
        vm.put(1, 1, false);
        vm.control.destroy(&machine, &vm.shared).unwrap();
        let table = machine.table.borrow_mut().take().unwrap();
        table.remove(&machine).unwrap();
        // The host's IST.
        assert_eq!(machine.memory.allocated(), 1);
        machine.assert_innocent();
    }
}

#[test]
fn doorbells() {
    for machine in machines() {
        let mut one = Vm::new(&machine, DOORBELLS);
        let mut other = Vm::new(&machine, DOORBELLS + 2);
        for vm in [&mut one, &mut other] {
            vm.boot(14);
            vm.load(0, 0);
            vm.configure(0, SPI, 1);
            vm.put(0, 0, false);
        }
        // Not for a vCPU that was preempted, nor one that never ran.
        one.inject(0, true);
        assert_eq!(machine.doorbell(0), None);
        // For one that waits, at once or later, and not for its neighbour in the other VM.
        one.load(1, 1);
        one.put(1, 1, true);
        assert_eq!(machine.doorbell(0), Some(DOORBELLS + 1));
        one.load(1, 1);
        assert_eq!(machine.take(1), Some(SPI));
        one.put(1, 1, true);
        other.load(1, 1);
        other.put(1, 1, true);
        assert_eq!(machine.doorbell(0), None);
        other.inject(0, true);
        assert_eq!(machine.doorbell(0), Some(DOORBELLS + 3));
        one.inject(0, true);
        assert_eq!(machine.doorbell(0), Some(DOORBELLS + 1));
        // Once for a request.
        one.inject(0, true);
        assert_eq!(machine.doorbell(0), None);
        for vm in [one, other] {
            vm.control.destroy(&machine, &vm.shared).unwrap();
        }
        machine.assert_innocent();
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Image(VecDeque<u32>, VecDeque<u32>);

impl Sink for Image {
    fn put(&mut self, kind: IstKind, entry: u32) -> Result {
        match kind {
            IstKind::Spi => self.0.push_back(entry),
            IstKind::Lpi => self.1.push_back(entry),
        }
        Ok(())
    }
}

impl Source for Image {
    fn get(&mut self, kind: IstKind) -> Result<u32> {
        match kind {
            IstKind::Spi => self.0.pop_front(),
            IstKind::Lpi => self.1.pop_front(),
        }
        .ok_or(Error::Fault)
    }
}

/// As the kernel's selftest does it: two vCPUs, pending interrupts of both kinds, to a VM on a host
/// of another kind.
#[test]
fn save_and_restore() {
    for (from, to) in [(0, 2), (2, 1), (1, 3), (3, 0)] {
        let machines = machines();
        let (from, to) = (&machines[from], &machines[to]);
        let mut source = Vm::new(from, DOORBELLS);
        source.boot(14);
        source.load(0, 0);
        source.configure(0, LPI, 1);
        source.configure(0, LPI | 1, 1);
        source.configure(0, SPI, 0);
        source.configure(0, SPI | 3, 0);
        from.guest(0, "GIC_CDPEND", LPI | 1 << 32);
        source.put(0, 0, false);
        source.inject(0, true);
        let mut image = Image::default();
        source
            .control
            .save(from, &source.shared, &mut image)
            .unwrap();

        let mut target = Vm::new(to, DOORBELLS);
        for offset in [0x80, 0x190, 0x180] {
            let reg = UserReg::parse(offset).unwrap();
            let value = source.control.user_read(from, &source.shared, reg);
            target
                .control
                .user_write(to, &target.shared, reg, value)
                .unwrap();
        }
        target
            .control
            .restore(to, &target.shared, &mut Pe(to, 0), &mut image.clone())
            .unwrap();
        let mut again = Image::default();
        target.control.save(to, &target.shared, &mut again).unwrap();
        assert_eq!(again, image);
        target.load(0, 0);
        assert_eq!(to.take(0), Some(SPI));
        assert_eq!(to.take(0), None);
        target.inject(3, true);
        assert_eq!(to.take(0), Some(SPI | 3));
        target.load(1, 1);
        assert_eq!(to.take(1), Some(LPI));
        to.guest(1, "GIC_CDPEND", LPI | 1 | 1 << 32);
        assert_eq!(to.take(1), Some(LPI | 1));
        // The doorbells work as before.
        target.put(0, 0, true);
        target.inject(3, true);
        assert_eq!(to.doorbell(1).or_else(|| to.doorbell(0)), Some(DOORBELLS));
        target.put(1, 1, false);
        for (vm, machine) in [(source, from), (target, to)] {
            vm.control.destroy(machine, &vm.shared).unwrap();
            machine.assert_innocent();
        }
    }
}

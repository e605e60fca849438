// SPDX-License-Identifier: GPL-2.0

//! A host with several PEs and what runs on them, played by the architecture model.
//!
//! [`Machine`] is KVM with the module under test: a few PEs, more vCPUs than PEs. [`Reference`] is
//! what it imitates: each vCPU alone on a PE of its own, its PPIs in that PE's registers for good.

#![allow(dead_code)] // Each test uses its part.

use super::thread::{parked, resident};
use gicv5_model::cpuif::route::Domain;
use gicv5_model::cpuif::CpuInterface;
use gicv5_model::intid::{IntType, Intid};
use gicv5_model::regs::{find, Half, Icc, Ich, PriorityReg, Reg as ModelReg, TABLE};
use std::cell::Cell;
use vgic_v5::cpuif::registers::RegisterVisitor;
use vgic_v5::cpuif::{
    Injection, Owner, PpiId, PpiMask, Reg, RegisterCache, TrappedRegister, UserRegister,
};
use vgic_v5::ports::CpuRegisters;
use vgic_v5::sysregs::SystemRegister;
use vgic_v5::{Vcpu, Vm};

fn named(name: &str) -> ModelReg {
    TABLE[find(name).unwrap_or_else(|| panic!("the model has no {name}"))].reg
}

fn ich(name: &str) -> Ich {
    match named(name) {
        ModelReg::Ich(reg) => reg,
        other => panic!("{name} is {other:?}"),
    }
}

/// ICC_PPI_PRIORITYRn_EL1.
pub fn priorityr(n: usize) -> PriorityReg {
    match named(&format!("ICC_PPI_PRIORITYR{n}_EL1")) {
        ModelReg::Icc(Icc::PpiPriorityr(reg)) => reg,
        other => panic!("{other:?}"),
    }
}

/// The model's register for one of ours.
fn model_reg(reg: Reg) -> ModelReg {
    struct Name;
    impl RegisterVisitor for Name {
        type Output = &'static str;
        fn visit<S: SystemRegister>(self) -> &'static str {
            S::NAME
        }
    }
    named(reg.visit(Name))
}

/// Reads a PE's register.
fn read(cpu: &CpuInterface, reg: Reg) -> u64 {
    match model_reg(reg) {
        ModelReg::Ich(reg) => cpu.read_ich(reg, || None),
        ModelReg::Icc(reg) => cpu.read_icc(reg, Domain::Physical, || None),
        other => panic!("{other:?}"),
    }
}

/// Writes a PE's register.
fn write(cpu: &mut CpuInterface, reg: Reg, value: u64) {
    match model_reg(reg) {
        ModelReg::Ich(reg) => cpu.write_ich(reg, value),
        ModelReg::Icc(reg) => cpu.write_icc(reg, Domain::Physical, value),
        other => panic!("{other:?}"),
    }
}

/// One PE's registers as the module reaches them on a VHE host, counted.
struct Direct<'a> {
    cpu: &'a mut CpuInterface,
    accesses: &'a Cell<usize>,
}

impl CpuRegisters for Direct<'_> {
    fn read(&self, reg: Reg) -> u64 {
        self.accesses.set(self.accesses.get() + 1);
        read(self.cpu, reg)
    }

    fn write(&mut self, reg: Reg, value: u64) {
        self.accesses.set(self.accesses.get() + 1);
        write(self.cpu, reg, value);
    }

    fn synchronize(&mut self) {}
}

/// What the EL2 object of an nVHE host saves to and restores from.
struct Memory {
    words: [u64; Reg::COUNT],
    /// Saved on exit apart from what is restored.
    active_exit: u64,
}

impl Memory {
    /// What EL2 restores on entry, but for the pending state.
    fn restored() -> impl Iterator<Item = Reg> {
        [Reg::Dvir0, Reg::Activer0, Reg::Enabler0, Reg::Icsr]
            .into_iter()
            .chain(Reg::PRIORITYR)
    }

    fn enter(&self, cpu: &mut CpuInterface) {
        for reg in Self::restored() {
            write(cpu, reg, self.words[reg as usize]);
        }
        let pending = self.words[Reg::Pendr0 as usize] & !self.words[Reg::Dvir0 as usize];
        write(cpu, Reg::Pendr0, pending);
        for reg in Reg::UPPER_HOST.into_iter().chain(Reg::UPPER_GUEST) {
            write(cpu, reg, 0);
        }
    }

    fn exit(&mut self, cpu: &mut CpuInterface) {
        for reg in [Reg::Vmcr, Reg::Icsr, Reg::Pendr0]
            .into_iter()
            .chain(Reg::PRIORITYR)
        {
            self.words[reg as usize] = read(cpu, reg);
        }
        self.active_exit = read(cpu, Reg::Activer0);
        write(cpu, Reg::Dvir0, 0);
    }
}

/// One PE's registers as the module reaches them on an nVHE host; see `rust/hw/cpuif/nvhe.rs`.
struct ByEl2<'a> {
    cpu: &'a mut CpuInterface,
    memory: &'a mut Memory,
}

impl ByEl2<'_> {
    fn is_kept(reg: Reg) -> bool {
        matches!(reg, Reg::Vmcr | Reg::Apr | Reg::Pendr0) || Memory::restored().any(|it| it == reg)
    }

    fn restore_vmcr_apr(&mut self) {
        for reg in Reg::CONTROL {
            write(self.cpu, reg, self.memory.words[reg as usize]);
        }
    }
}

impl CpuRegisters for ByEl2<'_> {
    const RETAINS: bool = false;

    fn read(&self, reg: Reg) -> u64 {
        match reg {
            Reg::Apr => read(self.cpu, reg),
            _ if Self::is_kept(reg) => self.memory.words[reg as usize],
            _ => 0,
        }
    }

    fn write(&mut self, reg: Reg, value: u64) {
        if Self::is_kept(reg) {
            self.memory.words[reg as usize] = value;
        }
    }

    fn synchronize(&mut self) {}

    fn loaded(&mut self) {
        self.restore_vmcr_apr();
    }

    fn unloaded(&mut self) {
        self.restore_vmcr_apr();
    }

    fn exited(&mut self) {
        self.memory.words[Reg::Activer0 as usize] = self.memory.active_exit;
    }
}

/// What a guest does to its CPU interface.
#[derive(Clone, Copy, Debug)]
pub enum GuestOp {
    WriteEnabler(u64),
    SetPending(u64),
    ClearPending(u64),
    SetActive(u64),
    ClearActive(u64),
    WritePriority(usize, u64),
    WriteCr0(u64),
    WritePcr(u64),
    WriteApr(u64),
    WriteIcsr(u64),
    Acknowledge,
    PriorityDrop,
    Deactivate(u32),
}

/// Everything a guest can read, and what its last acknowledge returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestView(Vec<(&'static str, u64)>);

impl GuestView {
    /// What the guest reads from this register.
    pub fn get(&self, name: &str) -> u64 {
        let found = self.0.iter().find(|(it, _)| *it == name);
        found.unwrap_or_else(|| panic!("the guest has no {name}")).1
    }
}

/// One PE.
pub struct Pe {
    cpu: CpuInterface,
    cache: RegisterCache,
    memory: Memory,
    epoch: u64,
    /// Register accesses of the module so far.
    pub accesses: Cell<usize>,
    /// The vCPU that is loaded.
    pub loaded: Option<usize>,
}

impl Pe {
    fn new() -> Self {
        let mut cpu = CpuInterface::new(0);
        cpu.write_ich(ich("ICH_VCTLR_EL2"), 1);
        Self {
            cpu,
            cache: RegisterCache::new(),
            memory: Memory {
                words: [0; Reg::COUNT],
                active_exit: 0,
            },
            epoch: 1,
            accesses: Cell::new(0),
            loaded: None,
        }
    }

    fn direct(&mut self) -> (&mut RegisterCache, Direct<'_>) {
        (
            &mut self.cache,
            Direct {
                cpu: &mut self.cpu,
                accesses: &self.accesses,
            },
        )
    }

    fn by_el2(&mut self) -> (&mut RegisterCache, ByEl2<'_>) {
        (
            &mut self.cache,
            ByEl2 {
                cpu: &mut self.cpu,
                memory: &mut self.memory,
            },
        )
    }

    fn load(&mut self, vcpu: &Vcpu, vhe: bool) {
        self.cache.sync(self.epoch);
        if vhe {
            let (cache, mut regs) = self.direct();
            parked(vcpu).load(cache, &mut regs);
        } else {
            // The vCPU's own, or used by others since: nothing may depend on what is there.
            self.memory.words = [0x5a5a_5a5a_5a5a_5a5a; Reg::COUNT];
            let (cache, mut regs) = self.by_el2();
            parked(vcpu).load(cache, &mut regs);
        }
    }

    fn put(&mut self, vcpu: &Vcpu, vhe: bool) {
        if vhe {
            let (cache, mut regs) = self.direct();
            resident(vcpu).put(cache, &mut regs);
        } else {
            let (cache, mut regs) = self.by_el2();
            resident(vcpu).put(cache, &mut regs);
        }
    }

    fn enter(&mut self, vm: &Vm, vcpu: &Vcpu, vhe: bool) {
        if vhe {
            let (cache, mut regs) = self.direct();
            resident(vcpu).flush(vm.ppis(), cache, &mut regs);
        } else {
            let (cache, mut regs) = self.by_el2();
            resident(vcpu).flush(vm.ppis(), cache, &mut regs);
            self.memory.enter(&mut self.cpu);
        }
    }

    fn exit(&mut self, vm: &Vm, vcpu: &Vcpu, vhe: bool) {
        if vhe {
            let (cache, mut regs) = self.direct();
            resident(vcpu).fold(vm.ppis(), cache, &mut regs);
        } else {
            self.memory.exit(&mut self.cpu);
            let (cache, mut regs) = self.by_el2();
            resident(vcpu).fold(vm.ppis(), cache, &mut regs);
        }
    }

    /// A guest's access. Writes of ENABLER trap and do not come here.
    fn guest(&mut self, op: GuestOp) -> u64 {
        let cpu = &mut self.cpu;
        let mut write = |reg, value| cpu.write_icc(reg, Domain::Virtual, value);
        match op {
            GuestOp::WriteEnabler(v) => write(Icc::PpiEnabler(Half::Low), v),
            GuestOp::SetPending(v) => write(Icc::PpiSpendr(Half::Low), v),
            GuestOp::ClearPending(v) => write(Icc::PpiCpendr(Half::Low), v),
            GuestOp::SetActive(v) => write(Icc::PpiSactiver(Half::Low), v),
            GuestOp::ClearActive(v) => write(Icc::PpiCactiver(Half::Low), v),
            GuestOp::WritePriority(n, v) => write(Icc::PpiPriorityr(priorityr(n)), v),
            GuestOp::WriteCr0(v) => write(Icc::Cr0, v),
            GuestOp::WritePcr(v) => write(Icc::Pcr, v),
            GuestOp::WriteApr(v) => write(Icc::Apr, v),
            GuestOp::WriteIcsr(v) => write(Icc::Icsr, v),
            GuestOp::Acknowledge => {
                let Some(hppi) = cpu.hppi(Domain::Virtual, None) else {
                    return 0;
                };
                cpu.acknowledge(Domain::Virtual, hppi);
                return (1 << 32) | u64::from(hppi.intid.raw());
            }
            GuestOp::PriorityDrop => cpu
                .interface_mut(Domain::Virtual)
                .control
                .active
                .drop_running(),
            GuestOp::Deactivate(id) => {
                cpu.deactivate_ppi(Domain::Virtual, Intid::new(IntType::Ppi, id));
            }
        }
        0
    }

    fn view(&self) -> GuestView {
        let rows = TABLE.iter().filter_map(|row| match row.reg {
            // These the hypervisor answers.
            ModelReg::Icc(Icc::Idr0 | Icc::Iaffidr | Icc::PpiHmr(_)) => None,
            ModelReg::Icc(reg) => Some((
                row.name.to_str().unwrap(),
                self.cpu.read_icc(reg, Domain::Virtual, || None),
            )),
            _ => None,
        });
        GuestView(rows.collect())
    }
}

/// The devices of a vCPU: PMU, SW_PPI's driver and the timers; and which of those are direct.
pub const DEVICES: [(PpiId, Option<u64>); 4] = [
    (PpiId::SW_PPI, None),
    (PpiId::PMUIRQ, Some(1)),
    (PpiId::CNTV, Some(2)),
    (PpiId::CNTP, Some(3)),
];

/// What each of these vCPUs' devices own.
pub fn owned(vcpus: &[Vcpu]) -> impl Iterator<Item = PpiMask> + '_ {
    vcpus
        .iter()
        .map(|vcpu| vcpu.cpuif().inputs().owners().owned())
}

/// KVM with the module's decisions under test.
pub struct Machine {
    pub vm: Vm,
    pub vcpus: Vec<Vcpu>,
    pub pes: Vec<Pe>,
    /// The output of each vCPU's timers, which follows it to the CPU it is loaded on.
    wires: Vec<u64>,
    in_guest: Vec<bool>,
    next_token: u64,
    /// Whether the host's kernel runs at EL2.
    vhe: bool,
}

impl Machine {
    /// A VHE host.
    pub fn new(vcpus: usize, pes: usize) -> Self {
        Self::with_mode(vcpus, pes, true)
    }

    /// A host whose kernel runs at EL2, or at EL1 below an EL2 object.
    pub fn with_mode(vcpus: usize, pes: usize, vhe: bool) -> Self {
        let implemented = gicv5_model::cpuif::ppi::PpiSet::IMPLEMENTED.half(Half::Low);
        let machine = Self {
            vm: Vm::new(PpiMask::from_bits(implemented)),
            vcpus: (0..vcpus).map(|n| Self::vcpu(n as u64 + 1)).collect(),
            pes: (0..pes).map(|_| Pe::new()).collect(),
            wires: vec![0; vcpus],
            in_guest: vec![false; vcpus],
            next_token: vcpus as u64 + 1,
            vhe,
        };
        machine.vm.ppis().finalize(owned(&machine.vcpus));
        machine
    }

    fn vcpu(token: u64) -> Vcpu {
        let vcpu = Vcpu::new(token);
        for (ppi, owner) in DEVICES {
            if let Some(owner) = owner.and_then(Owner::new) {
                vcpu.cpuif()
                    .inputs()
                    .owners()
                    .set_owner(ppi, owner)
                    .unwrap();
            }
        }
        vcpu
    }

    pub fn pe_of(&self, vcpu: usize) -> Option<usize> {
        self.pes.iter().position(|pe| pe.loaded == Some(vcpu))
    }

    /// The vCPU's thread is scheduled in on `pe`, wherever it was.
    pub fn load(&mut self, vcpu: usize, pe: usize) {
        if self.pe_of(vcpu) == Some(pe) {
            return;
        }
        self.put(vcpu);
        if let Some(other) = self.pes[pe].loaded {
            self.put(other);
        }
        let wires = self.wires[vcpu];
        let pe = &mut self.pes[pe];
        set_wires(&mut pe.cpu, wires);
        pe.load(&self.vcpus[vcpu], self.vhe);
        pe.loaded = Some(vcpu);
    }

    pub fn put(&mut self, vcpu: usize) {
        self.exit(vcpu);
        let Some(pe) = self.pe_of(vcpu) else { return };
        let pe = &mut self.pes[pe];
        pe.put(&self.vcpus[vcpu], self.vhe);
        pe.loaded = None;
        assert_eq!(
            pe.cpu.hppi(Domain::Virtual, None),
            None,
            "a parked vCPU still signals interrupts"
        );
    }

    pub fn enter(&mut self, vcpu: usize) {
        let pe = self.pe_of(vcpu).expect("not loaded");
        if self.in_guest[vcpu] {
            return;
        }
        self.pes[pe].enter(&self.vm, &self.vcpus[vcpu], self.vhe);
        self.in_guest[vcpu] = true;
    }

    pub fn exit(&mut self, vcpu: usize) {
        if !self.in_guest[vcpu] {
            return;
        }
        let pe = self.pe_of(vcpu).expect("not loaded");
        self.pes[pe].exit(&self.vm, &self.vcpus[vcpu], self.vhe);
        self.in_guest[vcpu] = false;
    }

    /// What a kick does to a vCPU that is in the guest.
    fn kick(&mut self, vcpu: usize) {
        if self.in_guest[vcpu] {
            self.exit(vcpu);
            self.enter(vcpu);
        }
    }

    /// The guest of a vCPU does something; it is put on a PE and into the guest for it.
    pub fn guest(&mut self, vcpu: usize, op: GuestOp) -> u64 {
        if self.pe_of(vcpu).is_none() {
            self.load(vcpu, vcpu % self.pes.len());
        }
        self.enter(vcpu);
        if let GuestOp::WriteEnabler(value) = op {
            self.exit(vcpu);
            TrappedRegister::Enabler0
                .write(self.vm.ppis(), self.vcpus[vcpu].cpuif(), value)
                .unwrap();
            self.enter(vcpu);
            return 0;
        }
        let pe = self.pe_of(vcpu).expect("not loaded");
        self.pes[pe].guest(op)
    }

    pub fn view(&mut self, vcpu: usize) -> GuestView {
        if self.pe_of(vcpu).is_none() {
            self.load(vcpu, vcpu % self.pes.len());
        }
        self.enter(vcpu);
        let pe = self.pe_of(vcpu).expect("not loaded");
        self.pes[pe].view()
    }

    /// A device changes its output.
    pub fn inject(&mut self, vcpu: usize, device: usize, level: bool) {
        let (ppi, owner) = DEVICES[device];
        let bit = ppi.mask().bits();
        if level {
            self.wires[vcpu] |= bit;
        } else {
            self.wires[vcpu] &= !bit;
        }
        if let Some(pe) = self.pe_of(vcpu) {
            set_wires(&mut self.pes[pe].cpu, self.wires[vcpu]);
        }
        // KVM injects nothing for a direct timer; for ours to be unmapped later it does here.
        let owner = owner.and_then(Owner::new);
        if self.vcpus[vcpu].cpuif().inject(ppi, level, owner) == Injection::Changed {
            self.kick(vcpu);
        }
    }

    pub fn map(&mut self, vcpu: usize, device: usize, direct: bool) {
        let ppi = DEVICES[device].0;
        if direct {
            self.vcpus[vcpu].cpuif().map(ppi, ppi.number()).unwrap();
        } else {
            self.vcpus[vcpu].cpuif().unmap(ppi);
        }
        self.kick(vcpu);
    }

    /// WFI: the vCPU is parked, and asks.
    pub fn has_pending(&mut self, vcpu: usize) -> bool {
        self.put(vcpu);
        let wires = self.wires[vcpu];
        self.vcpus[vcpu].has_pending(&self.vm, || PpiMask::from_bits(wires))
    }

    pub fn reset(&mut self, vcpu: usize) {
        self.put(vcpu);
        parked(&self.vcpus[vcpu]).reset();
    }

    /// Saves a vCPU the way userspace does, and restores it into a new one.
    pub fn move_to_new_vm(&mut self, vcpu: usize) {
        self.put(vcpu);
        self.next_token += 1;
        let new = Self::vcpu(self.next_token);
        let old = &self.vcpus[vcpu];
        for (ppi, _) in DEVICES {
            if let Some(hwirq) = old.cpuif().inputs().owners().hwirq(ppi) {
                new.cpuif().map(ppi, hwirq).unwrap();
            }
        }
        let (from, to) = (parked(old), parked(&new));
        for (_, register) in UserRegister::all() {
            let value = register.get(self.vm.ppis(), &from);
            register.set(self.vm.ppis(), &to, value).unwrap();
            assert_eq!(register.get(self.vm.ppis(), &to), value, "{register:?}");
        }
        // Devices are restored too, and drive what userspace's registers do not show.
        let wires = self.wires[vcpu];
        self.vcpus[vcpu] = new;
        for (n, (ppi, _)) in DEVICES.iter().enumerate().skip(1) {
            self.inject(vcpu, n, wires & ppi.mask().bits() != 0);
        }
    }

    /// Somebody else uses a PE nobody of ours is on: writes its registers, or resets it.
    pub fn foreign(&mut self, pe: usize, junk: u64, reset: bool) {
        if let Some(vcpu) = self.pes[pe].loaded {
            self.put(vcpu);
        }
        let pe = &mut self.pes[pe];
        if reset {
            pe.cpu.reset();
            pe.cpu.write_ich(ich("ICH_VCTLR_EL2"), 1);
        } else {
            for (n, reg) in Reg::ALL.into_iter().enumerate() {
                if reg != Reg::Vctlr {
                    write(&mut pe.cpu, reg, junk.rotate_left(n as u32));
                }
            }
        }
        pe.epoch += 1;
    }

    /// The host's own use of ICC_ICSR_EL1 on a PE.
    pub fn host_icsr(&mut self, pe: usize, value: u64) {
        if let Some(vcpu) = self.pes[pe].loaded {
            self.exit(vcpu);
        }
        write(&mut self.pes[pe].cpu, Reg::Icsr, value);
    }
}

fn set_wires(cpu: &mut CpuInterface, wires: u64) {
    for ppi in [PpiId::CNTV, PpiId::CNTP] {
        cpu.set_wire(ppi.number(), wires & ppi.mask().bits() != 0);
    }
}

/// Each vCPU on a PE of its own, for ever in the guest.
pub struct Reference {
    pes: Vec<Pe>,
    visible: u64,
    wires: Vec<u64>,
    direct: Vec<u64>,
}

impl Reference {
    pub fn new(vcpus: usize) -> Self {
        Self {
            pes: (0..vcpus).map(|_| Pe::new()).collect(),
            visible: DEVICES.iter().fold(0, |set, (p, _)| set | p.mask().bits()),
            wires: vec![0; vcpus],
            direct: vec![0; vcpus],
        }
    }

    pub fn guest(&mut self, vcpu: usize, op: GuestOp) -> u64 {
        let op = match op {
            GuestOp::WriteEnabler(value) => GuestOp::WriteEnabler(value & self.visible),
            other => other,
        };
        self.pes[vcpu].guest(op)
    }

    pub fn view(&self, vcpu: usize) -> GuestView {
        self.pes[vcpu].view()
    }

    /// Changes what the hypervisor of a level PPI, or the device of an edge one, holds pending.
    fn pend(&mut self, vcpu: usize, ppi: PpiId, pending: bool) {
        let cpu = &mut self.pes[vcpu].cpu;
        let reg = ich("ICH_PPI_PENDR0_EL2");
        let old = cpu.read_ich(reg, || None);
        let bit = ppi.mask().bits();
        cpu.write_ich(reg, if pending { old | bit } else { old & !bit });
    }

    pub fn inject(&mut self, vcpu: usize, device: usize, level: bool) {
        let ppi = DEVICES[device].0;
        let bit = ppi.mask().bits();
        if level {
            self.wires[vcpu] |= bit;
        } else {
            self.wires[vcpu] &= !bit;
        }
        set_wires(&mut self.pes[vcpu].cpu, self.wires[vcpu]);
        if ppi != PpiId::SW_PPI || level {
            self.pend(vcpu, ppi, level);
        }
    }

    pub fn map(&mut self, vcpu: usize, device: usize, direct: bool) {
        let ppi = DEVICES[device].0;
        let bit = ppi.mask().bits();
        if direct {
            self.direct[vcpu] |= bit;
        } else {
            self.direct[vcpu] &= !bit;
        }
        let direct = self.direct[vcpu];
        self.pes[vcpu]
            .cpu
            .write_ich(ich("ICH_PPI_DVIR0_EL2"), direct);
        // No longer read through to the wire: pending is what the hypervisor says.
        let level = self.wires[vcpu] & bit != 0;
        self.pend(vcpu, ppi, level);
    }

    pub fn has_pending(&self, vcpu: usize) -> bool {
        self.pes[vcpu].cpu.hppi(Domain::Virtual, None).is_some()
    }

    pub fn reset(&mut self, vcpu: usize) {
        let wires = self.wires[vcpu] & !PpiId::SW_PPI.mask().bits();
        let cpu = &mut self.pes[vcpu].cpu;
        cpu.reset();
        cpu.write_ich(ich("ICH_VCTLR_EL2"), 1);
        cpu.write_ich(ich("ICH_PPI_DVIR0_EL2"), self.direct[vcpu]);
        cpu.write_ich(ich("ICH_PPI_PENDR0_EL2"), wires);
        set_wires(cpu, wires);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the module promises, checked where it runs: inside the kernel as KUnit, with the kernel's
//! own atomics, and on the host as ordinary tests. The registers are an array here; the tests
//! against the architecture model are the host's alone.

use super::cpuif::{LoadState, Reg, RegisterCache};
use super::ports::CpuRegisters;
use super::{Vcpu, VcpuThread, Vm};
use core::cell::Cell;

/// The registers of a CPU, without any behaviour, and how often they were accessed.
struct Bank {
    words: [u64; Reg::COUNT],
    accesses: Cell<usize>,
}

impl CpuRegisters for Bank {
    fn read(&self, reg: Reg) -> u64 {
        self.accesses.set(self.accesses.get() + 1);
        self.words[reg as usize]
    }

    fn write(&mut self, reg: Reg, value: u64) {
        self.accesses.set(self.accesses.get() + 1);
        self.words[reg as usize] = value;
    }

    fn synchronize(&mut self) {}
}

/// The only thread there is.
struct Thread<'a>(&'a Vcpu);

impl<'a> VcpuThread<'a> for Thread<'a> {
    fn vcpu(&self) -> &'a Vcpu {
        self.0
    }
}

/// A CPU and who may be on it.
struct Cpu {
    bank: Bank,
    cache: RegisterCache,
}

impl Cpu {
    fn new() -> Self {
        Self {
            bank: Bank {
                words: [0; Reg::COUNT],
                accesses: Cell::new(0),
            },
            cache: RegisterCache::new(),
        }
    }

    fn load(&mut self, vcpu: &Vcpu) {
        if let LoadState::Parked(parked) = Vcpu::load_state(Thread(vcpu)) {
            parked.load(&mut self.cache, &mut self.bank);
        }
    }

    fn put(&mut self, vcpu: &Vcpu) {
        if let LoadState::Resident(resident) = Vcpu::load_state(Thread(vcpu)) {
            resident.put(&mut self.cache, &mut self.bank);
        }
    }

    fn enter(&mut self, vm: &Vm, vcpu: &Vcpu) {
        if let LoadState::Resident(resident) = Vcpu::load_state(Thread(vcpu)) {
            resident.flush(vm.ppis(), &mut self.cache, &mut self.bank);
        }
    }

    fn exit(&mut self, vm: &Vm, vcpu: &Vcpu) {
        if let LoadState::Resident(resident) = Vcpu::load_state(Thread(vcpu)) {
            resident.fold(vm.ppis(), &mut self.cache, &mut self.bank);
        }
    }
}

#[cfg_attr(CONFIG_RUST, kernel::prelude::kunit_tests(kvm_arm_vgic_v5))]
mod tests {
    use super::super::cpuif::{
        Injection, Owner, OwnerError, PpiId, PpiMask, Priority, PriorityMask, Reg,
    };
    use super::super::intid::{Intid, IntidType};
    use super::super::{Vcpu, Vm};
    use super::Cpu;
    use crate::sysregs::{Bits, FEAT_GCIE_ICH_VMCR_EL2, ICH_APR_EL2, ICH_VCTLR_EL2};

    const SW_PPI: u64 = PpiId::SW_PPI.mask().bits();
    const PMUIRQ: u64 = PpiId::PMUIRQ.mask().bits();
    const CNTV: u64 = PpiId::CNTV.mask().bits();

    /// A VM with a PMU and a timer, of one vCPU.
    fn vm_and_vcpu() -> (Vm, Vcpu) {
        let vm = Vm::new(PpiMask::from_bits(u64::MAX));
        let vcpu = Vcpu::new(1);
        for ppi in [PpiId::PMUIRQ, PpiId::CNTV] {
            assert_eq!(
                vcpu.cpuif().inputs().owners().set_owner(ppi, Owner::MIN),
                Ok(())
            );
        }
        vm.ppis().finalize([vcpu.cpuif().inputs().owners().owned()]);
        (vm, vcpu)
    }

    #[test]
    fn intids_round_trip() {
        for kind in [IntidType::Ppi, IntidType::Lpi, IntidType::Spi] {
            for id in [0, 63, 64, 0xff_ffff] {
                let intid = Intid::new(kind, id);
                assert_eq!(intid.and_then(|it| Intid::decode(it.encode())), intid);
            }
        }
        assert_eq!(Intid::decode(0), None);
        assert_eq!(Intid::new(IntidType::Ppi, 1 << 24), None);
    }

    /// Enable, mask and running priority against the sentence of the rule, for every priority.
    #[test]
    fn priority_masks() {
        for vpmr in 0..32 {
            for apr in [0, 1, 1 << 7, 1 << 31, 0b1010_0000] {
                for en in [false, true] {
                    let vmcr = FEAT_GCIE_ICH_VMCR_EL2::new()
                        .with_en(en)
                        .with_vpmr(Bits::truncate(vpmr));
                    let mask = PriorityMask::new(vmcr, ICH_APR_EL2::from_raw(apr));
                    for priority in 0..32u8 {
                        let preempts = (0..=priority).all(|p| (apr >> p) & 1 == 0);
                        let expected = en && u64::from(priority) <= vpmr && preempts;
                        assert_eq!(mask.admits(Priority::from_field(priority)), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn an_edge_is_shown_until_it_is_taken() {
        let (vm, vcpu) = vm_and_vcpu();
        let (mut here, mut there) = (Cpu::new(), Cpu::new());
        assert_eq!(
            vcpu.cpuif().inject(PpiId::SW_PPI, true, None),
            Injection::Changed
        );
        here.load(&vcpu);
        here.enter(&vm, &vcpu);
        assert_eq!(here.bank.words[Reg::Pendr0 as usize], SW_PPI);
        here.exit(&vm, &vcpu);
        here.put(&vcpu);
        assert!(vcpu.cpuif().inputs().pending().contains(PpiId::SW_PPI));
        there.load(&vcpu);
        there.enter(&vm, &vcpu);
        assert_eq!(there.bank.words[Reg::Pendr0 as usize], SW_PPI);
        // The guest takes it.
        there.bank.words[Reg::Pendr0 as usize] = 0;
        there.exit(&vm, &vcpu);
        there.put(&vcpu);
        assert!(vcpu.cpuif().inputs().pending().is_empty());
    }

    #[test]
    fn a_line_is_shown_while_it_is_high() {
        let (vm, vcpu) = vm_and_vcpu();
        let mut cpu = Cpu::new();
        cpu.load(&vcpu);
        for level in [true, false] {
            let outcome = vcpu.cpuif().inject(PpiId::PMUIRQ, level, Some(Owner::MIN));
            assert_eq!(outcome, Injection::Changed);
            cpu.enter(&vm, &vcpu);
            let shown = cpu.bank.words[Reg::Pendr0 as usize];
            assert_eq!(shown, if level { PMUIRQ } else { 0 });
            cpu.exit(&vm, &vcpu);
        }
        assert_eq!(
            vcpu.cpuif().inject(PpiId::PMUIRQ, true, None),
            Injection::NotOwner
        );
    }

    #[test]
    fn a_direct_ppi_is_the_hardware_s_while_the_guest_runs() {
        let (vm, vcpu) = vm_and_vcpu();
        let mut cpu = Cpu::new();
        assert_eq!(vcpu.cpuif().map(PpiId::CNTV, 27), Ok(()));
        assert_eq!(vcpu.cpuif().inputs().owners().hwirq(PpiId::CNTV), Some(27));
        cpu.load(&vcpu);
        cpu.enter(&vm, &vcpu);
        assert_eq!(cpu.bank.words[Reg::Dvir0 as usize], CNTV);
        cpu.exit(&vm, &vcpu);
        assert_eq!(cpu.bank.words[Reg::Dvir0 as usize], 0);
    }

    #[test]
    fn what_the_guest_did_follows_it() {
        let (vm, vcpu) = vm_and_vcpu();
        let (mut here, mut there) = (Cpu::new(), Cpu::new());
        here.load(&vcpu);
        here.enter(&vm, &vcpu);
        let guests = [Reg::Activer0, Reg::Priorityr3, Reg::Apr, Reg::Vmcr];
        for (n, reg) in guests.into_iter().enumerate() {
            here.bank.words[reg as usize] = n as u64 + 1;
        }
        here.exit(&vm, &vcpu);
        here.put(&vcpu);
        assert_eq!(here.bank.words[Reg::Vmcr as usize], 0);
        there.load(&vcpu);
        for (n, reg) in guests.into_iter().enumerate() {
            assert_eq!(there.bank.words[reg as usize], n as u64 + 1);
        }
    }

    #[test]
    fn a_round_trip_costs_three_accesses() {
        let (vm, vcpu) = vm_and_vcpu();
        let mut cpu = Cpu::new();
        cpu.load(&vcpu);
        cpu.enter(&vm, &vcpu);
        cpu.bank.accesses.set(0);
        cpu.exit(&vm, &vcpu);
        cpu.enter(&vm, &vcpu);
        assert_eq!(cpu.bank.accesses.get(), 3);
    }

    #[test]
    fn a_vcpu_wakes_for_what_it_could_take() {
        let (vm, vcpu) = vm_and_vcpu();
        let mut cpu = Cpu::new();
        vcpu.cpuif().write_enabler(vm.ppis(), u64::MAX);
        cpu.load(&vcpu);
        cpu.enter(&vm, &vcpu);
        let vmcr = FEAT_GCIE_ICH_VMCR_EL2::new()
            .with_en(true)
            .with_vpmr(Bits::new::<31>());
        cpu.bank.words[Reg::Vmcr as usize] = vmcr.into_raw();
        cpu.exit(&vm, &vcpu);
        cpu.put(&vcpu);
        assert!(!vcpu.has_pending(&vm, || PpiMask::NONE));
        assert_eq!(
            vcpu.cpuif().inject(PpiId::SW_PPI, true, None),
            Injection::Changed
        );
        assert!(vcpu.has_pending(&vm, || PpiMask::NONE));
        vcpu.cpuif().write_enabler(vm.ppis(), !SW_PPI);
        assert!(!vcpu.has_pending(&vm, || PpiMask::NONE));
        // A mapped PPI is as its device says.
        assert_eq!(vcpu.cpuif().map(PpiId::CNTV, 27), Ok(()));
        assert!(vcpu.has_pending(&vm, || PpiId::CNTV.mask()));
        assert!(!vcpu.has_pending(&vm, || PpiMask::NONE));
    }

    #[test]
    fn a_ppi_has_one_owner() {
        let vcpu = Vcpu::new(1);
        assert_eq!(
            vcpu.cpuif()
                .inputs()
                .owners()
                .set_owner(PpiId::CNTV, Owner::MIN),
            Ok(())
        );
        assert_eq!(
            vcpu.cpuif()
                .inputs()
                .owners()
                .set_owner(PpiId::CNTV, Owner::MIN),
            Ok(())
        );
        assert_eq!(
            vcpu.cpuif()
                .inputs()
                .owners()
                .set_owner(PpiId::CNTV, Owner::MAX),
            Err(OwnerError::Owned)
        );
    }

    /// What a guest wrote of PPIs 64 to 127 is there when it comes back, and nobody else sees it.
    #[test]
    fn upper_ppis_are_cleared_for_the_next_vcpu() {
        let (_, one) = vm_and_vcpu();
        let other = Vcpu::new(2);
        let mut cpu = Cpu::new();
        let upper = || Reg::UPPER_HOST.into_iter().chain(Reg::UPPER_GUEST);
        for reg in upper() {
            cpu.bank.words[reg as usize] = u64::MAX;
        }
        cpu.load(&one);
        for reg in upper() {
            assert_eq!(cpu.bank.words[reg as usize], 0);
        }
        for reg in Reg::UPPER_GUEST {
            cpu.bank.words[reg as usize] = 1 + reg as u64;
        }
        cpu.put(&one);
        cpu.load(&one);
        for reg in Reg::UPPER_GUEST {
            assert_eq!(cpu.bank.words[reg as usize], 1 + reg as u64);
        }
        cpu.put(&one);
        cpu.load(&other);
        for reg in upper() {
            assert_eq!(cpu.bank.words[reg as usize], 0);
        }
    }

    /// A CPU that was left with the GICv3 view gets GICv5's, and keeps all else of the register.
    #[test]
    fn a_load_leaves_the_gicv3_view() {
        let (_, vcpu) = vm_and_vcpu();
        let mut cpu = Cpu::new();
        let v3 = ICH_VCTLR_EL2::new().with_en(true).with_v3(true);
        cpu.bank.words[Reg::Vctlr as usize] = v3.into_raw();
        cpu.load(&vcpu);
        let v5 = v3.with_v3(false).into_raw();
        assert_eq!(cpu.bank.words[Reg::Vctlr as usize], v5);
        // Whoever uses the GICv3 view says so.
        cpu.put(&vcpu);
        cpu.bank.words[Reg::Vctlr as usize] = v3.into_raw();
        cpu.cache.sync(1);
        cpu.load(&vcpu);
        assert_eq!(cpu.bank.words[Reg::Vctlr as usize], v5);
    }
}

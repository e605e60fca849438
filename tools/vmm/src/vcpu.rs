// SPDX-License-Identifier: GPL-2.0
//! A vCPU: its first registers, and the thread that runs it.

use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use kvm_bindings::{
    kvm_vcpu_init, KVM_ARM_VCPU_POWER_OFF, KVM_ARM_VCPU_PSCI_0_2, KVM_SYSTEM_EVENT_CRASH,
    KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2, KVM_SYSTEM_EVENT_SHUTDOWN,
};
use kvm_ioctls::{VcpuExit, VcpuFd, VmFd};

use crate::bus::Bus;
use crate::fdt::cpu_phandle;
use crate::gic::Cpu;

/// Register numbers of `KVM_GET_ONE_REG`: 64-bit arm64 registers, core and
/// system.
mod reg {
    const CORE: u64 = 0x6030_0000_0010_0000;
    const SYSTEM: u64 = 0x6030_0000_0013_0000;
    pub const X0: u64 = CORE;
    pub const PC: u64 = CORE | 256 / 4;
    pub const PSTATE: u64 = CORE | 264 / 4;
    pub const MPIDR_EL1: u64 = SYSTEM | 3 << 14 | 5;
}

/// EL1 with its own stack pointer, all exceptions masked.
const PSTATE_AT_ENTRY: u64 = 0x3c5;
/// MPIDR's affinity fields.
const MPIDR_AFFINITY: u64 = 0xff_00ff_ffff;

/// Why the guest does not run any more.
#[derive(Debug)]
pub enum End {
    /// PSCI's SYSTEM_OFF.
    PowerOff,
    /// A reset: PSCI's call, by its name.
    Reset(&'static str),
    /// The guest said that it crashed.
    Crash,
    /// The user's wish.
    Quit,
    /// KVM cannot run it.
    Failed(anyhow::Error),
}

/// A vCPU that was created and initialised and does not run yet.
pub struct Vcpu {
    /// What the device tree says of it.
    pub cpu: Cpu,
    fd: VcpuFd,
}

impl Vcpu {
    /// `KVM_CREATE_VCPU` and `KVM_ARM_VCPU_INIT`. All but the first wait for
    /// PSCI's CPU_ON.
    pub fn new(vm: &VmFd, id: u16) -> Result<Self> {
        let fd = vm
            .create_vcpu(id.into())
            .with_context(|| format!("cannot create vCPU {id}"))?;
        let mut init = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut init)
            .context("KVM knows no processor for the guest")?;
        init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
        if id != 0 {
            init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF;
        }
        fd.vcpu_init(&init)
            .with_context(|| format!("cannot initialise vCPU {id}"))?;
        let mut mpidr = [0; 8];
        fd.get_one_reg(reg::MPIDR_EL1, &mut mpidr)
            .context("cannot read MPIDR_EL1")?;
        let cpu = Cpu {
            id,
            mpidr: u64::from_le_bytes(mpidr) & MPIDR_AFFINITY,
            phandle: cpu_phandle(id),
        };
        Ok(Self { cpu, fd })
    }

    /// Where it starts, and where it finds the device tree.
    pub fn set_entry(&self, kernel: u64, fdt: u64) -> Result<()> {
        for (register, value) in [
            (reg::PSTATE, PSTATE_AT_ENTRY),
            (reg::PC, kernel),
            (reg::X0, fdt),
        ] {
            self.fd
                .set_one_reg(register, &value.to_le_bytes())
                .context("cannot set the first vCPU's registers")?;
        }
        Ok(())
    }

    /// Runs it on a thread of its own, until the guest ends. The thread ends
    /// with the process.
    pub fn start(mut self, bus: Arc<Bus>, ends: Sender<End>) -> Result<()> {
        thread::Builder::new()
            .name(format!("vcpu{}", self.cpu.id))
            .spawn(move || {
                // Nobody listens any more when the guest has ended already.
                let _ = ends.send(self.run(&bus));
            })
            .context("cannot start a thread")?;
        Ok(())
    }

    fn run(&mut self, bus: &Bus) -> End {
        loop {
            match self.fd.run() {
                Ok(VcpuExit::MmioRead(address, data)) => bus.read(address, data),
                Ok(VcpuExit::MmioWrite(address, data)) => bus.write(address, data),
                Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN, _)) => return End::PowerOff,
                Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_RESET, data)) => {
                    let flags = data.first().copied().unwrap_or(0);
                    return End::Reset(
                        if flags & u64::from(KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2) != 0 {
                            "SYSTEM_RESET2"
                        } else {
                            "SYSTEM_RESET"
                        },
                    );
                }
                Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_CRASH, _)) => return End::Crash,
                Ok(VcpuExit::Intr) => {}
                Ok(exit) => {
                    let id = self.cpu.id;
                    return End::Failed(anyhow::anyhow!("vCPU {id} stopped: {exit:?}"));
                }
                Err(errno) if matches!(errno.errno(), libc::EINTR | libc::EAGAIN) => {}
                Err(errno) => {
                    return End::Failed(
                        anyhow::Error::new(errno)
                            .context(format!("vCPU {} cannot run", self.cpu.id)),
                    )
                }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The thread that may move a vCPU between memory and registers, as the tests are it.

use vgic_v5::cpuif::{LoadState, Parked, Resident};
use vgic_v5::{Vcpu, VcpuThread};

struct Thread<'a>(&'a Vcpu);

impl<'a> VcpuThread<'a> for Thread<'a> {
    fn vcpu(&self) -> &'a Vcpu {
        self.0
    }
}

/// The vCPU, which is not loaded.
pub fn parked(vcpu: &Vcpu) -> Parked<'_> {
    match Vcpu::load_state(Thread(vcpu)) {
        LoadState::Parked(parked) => parked,
        LoadState::Resident(_) => panic!("loaded"),
    }
}

/// The vCPU, which is loaded.
#[allow(dead_code)] // Not every test loads one.
pub fn resident(vcpu: &Vcpu) -> Resident<'_> {
    match Vcpu::load_state(Thread(vcpu)) {
        LoadState::Resident(resident) => resident,
        LoadState::Parked(_) => panic!("not loaded"),
    }
}

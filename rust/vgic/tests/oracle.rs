// SPDX-License-Identifier: GPL-2.0

//! Random programs: whatever the host does to vCPUs, their guests must not notice.

#![cfg(not(loom))]

mod machine;
mod thread;

use machine::{GuestOp, Machine, Reference, DEVICES};
use proptest::prelude::*;

const VCPUS: usize = 3;
const PES: usize = 2;

/// A step of a program. `v` is a vCPU, `p` a PE.
#[derive(Clone, Debug)]
enum Step {
    Guest {
        v: usize,
        op: GuestOp,
    },
    Inject {
        v: usize,
        device: usize,
        level: bool,
    },
    Map {
        v: usize,
        device: usize,
        direct: bool,
    },
    Load {
        v: usize,
        p: usize,
    },
    Put {
        v: usize,
    },
    Exit {
        v: usize,
    },
    WaitForInterrupt {
        v: usize,
    },
    Reset {
        v: usize,
    },
    MoveToNewVm {
        v: usize,
    },
    Foreign {
        p: usize,
        junk: u64,
        reset: bool,
    },
    HostIcsr {
        p: usize,
        value: u64,
    },
}

/// Words whose bits are mostly those of PPIs that exist.
fn word() -> impl Strategy<Value = u64> {
    let known = DEVICES
        .iter()
        .fold(1 << 25, |set, (p, _)| set | p.mask().bits());
    prop_oneof![
        4 => any::<u64>().prop_map(move |bits| bits & known),
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ]
}

fn guest_op() -> impl Strategy<Value = GuestOp> {
    prop_oneof![
        2 => word().prop_map(GuestOp::WriteEnabler),
        2 => word().prop_map(GuestOp::SetPending),
        1 => word().prop_map(GuestOp::ClearPending),
        1 => word().prop_map(GuestOp::SetActive),
        1 => word().prop_map(GuestOp::ClearActive),
        2 => (0usize..8, any::<u64>()).prop_map(|(n, v)| GuestOp::WritePriority(n, v)),
        1 => (0usize..8).prop_map(|n| GuestOp::WritePriority(n, 0)),
        2 => prop_oneof![3 => Just(1u64), 1 => Just(0)].prop_map(GuestOp::WriteCr0),
        2 => prop_oneof![2 => Just(31u64), 1 => 0u64..32].prop_map(GuestOp::WritePcr),
        1 => any::<u32>().prop_map(|v| GuestOp::WriteApr((v & (v >> 3)).into())),
        1 => Just(GuestOp::WriteApr(0)),
        1 => any::<u64>().prop_map(GuestOp::WriteIcsr),
        5 => Just(GuestOp::Acknowledge),
        3 => Just(GuestOp::PriorityDrop),
        3 => prop_oneof![Just(3u32), Just(23), Just(27), Just(30), 0u32..64]
            .prop_map(GuestOp::Deactivate),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let v = || 0..VCPUS;
    let p = || 0..PES;
    let device = 0..DEVICES.len();
    prop_oneof![
        12 => (v(), guest_op()).prop_map(|(v, op)| Step::Guest { v, op }),
        6 => (v(), device, any::<bool>())
            .prop_map(|(v, device, level)| Step::Inject { v, device, level }),
        1 => (v(), 2usize..4, any::<bool>())
            .prop_map(|(v, device, direct)| Step::Map { v, device, direct }),
        3 => (v(), p()).prop_map(|(v, p)| Step::Load { v, p }),
        2 => v().prop_map(|v| Step::Put { v }),
        3 => v().prop_map(|v| Step::Exit { v }),
        3 => v().prop_map(|v| Step::WaitForInterrupt { v }),
        1 => v().prop_map(|v| Step::Reset { v }),
        1 => v().prop_map(|v| Step::MoveToNewVm { v }),
        1 => (p(), any::<u64>(), any::<bool>())
            .prop_map(|(p, junk, reset)| Step::Foreign { p, junk, reset }),
        1 => (p(), any::<u64>()).prop_map(|(p, value)| Step::HostIcsr { p, value }),
    ]
}

fn run(program: &[Step], vhe: bool) -> Result<(), TestCaseError> {
    let mut machine = Machine::with_mode(VCPUS, PES, vhe);
    let mut reference = Reference::new(VCPUS);
    for (n, step) in program.iter().enumerate() {
        match *step {
            Step::Guest { v, op } => {
                let (is, should) = (machine.guest(v, op), reference.guest(v, op));
                prop_assert_eq!(is, should, "step {}: {:?}", n, step);
                prop_assert_eq!(machine.view(v), reference.view(v), "step {}: {:?}", n, step);
            }
            Step::Inject { v, device, level } => {
                machine.inject(v, device, level);
                reference.inject(v, device, level);
            }
            Step::Map { v, device, direct } => {
                machine.map(v, device, direct);
                reference.map(v, device, direct);
            }
            Step::Load { v, p } => machine.load(v, p),
            Step::Put { v } => machine.put(v),
            Step::Exit { v } => machine.exit(v),
            Step::WaitForInterrupt { v } => {
                let (is, should) = (machine.has_pending(v), reference.has_pending(v));
                prop_assert_eq!(is, should, "step {}: {:?}", n, step);
            }
            Step::Reset { v } => {
                machine.reset(v);
                reference.reset(v);
            }
            Step::MoveToNewVm { v } => machine.move_to_new_vm(v),
            Step::Foreign { p, junk, reset } => machine.foreign(p, junk, reset),
            Step::HostIcsr { p, value } => machine.host_icsr(p, value),
        }
    }
    for v in 0..VCPUS {
        prop_assert_eq!(machine.view(v), reference.view(v), "at the end, vCPU {}", v);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        // PROPTEST_CASES asks for more.
        cases: ProptestConfig::default().cases.max(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// What a guest reads and is delivered is what it would be with a PE of its own.
    #[test]
    fn a_guest_cannot_tell(program in prop::collection::vec(step(), 1..120)) {
        run(&program, true)?;
    }

    /// Nor on an nVHE host, where EL2 saves and restores by way of memory.
    #[test]
    fn a_guest_cannot_tell_on_nvhe(program in prop::collection::vec(step(), 1..120)) {
        run(&program, false)?;
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Power State Coordination Interface, by HVC from EL1 and SMC from EL2:
//! those are the conduits of the virt machine without and with EL2.

use core::arch::asm;

const CPU_OFF: u64 = 0x8400_0002;
const SYSTEM_OFF: u64 = 0x8400_0008;
const CPU_ON: u64 = 0xc400_0003;
const AFFINITY_INFO: u64 = 0xc400_0004;

fn call(function: u64, a1: u64, a2: u64, a3: u64) -> i64 {
    let mut x0 = function;
    if crate::cpu::current_el() == 2 {
        // SAFETY: PSCI clobbers what SMCCC says it may, x0..x17.
        unsafe {
            asm!("smc #0", inout("x0") x0, inout("x1") a1 => _, inout("x2") a2 => _,
                 inout("x3") a3 => _, clobber_abi("C"))
        };
    } else {
        // SAFETY: as above.
        unsafe {
            asm!("hvc #0", inout("x0") x0, inout("x1") a1 => _, inout("x2") a2 => _,
                 inout("x3") a3 => _, clobber_abi("C"))
        };
    }
    x0 as i64
}

/// Power the machine off.
pub fn system_off() -> ! {
    call(SYSTEM_OFF, 0, 0, 0);
    loop {
        crate::cpu::wfi();
    }
}

/// Power this PE off.
pub fn cpu_off() -> ! {
    call(CPU_OFF, 0, 0, 0);
    loop {
        crate::cpu::wfi();
    }
}

/// Is the PE with this MPIDR off?
pub fn is_off(mpidr: u64) -> bool {
    call(AFFINITY_INFO, mpidr, 0, 0) == 1
}

/// Start the PE with this MPIDR on `stack`; it calls `rt_secondary`.
///
/// Returns PSCI's answer, 0 for success.
pub fn cpu_on(mpidr: u64, stack: &'static Stack) -> i64 {
    extern "C" {
        fn rt_secondary_entry();
    }
    call(
        CPU_ON,
        mpidr,
        rt_secondary_entry as usize as u64,
        stack.top(),
    )
}

/// A stack for another PE or a guest. Only ever used by address.
#[repr(C, align(16))]
pub struct Stack(core::cell::UnsafeCell<[u8; 0x8000]>);

// SAFETY: Rust code never touches the contents.
unsafe impl Sync for Stack {}

impl Stack {
    /// An empty stack.
    pub const fn new() -> Self {
        Self(core::cell::UnsafeCell::new([0; 0x8000]))
    }

    /// The initial stack pointer.
    pub fn top(&self) -> u64 {
        core::ptr::from_ref(self) as u64 + core::mem::size_of::<Self>() as u64
    }
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

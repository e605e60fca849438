// SPDX-License-Identifier: GPL-2.0
//! HCR_EL2.{NV, NV2}: EL1 is a hypervisor. Its ICH_* are memory, its GIC VD*
//! trap.

use crate::guest::{stack, Exit, Guest};
use crate::regs::*;
use crate::tables::{alloc, peek, poke};
use crate::{check_eq, tap};
use rt::cpu::Reg;
use rt::gic::*;
use rt::trap::probe;

/// Register, and its place from VNCR_EL2 (R_KZTGX).
static PLACES: [(Reg, u64); 14] = [
    (ICH_APR_EL2, 0xb00),
    (ICH_CONTEXTR_EL2, 0xb08),
    (ICH_HFGITR_EL2, 0xb10),
    (ICH_HFGRTR_EL2, 0xb18),
    (ICH_HFGWTR_EL2, 0xb20),
    (ICH_VCTLR_EL2, 0xb28),
    (ICH_VMCR_EL2, 0x4c8),
    (ICH_PPI_ACTIVER0_EL2, 0xb30),
    (ICH_PPI_ACTIVER1_EL2, 0xb38),
    (ICH_PPI_DVIR0_EL2, 0xb40),
    (ICH_PPI_ENABLER0_EL2, 0xb50),
    (ICH_PPI_ENABLER1_EL2, 0xb58),
    (ICH_PPI_PRIORITYR[0], 0xb80),
    (ICH_PPI_PRIORITYR[15], 0xbf8),
];

static TRAPS: [Reg; 8] = [
    GIC_VDDIS, GIC_VDEN, GIC_VDPRI, GIC_VDAFF, GIC_VDPEND, GIC_VDRCFG, GIC_VDDI, GIC_VDHM,
];

/// What the guest writes: no register of the GIC would keep it.
const VALUE: u64 = 0xdead_beef_0bad_cafe;

pub fn run() {
    extern "C" fn write(index: u64) -> u64 {
        PLACES[index as usize].0.write(VALUE + index);
        PLACES[index as usize].0.read()
    }
    extern "C" fn instruction(index: u64) -> u64 {
        TRAPS[index as usize].write(0);
        0
    }
    extern "C" fn probed(index: u64) -> u64 {
        let refused = probe(|| TRAPS[index as usize].write(0)).err();
        refused.map_or(1, |syndrome| syndrome.ec())
    }
    extern "C" fn hppir(_: u64) -> u64 {
        ICH_HPPIR_EL2.read()
    }
    let page = alloc(4096);
    VNCR_EL2.write(page);
    for (index, (reg, place)) in PLACES.iter().enumerate() {
        let index = index as u64;
        poke(page + place, 0);
        let before = reg.read();
        let mut guest = Guest::new(stack(0), write, index);
        guest.hcr |= HCR_NV_NV2;
        let read = guest.finish();
        check_eq!(read, VALUE + index, "NV2: {} is memory", reg.name);
        check_eq!(peek(page + place), VALUE + index, "at its place");
        check_eq!(reg.read(), before, "and the register is as it was");
    }
    for (index, reg) in TRAPS.iter().enumerate() {
        let mut guest = Guest::new(stack(0), instruction, index as u64);
        guest.hcr |= HCR_NV_NV2;
        let exit = guest.run();
        // A SYS instruction has EC 0x18.
        tap::point(
            matches!(exit, Exit::Trap(syndrome) if syndrome.ec() == 0x18),
            format_args!("NV: {} traps", reg.name),
        );
        let undefined = Guest::new(stack(0), probed, index as u64).finish();
        check_eq!(undefined, 0, "and is UNDEFINED without, {}", reg.name);
    }
    let mut guest = Guest::new(stack(0), hppir, 0);
    guest.hcr |= HCR_NV_NV2;
    let exit = guest.run();
    tap::point(
        matches!(exit, Exit::Trap(syndrome) if syndrome.ec() == 0x18),
        format_args!("NV2: ICH_HPPIR_EL2 traps"),
    );
}

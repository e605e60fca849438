// SPDX-License-Identifier: GPL-2.0
//! VMs, their ISTs and their VPEs become valid and cease to be. VALID is the
//! IRS's to write.

use crate::regs::*;
use crate::tables::{self, peek, Vm, VALID, VPES};
use crate::{check_eq, tap};
use rt::gic::*;
use rt::irs::{self, *};

/// The VMs of the tests.
pub const IDS: [u64; 2] = [1, 2];

pub fn run() {
    identification();
    table();
    let vms = IDS.map(Vm::build);
    for (vm, other) in [(&vms[0], &vms[1]), (&vms[1], &vms[0])] {
        become_valid(vm, other);
    }
    for vm in &vms {
        selected(vm);
    }
    for vm in &vms {
        cease(vm);
    }
}

fn within(what: &str, value: u32, low: u32, high: u32) {
    tap::point(
        (low..=high).contains(&value),
        format_args!("{what} is within {low} and {high}"),
    );
}

fn identification() {
    let (idr2, idr3, idr4) = (irs::read(IDR2), irs::read(IDR3), irs::read(IDR4));
    within("IRS_IDR3.VM_ID_BITS", idr3 >> 5 & 0x1f, 8, 16);
    within("IRS_IDR4.VPED_SZ", idr4 & 0x3f, 3, 12);
    within("IRS_IDR4.VPE_ID_BITS", idr4 >> 6 & 0xf, 1, 15);
    within("IRS_IDR2.MIN_LPI_ID_BITS", idr2 >> 6 & 0xf, 0, 14);
    within("IRS_IDR2.ID_BITS", idr2 & 0x1f, 14, 24);
}

fn table() {
    check_eq!(
        irs::read64(VMT_BASER) & VALID,
        0,
        "there is no VM table after reset"
    );
    for id in IDS {
        irs::write(VM_SELR, id as u32);
        irs::wait(VM_STATUSR, STATUSR_IDLE);
        check_eq!(
            irs::read(VM_STATUSR),
            STATUSR_IDLE,
            "VM {id} is not valid without a table"
        );
    }
    tables::set_up();
    check_eq!(
        irs::read64(VMT_BASER) & VALID,
        VALID,
        "IRS_VMT_BASER.VALID reads as it was written"
    );
    let cfgr = irs::read(VMT_CFGR);
    irs::write(VMT_CFGR, cfgr ^ 1);
    check_eq!(
        irs::read(VMT_CFGR),
        cfgr,
        "IRS_VMT_CFGR does not change while the table is valid"
    );
    let baser = irs::read64(VMT_BASER);
    irs::write64(VMT_BASER, baser + 0x10_0000);
    check_eq!(
        irs::read64(VMT_BASER),
        baser,
        "and neither does the table's address"
    );
}

fn become_valid(vm: &Vm, other: &Vm) {
    let id = vm.id;
    let others = other.is_valid();
    tap::point(!vm.is_valid(), format_args!("VM {id} is not valid yet"));
    check_eq!(peek(vm.vmte) & VALID, 0, "nor is its L2_VMTE");
    vm.map();
    tap::point(
        vm.is_valid(),
        format_args!("IRS_VMAP_VMR makes VM {id} valid"),
    );
    check_eq!(
        peek(vm.vmte) & VALID,
        VALID,
        "and sets VALID in its L2_VMTE"
    );
    tap::point(
        other.is_valid() == others,
        format_args!("VM {} is as it was", other.id),
    );
    for (ty, name) in [(Type::Spi, "SPI"), (Type::Lpi, "LPI")] {
        check_eq!(vm.ist_word(ty) & VALID, 0, "VM {id} has no {name} IST");
        vm.map_ist(ty);
        check_eq!(
            vm.ist_word(ty) & VALID,
            VALID,
            "IRS_VMAP_VISTR sets VALID of VM {id}'s {name} IST"
        );
    }
    for vpe in 0..VPES {
        tap::point(
            !vm.select(vpe),
            format_args!("VPE {vpe} of VM {id} is not valid yet"),
        );
        check_eq!(
            context(vm, vpe) & CONTEXTR_F,
            CONTEXTR_F,
            "and cannot be resident"
        );
        check_eq!(peek(vm.vpet + 8 * vpe) & VALID, 0, "nor is its VPETE");
        vm.map_vpe(vpe);
        tap::point(
            vm.select(vpe),
            format_args!("IRS_VMAP_VPER makes VPE {vpe} of VM {id} valid"),
        );
        check_eq!(
            peek(vm.vpet + 8 * vpe) & VALID,
            VALID,
            "and sets VALID in its VPETE"
        );
        check_eq!(context(vm, vpe) & CONTEXTR_F, 0, "it can be resident then");
    }
    tap::point(!vm.select(VPES), format_args!("VM {id} has no VPE {VPES}"));
}

/// Makes a VPE resident for a moment: ICH_CONTEXTR_EL2 as it then reads.
pub fn context(vm: &Vm, vpe: u64) -> u64 {
    ICH_CONTEXTR_EL2.write(CONTEXTR_V | vpe << 32 | vm.id);
    let value = ICH_CONTEXTR_EL2.read();
    ICH_CONTEXTR_EL2.write(0);
    value
}

/// What is behind IRS_VPE_SELR is each VPE's own.
fn selected(vm: &Vm) {
    let id = vm.id;
    let dbr = |vpe: u64| 1 << 63 | (vpe + 3) << 32 | vm.doorbell(vpe);
    for vpe in 0..VPES {
        vm.select(vpe);
        check_eq!(
            irs::read64(VPE_DBR),
            0,
            "IRS_VPE_DBR of VPE {vpe} of VM {id} is 0 when it becomes valid"
        );
        check_eq!(irs::read64(VPE_HPPIR), 0, "and it has no interrupt");
        irs::write64(VPE_DBR, dbr(vpe));
        irs::wait(VPE_STATUSR, STATUSR_IDLE);
        irs::write(VPE_CR0, vpe as u32 & 1);
        irs::wait(VPE_STATUSR, STATUSR_IDLE);
    }
    for vpe in 0..VPES {
        vm.select(vpe);
        check_eq!(
            irs::read64(VPE_DBR),
            dbr(vpe),
            "IRS_VPE_DBR of VPE {vpe} of VM {id} keeps its fields"
        );
        check_eq!(irs::read(VPE_CR0), vpe as u32 & 1, "so does IRS_VPE_CR0");
    }
}

/// IRS_VMAP_VMR with U ends the VM, its ISTs and its VPEs.
fn cease(vm: &Vm) {
    let id = vm.id;
    vm.unmap();
    tap::point(
        !vm.is_valid(),
        format_args!("IRS_VMAP_VMR.U makes VM {id} invalid"),
    );
    check_eq!(peek(vm.vmte) & VALID, 0, "and clears VALID in its L2_VMTE");
    for vpe in 0..VPES {
        tap::point(
            !vm.select(vpe),
            format_args!("VPE {vpe} of VM {id} is not valid any longer"),
        );
        check_eq!(
            context(vm, vpe) & CONTEXTR_F,
            CONTEXTR_F,
            "and cannot be resident"
        );
    }
}

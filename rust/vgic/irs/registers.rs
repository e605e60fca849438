// SPDX-License-Identifier: GPL-2.0

//! Registers of an IRS configuration frame: byte offsets, and the fields that KVM uses.
//!
//! Names are the architecture's without `IRS_`. A register is 32 bits wide unless said otherwise.

#![allow(missing_docs)]

/// Byte offsets in the configuration frame.
pub mod offset {
    pub const IDR0: u32 = 0x000;
    pub const IDR1: u32 = 0x004;
    pub const IDR2: u32 = 0x008;
    pub const IDR3: u32 = 0x00c;
    pub const IDR4: u32 = 0x010;
    /// 64 bits, as all down to [`VPE_HPPIR`] but CFGR and STATUSR.
    pub const VMT_BASER: u32 = 0x200;
    pub const VMT_CFGR: u32 = 0x210;
    pub const VMT_STATUSR: u32 = 0x214;
    pub const VPE_SELR: u32 = 0x240;
    pub const VPE_DBR: u32 = 0x248;
    pub const VPE_HPPIR: u32 = 0x250;
    pub const VPE_CR0: u32 = 0x258;
    pub const VPE_STATUSR: u32 = 0x25c;
    /// 64 bits, as all VMAP registers and SAVE_VMR.
    pub const VMAP_L2_VMTR: u32 = 0x2c0;
    pub const VMAP_VMR: u32 = 0x2c8;
    pub const VMAP_VISTR: u32 = 0x2d0;
    pub const VMAP_VPER: u32 = 0x2e0;
    pub const SAVE_VMR: u32 = 0x300;
    pub const SAVE_VM_STATUSR: u32 = 0x308;
}

/// Fields of IRS_IDR0.
pub mod idr0 {
    use super::super::field::Field;
    pub const IRSID: Field = Field::new(31, 16);
    pub const SWE: Field = Field::bit(12);
    pub const MPAM: Field = Field::bit(11);
    pub const MEC: Field = Field::bit(10);
    pub const SETLPI: Field = Field::bit(9);
    pub const VIRT_ONE_N: Field = Field::bit(8);
    pub const ONE_N: Field = Field::bit(7);
    pub const VIRT: Field = Field::bit(6);
    pub const PA_RANGE: Field = Field::new(5, 2);
    pub const INT_DOM: Field = Field::new(1, 0);
    /// INT_DOM: Non-secure.
    pub const INT_DOM_NS: u64 = 1;
}

/// Fields of IRS_IDR1. The two numbers of bits are one less than what they stand for.
pub mod idr1 {
    use super::super::field::Field;
    pub const PRIORITY_BITS: Field = Field::new(22, 20);
    pub const IAFFID_BITS: Field = Field::new(19, 16);
    pub const PE_CNT: Field = Field::new(15, 0);
}

/// Fields of IRS_IDR2.
pub mod idr2 {
    use super::super::field::Field;
    pub const ISTMD_SZ: Field = Field::new(19, 15);
    pub const ISTMD: Field = Field::bit(14);
    pub const IST_L2SZ: Field = Field::new(13, 11);
    pub const IST_LEVELS: Field = Field::bit(10);
    pub const MIN_LPI_ID_BITS: Field = Field::new(9, 6);
    pub const LPI: Field = Field::bit(5);
    pub const ID_BITS: Field = Field::new(4, 0);
}

/// Fields of IRS_IDR3.
pub mod idr3 {
    use super::super::field::Field;
    pub const VMT_LEVELS: Field = Field::bit(10);
    pub const VM_ID_BITS: Field = Field::new(9, 5);
    pub const VMD_SZ: Field = Field::new(4, 1);
    pub const VMD: Field = Field::bit(0);
}

/// Fields of IRS_IDR4. VPE_ID_BITS is one less than what it stands for.
pub mod idr4 {
    use super::super::field::Field;
    pub const VPE_ID_BITS: Field = Field::new(9, 6);
    pub const VPED_SZ: Field = Field::new(5, 0);
}

/// Fields of IRS_IST_BASER and IRS_IST_CFGR.
pub mod ist {
    use super::super::field::Field;
    pub const BASER_ADDR: Field = Field::new(55, 6);
    pub const BASER_VALID: Field = Field::bit(0);
    pub const CFGR_STRUCTURE: Field = Field::bit(16);
    pub const CFGR_ISTSZ: Field = Field::new(8, 7);
    pub const CFGR_L2SZ: Field = Field::new(6, 5);
    pub const CFGR_LPI_ID_BITS: Field = Field::new(4, 0);
}

/// Fields of the registers of the VM table, the VMs and the VPEs.
pub mod virt {
    use super::super::field::Field;
    pub const VMT_BASER_ADDR: Field = Field::new(55, 3);
    pub const VMT_BASER_VALID: Field = Field::bit(0);
    pub const VMT_CFGR_STRUCTURE: Field = Field::bit(16);
    pub const VMT_CFGR_VM_ID_BITS: Field = Field::new(4, 0);

    /// IDLE of VMT_STATUSR, VPE_STATUSR and SAVE_VM_STATUSR.
    pub const IDLE: Field = Field::bit(0);
    pub const VPE_STATUSR_V: Field = Field::bit(1);
    pub const SAVE_VM_STATUSR_Q: Field = Field::bit(1);

    /// VPE_SELR.
    pub const SELECT: Field = Field::bit(63);
    pub const SELECT_VPE: Field = Field::new(47, 32);
    pub const SELECT_VM: Field = Field::new(15, 0);
    pub const VPE_CR0_DPS: Field = Field::bit(0);

    pub const DBR_DBV: Field = Field::bit(63);
    pub const DBR_REQ_DB: Field = Field::bit(62);
    pub const DBR_DBPM: Field = Field::new(36, 32);
    /// The physical LPI's ID, without its type.
    pub const DBR_LPI: Field = Field::new(23, 0);

    /// VMAP registers: start the operation; with U, make invalid.
    pub const MAP: Field = Field::bit(63);
    pub const UNMAP: Field = Field::bit(62);
    /// VMAP_L2_VMTR, VMAP_VMR and SAVE_VMR.
    pub const MAP_VM: Field = Field::new(15, 0);
    /// VMAP_VISTR and VMAP_VPER.
    pub const MAP_PART_VM: Field = Field::new(47, 32);
    pub const MAP_IST_TYPE: Field = Field::new(31, 29);
    pub const MAP_VPE: Field = Field::new(15, 0);

    pub const SAVE_S: Field = Field::bit(63);
    pub const SAVE_Q: Field = Field::bit(62);
}

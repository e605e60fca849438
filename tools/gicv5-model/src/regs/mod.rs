// SPDX-License-Identifier: GPL-2.0-or-later
//! The system registers and instructions of FEAT_GCIE: names, encodings, and
//! which way each can be accessed.
//!
//! Names and encodings are those of Linux's `arch/arm64/tools/sysreg` and
//! `asm/sysreg.h` (a test compares them with that file where the kernel's
//! source is at hand), completed by one register that Linux does not use,
//! ICH_HPPIR_EL2 (binutils' and FreeBSD's register lists). ICC_HAPR_EL1, which
//! older lists have, was dropped from the architecture (Linux: "arm64/sysreg:
//! Drop ICH_HFGRTR_EL2.ICC_HAPR_EL1 and make RES1"; QEMU 11.1 has it no more).
//!
//! CHOICE: FEAT_GCIE_LEGACY is not implemented, so the registers that only
//! exist with it or with GICv3 (ICH_HCR_EL2, ICH_VTR_EL2, ICH_MISR_EL2,
//! ICH_LR*, ICC_SRE_*, ...) are not here and their encodings are UNDEFINED.
//! Linux touches none of them then: `__init_el2_gicv3` asks ID_AA64PFR0_EL1.GIC,
//! `can_trap_icv_dir_el1` stops at ARM64_HAS_GICV3_CPUIF, and `vgic_v5_probe`
//! at ARM64_HAS_GICV5_LEGACY.
//!
//! Not here either, and UNDEFINED: EL3's registers and its GIC LD* instructions
//! (there is no EL3), and ICH_PPI_HVIRn_EL2, whose encoding no public source
//! gives: not Linux, not LLVM 22, not binutils, not FreeBSD, not QEMU.

mod table;

pub use table::TABLE;

use core::ffi::CStr;

/// One of the two 64-bit registers that hold one bit for each of 128 PPIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Half {
    /// Register 0: PPIs 0 to 63, the architected ones.
    Low = 0,
    /// Register 1: PPIs 64 to 127, IMPLEMENTATION DEFINED ones.
    High = 1,
}

/// One of the sixteen registers that hold the priorities of eight PPIs each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityReg(u8);

impl PriorityReg {
    /// Register `n`, 0..=15.
    ///
    /// # Panics
    ///
    /// If there is no such register; at compile time, as only the table of
    /// registers calls this.
    pub(crate) const fn new(n: u8) -> Self {
        assert!(n < 16);
        Self(n)
    }

    /// The number of the first of the register's eight PPIs, 0..=120.
    pub const fn first_ppi(self) -> u32 {
        self.0 as u32 * 8
    }
}

/// A GIC system instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insn {
    /// GSB SYS: earlier GIC instructions are complete.
    GsbSys,
    /// GSB ACK: an earlier acknowledge is complete.
    GsbAck,
    /// GIC CDDIS: disable.
    Cddis,
    /// GIC CDEN: enable.
    Cden,
    /// GIC CDPRI: set priority.
    Cdpri,
    /// GIC CDAFF: set affinity.
    Cdaff,
    /// GIC CDPEND: set or clear Pending.
    Cdpend,
    /// GIC CDRCFG: ask for an interrupt's configuration.
    Cdrcfg,
    /// GIC CDEOI: priority drop.
    Cdeoi,
    /// GIC CDDI: deactivate.
    Cddi,
    /// GIC CDHM: set the handling mode.
    Cdhm,
    /// GICR CDIA: acknowledge.
    Cdia,
    /// GICR CDNMIA: acknowledge an interrupt with Superpriority.
    Cdnmia,
    /// GIC VDDIS: disable a VM's.
    Vddis,
    /// GIC VDEN: enable a VM's.
    Vden,
    /// GIC VDPRI: set the priority of a VM's.
    Vdpri,
    /// GIC VDAFF: set the VPE of a VM's.
    Vdaff,
    /// GIC VDPEND: set or clear Pending of a VM's.
    Vdpend,
    /// GIC VDRCFG: ask for the configuration of one of the resident VPE's.
    Vdrcfg,
    /// GIC VDDI: deactivate a VM's.
    Vddi,
    /// GIC VDHM: set the handling mode of a VM's.
    Vdhm,
}

impl Insn {
    /// Whether it is EL2's: it names a VM's interrupt whatever the Current
    /// Interrupt Domain is.
    pub const fn is_el2(self) -> bool {
        matches!(
            self,
            Self::Vddis
                | Self::Vden
                | Self::Vdpri
                | Self::Vdaff
                | Self::Vdpend
                | Self::Vdrcfg
                | Self::Vddi
                | Self::Vdhm
        )
    }
}

/// An EL1 register; from EL1 it is the physical or the virtual CPU interface's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icc {
    /// ICC_PPI_HMRn_EL1: handling mode, 1 is Level.
    PpiHmr(Half),
    /// ICC_PPI_ENABLERn_EL1.
    PpiEnabler(Half),
    /// ICC_PPI_CACTIVERn_EL1: a 1 clears Active.
    PpiCactiver(Half),
    /// ICC_PPI_SACTIVERn_EL1: a 1 sets Active.
    PpiSactiver(Half),
    /// ICC_PPI_CPENDRn_EL1: a 1 clears Pending.
    PpiCpendr(Half),
    /// ICC_PPI_SPENDRn_EL1: a 1 sets Pending.
    PpiSpendr(Half),
    /// ICC_PPI_PRIORITYRn_EL1.
    PpiPriorityr(PriorityReg),
    /// ICC_IDR0_EL1: identification.
    Idr0,
    /// ICC_HPPIR_EL1: highest priority pending interrupt.
    Hppir,
    /// ICC_ICSR_EL1: the answer to GIC CDRCFG.
    Icsr,
    /// ICC_IAFFIDR_EL1: the PE's interrupt affinity ID.
    Iaffidr,
    /// ICC_APR_EL1: active priorities.
    Apr,
    /// ICC_CR0_EL1: control.
    Cr0,
    /// ICC_PCR_EL1: priority mask.
    Pcr,
}

/// An EL2 register: the hypervisor's side of the virtual CPU interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ich {
    /// ICH_APR_EL2: active virtual priorities.
    Apr,
    /// ICH_HPPIR_EL2: highest priority pending virtual interrupt.
    Hppir,
    /// ICH_HFGRTR_EL2: traps of register reads.
    Hfgrtr,
    /// ICH_HFGWTR_EL2: traps of register writes.
    Hfgwtr,
    /// ICH_HFGITR_EL2: traps of instructions.
    Hfgitr,
    /// ICH_PPI_DVIRn_EL2: direct injection.
    PpiDvir(Half),
    /// ICH_PPI_ENABLERn_EL2.
    PpiEnabler(Half),
    /// ICH_PPI_PENDRn_EL2.
    PpiPendr(Half),
    /// ICH_PPI_ACTIVERn_EL2.
    PpiActiver(Half),
    /// ICH_PPI_PRIORITYRn_EL2.
    PpiPriorityr(PriorityReg),
    /// ICH_VCTLR_EL2: control of the virtual CPU interface.
    Vctlr,
    /// ICH_CONTEXTR_EL2: the resident VPE.
    Contextr,
    /// ICH_VMCR_EL2: the guest's enable and priority mask.
    Vmcr,
}

impl Ich {
    /// Where HCR_EL2.NV2 puts the register: the offset in bytes from
    /// VNCR_EL2.BADDR (R_KZTGX). CHOICE: that of ICH_PPI_PENDRn_EL2 is inferred
    /// from its neighbours'. ICH_HPPIR_EL2 is not put anywhere.
    pub const fn vncr_offset(self) -> Option<u16> {
        Some(match self {
            Self::Hppir => return None,
            Self::Vmcr => 0x4c8,
            Self::Apr => 0xb00,
            Self::Contextr => 0xb08,
            Self::Hfgitr => 0xb10,
            Self::Hfgrtr => 0xb18,
            Self::Hfgwtr => 0xb20,
            Self::Vctlr => 0xb28,
            Self::PpiActiver(half) => 0xb30 + 8 * half as u16,
            Self::PpiDvir(half) => 0xb40 + 8 * half as u16,
            Self::PpiEnabler(half) => 0xb50 + 8 * half as u16,
            Self::PpiPendr(half) => 0xb60 + 8 * half as u16,
            Self::PpiPriorityr(reg) => 0xb80 + reg.first_ppi() as u16,
        })
    }
}

/// What an encoding names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reg {
    /// An instruction.
    Insn(Insn),
    /// An EL1 register.
    Icc(Icc),
    /// An EL2 register.
    Ich(Ich),
}

/// The directions that an encoding can be accessed in; the other is UNDEFINED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// MRS or SYSL only.
    ReadOnly,
    /// MSR or SYS only.
    WriteOnly,
    /// Both.
    ReadWrite,
}

/// One row of the table: a system register or instruction.
#[derive(Clone, Copy, Debug)]
pub struct Sysreg {
    /// The architecture's name, with an underscore where an instruction's has
    /// a space.
    pub name: &'static CStr,
    /// The encoding: op0, op1, CRn, CRm, op2.
    pub encoding: [u8; 5],
    /// Which way it can be accessed.
    pub direction: Direction,
    /// What it is.
    pub reg: Reg,
}

impl Sysreg {
    /// [`Ich::vncr_offset`], of any row.
    pub const fn vncr_offset(&self) -> Option<u16> {
        match self.reg {
            Reg::Ich(reg) => reg.vncr_offset(),
            Reg::Icc(_) | Reg::Insn(_) => None,
        }
    }

    /// Whether MRS or SYSL is defined.
    pub const fn readable(&self) -> bool {
        !matches!(self.direction, Direction::WriteOnly)
    }

    /// Whether MSR or SYS is defined.
    pub const fn writable(&self) -> bool {
        !matches!(self.direction, Direction::ReadOnly)
    }

    /// Whether the encoding is in the space of instructions.
    pub const fn is_insn(&self) -> bool {
        self.encoding[0] == 1
    }
}

/// The index of the row with this name.
pub fn find(name: &str) -> Option<usize> {
    TABLE
        .iter()
        .position(|row| row.name.to_bytes() == name.as_bytes())
}

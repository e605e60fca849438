// SPDX-License-Identifier: GPL-2.0
//! The GICv5 CPU interface: registers, instructions, INTIDs.

use crate::cpu::{self, Reg};
use crate::{sysinsns, sysreg, sysregs};
use core::fmt;

sysregs! {
    ICC_PPI_HMR0_EL1 = "S3_0_C12_C10_0";
    ICC_PPI_HMR1_EL1 = "S3_0_C12_C10_1";
    ICC_IDR0_EL1 = "S3_0_C12_C10_2";
    ICC_HPPIR_EL1 = "S3_0_C12_C10_3";
    ICC_ICSR_EL1 = "S3_0_C12_C10_4";
    ICC_IAFFIDR_EL1 = "S3_0_C12_C10_5";
    ICC_PPI_ENABLER0_EL1 = "S3_0_C12_C10_6";
    ICC_PPI_ENABLER1_EL1 = "S3_0_C12_C10_7";
    ICC_PPI_CACTIVER0_EL1 = "S3_0_C12_C13_0";
    ICC_PPI_CACTIVER1_EL1 = "S3_0_C12_C13_1";
    ICC_PPI_SACTIVER0_EL1 = "S3_0_C12_C13_2";
    ICC_PPI_SACTIVER1_EL1 = "S3_0_C12_C13_3";
    ICC_PPI_CPENDR0_EL1 = "S3_0_C12_C13_4";
    ICC_PPI_CPENDR1_EL1 = "S3_0_C12_C13_5";
    ICC_PPI_SPENDR0_EL1 = "S3_0_C12_C13_6";
    ICC_PPI_SPENDR1_EL1 = "S3_0_C12_C13_7";
    ICC_APR_EL1 = "S3_1_C12_C0_0";
    ICC_CR0_EL1 = "S3_1_C12_C0_1";
    ICC_PCR_EL1 = "S3_1_C12_C0_2";
}

/// ICC_PPI_PRIORITYR<n>_EL1, eight PPIs each.
pub const ICC_PPI_PRIORITYR: [Reg; 16] = [
    sysreg!("ICC_PPI_PRIORITYR0_EL1", "S3_0_C12_C14_0"),
    sysreg!("ICC_PPI_PRIORITYR1_EL1", "S3_0_C12_C14_1"),
    sysreg!("ICC_PPI_PRIORITYR2_EL1", "S3_0_C12_C14_2"),
    sysreg!("ICC_PPI_PRIORITYR3_EL1", "S3_0_C12_C14_3"),
    sysreg!("ICC_PPI_PRIORITYR4_EL1", "S3_0_C12_C14_4"),
    sysreg!("ICC_PPI_PRIORITYR5_EL1", "S3_0_C12_C14_5"),
    sysreg!("ICC_PPI_PRIORITYR6_EL1", "S3_0_C12_C14_6"),
    sysreg!("ICC_PPI_PRIORITYR7_EL1", "S3_0_C12_C14_7"),
    sysreg!("ICC_PPI_PRIORITYR8_EL1", "S3_0_C12_C15_0"),
    sysreg!("ICC_PPI_PRIORITYR9_EL1", "S3_0_C12_C15_1"),
    sysreg!("ICC_PPI_PRIORITYR10_EL1", "S3_0_C12_C15_2"),
    sysreg!("ICC_PPI_PRIORITYR11_EL1", "S3_0_C12_C15_3"),
    sysreg!("ICC_PPI_PRIORITYR12_EL1", "S3_0_C12_C15_4"),
    sysreg!("ICC_PPI_PRIORITYR13_EL1", "S3_0_C12_C15_5"),
    sysreg!("ICC_PPI_PRIORITYR14_EL1", "S3_0_C12_C15_6"),
    sysreg!("ICC_PPI_PRIORITYR15_EL1", "S3_0_C12_C15_7"),
];

sysinsns! {
    GIC_CDDIS = "#0, C12, C1, #0";
    GIC_CDEN = "#0, C12, C1, #1";
    GIC_CDPRI = "#0, C12, C1, #2";
    GIC_CDAFF = "#0, C12, C1, #3";
    GIC_CDPEND = "#0, C12, C1, #4";
    GIC_CDRCFG = "#0, C12, C1, #5";
    GIC_CDEOI = "#0, C12, C1, #7";
    GIC_CDDI = "#0, C12, C2, #0";
    GIC_CDHM = "#0, C12, C2, #1";
    GICR_CDIA = "#0, C12, C3, #0";
    GICR_CDNMIA = "#0, C12, C3, #1";
    GIC_VDDIS = "#4, C12, C1, #0";
    GIC_VDEN = "#4, C12, C1, #1";
    GIC_VDPRI = "#4, C12, C1, #2";
    GIC_VDAFF = "#4, C12, C1, #3";
    GIC_VDPEND = "#4, C12, C1, #4";
    GIC_VDRCFG = "#4, C12, C1, #5";
    GIC_VDDI = "#4, C12, C2, #0";
    GIC_VDHM = "#4, C12, C2, #1";
}

/// Architected PPIs of an EL1 program.
pub const SW_PPI: u32 = 3;
/// The EL1 virtual timer's PPI.
pub const CNTV: u32 = 27;
/// The EL1 physical timer's PPI.
pub const CNTP: u32 = 30;

/// ICC_CR0_EL1.EN.
pub const CR0_EN: u64 = 1;
/// The lowest priority, and the mask that lets all through.
pub const PRI_LOWEST: u64 = 31;

/// INTID.TYPE.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Type {
    Ppi = 1,
    Lpi = 2,
    Spi = 3,
}

/// An INTID: TYPE in bits 31:29, ID in 23:0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Intid(pub u32);

impl Intid {
    pub const fn new(ty: Type, id: u32) -> Self {
        Self((ty as u32) << 29 | id)
    }

    pub const fn ppi(id: u32) -> Self {
        Self::new(Type::Ppi, id)
    }

    pub const fn spi(id: u32) -> Self {
        Self::new(Type::Spi, id)
    }

    pub const fn lpi(id: u32) -> Self {
        Self::new(Type::Lpi, id)
    }

    fn operand(self) -> u64 {
        self.0.into()
    }

    /// `GIC CDEN`
    pub fn enable(self) {
        GIC_CDEN.write(self.operand());
    }

    /// `GIC CDDIS`
    pub fn disable(self) {
        GIC_CDDIS.write(self.operand());
    }

    /// `GIC CDPRI`, priority in bits 39:35
    pub fn set_priority(self, priority: u64) {
        GIC_CDPRI.write(self.operand() | priority << 35);
    }

    /// `GIC CDPEND`, pending in bit 32
    pub fn set_pending(self, pending: bool) {
        GIC_CDPEND.write(self.operand() | (pending as u64) << 32);
    }

    /// `GIC CDHM`, handling mode in bit 32: 0 edge, 1 level
    pub fn set_handling(self, level: bool) {
        GIC_CDHM.write(self.operand() | (level as u64) << 32);
    }

    /// `GIC CDAFF`, IAFFID in bits 47:32, targeted routing
    pub fn set_affinity(self, iaffid: u64) {
        GIC_CDAFF.write(self.operand() | iaffid << 32);
    }

    /// `GIC CDDI`
    pub fn deactivate(self) {
        GIC_CDDI.write(self.operand());
    }

    /// `GIC CDRCFG`, and what it left in ICC_ICSR_EL1
    pub fn config(self) -> Icsr {
        GIC_CDRCFG.write(self.operand());
        Icsr(ICC_ICSR_EL1.read())
    }
}

/// An interrupt of a VM, as EL2 names it: VM in bits 47:32. What CD* has
/// there, VD* has at the top of its operand.
#[derive(Clone, Copy)]
pub struct VmIntid {
    pub vm: u64,
    pub intid: Intid,
}

impl Intid {
    /// This number of VM `vm`.
    pub const fn of(self, vm: u64) -> VmIntid {
        VmIntid { vm, intid: self }
    }

    /// `GIC VDRCFG`, of the resident VPE's VM, and what it left in
    /// ICC_ICSR_EL1.
    pub fn resident_config(self) -> Icsr {
        GIC_VDRCFG.write(self.operand());
        Icsr(ICC_ICSR_EL1.read())
    }
}

impl VmIntid {
    fn operand(self) -> u64 {
        self.intid.operand() | self.vm << 32
    }

    /// `GIC VDEN`
    pub fn enable(self) {
        GIC_VDEN.write(self.operand());
    }

    /// `GIC VDDIS`
    pub fn disable(self) {
        GIC_VDDIS.write(self.operand());
    }

    /// `GIC VDPRI`, priority in bits 63:59
    pub fn set_priority(self, priority: u64) {
        GIC_VDPRI.write(self.operand() | priority << 59);
    }

    /// `GIC VDPEND`, pending in bit 63
    pub fn set_pending(self, pending: bool) {
        GIC_VDPEND.write(self.operand() | (pending as u64) << 63);
    }

    /// `GIC VDHM`, handling mode in bit 63
    pub fn set_handling(self, level: bool) {
        GIC_VDHM.write(self.operand() | (level as u64) << 63);
    }

    /// `GIC VDAFF`, VPE in bits 63:48
    pub fn set_affinity(self, vpe: u64) {
        GIC_VDAFF.write(self.operand() | vpe << 48);
    }

    /// `GIC VDDI`
    pub fn deactivate(self) {
        GIC_VDDI.write(self.operand());
    }
}

impl fmt::Display for Intid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = match self.0 >> 29 {
            1 => "PPI",
            2 => "LPI",
            3 => "SPI",
            _ => "TYPE?",
        };
        write!(f, "{ty}{}", self.0 & 0xff_ffff)?;
        match self.0 >> 24 & 0x1f {
            0 => Ok(()),
            res0 => write!(f, "+RES0={res0:#x}"),
        }
    }
}

/// ICC_ICSR_EL1 after `GIC CDRCFG`.
#[derive(Clone, Copy)]
pub struct Icsr(pub u64);

impl fmt::Display for Icsr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & 1 != 0 {
            // The other fields are UNKNOWN when F is set.
            return write!(f, "F");
        }
        let bit = |n: u32, yes: char| if self.0 >> n & 1 != 0 { yes } else { '-' };
        write!(
            f,
            "{}{}{}{}{} pri={} iaffid={}",
            bit(1, 'E'),
            bit(2, 'P'),
            bit(4, 'A'),
            bit(5, 'L'),
            bit(3, 'N'),
            self.0 >> 11 & 0x1f,
            self.0 >> 32 & 0xffff,
        )?;
        match self.0 & !0xffff_0000_f83f {
            0 => Ok(()),
            res0 => write!(f, " RES0={res0:#x}"),
        }
    }
}

/// What ICC_HPPIR_EL1, `GICR CDIA` and `GICR CDNMIA` answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer(pub u64);

impl Answer {
    /// The INTID, if the valid bit is set.
    pub fn intid(self) -> Option<Intid> {
        (self.0 >> 32 & 1 != 0).then_some(Intid(self.0 as u32))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.intid() {
            Some(intid) => write!(f, "{intid}")?,
            None => write!(f, "none")?,
        }
        match self.0 >> 33 {
            0 => Ok(()),
            res0 => write!(f, "+RES0={res0:#x}<<33"),
        }
    }
}

/// ICC_HPPIR_EL1.
pub fn hppir() -> Answer {
    Answer(ICC_HPPIR_EL1.read())
}

/// `GICR CDIA`.
pub fn ack() -> Answer {
    Answer(GICR_CDIA.read())
}

/// `GICR CDNMIA`.
pub fn nmi_ack() -> Answer {
    Answer(GICR_CDNMIA.read())
}

/// `GIC CDEOI`.
pub fn eoi() {
    GIC_CDEOI.write(0);
}

/// What the PE sees of the CPU interface in ISR_EL1: I (7), and IS (10) for
/// Superpriority.
pub fn signal() -> &'static str {
    match cpu::ISR_EL1.read() & (1 << 7 | 1 << 10) {
        0 => "-",
        0x80 => "IRQ",
        0x480 => "NMI",
        _ => "IS-without-I",
    }
}

/// Set the priority of one PPI of the bank `regs`.
pub fn set_priority_in(regs: &[Reg; 16], ppi: u32, priority: u64) {
    let reg = regs[ppi as usize / 8];
    let shift = ppi % 8 * 8;
    reg.write(reg.read() & !(0x1f << shift) | priority << shift);
}

/// Set the priority of one PPI.
pub fn set_ppi_priority(ppi: u32, priority: u64) {
    set_priority_in(&ICC_PPI_PRIORITYR, ppi, priority);
}

/// Open the CPU interface: enabled, no mask, nothing active or pending.
pub fn reset_cpu_interface() {
    ICC_PPI_ENABLER0_EL1.write(0);
    ICC_PPI_ENABLER1_EL1.write(0);
    ICC_PPI_CPENDR0_EL1.write(!0);
    ICC_PPI_CPENDR1_EL1.write(!0);
    ICC_PPI_CACTIVER0_EL1.write(!0);
    ICC_PPI_CACTIVER1_EL1.write(!0);
    ICC_PPI_PRIORITYR.iter().for_each(|r| r.write(0));
    ICC_APR_EL1.write(0);
    ICC_PCR_EL1.write(PRI_LOWEST);
    ICC_CR0_EL1.write(CR0_EN);
}

// SPDX-License-Identifier: GPL-2.0
//! Where the registers are: ICH_* at EL2, the virtual ICC_* at EL1 as another
//! view of them, and the physical ICC_* untouched by either.

use crate::guest::{stack, Guest};
use crate::regs::*;
use crate::vcpu::VGic;
use crate::{check_eq, tap};
use rt::cpu::Reg;
use rt::gic::*;

const SW: u64 = 1 << SW_PPI;
const V: u64 = 1 << CNTV;
const P: u64 = 1 << CNTP;

fn pcr() -> u64 {
    ICH_VMCR_EL2.read() >> VMCR_VPMR_SHIFT & 0x1f
}

pub fn run() {
    fields();
    from_guest();
    to_guest();
    level_pending();
    without_imo();
    other_spaces();
    VGic::OPEN.load();
}

/// Each register keeps its fields and no more: ones, zeros, and the masks of
/// arch/arm64/tools/sysreg. The PPIs tested are those every PE has.
fn fields() {
    const PPIS: u64 = SW | V | P;
    let rows: [(Reg, u64, u64); 7] = [
        (ICH_APR_EL2, !0, 0xffff_ffff),
        (ICH_VMCR_EL2, !0, 0xf800_0001),
        // V3 needs FEAT_GCIE_LEGACY, which ICC_IDR0_EL1 denies here.
        (ICH_VCTLR_EL2, !0, 1),
        (ICH_PPI_DVIR0_EL2, PPIS, PPIS),
        (ICH_PPI_ENABLER0_EL2, PPIS, PPIS),
        (ICH_PPI_PENDR0_EL2, PPIS, PPIS),
        (ICH_PPI_ACTIVER0_EL2, PPIS, PPIS),
    ];
    tap::point(
        ICC_IDR0_EL1.read() >> 8 & 0xf == 0,
        format_args!("ICC_IDR0_EL1.GCIE_LEGACY is 0"),
    );
    for (reg, ones, want) in rows {
        // With DVI a PPI's pending state is not the register's.
        if reg.name != ICH_PPI_DVIR0_EL2.name {
            ICH_PPI_DVIR0_EL2.write(0);
        }
        reg.write(ones);
        check_eq!(reg.read(), want, "{} keeps its fields", reg.name);
        reg.write(0);
        check_eq!(reg.read(), 0, "{} can be cleared", reg.name);
    }
    for ppi in [SW_PPI, CNTV, CNTP] {
        let reg = ICH_PPI_PRIORITYR[ppi as usize / 8];
        reg.write(!0);
        let byte = reg.read() >> (ppi % 8 * 8) & 0xff;
        check_eq!(byte, 0x1f, "{} has five bits for PPI {ppi}", reg.name);
        reg.write(0);
    }
}

/// What a guest writes, EL2 finds in ICH_*, and the host's own is as before.
fn from_guest() {
    extern "C" fn body(_: u64) -> u64 {
        ICC_CR0_EL1.write(CR0_EN);
        ICC_PCR_EL1.write(9);
        ICC_APR_EL1.write(0x8000_0400);
        ICC_PPI_ENABLER0_EL1.write(SW | V);
        ICC_PPI_SPENDR0_EL1.write(SW);
        ICC_PPI_SACTIVER0_EL1.write(SW | P);
        ICC_PPI_CACTIVER0_EL1.write(SW);
        ICC_PPI_PRIORITYR[0].write(0x0706_0504_0302_0100);
        ICC_PPI_PRIORITYR[3].write(!0);
        0
    }
    reset_cpu_interface();
    ICC_PCR_EL1.write(22);
    VGic {
        vmcr: 0,
        ..VGic::OPEN
    }
    .load();
    Guest::new(stack(0), body, 0).finish();
    check_eq!(
        ICH_VMCR_EL2.read() & 1,
        1,
        "ICC_CR0_EL1.EN of a guest is ICH_VMCR_EL2.EN"
    );
    check_eq!(pcr(), 9, "ICC_PCR_EL1 of a guest is ICH_VMCR_EL2.VPMR");
    check_eq!(
        ICH_APR_EL2.read(),
        0x8000_0400,
        "ICC_APR_EL1 of a guest is ICH_APR_EL2"
    );
    check_eq!(
        ICH_PPI_ENABLER0_EL2.read(),
        SW | V,
        "ENABLER of a guest is ICH_PPI_ENABLER0_EL2"
    );
    check_eq!(
        ICH_PPI_PENDR0_EL2.read(),
        SW,
        "SPENDR of a guest is ICH_PPI_PENDR0_EL2"
    );
    check_eq!(
        ICH_PPI_ACTIVER0_EL2.read(),
        P,
        "ACTIVERs of a guest are ICH_PPI_ACTIVER0_EL2"
    );
    let priority = ICH_PPI_PRIORITYR[0].read() >> 24 & 0xff;
    check_eq!(
        priority,
        3,
        "PRIORITYR0 of a guest is ICH_PPI_PRIORITYR0_EL2"
    );
    let priorities = ICH_PPI_PRIORITYR[3].read() & 0x00ff_0000_ff00_0000;
    check_eq!(
        priorities,
        0x001f_0000_1f00_0000,
        "and PRIORITYR3 of it ICH_PPI_PRIORITYR3_EL2"
    );

    check_eq!(
        ICC_PCR_EL1.read(),
        22,
        "the physical ICC_PCR_EL1 is unchanged"
    );
    check_eq!(
        ICC_APR_EL1.read(),
        0,
        "the physical ICC_APR_EL1 is unchanged"
    );
    check_eq!(
        ICC_PPI_ENABLER0_EL1.read(),
        0,
        "the physical ENABLER is unchanged"
    );
    check_eq!(
        ICC_PPI_SPENDR0_EL1.read() & SW,
        0,
        "the physical SW_PPI is not pending"
    );
    check_eq!(ICC_PPI_SACTIVER0_EL1.read(), 0, "no physical PPI is active");
    check_eq!(
        ICC_PPI_PRIORITYR[0].read(),
        0,
        "the physical priorities are unchanged"
    );
    reset_cpu_interface();
}

/// What EL2 loads, a guest reads.
fn to_guest() {
    extern "C" fn body(which: u64) -> u64 {
        READERS[which as usize].reg.read() & READERS[which as usize].mask
    }
    struct Reader {
        reg: Reg,
        mask: u64,
        want: u64,
    }
    static READERS: [Reader; 10] = [
        Reader {
            reg: ICC_CR0_EL1,
            mask: 1,
            want: 1,
        },
        Reader {
            reg: ICC_PCR_EL1,
            mask: !0,
            want: 13,
        },
        Reader {
            reg: ICC_APR_EL1,
            mask: !0,
            want: 0x100,
        },
        Reader {
            reg: ICC_PPI_ENABLER0_EL1,
            mask: !0,
            want: SW | P,
        },
        Reader {
            reg: ICC_PPI_SPENDR0_EL1,
            mask: !0,
            want: V,
        },
        Reader {
            reg: ICC_PPI_CPENDR0_EL1,
            mask: !0,
            want: V,
        },
        Reader {
            reg: ICC_PPI_SACTIVER0_EL1,
            mask: !0,
            want: SW,
        },
        Reader {
            reg: ICC_PPI_CACTIVER0_EL1,
            mask: !0,
            want: SW,
        },
        Reader {
            reg: ICC_PPI_PRIORITYR[3],
            mask: !0,
            want: 0x0b00_0000,
        },
        // The handling modes are the physical ones: SW_PPI edge, timers level.
        Reader {
            reg: ICC_PPI_HMR0_EL1,
            mask: SW | V | P,
            want: V | P,
        },
    ];
    let mut gic = VGic {
        vmcr: VMCR_EN | 13 << VMCR_VPMR_SHIFT,
        apr: 0x100,
        enabler: SW | P,
        pendr: V,
        activer: SW,
        ..VGic::OPEN
    };
    gic.priorityr[3] = 0x0b00_0000;
    gic.load();
    for (index, reader) in READERS.iter().enumerate() {
        let got = Guest::new(stack(0), body, index as u64).finish();
        check_eq!(
            got,
            reader.want,
            "a guest reads {} as EL2 loaded it",
            reader.reg.name
        );
    }
    // A guest's accesses change nothing by themselves.
    let mut after = VGic::OPEN;
    after.save();
    check_eq!(after.pendr, V, "reading changed nothing");
}

/// A guest cannot set or clear the pending state of a level PPI; EL2 can.
fn level_pending() {
    extern "C" fn body(_: u64) -> u64 {
        ICC_PPI_SPENDR0_EL1.write(V);
        ICC_PPI_CPENDR0_EL1.write(P);
        ICC_PPI_SPENDR0_EL1.read()
    }
    VGic {
        pendr: P,
        ..VGic::OPEN
    }
    .load();
    let got = Guest::new(stack(0), body, 0).finish();
    check_eq!(got, P, "PENDR bits of level PPIs ignore a guest's writes");
    ICH_PPI_PENDR0_EL2.write(V);
    check_eq!(ICH_PPI_PENDR0_EL2.read(), V, "but not EL2's");
    VGic::OPEN.load();
}

/// With HCR_EL2.IMO clear EL1 has the physical interface.
fn without_imo() {
    extern "C" fn body(_: u64) -> u64 {
        let before = ICC_PCR_EL1.read();
        ICC_PCR_EL1.write(12);
        before
    }
    ICC_PCR_EL1.write(25);
    let mut guest = Guest::new(stack(0), body, 0);
    guest.hcr = HCR_E2H_RW;
    check_eq!(
        guest.finish(),
        25,
        "without IMO EL1 reads the physical ICC_PCR_EL1"
    );
    check_eq!(ICC_PCR_EL1.read(), 12, "and writes it");
    check_eq!(pcr(), PRI_LOWEST, "and not ICH_VMCR_EL2");
    ICC_PCR_EL1.write(PRI_LOWEST);
}

/// With no VPE resident (ICH_CONTEXTR_EL2.V is 0) a guest has no SPIs or LPIs,
/// and its CD instructions do not reach the physical ones.
fn other_spaces() {
    const SPI: Intid = Intid::spi(230);
    extern "C" fn body(_: u64) -> u64 {
        SPI.enable();
        SPI.set_priority(1);
        SPI.set_pending(true);
        SPI.config().0
    }
    ICH_CONTEXTR_EL2.write(0);
    SPI.set_priority(20);
    let got = Guest::new(stack(0), body, 0).finish();
    check_eq!(got & 1, 1, "GIC CDRCFG of a guest without a VPE fails");
    check_eq!(
        SPI.config().0 & 0xf807,
        20 << 11,
        "and the physical SPI is untouched"
    );
}

// SPDX-License-Identifier: GPL-2.0
//! HCR_EL2.{NV, NV1} is {1, 0}: EL1 is a hypervisor that was written for
//! HCR_EL2.E2H. It reaches the EL1 timers and takes them for the EL2 timers, so
//! they are injected as those (R_GYGNW): CNTP, 30, as the virtual CNTHP, 26, and
//! CNTV, 27, as the virtual CNTHV, 28.

use crate::check_eq;
use crate::guest::{stack, Guest};
use crate::regs::*;
use crate::vcpu::{set_vppi_priority, VGic};
use rt::cpu::{self, Reg, CNT_CTL_ENABLE};
use rt::gic::*;

const CNTHP: u32 = 26;
const CNTHV: u32 = 28;
const ALL: u64 = 1 << CNTHP | 1 << CNTV | 1 << CNTHV | 1 << CNTP;

/// The timer's registers, its PPI, and the one that it is injected as.
static TIMERS: [(&str, Reg, Reg, u32, u32); 2] = [
    ("CNTP", cpu::CNTP_CTL_EL0, cpu::CNTP_CVAL_EL0, CNTP, CNTHP),
    ("CNTV", cpu::CNTV_CTL_EL0, cpu::CNTV_CVAL_EL0, CNTV, CNTHV),
];

/// Lets a timer expire: what is pending then, the highest priority pending
/// interrupt in the upper half.
extern "C" fn expire(index: u64) -> u64 {
    let (_, ctl, cval, ..) = TIMERS[index as usize];
    cval.write(0);
    ctl.write(CNT_CTL_ENABLE);
    let pending = ICC_PPI_SPENDR0_EL1.read() & ALL;
    let hppi = u64::from(hppir().intid().map_or(0, |intid| intid.0));
    ctl.write(0);
    pending | hppi << 32
}

pub fn run() {
    for (index, (name, _, _, from, to)) in TIMERS.iter().enumerate() {
        let one = |ppi: u32| 1u64 << ppi | u64::from(Intid::ppi(ppi).0) << 32;
        for (hcr, dvi, pendr, want, what) in [
            (0, ALL, 0, one(*from), "NV 0: by its own number"),
            (HCR_NV, ALL, 0, one(*to), "NV 1: as the EL2 timer"),
            (HCR_NV | HCR_NV1, ALL, 0, one(*from), "NV 1, NV1 1: its own"),
            (HCR_NV, ALL, 1 << to, one(*to), "whose PENDR is IGNORED"),
            (HCR_NV, 0, 1 << to, one(*to), "but not without DVI"),
            (HCR_NV, 1 << to, 0, 0, "its own DVI acts as 0"),
            (
                HCR_NV,
                1 << to,
                1 << to,
                one(*to),
                "and so PENDR is not IGNORED",
            ),
            (
                HCR_NV,
                1 << from,
                1 << from,
                one(*to) | 1 << from,
                "the EL1 timer's is as software says",
            ),
        ] {
            VGic {
                dvir: dvi,
                enabler: ALL,
                ..VGic::OPEN
            }
            .load();
            ICH_PPI_PENDR0_EL2.write(pendr);
            [CNTHP, CNTV, CNTHV, CNTP].map(|ppi| set_vppi_priority(ppi, 16));
            set_vppi_priority(*to, 8);
            let mut guest = Guest::new(stack(0), expire, index as u64);
            guest.hcr |= hcr;
            check_eq!(guest.finish(), want, "{name}: {what}");
            check_eq!(ICH_PPI_DVIR0_EL2.read(), dvi, "and DVI reads as written");
        }
    }
    VGic::OPEN.load();
}

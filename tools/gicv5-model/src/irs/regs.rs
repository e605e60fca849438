// SPDX-License-Identifier: GPL-2.0-or-later
//! What each register of the configuration frame does.

use super::frame::{decode, Access, Desc, Feature, Miss, Reg, Target};
use super::lpi::{Change, IstRegs};
use super::pe::Pes;
use super::selector::Selectors;
use super::spi::Trigger;
use super::swerr::SwErr;
use super::virt::VirtRegs;
use super::{ids, Irs, Owner};
use crate::archive::Archive;
use crate::config::Config;
use crate::intid::{IntType, Intid};
use crate::memory::Env;

/// IDLE of every status register (see the module's head).
const IDLE: u64 = 1 << 0;

/// IRS_CR0.IRSEN.
const CR0_IRSEN: u64 = 1 << 0;
/// IRS_CR0.IDLE.
const CR0_IDLE: u64 = 1 << 1;
/// IRS_CR1: SH, OC, IC, IST_RA and IST_WA.
const CR1_BASE: u64 = 0x00ff;
/// IRS_CR1: the allocation hints of the virtual tables.
const CR1_VIRT: u64 = 0xff00;
/// The ID fields of IRS_SPI_SELR, IRS_SPI_RESAMPLER and IRS_MAP_L2_ISTR.
const ID: u64 = 0x00ff_ffff;
/// IRS_SPI_CFGR.TM.
const SPI_CFGR_TM: u64 = 1 << 0;
/// IRS_SPI_STATUSR.V.
const SPI_STATUSR_V: u64 = 1 << 1;

/// The registers' own state.
#[derive(Debug)]
pub(crate) struct Regs {
    cr0: u64,
    /// IRS_CR1: how to access the tables, which to the model is all the same.
    cr1: u64,
    pes: Pes,
    ist: IstRegs,
    pub virt: VirtRegs,
    pub swerr: SwErr,
    pub selectors: Selectors,
}

impl Regs {
    /// Their reset values.
    pub fn new(config: &Config) -> Self {
        Self {
            cr0: 0,
            cr1: 0,
            pes: Pes::new(config.num_pes),
            ist: IstRegs::new(config),
            virt: VirtRegs::default(),
            swerr: SwErr::default(),
            selectors: Selectors::default(),
        }
    }

    /// Saves or loads them.
    pub fn archive(&mut self, archive: &mut Archive<'_>) {
        archive.bits(&mut self.cr0, CR0_IRSEN);
        archive.bits(&mut self.cr1, CR1_BASE | CR1_VIRT);
        archive.number(&mut self.pes.selr);
        self.ist.archive(archive);
        self.virt.archive(archive);
        self.swerr.archive(archive);
        self.selectors.archive(archive);
    }

    /// IRS_CR0.IRSEN.
    pub fn enabled(&self) -> bool {
        self.cr0 & CR0_IRSEN != 0
    }
}

impl Irs {
    /// A read of `size` bytes at `offset` in the configuration frame. `None`
    /// is an external abort: the size is neither 4 nor 8, or the address is
    /// misaligned or beyond the frame.
    pub fn read(&mut self, env: &mut Env<'_>, offset: u32, size: u32) -> Option<u64> {
        match decode(offset, size) {
            Ok(target) if self.has(target.desc) => {
                if target.desc.access == Access::WriteOnly {
                    env.log
                        .guest_error(format_args!("read of {}", target.desc.name));
                    return Some(0);
                }
                Some((self.read_reg(target.desc.reg) & target.mask) >> target.shift)
            }
            other => Self::missed(env, "read", offset, size, other).then_some(0),
        }
    }

    /// A write of `value`, `size` bytes, at `offset` in the configuration
    /// frame. False is an external abort, as for [`read`](Self::read).
    pub fn write(&mut self, env: &mut Env<'_>, offset: u32, size: u32, value: u64) -> bool {
        match decode(offset, size) {
            Ok(target) if self.has(target.desc) => {
                if target.desc.access == Access::ReadOnly {
                    env.log
                        .guest_error(format_args!("write of {}", target.desc.name));
                    return true;
                }
                let value = (value << target.shift) & target.mask;
                self.write_reg(env, target.desc, value, target.mask);
                true
            }
            other => Self::missed(env, "write", offset, size, other),
        }
    }

    /// Whether the register exists in this configuration.
    fn has(&self, desc: &Desc) -> bool {
        match desc.feature {
            Feature::Base => true,
            Feature::Virt => self.config.virt,
            Feature::Absent => false,
        }
    }

    /// An access that reaches no register. False: external abort.
    fn missed(
        env: &mut Env<'_>,
        what: &str,
        offset: u32,
        size: u32,
        why: Result<Target, Miss>,
    ) -> bool {
        let reason = match why {
            Ok(target) => target.desc.name,
            Err(Miss::Size(name)) => name,
            Err(Miss::Reserved) => "a reserved register",
            Err(Miss::Bus) => "nothing that can be accessed",
        };
        env.log.guest_error(format_args!(
            "{what} of {size} bytes at IRS offset {offset:#x}: {reason}"
        ));
        !matches!(why, Err(Miss::Bus))
    }

    fn read_reg(&self, reg: Reg) -> u64 {
        let regs = &self.regs;
        let spis = &self.physical.spis;
        match reg {
            Reg::Idr(n) => ids::idr(&self.config, n).into(),
            Reg::Iidr => ids::IIDR.into(),
            Reg::Aidr => ids::AIDR.into(),
            Reg::Devarch => ids::DEVARCH.into(),
            Reg::Identification(n) => ids::IDENTIFICATION[usize::from(n)].into(),
            Reg::Cr0 => regs.cr0 | CR0_IDLE,
            Reg::Cr1 => regs.cr1,
            Reg::SyncStatusr | Reg::IstStatusr => IDLE,
            Reg::SpiSelr => spis.selr().into(),
            Reg::SpiCfgr => spis.trigger() as u64,
            Reg::SpiStatusr if spis.selected().is_some() => IDLE | SPI_STATUSR_V,
            Reg::SpiStatusr => IDLE,
            Reg::PeSelr => regs.pes.selr.into(),
            Reg::PeStatusr => regs.pes.statusr(),
            Reg::IstBaser => regs.ist.baser(),
            Reg::IstCfgr => regs.ist.cfgr(),
            Reg::SwerrStatusr => regs.swerr.statusr,
            Reg::SwerrSyndromer0 => regs.swerr.syndromer0,
            Reg::SwerrSyndromer1 => regs.swerr.syndromer1,
            // RES0: IRS_SPI_DOMAINR is the EL3 domain's, IRS_PE_CR0.DPS is for
            // 1ofN. Write-only: what is left.
            Reg::SpiDomainr | Reg::PeCr0 | Reg::Syncr | Reg::SpiResampler | Reg::MapL2Istr => 0,
            Reg::MecIdr | Reg::MecMecidR | Reg::MpamIdr | Reg::MpamPartidR => 0,
            _ => self.read_virt(reg),
        }
    }

    /// Writes the bits `mask` of a register with those of `value`.
    fn write_reg(&mut self, env: &mut Env<'_>, desc: &Desc, value: u64, mask: u64) {
        let regs = &mut self.regs;
        match desc.reg {
            Reg::Cr0 => regs.cr0 = value & CR0_IRSEN,
            Reg::Cr1 => {
                let virt = if self.config.virt { CR1_VIRT } else { 0 };
                let value = value & (CR1_BASE | virt);
                if value != regs.cr1 && (self.physical.lpis.is_valid() || self.vmt.is_some()) {
                    env.log
                        .guest_error(format_args!("IRS_CR1 is changed while a table is valid"));
                }
                regs.cr1 = value;
            }
            // All is always in sync.
            Reg::Syncr => {}
            Reg::SpiSelr => self.physical.spis.select((value & ID) as u32),
            Reg::SpiCfgr => self.write_spi_cfgr(env, value),
            Reg::SpiResampler => self.resample_spi(env, (value & ID) as u32),
            Reg::SpiDomainr | Reg::PeCr0 => {}
            Reg::PeSelr => regs.pes.selr = value as u16,
            Reg::IstCfgr => regs.ist.write_cfgr(env.log, value),
            Reg::IstBaser => {
                let value = (regs.ist.baser() & !mask) | value;
                let change = regs.ist.write_baser(env.log, value);
                self.ist_changed(change);
            }
            Reg::MapL2Istr => self.map_l2_ist(env, (value & ID) as u32),
            Reg::SwerrStatusr => regs.swerr.write_statusr(value),
            _ => self.write_virt(env, desc, value, mask),
        }
    }

    fn write_spi_cfgr(&mut self, env: &mut Env<'_>, value: u64) {
        let spis = &mut self.physical.spis;
        if spis.selected().is_none() {
            env.log.guest_error(format_args!(
                "write of IRS_SPI_CFGR: IRS_SPI_SELR names no SPI ({})",
                spis.selr()
            ));
            return;
        }
        let trigger = match value & SPI_CFGR_TM {
            0 => Trigger::Edge,
            _ => Trigger::Level,
        };
        if let Some((id, event)) = spis.set_trigger(trigger) {
            self.spi_event(env, id, event);
        }
    }

    fn resample_spi(&mut self, env: &mut Env<'_>, id: u32) {
        if id >= self.config.num_spis {
            env.log
                .guest_error(format_args!("IRS_SPI_RESAMPLER: there is no SPI {id}"));
            return;
        }
        if let Some(event) = self.physical.spis.resample(id) {
            self.spi_event(env, id, event);
        }
    }

    fn ist_changed(&mut self, change: Change) {
        match change {
            Change::None => {}
            Change::Valid(geometry) => {
                let caches = self.config.delay.steps != 0;
                self.physical.lpis.set(geometry, caches);
            }
            Change::Invalid => {
                self.physical.lpis.clear();
                self.physical.candidates.remove_all(IntType::Lpi);
            }
        }
    }

    /// IRS_MAP_L2_ISTR: ignored when there is no two-level table or the ID is
    /// beyond it.
    fn map_l2_ist(&mut self, env: &mut Env<'_>, id: u32) {
        if let Err(fault) = self.physical.lpis.map_l2(env.mem, id) {
            let intid = Intid::new(IntType::Lpi, id);
            self.report(env, "IRS_MAP_L2_ISTR", Owner::Physical, intid, fault);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! The whole GICv5: the PEs' CPU interfaces, the IRS, and what is between them.

use crate::archive::{Archive, RestoreError};
use crate::config::Config;
use crate::cpuif::insn::Operation;
use crate::cpuif::route::{Access, Domain, PeState};
use crate::cpuif::virt::Virtual;
use crate::cpuif::{has_superpriority, CpuInterface};
use crate::delay::Queue;
use crate::intid::{Candidate, IntType, Intid};
use crate::irs::{Command, Context, Icsr, Irs, Owner, Taker};
use crate::memory::{Env, Log};
use crate::regs::{Icc, Ich, Insn, Reg, Sysreg};
use crate::sync::Unsynchronized;

/// The interrupt lines from the GIC to one PE; bits as in `enum gicv5_line`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines(u32);

impl Lines {
    /// Physical IRQ.
    pub const IRQ: Self = Self(1 << 0);
    /// Physical IRQ with Superpriority.
    pub const NMI: Self = Self(1 << 1);
    /// Virtual IRQ.
    pub const VIRQ: Self = Self(1 << 2);
    /// Virtual IRQ with Superpriority.
    pub const VNMI: Self = Self(1 << 3);

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Both sets' lines.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A set of PEs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeSet(u32);

impl PeSet {
    /// The members, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |pe| self.0 >> pe & 1 != 0)
    }
}

/// Bit 32 of GICR CDIA's and GICR CDNMIA's result: the INTID is one.
const VALID: u64 = 1 << 32;

/// A GICv5.
///
/// Methods that take the number of a PE do nothing, and read as 0, if there is
/// no such PE: the model takes no harm from any call.
#[derive(Debug)]
pub struct Gicv5 {
    pes: Vec<CpuInterface>,
    irs: Irs,
    /// The PEs whose lines may have changed since they were last asked for.
    stale: PeSet,
    /// What is not complete yet.
    pub(crate) queue: Queue,
    /// For each PE what it is not to see yet.
    pub(crate) unsynchronized: Vec<Unsynchronized>,
}

impl Gicv5 {
    /// A GICv5 out of cold reset, every wire deasserted.
    pub fn new(config: &Config) -> Self {
        let pes = (0..config.num_pes as u16)
            .map(|iaffid| CpuInterface::new(iaffid).with_ppis(config.ppis()))
            .collect();
        Self {
            pes,
            irs: Irs::new(config),
            stale: PeSet::default(),
            queue: Queue::new(&config.delay, config.num_pes),
            unsynchronized: vec![Unsynchronized::default(); config.num_pes as usize],
        }
    }

    /// Cold reset of everything. Wires keep their levels.
    pub fn reset(&mut self) {
        self.irs.reset();
        self.queue.clear();
        self.unsynchronized.fill(Unsynchronized::default());
        self.pes.iter_mut().for_each(CpuInterface::reset);
        self.all_stale();
    }

    /// Reset of one PE's CPU interface; no VPE is resident on it then.
    pub fn reset_pe(&mut self, env: &mut Env<'_>, pe: u32) {
        self.irs_mut().reset_pe(env, pe);
        self.barrier_ack(pe);
        self.synchronize(pe);
        if let Some(cpuif) = self.change(pe) {
            cpuif.reset();
        }
    }

    /// Everything but memory, as bytes for [`Self::restore`].
    pub fn save(&mut self) -> Vec<u8> {
        let mut archive = Archive::saving();
        let config = self.irs.config().clone();
        // There is nothing that saving could fail of.
        let _ = self.archive(&mut archive, &config);
        archive.into_bytes()
    }

    /// Makes the model what it was when `bytes` were saved. The wires are part
    /// of that; memory is not.
    ///
    /// # Errors
    ///
    /// `bytes` are not the state of a model of this configuration; the model is
    /// as before then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let config = self.irs.config().clone();
        let mut fresh = Self::new(&config);
        let mut archive = Archive::loading(bytes);
        fresh.archive(&mut archive, &config)?;
        if !archive.is_complete() {
            return Err(RestoreError::Broken);
        }
        *self = fresh;
        self.all_stale();
        Ok(())
    }

    fn archive(&mut self, archive: &mut Archive<'_>, config: &Config) -> Result<(), RestoreError> {
        archive.header(config)?;
        for cpuif in &mut self.pes {
            cpuif.archive(archive);
        }
        self.irs.archive(archive);
        self.queue.archive(archive);
        for place in &mut self.unsynchronized {
            place.archive(archive);
        }
        Ok(())
    }

    /// The number of PEs.
    pub fn num_pes(&self) -> u32 {
        self.pes.len() as u32
    }

    /// The IRS, to change: every PE's candidate may be another then.
    pub(crate) fn irs_mut(&mut self) -> &mut Irs {
        self.all_stale();
        &mut self.irs
    }

    fn cpuif(&self, pe: u32) -> Option<&CpuInterface> {
        self.pes.get(pe as usize)
    }

    /// The CPU interface of `pe`, to change: its lines are stale then.
    pub(crate) fn change(&mut self, pe: u32) -> Option<&mut CpuInterface> {
        let cpuif = self.pes.get_mut(pe as usize)?;
        self.stale.0 |= 1 << pe;
        Some(cpuif)
    }

    /// Something of the IRS changed: every PE's candidate may have.
    fn all_stale(&mut self) {
        self.stale = PeSet((1 << self.pes.len()) - 1);
    }

    /// The PEs whose lines may have changed since the last call.
    pub fn take_stale(&mut self) -> PeSet {
        core::mem::take(&mut self.stale)
    }

    /// Who takes interrupts from the IRS on PE `pe` in `domain`: the PE, or the
    /// VPE that is resident on it, if one is.
    fn taker(&self, pe: u32, domain: Domain) -> Option<Taker> {
        match domain {
            Domain::Physical => Some(Taker::Pe(pe as u16)),
            Domain::Virtual => self.irs.resident(pe).map(Taker::Vpe),
        }
    }

    /// The IRS's candidate for PE `pe` in `domain`.
    fn irs_candidate(&self, pe: u32, domain: Domain) -> Option<Candidate> {
        if domain == Domain::Virtual && self.cpuif(pe)?.holds_back_irs() {
            return None;
        }
        self.irs.hppi(self.taker(pe, domain)?)
    }

    fn hppi(&self, pe: u32, domain: Domain) -> Option<Candidate> {
        self.cpuif(pe)?.hppi(domain, self.irs_candidate(pe, domain))
    }

    /// The lines of PE `pe` that are asserted now.
    ///
    /// There is an IRQ while the physical interface has a highest priority
    /// pending interrupt of Sufficient priority (R_QLGBG), with Superpriority
    /// if its priority is 0 (R_CSBDX); likewise the virtual interface and a
    /// virtual IRQ. There is no FIQ: that is for interrupts of another physical
    /// domain (R_ZGHMN). Which of the lines the PE takes, and when, is the PE's
    /// affair (PSTATE, HCR_EL2, SCTLR_ELx.NMI).
    pub fn lines(&self, pe: u32) -> Lines {
        let signal = |domain, irq, superpriority| match self.hppi(pe, domain) {
            None => Lines::default(),
            Some(hppi) if has_superpriority(&hppi) => superpriority,
            Some(_) => irq,
        };
        let physical = signal(Domain::Physical, Lines::IRQ, Lines::NMI);
        physical.and(signal(Domain::Virtual, Lines::VIRQ, Lines::VNMI))
    }

    /// What becomes of PE `pe`'s access to `row`.
    pub fn check(&self, pe: u32, row: &Sysreg, write: bool, state: &PeState) -> Access {
        match self.cpuif(pe) {
            Some(cpuif) => state.check(row, write, cpuif.traps()),
            None => Access::Undefined,
        }
    }

    /// MRS or SYSL, of an encoding that [`Self::check`] said is done.
    pub fn read(&mut self, env: &mut Env<'_>, pe: u32, row: &Sysreg, state: &PeState) -> u64 {
        let domain = state.domain();
        self.pe_state(pe, state);
        match row.reg {
            Reg::Icc(Icc::Icsr) => self.read_icsr(env.log, pe),
            Reg::Ich(Ich::Contextr) => self.read_contextr(env.log, pe),
            _ => {}
        }
        let value = match row.reg {
            Reg::Icc(reg) => self.read_icc(pe, reg, domain),
            Reg::Ich(reg) => self.read_ich(pe, reg),
            Reg::Insn(Insn::Cdia) => self.acknowledge(env, pe, domain, false, state.nmi),
            Reg::Insn(Insn::Cdnmia) => self.acknowledge(env, pe, domain, true, state.nmi),
            Reg::Insn(_) => 0,
        };
        self.step(env);
        value
    }

    /// MSR or SYS, of an encoding that [`Self::check`] said is done.
    pub fn write(&mut self, env: &mut Env<'_>, pe: u32, row: &Sysreg, value: u64, state: &PeState) {
        let domain = state.domain();
        self.pe_state(pe, state);
        match row.reg {
            Reg::Insn(insn) => {
                if insn == Insn::Cdeoi && value != 0 {
                    env.log
                        .guest_error(format_args!("GIC CDEOI with operand {value:#x}"));
                }
                if let Some(operation) = Operation::decode(insn, value) {
                    self.execute(env, pe, domain, operation);
                }
            }
            Reg::Icc(reg) => {
                if reg == Icc::Icsr {
                    self.write_icsr(pe);
                }
                if let Some(cpuif) = self.change(pe) {
                    cpuif.write_icc(reg, domain, value);
                }
            }
            Reg::Ich(Ich::Contextr) => self.write_contextr(env, pe, value),
            Reg::Ich(reg) => {
                if let Some(cpuif) = self.change(pe) {
                    cpuif.write_ich(reg, value);
                }
            }
        }
        self.step(env);
    }

    fn write_contextr(&mut self, env: &mut Env<'_>, pe: u32, value: u64) {
        let context = Virtual::context(value);
        let fault = !self.irs.set_context(env, pe, context);
        // A doorbell is any PE's.
        self.all_stale();
        let asks = matches!(context, Context::Enter(_));
        self.set_contextr(pe, value, asks, fault);
    }

    /// What is to be known of PE `pe` beyond its accesses: to be told when its
    /// Exception level changes, and before the access of it.
    pub fn pe_state(&mut self, pe: u32, state: &PeState) {
        let redirected = state.redirects_timers();
        let is = self.cpuif(pe).map(CpuInterface::redirects_timers);
        if is.is_some_and(|is| is != redirected) {
            if let Some(cpuif) = self.change(pe) {
                cpuif.redirect_timers(redirected);
            }
        }
    }

    fn read_icc(&self, pe: u32, reg: Icc, domain: Domain) -> u64 {
        let irs = || self.irs_candidate(pe, domain);
        self.cpuif(pe)
            .map_or(0, |cpuif| cpuif.read_icc(reg, domain, irs))
    }

    fn read_ich(&self, pe: u32, reg: Ich) -> u64 {
        let irs = || self.irs_candidate(pe, Domain::Virtual);
        self.cpuif(pe).map_or(0, |cpuif| cpuif.read_ich(reg, irs))
    }

    /// GICR CDIA or, with `cdnmia`, GICR CDNMIA; `nmi` is SCTLR_ELx.NMI of the
    /// current Exception level.
    ///
    /// The two share out the highest priority pending interrupt: it is
    /// CDNMIA's if it has Superpriority and NMIs are on, and CDIA's otherwise;
    /// the one whose it is not returns no valid INTID and changes nothing.
    fn acknowledge(
        &mut self,
        env: &mut Env<'_>,
        pe: u32,
        domain: Domain,
        cdnmia: bool,
        nmi: bool,
    ) -> u64 {
        let Some(hppi) = self.hppi(pe, domain) else {
            return 0;
        };
        if (has_superpriority(&hppi) && nmi) != cdnmia {
            return 0;
        }
        if hppi.intid.kind() != Some(IntType::Ppi) {
            let Some(taker) = self.taker(pe, domain) else {
                return 0;
            };
            if !self.irs_mut().acknowledge(env, taker, hppi.intid) {
                return 0;
            }
            self.sent_acknowledge(pe, taker.owner(), hppi.intid);
        }
        if let Some(cpuif) = self.change(pe) {
            cpuif.acknowledge(domain, hppi);
        }
        VALID | u64::from(hppi.intid.raw())
    }

    fn execute(&mut self, env: &mut Env<'_>, pe: u32, domain: Domain, operation: Operation) {
        match operation {
            Operation::Barrier => self.barrier(env, pe),
            Operation::BarrierAck => self.barrier_ack(pe),
            Operation::PriorityDrop => {
                if let Some(cpuif) = self.change(pe) {
                    cpuif.interface_mut(domain).control.active.drop_running();
                }
            }
            Operation::Deactivate(intid) if intid.kind() == Some(IntType::Ppi) => {
                let done = self
                    .change(pe)
                    .is_some_and(|cpuif| cpuif.deactivate_ppi(domain, intid));
                if !done {
                    env.log
                        .guest_error(format_args!("GIC CDDI of {intid}: no such PPI"));
                }
            }
            Operation::Deactivate(intid) => {
                self.command(env, pe, self.owner(pe, domain), Command::Deactivate(intid));
            }
            Operation::Command(command) => {
                self.command(env, pe, self.owner(pe, domain), command);
            }
            Operation::CommandOf(owner, command) => self.command(env, pe, Some(owner), command),
            Operation::RequestConfig(intid) => self.request_config(env, pe, domain, intid),
            Operation::RequestVirtualConfig(intid) => {
                self.request_config(env, pe, Domain::Virtual, intid);
            }
        }
    }

    /// Whose interrupts PE `pe` means in `domain`: in the Virtual domain those
    /// of the resident VPE's VM, if one is resident.
    fn owner(&self, pe: u32, domain: Domain) -> Option<Owner> {
        self.taker(pe, domain).map(Taker::owner)
    }

    fn command(&mut self, env: &mut Env<'_>, pe: u32, owner: Option<Owner>, command: Command) {
        if let Some(owner) = reaches_irs(env.log, command.name(), owner, command.intid()) {
            self.send(env, pe, owner, command);
        }
    }

    fn request_config(&mut self, env: &mut Env<'_>, pe: u32, domain: Domain, intid: Intid) {
        let owner = self.owner(pe, domain);
        let icsr = match reaches_irs(env.log, "GIC CDRCFG", owner, intid) {
            Some(owner) => {
                self.barrier_for(env, pe, owner, intid);
                // The IRS may find that software changed the IST.
                self.irs_mut().request_config(env, owner, intid)
            }
            None => Icsr::FAULT,
        };
        self.answer(pe, icsr.raw());
    }

    /// A read of the IRS's configuration frame by something that is no PE;
    /// `None` is an external abort.
    pub fn irs_read(&mut self, env: &mut Env<'_>, offset: u32, size: u32) -> Option<u64> {
        self.irs_read_by(env, None, offset, size)
    }

    /// The same by a PE.
    pub fn irs_read_by(
        &mut self,
        env: &mut Env<'_>,
        pe: Option<u32>,
        offset: u32,
        size: u32,
    ) -> Option<u64> {
        let value = self.read_frame(env, offset, size);
        if let Some(value) = value {
            let selectors = self.irs.selectors();
            selectors.read(env.log, pe, offset, size, value);
        }
        self.step(env);
        value
    }

    /// A write to the IRS's configuration frame by something that is no PE;
    /// false is an external abort.
    pub fn irs_write(&mut self, env: &mut Env<'_>, offset: u32, size: u32, value: u64) -> bool {
        self.irs_write_by(env, None, offset, size, value)
    }

    /// The same by a PE.
    pub fn irs_write_by(
        &mut self,
        env: &mut Env<'_>,
        pe: Option<u32>,
        offset: u32,
        size: u32,
        value: u64,
    ) -> bool {
        self.irs.selectors().write(env.log, pe, offset, size);
        let done = self.write_frame(env, offset, size, value);
        self.step(env);
        done
    }

    /// The wire of PPI `id` of PE `pe` is now at `level`.
    pub fn set_ppi(&mut self, pe: u32, id: u32, level: bool) {
        if let Some(cpuif) = self.change(pe) {
            cpuif.set_wire(id, level);
        }
    }

    /// The wire of SPI `id` is now at `level`.
    pub fn set_spi(&mut self, env: &mut Env<'_>, id: u32, level: bool) {
        self.irs.set_spi_level(env, id, level);
        self.all_stale();
    }
}

/// Whose interrupt `intid` is in an instruction that is for interrupts of the
/// IRS, if it can be sent there.
///
/// It is an error to name a PPI, whose configuration is in registers (CDDI is
/// the exception, and does not come here), or a type that is reserved. Without
/// a resident VPE a guest's instruction has no owner, and the architecture
/// ignores it.
fn reaches_irs(log: &mut dyn Log, what: &str, owner: Option<Owner>, intid: Intid) -> Option<Owner> {
    let why = match (intid.kind(), owner) {
        (Some(IntType::Ppi), _) => "the instruction is not for PPIs",
        (None, _) => "the type is reserved",
        (_, None) => "no VPE is resident",
        (Some(IntType::Lpi | IntType::Spi), Some(_)) => return owner,
    };
    log.guest_error(format_args!("{what} of {intid}: {why}"));
    None
}

// SPDX-License-Identifier: GPL-2.0

//! The virtual IRS of a VM as a whole.
//!
//! [`Shared`] is what devices and vCPUs use at any time, without a lock. [`Control`] is the rest; the
//! VM's lock for configuration (config_lock) keeps its users apart.

use super::super::word::Word;
use super::attributes::{UserReg, Written};
use super::entry::Iste;
use super::error::{Error, Result};
use super::frame::{Effect, Frame, View};
use super::host::{Commands, IstKind, Saved, VmId};
use super::ist::{Ist, Shape};
use super::list::List;
use super::ports::Cpu;
use super::save::{self, Entries, Sink, Source};
use super::spi::Spis;
use super::vm::{Failure, Idle, Live, VpeSpec};
use super::vmt::Host;

/// What is used without a lock.
pub struct Shared {
    /// The VM ID and [`Self::LIVE`], once the IRS knows the VM.
    vm: Word,
    /// The guest's IRS_CR0.IRSEN.
    enabled: Word,
    spis: Spis,
}

impl Shared {
    const LIVE: u64 = 1 << 32;

    /// For a VM that the IRS does not know yet, with this many SPIs.
    ///
    /// # Errors
    ///
    /// [`Error::NoMemory`].
    pub fn new<H: Host>(host: &H, spis: u32) -> Result<Self> {
        Ok(Self {
            vm: Word::new(0),
            enabled: Word::new(0),
            spis: Spis::new(host, spis)?,
        })
    }

    /// The VM's ID, while the IRS knows the VM.
    #[inline(always)]
    pub fn vm(&self) -> Option<VmId> {
        let word = self.vm.load();
        (word & Self::LIVE != 0).then_some(VmId(word as u16))
    }

    /// Whether the guest has enabled its IRS.
    #[inline(always)]
    pub fn enabled(&self) -> bool {
        self.enabled.load() != 0
    }

    /// The SPIs.
    pub fn spis(&self) -> &Spis {
        &self.spis
    }

    /// A device drives an SPI. Any context. Returns whether that changed anything.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no such SPI; [`Error::Busy`] before the IRS knows the VM.
    #[inline]
    pub fn inject<C: Cpu>(&self, cpu: &mut C, id: u32, level: bool) -> Result<bool> {
        let vm = self.vm().ok_or(Error::Busy)?;
        self.spis.inject(cpu, vm, id, level)
    }
}

/// What the caller has to do after a guest's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing.
    None,
    /// Have every vCPU put and loaded before it is in the guest again; then [`Control::reloaded`].
    Reload,
    /// Stop the VM for good: the IRS has memory of it that it does not give back.
    Kill,
}

/// What is used under the VM's lock.
pub struct Control<H: Host> {
    frame: Frame,
    /// `None` when the IRS did not give the VM back: it is dead.
    live: Option<Live<H::Block>>,
    pa_range: u8,
    /// Userspace has made IRS_IST_BASER valid, and has not restored the IST yet.
    restore_pending: bool,
    /// How many [`Action::Reload`]s are not done yet. IRS_CR0.IDLE is 0 meanwhile.
    reloads: u32,
}

impl<H: Host> Control<H> {
    /// Makes the VM with these vCPUs known to the IRS. `pa_range` is the guest's
    /// ID_AA64MMFR0_EL1.PARange.
    ///
    /// # Errors
    ///
    /// Those of [`Idle::allocate`] and [`Idle::start`]. Everything is undone, and it can be tried
    /// again; [`Error::Dead`] if the IRS did not give the memory back, which is leaked then. Doorbells
    /// must be leaked as well.
    pub fn new(host: &H, shared: &Shared, vpes: List<VpeSpec>, pa_range: u8) -> Result<Self> {
        let idle = Idle::allocate(host, vpes, shared.spis.count())?;
        match idle.start(host) {
            Ok(live) => {
                let control = Self {
                    frame: Frame::new(),
                    live: Some(live),
                    pa_range,
                    restore_pending: false,
                    reloads: 0,
                };
                control.announce(shared);
                Ok(control)
            }
            Err(Failure { idle: None, .. }) => Err(Error::Dead),
            Err(Failure {
                error,
                idle: Some(idle),
            }) => {
                idle.release(host);
                Err(error)
            }
        }
    }

    fn announce(&self, shared: &Shared) {
        let word = self
            .live
            .as_ref()
            .map_or(0, |live| u64::from(live.vm().number()) | Shared::LIVE);
        shared.vm.store(word);
    }

    /// Ends the VM. No vCPU of it is resident, and nobody injects any more.
    ///
    /// # Errors
    ///
    /// [`Error::Dead`] if its memory, and its doorbells, have to be leaked.
    pub fn destroy(self, host: &H, shared: &Shared) -> Result {
        shared.vm.store(0);
        self.live.ok_or(Error::Dead)?.stop(host)?.release(host);
        Ok(())
    }

    /// The VM's tables; none if it is dead.
    pub fn live(&self) -> Option<&Live<H::Block>> {
        self.live.as_ref()
    }

    fn with_view<T>(
        &mut self,
        host: &H,
        shared: &Shared,
        access: impl FnOnce(&mut Frame, &View<'_>) -> T,
    ) -> T {
        let vpes = self.live.as_ref().map_or(&[][..], Live::vpes);
        let view = View {
            sizes: host.sizes(),
            pa_range: self.pa_range,
            vpe_id_bits: self.live.as_ref().map_or(1, Live::vpe_id_bits),
            vcpus: vpes.len() as u32,
            has_vcpu: &|id| vpes.iter().any(|vpe| vpe.id.0 == id),
            spis: &shared.spis,
            enabled: shared.enabled(),
            idle: self.reloads == 0,
        };
        access(&mut self.frame, &view)
    }

    /// The guest reads `size` bytes at `offset` in the two frames.
    pub fn guest_read(&mut self, host: &H, shared: &Shared, offset: u64, size: u32) -> u64 {
        self.with_view(host, shared, |frame, view| frame.read(view, offset, size))
    }

    /// The guest writes `size` bytes at `offset` in the two frames. May sleep.
    pub fn guest_write(
        &mut self,
        host: &H,
        shared: &Shared,
        offset: u64,
        size: u32,
        value: u64,
    ) -> Action {
        let effect = self.with_view(host, shared, |frame, view| {
            frame.write(view, offset, size, value)
        });
        match effect {
            Effect::None => Action::None,
            Effect::Enable(enable) => {
                shared.enabled.store(enable.into());
                // One for each vCPU that writes at most.
                self.reloads += 1;
                Action::Reload
            }
            Effect::MapLpis(id_bits, baser) => match self.map_lpis(host, id_bits) {
                Ok(()) => {
                    self.frame.ist_became_valid(baser);
                    Action::None
                }
                // The rest of the VM's memory is lent as before; `destroy` asks for it.
                Err(Error::Dead) => Action::Kill,
                // The guest reads the register back, and finds that its IST is not valid.
                Err(_) => Action::None,
            },
            Effect::UnmapLpis => {
                let Some(live) = &mut self.live else {
                    return Action::Kill;
                };
                match live.unmap_lpis(host) {
                    Ok(()) => {
                        self.frame.ist_became_invalid();
                        Action::None
                    }
                    Err(_) => Action::Kill,
                }
            }
        }
    }

    /// [`Action::Reload`] is done: no vCPU is in the guest that was not loaded since.
    pub fn reloaded(&mut self) {
        self.reloads = self.reloads.saturating_sub(1);
    }

    fn map_lpis(&mut self, host: &H, id_bits: u32) -> Result {
        let live = self.live.as_mut().ok_or(Error::Dead)?;
        let ist = Ist::allocate(host, Shape::for_lpis(host.sizes(), id_bits))?;
        live.map_lpis(host, ist)
    }

    fn has_ist(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.lpis().is_some())
    }

    /// Userspace reads a register.
    pub fn user_read(&mut self, host: &H, shared: &Shared, reg: UserReg) -> u64 {
        self.with_view(host, shared, |frame, view| frame.user_read(view, reg))
    }

    /// Userspace writes a register. No vCPU has run.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub fn user_write(&mut self, host: &H, shared: &Shared, reg: UserReg, value: u64) -> Result {
        let has_ist = self.has_ist();
        let written = self.with_view(host, shared, |frame, view| {
            frame.user_write(view, reg, value, has_ist)
        })?;
        if let Written::Enable(enable) = written {
            shared.enabled.store(enable.into());
        }
        self.restore_pending = self.frame.ist_is_valid() && !has_ist;
        Ok(())
    }

    /// Whether vCPUs can run.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if IRS_IST_BASER was restored, and the IST was not; [`Error::Dead`].
    pub fn ready_to_run(&self) -> Result {
        if self.live.is_none() {
            Err(Error::Dead)
        } else if self.restore_pending {
            Err(Error::Invalid)
        } else {
            Ok(())
        }
    }

    /// How many entries userspace has to have room for: SPIs, LPIs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if IRS_IST_BASER is valid with an IRS_IST_CFGR that is not acceptable.
    pub fn entries(&self, host: &H, shared: &Shared) -> Result<(u32, u32)> {
        let lpis = if self.frame.ist_is_valid() {
            let id_bits = self.frame.acceptable_lpi_id_bits(host.sizes());
            1 << id_bits.ok_or(Error::Invalid)?
        } else {
            0
        };
        Ok((shared.spis.count(), lpis))
    }

    /// Saves the state of all SPIs and LPIs. No vCPU runs. May sleep.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if something changed meanwhile; [`Error::NoSuch`] if the IST was restored to
    /// the registers only; [`Error::Invalid`]; [`Error::Timeout`]; [`Error::Fault`].
    pub fn save(&self, host: &H, shared: &Shared, sink: &mut impl Sink) -> Result {
        let live = self.live.as_ref().ok_or(Error::NoSuch)?;
        let (spis, lpis) = self.entries(host, shared)?;
        let lpi_ist = match (live.lpis(), lpis) {
            (_, 0) => None,
            (None, _) => return Err(Error::NoSuch),
            (Some(ist), count) if ist.shape().entries() as u32 != count => {
                return Err(Error::Invalid)
            }
            (Some(ist), _) => Some(ist),
        };
        save::begin(host, live.vm())?;
        save::copy_out(live.spis(), spis, |id, entry| {
            sink.put(IstKind::Spi, save::spi_to_user(entry, &shared.spis, id).0)
        })?;
        save::check(host, live.vm())?;
        if let Some(ist) = lpi_ist {
            save::copy_out(ist, lpis, |_, entry| {
                sink.put(IstKind::Lpi, entry.architected().0)
            })?;
            save::check(host, live.vm())?;
        }
        Ok(())
    }

    /// Shows the entries of all SPIs, then of all LPIs, in the order of IDs; vCPUs may run. Says
    /// whether something changed meanwhile, so that it may not be the state of one moment. May sleep.
    ///
    /// # Errors
    ///
    /// [`Error::Dead`]; [`Error::Timeout`].
    pub fn show(
        &self,
        host: &H,
        shared: &Shared,
        mut show: impl FnMut(IstKind, u32, Iste),
    ) -> Result<Saved> {
        let live = self.live.as_ref().ok_or(Error::Dead)?;
        let commands = Commands(host);
        let _ = commands.save_vm(live.vm())?;
        save::copy_out(live.spis(), shared.spis.count(), |id, entry| {
            show(IstKind::Spi, id, entry);
            Ok(())
        })?;
        if let Some(ist) = live.lpis() {
            save::copy_out(ist, ist.shape().entries() as u32, |id, entry| {
                show(IstKind::Lpi, id, entry);
                Ok(())
            })?;
        }
        commands.still_saved(live.vm())
    }

    /// Restores the state of all SPIs and LPIs. No vCPU has run. May sleep.
    ///
    /// The VM's ISTs cannot be edited while the IRS has them, so the VM becomes invalid and valid
    /// again, the way it first did.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is an IST of LPIs already; [`Error::Fault`], [`Error::NoMemory`] and
    /// [`Error::Invalid`] with nothing changed. [`Error::Timeout`] and [`Error::Dead`]: the VM cannot
    /// run any more.
    pub fn restore<C: Cpu>(
        &mut self,
        host: &H,
        shared: &Shared,
        cpu: &mut C,
        source: &mut impl Source,
    ) -> Result {
        if self.has_ist() {
            return Err(Error::Busy);
        }
        let (spis, lpis) = self.entries(host, shared)?;
        let entries = Entries::read(
            source,
            host.list(spis as usize)?,
            spis,
            host.list(lpis as usize)?,
            lpis,
        )?;
        let mut lpi_ist = None;
        if lpis != 0 {
            let shape = Shape::for_lpis(host.sizes(), lpis.trailing_zeros());
            let mut ist = Ist::allocate(host, shape)?;
            Entries::write(&entries.lpis, &mut ist)?;
            lpi_ist = Some(ist);
        }

        let live = self.live.take().ok_or(Error::Dead)?;
        shared.vm.store(0);
        let mut idle = live.stop(host)?;
        let written = Entries::write(&entries.spis, &mut idle.spis);
        idle.lpis = lpi_ist;
        match idle.start(host) {
            Ok(live) => self.live = Some(live),
            Err(Failure { error, idle }) => {
                if let Some(idle) = idle {
                    idle.release(host);
                }
                return Err(error);
            }
        }
        self.announce(shared);
        for (id, entry) in (0..).zip(entries.spis.iter()) {
            save::spi_from_user(*entry, &shared.spis, id);
        }
        if let Some(vm) = shared.vm() {
            entries.replay(cpu, vm);
        }
        self.restore_pending = false;
        written
    }
}

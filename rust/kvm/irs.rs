// SPDX-License-Identifier: GPL-2.0

//! A VM's virtual IRS, and the host's.

use super::types::{Data, Kvm, KvmVcpu};
use crate::hw::doorbell::Doorbell;
use crate::hw::irs::PhysicalIrs;
use crate::hw::vpe::HostCpu;
use crate::vgic::cpuif::PriorityMask;
use crate::vgic::irs::{self, Config, Control, Leaving, Shared, SharedMemory, VpeId, VpeSpec};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex, SetOnce};

impl From<irs::Error> for Error {
    fn from(error: irs::Error) -> Self {
        match error {
            irs::Error::NoMemory => ENOMEM,
            irs::Error::Timeout => ETIMEDOUT,
            irs::Error::Busy => EBUSY,
            irs::Error::Invalid => EINVAL,
            irs::Error::NoVmId => ENOSPC,
            irs::Error::TooBig => E2BIG,
            irs::Error::NoSuch => ENXIO,
            irs::Error::Exists => EEXIST,
            irs::Error::Fault => EFAULT,
            irs::Error::Dead => EIO,
            irs::Error::NoDevice => ENODEV,
        }
    }
}

kernel::sync::global_lock! {
    // SAFETY: `install` initializes it, first thing when the module is loaded.
    unsafe(uninit) static HOST: Mutex<Option<Arc<PhysicalIrs>>> = None;
}

/// The host's VM table, while the module is loaded; or why there is none.
pub(crate) struct Installed(irs::Result);

impl Installed {
    /// Installs the host's VM table, if there is an IRS that can virtualize. Called once, when the
    /// module is loaded. Without a table VMs have PPIs only: that is no reason not to be loaded.
    pub(crate) fn new() -> Self {
        // SAFETY: Called once.
        unsafe { HOST.init() };
        let outcome = PhysicalIrs::probe().map(|irs| *HOST.lock() = irs);
        Self(outcome)
    }

    /// Logs one line if VMs have PPIs only.
    pub(crate) fn explain(&self) {
        match self.0 {
            Ok(()) if max_vcpus().is_some() => {}
            Ok(()) => pr_info!("no IRS that can virtualize: VMs have PPIs only\n"),
            // `Busy`: somebody else has installed one.
            Err(error) => pr_err!("no VM table ({:?}): VMs have PPIs only\n", error),
        }
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if let Some(irs) = HOST.lock().take() {
            irs.remove();
        }
    }
}

/// The IRS as far as it is the same for all VMs: how many vCPUs a VM can have.
pub(crate) fn max_vcpus() -> Option<u32> {
    use crate::vgic::irs::Host;
    HOST.lock().as_ref().map(|irs| irs.sizes().max_vcpus())
}

/// A VM's IRS, before and after it exists.
pub(crate) struct Slot {
    /// What userspace has said about it.
    pub(crate) config: Pin<KBox<Mutex<Config>>>,
    irs: Place,
}

/// Where an IRS is put, once.
type Place = SetOnce<Pin<KBox<VmIrs>>>;

impl Slot {
    /// For a VM that has none yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            config: KBox::pin_init(new_mutex!(Config::default()), GFP_KERNEL_ACCOUNT)?,
            irs: SetOnce::new(),
        })
    }

    /// The IRS, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&VmIrs> {
        let mut irs = self.irs.as_ref()?;
        while let Some(next) = irs.next.as_ref() {
            irs = next;
        }
        Some(irs)
    }

    /// How many SPIs the VM has, or will have. KVM routes GSIs to them at INIT.
    pub(super) fn spis(&self) -> u32 {
        self.config.lock().spis(true)
    }

    /// Makes the IRS of a VM whose vCPUs are all there, unless it is there already. No vCPU runs, and
    /// none is created meanwhile.
    ///
    /// INIT can fail after it has made the IRS, and userspace may create more vCPUs, or set the number
    /// of SPIs, before it tries again. Then this makes another IRS. The first, which is of no use any
    /// more, goes with the VM: others may be looking at it.
    ///
    /// # Errors
    ///
    /// Those of [`Control::new`]; ENODEV if the host has no IRS for it.
    pub(crate) fn create<D: Data>(&self, kvm: Kvm<'_, D>) -> Result {
        let spis = self.spis();
        let place = match self.get() {
            None => &self.irs,
            Some(irs) if kvm.is_initialized() || irs.is_for(kvm, spis) => return Ok(()),
            Some(irs) => {
                irs.end();
                &irs.next
            }
        };
        // The VM's locks keep others out.
        place.populate(VmIrs::new(kvm, spis)?);
        Ok(())
    }
}

/// The VM as the host's IRS knows it.
#[expect(
    clippy::large_enum_variant,
    reason = "one a VM, and most are of this variant"
)]
enum Life {
    /// It does.
    Live(Control<PhysicalIrs>),
    /// It does not, or not any more.
    Ended,
    /// It did not say that it has given back what it had.
    Dead,
}

/// A VM's IRS.
#[pin_data(PinnedDrop)]
pub(crate) struct VmIrs {
    host: Arc<PhysicalIrs>,
    /// What devices and vCPUs use.
    pub(crate) shared: Shared,
    /// By the vCPUs' index.
    doorbells: KVVec<Doorbell>,
    #[pin]
    control: Mutex<Life>,
    /// What replaces this one.
    next: Place,
}

impl VmIrs {
    fn new<D: Data>(kvm: Kvm<'_, D>, spis: u32) -> Result<Pin<KBox<Self>>> {
        let host = HOST.lock().as_ref().ok_or(ENODEV)?.clone();
        let count = kvm.vcpus().count();
        let mut doorbells = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        let mut vpes = host.list(count)?;
        for vcpu in kvm.vcpus() {
            // SAFETY: A VM's IRS, and with it its doorbells, go before its vCPUs do.
            let doorbell = unsafe { Doorbell::new(vcpu.as_ptr()) }?;
            vpes.push(VpeSpec {
                id: VpeId(vcpu.id() as u16),
                doorbell: doorbell.lpi(),
            })?;
            doorbells.push(doorbell, GFP_KERNEL_ACCOUNT)?;
        }
        let shared = Shared::new(&*host, spis)?;
        // Before the IRS is told: nothing of what it has may be lost for want of memory.
        let this = KBox::pin_init(
            pin_init!(Self {
                host,
                shared,
                doorbells,
                control <- new_mutex!(Life::Ended),
                next: SetOnce::new(),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        match Control::new(&*this.host, &this.shared, vpes, kvm.pa_range()) {
            Ok(control) => *this.control.lock() = Life::Live(control),
            Err(error) => {
                if error == irs::Error::Dead {
                    *this.control.lock() = Life::Dead;
                }
                return Err(error.into());
            }
        }
        Ok(this)
    }

    /// Whether it has a VPE for each vCPU, this number of SPIs, and was not ended.
    fn is_for<D: Data>(&self, kvm: Kvm<'_, D>, spis: u32) -> bool {
        self.shared.vm().is_some()
            && self.doorbells.len() == kvm.vcpus().count()
            && self.shared.spis().count() == spis
    }

    /// Ends the VM in the IRS, if it has not ended.
    fn end(&self) {
        let mut life = self.control.lock();
        if let Life::Live(control) = core::mem::replace(&mut *life, Life::Ended) {
            if control.destroy(&self.host, &self.shared).is_err() {
                *life = Life::Dead;
            }
        }
    }

    /// Calls `access` with the IRS's state under its lock. May sleep.
    ///
    /// # Errors
    ///
    /// EIO if the VM has ended.
    pub(crate) fn with_control<T>(
        &self,
        access: impl FnOnce(&mut Control<PhysicalIrs>, &PhysicalIrs, &Shared) -> T,
    ) -> Result<T> {
        match &mut *self.control.lock() {
            Life::Live(control) => Ok(access(control, &self.host, &self.shared)),
            Life::Ended | Life::Dead => Err(EIO),
        }
    }

    /// The host's IRS.
    pub(super) fn host(&self) -> &PhysicalIrs {
        &self.host
    }

    /// The vCPU's VPE and its doorbell.
    #[inline]
    pub(super) fn doorbell<D: Data>(&self, vcpu: KvmVcpu<'_, D>) -> Option<&Doorbell> {
        self.doorbells.get(vcpu.index())
    }

    /// LPI IDs have this many bits, if the guest has LPIs. May sleep.
    pub(super) fn lpi_id_bits(&self) -> Option<u32> {
        self.with_control(|control, _, _| Some(control.live()?.lpis()?.shape().id_bits()))
            .ok()?
    }

    /// The vCPU comes to this CPU.
    #[inline]
    pub(super) fn load<D: Data>(&self, vcpu: KvmVcpu<'_, D>) {
        let (Some(doorbell), Some(vm)) = (self.doorbell(vcpu), self.shared.vm()) else {
            return;
        };
        let id = VpeId(vcpu.id() as u16);
        let enabled = self.shared.enabled();
        if doorbell.vpe().load(&mut HostCpu, vm, id, enabled).is_err() {
            pr_err!("VPE {} cannot be made resident\n", vcpu.id());
            vcpu.kvm().kill();
        }
    }

    /// The vCPU leaves this CPU; its CPU interface, which has `mask`, is in memory.
    #[inline]
    pub(super) fn put<D: Data>(&self, vcpu: KvmVcpu<'_, D>, mask: impl FnOnce() -> PriorityMask) {
        let Some(doorbell) = self.doorbell(vcpu) else {
            return;
        };
        let leaving = if vcpu.is_in_wfi() {
            Leaving::Waiting(mask())
        } else {
            Leaving::Preempted
        };
        doorbell
            .vpe()
            .put(&mut HostCpu, leaving, self.shared.enabled());
    }

    /// Whether the vCPU, which waits, may have an SPI or an LPI.
    #[inline]
    pub(super) fn must_wake<D: Data>(&self, vcpu: KvmVcpu<'_, D>) -> bool {
        self.doorbell(vcpu)
            .is_some_and(|doorbell| doorbell.vpe().must_wake(self.shared.enabled()))
    }
}

#[pinned_drop]
impl PinnedDrop for VmIrs {
    fn drop(self: Pin<&mut Self>) {
        self.end();
        if matches!(*self.control.lock(), Life::Dead) {
            // They may still ring.
            let doorbells = core::mem::replace(self.project().doorbells, KVVec::new());
            doorbells.into_iter().for_each(Doorbell::leak);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! KVM's structures as Rust values, made once per operation from the pointers that C passes.
//!
//! KVM keeps what it passes valid for the length of the call: that is the lifetime `'a` of each
//! type here. A VM and its vCPUs have our data from the operation that creates it until the one
//! that destroys it, and no other operation comes before or after.

use crate::bindings;
use crate::hw::cpuif::{cache_of, epoch, Local};
use crate::vgic::cpuif::RegisterCache;
use core::marker::PhantomData;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{atomic_load, Acquire, Relaxed};
use kernel::sync::{Mutex, MutexGuard};
use kernel::types::ForeignOwnable;
use kernel::uaccess::{UserPtr, UserSlice};

/// What a backend keeps for each VM and each vCPU.
pub(crate) trait Data: Copy + 'static {
    /// A VM's data.
    type Vm: ForeignOwnable;
    /// A vCPU's data.
    type Vcpu: ForeignOwnable;
}

/// A `struct kvm` with our data.
///
/// # Invariants
///
/// It is valid for `'a`, and `gicv5_vm.private` holds a `D::Vm`.
#[derive(Clone, Copy)]
pub(crate) struct Kvm<'a, D> {
    raw: *mut bindings::kvm,
    _data: PhantomData<(&'a bindings::kvm, D)>,
}

/// A `struct kvm_vcpu` with our data.
///
/// # Invariants
///
/// It is valid for `'a`, `vgic_cpu.v5_private` holds a `D::Vcpu`, and its VM is a valid [`Kvm`].
#[derive(Clone, Copy)]
pub(crate) struct KvmVcpu<'a, D> {
    raw: *mut bindings::kvm_vcpu,
    _data: PhantomData<(&'a bindings::kvm_vcpu, D)>,
}

/// Moves `data` to C.
///
/// # Safety
///
/// `field` is valid, holds nothing, and nobody else accesses it.
pub(super) unsafe fn attach<T: ForeignOwnable>(field: *mut *mut c_void, data: T) {
    // SAFETY: The caller vouches for `field`.
    unsafe { field.write(data.into_foreign()) }
}

/// Takes back what [`attach`] moved to C, if that was called.
///
/// # Safety
///
/// `field` is valid, and neither it nor what it points to is accessed by anybody else any more.
pub(super) unsafe fn detach<T: ForeignOwnable>(field: *mut *mut c_void) -> Option<T> {
    // SAFETY: The caller vouches for `field`.
    let data = unsafe { field.replace(core::ptr::null_mut()) };
    // SAFETY: It is null, or `attach` got it from `into_foreign`; there are no borrows left.
    unsafe { T::try_from_foreign(data) }
}

/// The address of a field, without a reference to the rest of the structure.
macro_rules! field {
    ($structure:expr, $($field:ident).+) => {{
        let raw = $structure.raw;
        // SAFETY: The type invariant says that it is valid, so its field is in bounds.
        unsafe { &raw mut (*raw).$($field).+ }
    }};
}

/// Reads a field that does not change while we can be called: KVM writes it when it creates the
/// structure, `attach` writes our data, and a vCPU's own thread its CPU.
macro_rules! constant {
    ($structure:expr, $($field:ident).+) => {{
        let field = field!($structure, $($field).+);
        // SAFETY: Valid as `field!` says; not written at the same time, as said above.
        unsafe { field.read() }
    }};
}

/// Reads a field, as `$type`, that other threads may write: READ_ONCE(), or smp_load_acquire().
macro_rules! load {
    ($structure:expr, $($field:ident).+ as $type:ty, $order:expr) => {{
        let field = field!($structure, $($field).+).cast::<$type>();
        // SAFETY: Valid as `field!` says; KVM writes these with single stores or atomically.
        unsafe { atomic_load(field, $order) }
    }};
}

/// Calls one of KVM's functions that take a VM or a vCPU and nothing else, and ask for no more
/// than a valid one: any thread, any context.
macro_rules! call {
    ($function:ident, $structure:expr) => {{
        let raw = $structure.raw;
        // SAFETY: Valid by the type invariant; the function asks for nothing else, as said above.
        unsafe { bindings::$function(raw) }
    }};
}

impl<'a, D: Data> Kvm<'a, D> {
    /// # Safety
    ///
    /// `kvm` is valid for `'a`, and has our data.
    #[inline(always)]
    pub(super) unsafe fn from_raw(kvm: *mut bindings::kvm) -> Self {
        Self {
            // INVARIANT: The caller vouches for it.
            raw: kvm,
            _data: PhantomData,
        }
    }

    /// Our data.
    #[inline(always)]
    pub(crate) fn data(self) -> <D::Vm as ForeignOwnable>::Borrowed<'a> {
        let data = constant!(self, arch.vgic.gicv5_vm.private);
        // SAFETY: The type invariant says that `attach` put it there, and that it lives for `'a`.
        unsafe { D::Vm::borrow(data) }
    }

    /// Whether KVM_DEV_ARM_VGIC_CTRL_INIT was done. Never becomes false again.
    pub(crate) fn is_initialized(self) -> bool {
        load!(self, arch.vgic.initialized as bool, Relaxed)
    }

    /// Whether the VM's vCPUs have EL2. Does not change once a vCPU was initialized.
    pub(crate) fn has_el2(self) -> bool {
        // The first word of a bitmap.
        let features = load!(self, arch.vcpu_features as usize, Relaxed);
        features & (1 << bindings::KVM_ARM_VCPU_HAS_EL2) != 0
    }

    /// Whether any vCPU of the VM ever ran. Never becomes false again.
    pub(crate) fn has_run(self) -> bool {
        let flags = load!(self, arch.flags as usize, Relaxed);
        flags & (1 << bindings::KVM_ARCH_FLAG_HAS_RAN_ONCE) != 0
    }

    /// The online vCPUs, in the order of their creation; as kvm_for_each_vcpu().
    ///
    /// Only those that are online: KVM puts a vCPU into the array before it is sure to keep it.
    pub(crate) fn vcpus(self) -> impl Iterator<Item = KvmVcpu<'a, D>> {
        let array = field!(self, vcpu_array);
        let online = load!(self, online_vcpus.counter as i32, Acquire);
        (0..).take(online as usize).filter_map(move |index| {
            // SAFETY: The array is valid as long as the VM is; a lookup takes no lock.
            self.online(unsafe { bindings::xa_load(array, index) }.cast())
        })
    }

    /// The online vCPU with this affinity, laid out as in MPIDR_EL1.
    pub(crate) fn vcpu_by_affinity(self, mpidr: u64) -> Option<KvmVcpu<'a, D>> {
        // SAFETY: The VM is valid by the type invariant; no lock is needed.
        self.online(unsafe { bindings::kvm_mpidr_to_vcpu(self.raw, mpidr as c_ulong) })
    }

    /// An online vCPU of this VM's, unless `vcpu` is null.
    fn online(self, vcpu: *mut bindings::kvm_vcpu) -> Option<KvmVcpu<'a, D>> {
        (!vcpu.is_null()).then(|| {
            // SAFETY: An online vCPU lives as long as its VM and has data like all of the VM's.
            unsafe { KvmVcpu::from_raw(vcpu) }
        })
    }

    /// The VM's directory in debugfs, or an error, which debugfs takes as "nowhere".
    pub(super) fn debugfs_dir(self) -> *mut kernel::bindings::dentry {
        constant!(self, debugfs_dentry).cast()
    }

    /// How many bits the guest's physical addresses have.
    pub(crate) fn ipa_bits(self) -> u32 {
        let vtcr = constant!(self, arch.mmu.vtcr);
        // VTCR_EL2.T0SZ.
        64 - (vtcr & 0x3f) as u32
    }

    /// ID_AA64MMFR0_EL1.PARange for so many bits.
    pub(crate) fn pa_range(self) -> u8 {
        let widths = [32, 36, 40, 42, 44, 48, 52, 56];
        let index = widths.iter().position(|bits| *bits >= self.ipa_bits());
        index.unwrap_or(widths.len() - 1) as u8
    }

    /// Tells KVM how many SPIs there are to route. Nobody else writes that: the VM is being
    /// initialized.
    pub(crate) fn set_nr_spis(self, count: u32) {
        let spis = field!(self, arch.vgic.nr_spis);
        // SAFETY: Valid by the type invariant; written before it is read.
        unsafe { spis.write(count as c_int) };
    }

    /// Has every vCPU leave the guest, which is waited for, and put and loaded before it is there
    /// again. May sleep.
    pub(crate) fn reload(self) {
        call!(kvm_vgic_v5_reload, self)
    }

    /// Keeps the VM from ever running again.
    pub(crate) fn kill(self) {
        call!(kvm_vgic_v5_vm_dead, self)
    }

    /// For C to give back to [`Kvm::from_raw`].
    pub(super) fn as_ptr(self) -> *mut bindings::kvm {
        self.raw
    }

    /// Keeps all vCPUs from running, and the VM from being initialized.
    ///
    /// # Errors
    ///
    /// EBUSY if a vCPU is in use.
    pub(crate) fn lock_vcpus(self) -> Result<LockedVcpus<'a, D>> {
        let kvm_lock = self.lock(field!(self, lock));
        // SAFETY: The VM is valid and its lock is held.
        to_result(unsafe { bindings::kvm_trylock_all_vcpus(self.raw) }).map_err(|_| EBUSY)?;
        // INVARIANT: They were locked just now.
        let vcpus = VcpuLocks(self);
        Ok(LockedVcpus {
            _config: self.lock(field!(self, arch.config_lock)),
            vcpus,
            _kvm: kvm_lock,
        })
    }

    /// Takes one of this VM's mutexes.
    fn lock(self, mutex: *mut bindings::mutex) -> MutexGuard<'a, ()> {
        // SAFETY: KVM initialized it with the VM, whose it is, and which is valid for `'a`. The
        // cast is to what the kernel crate calls the same C type.
        unsafe { Mutex::<()>::from_raw(mutex.cast()) }.lock()
    }
}

impl<'a, D: Data> KvmVcpu<'a, D> {
    /// # Safety
    ///
    /// `vcpu` is valid for `'a`, and has our data, as has its VM.
    #[inline(always)]
    pub(super) unsafe fn from_raw(vcpu: *mut bindings::kvm_vcpu) -> Self {
        Self {
            // INVARIANT: The caller vouches for it.
            raw: vcpu,
            _data: PhantomData,
        }
    }

    /// Our data.
    #[inline(always)]
    pub(crate) fn data(self) -> <D::Vcpu as ForeignOwnable>::Borrowed<'a> {
        let data = constant!(self, arch.vgic_cpu.v5_private);
        // SAFETY: The type invariant says that `attach` put it there, and that it lives for `'a`.
        unsafe { D::Vcpu::borrow(data) }
    }

    /// Its VM.
    #[inline(always)]
    pub(crate) fn kvm(self) -> Kvm<'a, D> {
        let kvm = constant!(self, kvm);
        // SAFETY: A vCPU's VM outlives it, and has our data by the type invariant.
        unsafe { Kvm::from_raw(kvm) }
    }

    /// Its ID, which never changes.
    pub(crate) fn id(self) -> i32 {
        constant!(self, vcpu_id)
    }

    /// Its place among the VM's vCPUs, which never changes.
    pub(crate) fn index(self) -> usize {
        constant!(self, vcpu_idx) as usize
    }

    /// For C.
    pub(super) fn as_ptr(self) -> *mut bindings::kvm_vcpu {
        self.raw
    }

    /// Whether the vCPU is put because its guest executed WFI. Asked by its own thread.
    pub(crate) fn is_in_wfi(self) -> bool {
        call!(kvm_vgic_v5_in_wfi, self)
    }

    /// Brings the vCPU out of the guest, or out of WFI, to see what changed.
    #[inline]
    pub(crate) fn kick(self) {
        call!(kvm_vgic_v5_kick, self)
    }

    /// Whether the caller is the vCPU's own thread, in KVM_RUN.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        // SAFETY: May be called from anywhere; the result is only compared.
        unsafe { bindings::kvm_get_running_vcpu() == self.raw }
    }
}

/// A vCPU that the caller alone may move between memory and registers: it is the thread that runs
/// the vCPU, or holds the vCPU's mutex.
///
/// # Invariants
///
/// There is no other for the same vCPU.
pub(crate) struct OwnVcpu<'a, D>(KvmVcpu<'a, D>);

impl<'a, D: Data> OwnVcpu<'a, D> {
    /// # Safety
    ///
    /// As for [`KvmVcpu::from_raw`]. The caller runs the vCPU or holds its mutex, and makes one of
    /// these for the length of the operation.
    #[inline(always)]
    pub(super) unsafe fn from_raw(vcpu: *mut bindings::kvm_vcpu) -> Self {
        // SAFETY: The caller vouches for it.
        // INVARIANT: So it does for its being the only one.
        Self(unsafe { KvmVcpu::from_raw(vcpu) })
    }

    /// The vCPU, for what any thread may do.
    #[inline(always)]
    pub(crate) fn vcpu(&self) -> KvmVcpu<'a, D> {
        self.0
    }
}

/// The locks of all of a VM's vCPUs.
///
/// # Invariants
///
/// They are held.
struct VcpuLocks<'a, D: Data>(Kvm<'a, D>);

impl<D: Data> Drop for VcpuLocks<'_, D> {
    fn drop(&mut self) {
        // SAFETY: They are held, by the type invariant.
        unsafe { bindings::kvm_unlock_all_vcpus(self.0.raw) }
    }
}

/// A VM of which no vCPU runs, and which is not being initialized, until this is dropped.
pub(crate) struct LockedVcpus<'a, D: Data> {
    // Dropped in this order, the reverse of KVM's locking order.
    _config: MutexGuard<'a, ()>,
    vcpus: VcpuLocks<'a, D>,
    _kvm: MutexGuard<'a, ()>,
}

impl<D: Data> LockedVcpus<'_, D> {
    /// The VM.
    pub(crate) fn kvm(&self) -> Kvm<'_, D> {
        self.vcpus.0
    }

    /// The vCPU with this affinity.
    pub(crate) fn vcpu_by_affinity(&mut self, mpidr: u64) -> Option<OwnVcpu<'_, D>> {
        // INVARIANT: Its mutex is held, and `self` is borrowed for as long as the result is used.
        self.vcpus.0.vcpu_by_affinity(mpidr).map(OwnVcpu)
    }
}

/// A vCPU on the CPU that this runs on, and that CPU's registers.
pub(crate) struct OnCpu<'a, D, R> {
    /// The vCPU.
    pub(crate) vcpu: OwnVcpu<'a, D>,
    /// What the registers are known to hold.
    pub(crate) cache: &'a mut RegisterCache,
    /// The registers.
    pub(crate) regs: R,
}

impl<D: Data, R: Local> OnCpu<'_, D, R> {
    /// # Safety
    ///
    /// As for [`OwnVcpu::from_raw`]. The vCPU is on this CPU (`vcpu->cpu` says so from before
    /// `load` until after `put`), and preemption stays disabled while the result is used.
    #[inline(always)]
    pub(super) unsafe fn from_raw(raw: *mut bindings::kvm_vcpu) -> Self {
        // SAFETY: The caller vouches for it.
        let vcpu = unsafe { OwnVcpu::from_raw(raw) };
        let cpu = constant!(vcpu.0, cpu);
        Self {
            vcpu,
            // SAFETY: The caller vouches for the CPU and the context; each operation does this once.
            cache: unsafe { cache_of(cpu as usize) },
            // SAFETY: The caller vouches for the vCPU and the context.
            regs: unsafe { R::of(raw) },
        }
    }

    /// Changes when somebody else may have written the registers.
    #[inline(always)]
    pub(crate) fn epoch(&self) -> u64 {
        // SAFETY: Preemption is disabled for as long as `self` exists.
        unsafe { epoch() }
    }
}

/// What userspace asks of a device: an attribute, and its own memory for the value.
pub(crate) struct Request<'a, D> {
    /// The device's VM.
    pub(crate) kvm: Kvm<'a, D>,
    /// KVM_DEV_ARM_VGIC_GRP_*.
    pub(crate) group: u32,
    /// What it means depends on the group.
    pub(crate) attr: u64,
    memory: UserPtr,
    no_memory: bool,
}

impl<D: Data> Request<'_, D> {
    /// # Safety
    ///
    /// `dev` and `attr` are valid while the result is used, nobody writes them, and the device's
    /// VM has our data.
    pub(super) unsafe fn from_raw(
        dev: *mut bindings::kvm_device,
        attr: *mut bindings::kvm_device_attr,
    ) -> Self {
        // SAFETY: The caller vouches for `attr`.
        let attr = unsafe { &*attr };
        // SAFETY: The caller vouches for `dev`.
        let kvm = unsafe { (*dev).kvm };
        Self {
            // SAFETY: A device's VM outlives it; the caller vouches for its data.
            kvm: unsafe { Kvm::from_raw(kvm) },
            group: attr.group,
            attr: attr.attr,
            memory: UserPtr::from_addr(attr.addr as usize),
            no_memory: attr.addr == 0,
        }
    }

    /// Whether userspace gives no memory at all.
    pub(crate) fn has_no_memory(&self) -> bool {
        self.no_memory
    }

    /// Userspace's memory, this many bytes of it.
    pub(crate) fn bytes(&self, count: usize) -> UserSlice {
        UserSlice::new(self.memory, count)
    }

    /// Userspace's memory, this many words of it.
    pub(crate) fn words(&self, count: usize) -> UserSlice {
        UserSlice::new(self.memory, count * size_of::<u64>())
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The part of the emulator's plugin interface (`qemu-plugin.h`, version 4)
//! that is used here, made safe to call.
//!
//! Handles of translation blocks and instructions are borrowed for the length
//! of the translation callback, as the interface demands.

mod state;

pub use state::{read_string, Register};

use std::ffi::{c_char, c_int, c_uint, c_void, CStr};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Version of the interface that this is written for.
pub const VERSION: c_int = 4;

/// A plugin's number.
pub type Id = u64;
/// Called when a block or an instruction is executed.
pub type ExecCallback = extern "C" fn(cpu: c_uint, data: *mut c_void);
/// Called when a block is translated.
pub type TranslateCallback = extern "C" fn(id: Id, block: *mut c_void);
/// Called when a processor is ready.
pub type CpuCallback = extern "C" fn(id: Id, cpu: c_uint);
/// Called at the end.
pub type ExitCallback = extern "C" fn(id: Id, data: *mut c_void);

/// `qemu_info_t`.
#[repr(C)]
pub struct Info {
    target_name: *const c_char,
    version_min: c_int,
    version_cur: c_int,
    system_emulation: bool,
    smp_vcpus: c_int,
    max_vcpus: c_int,
}

impl Info {
    /// How many processors the machine can have.
    pub fn cpus(&self) -> usize {
        usize::try_from(self.max_vcpus).unwrap_or(0)
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct U64Entry {
    score: *mut c_void,
    offset: usize,
}

const CB_NO_REGS: c_int = 0;
const CB_R_REGS: c_int = 1;
const COND_EQ: c_int = 2;
const COND_NE: c_int = 3;
const INLINE_ADD_U64: c_int = 0;

extern "C" {
    fn qemu_plugin_register_vcpu_init_cb(id: Id, cb: CpuCallback);
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, cb: TranslateCallback);
    fn qemu_plugin_register_atexit_cb(id: Id, cb: ExitCallback, data: *mut c_void);
    fn qemu_plugin_register_vcpu_tb_exec_cb(
        tb: *mut c_void,
        cb: ExecCallback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_tb_exec_cond_cb(
        tb: *mut c_void,
        cb: ExecCallback,
        flags: c_int,
        cond: c_int,
        entry: U64Entry,
        imm: u64,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        insn: *mut c_void,
        cb: ExecCallback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        insn: *mut c_void,
        op: c_int,
        entry: U64Entry,
        imm: u64,
    );
    fn qemu_plugin_tb_n_insns(tb: *const c_void) -> usize;
    fn qemu_plugin_tb_vaddr(tb: *const c_void) -> u64;
    fn qemu_plugin_tb_get_insn(tb: *const c_void, index: usize) -> *mut c_void;
    fn qemu_plugin_insn_data(insn: *const c_void, dest: *mut c_void, len: usize) -> usize;
    fn qemu_plugin_insn_vaddr(insn: *const c_void) -> u64;
    fn qemu_plugin_scoreboard_new(element_size: usize) -> *mut c_void;
    fn qemu_plugin_scoreboard_find(score: *mut c_void, cpu: c_uint) -> *mut c_void;
}

/// Asks for a call when each processor is ready, when each block is translated,
/// and at the end.
pub fn register(id: Id, cpu: CpuCallback, translate: TranslateCallback, exit: ExitCallback) {
    // SAFETY: the emulator passed `id` to this plugin; the callbacks live as
    // long as the plugin, which is never unloaded.
    unsafe { qemu_plugin_register_vcpu_init_cb(id, cpu) };
    // SAFETY: as above.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translate) };
    // SAFETY: as above; the callback ignores its data.
    unsafe { qemu_plugin_register_atexit_cb(id, exit, std::ptr::null_mut()) };
}

/// One `T` a processor, which translated code reads and adds to.
///
/// # Invariants
///
/// `score` is a scoreboard whose elements have the size of `T`, which is never
/// freed. The emulator fills new elements with zeroes.
pub struct Scoreboard<T> {
    score: NonNull<c_void>,
    _of: PhantomData<T>,
}

// SAFETY: the handle is only passed to the emulator, which guards what is
// behind it.
unsafe impl<T> Send for Scoreboard<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Scoreboard<T> {}

/// What a scoreboard may hold: plain `u64`s, all zeroes at first.
///
/// # Safety
///
/// The type must consist of nothing but `u64`s, in C's layout.
pub unsafe trait Element: Copy {}

impl<T: Element> Scoreboard<T> {
    /// A new one, all zeroes.
    pub fn new() -> Self {
        // SAFETY: any size is allowed.
        let score = unsafe { qemu_plugin_scoreboard_new(size_of::<T>()) };
        // INVARIANT: it was just made for elements of this size, and there is
        // no way here to free it.
        Self {
            score: NonNull::new(score).expect("the emulator's allocator does not give NULL"),
            _of: PhantomData,
        }
    }

    fn element(&self, cpu: usize) -> *mut T {
        let cpu = c_uint::try_from(cpu).expect("processors are few");
        // SAFETY: `score` is a scoreboard, and the emulator checks `cpu`.
        unsafe { qemu_plugin_scoreboard_find(self.score.as_ptr(), cpu).cast() }
    }

    /// Processor `cpu`'s element.
    pub fn get(&self, cpu: usize) -> T {
        // SAFETY: the element is a `T` by the type's invariant. The machine
        // runs on one thread (`lib.rs` says so), which is this one.
        unsafe { self.element(cpu).read() }
    }

    /// Changes processor `cpu`'s element.
    pub fn update(&self, cpu: usize, change: impl FnOnce(&mut T)) {
        let mut value = self.get(cpu);
        change(&mut value);
        // SAFETY: as in `get`.
        unsafe { self.element(cpu).write(value) }
    }

    fn entry(&self, offset: usize) -> U64Entry {
        assert!(offset % size_of::<u64>() == 0 && offset < size_of::<T>());
        U64Entry {
            score: self.score.as_ptr(),
            offset,
        }
    }
}

/// When a callback on a block is made: on what one `u64` of the scoreboard is,
/// at that offset in bytes.
pub enum When {
    /// Each time.
    Always,
    /// It is not zero.
    NotZero(usize),
    /// It is this.
    Equal(usize, u64),
}

/// A block that is being translated.
pub struct Block<'a> {
    tb: NonNull<c_void>,
    _while_translating: PhantomData<&'a ()>,
}

impl Block<'_> {
    /// # Safety
    ///
    /// `tb` is what the emulator gave to a [`TranslateCallback`] that has not
    /// returned yet, and will not before `'a` is over.
    pub unsafe fn new(tb: *mut c_void) -> Option<Self> {
        NonNull::new(tb).map(|tb| Self {
            tb,
            _while_translating: PhantomData,
        })
    }

    /// Its virtual address.
    pub fn address(&self) -> u64 {
        // SAFETY: `tb` is valid by `new`'s contract.
        unsafe { qemu_plugin_tb_vaddr(self.tb.as_ptr()) }
    }

    /// Its instructions, in order.
    pub fn insns(&self) -> impl Iterator<Item = Insn<'_>> {
        // SAFETY: `tb` is valid by `new`'s contract.
        let number = unsafe { qemu_plugin_tb_n_insns(self.tb.as_ptr()) };
        (0..number).filter_map(|index| {
            // SAFETY: as above, and the index is in range.
            let insn = unsafe { qemu_plugin_tb_get_insn(self.tb.as_ptr(), index) };
            NonNull::new(insn).map(|insn| Insn {
                insn,
                _while_translating: PhantomData,
            })
        })
    }

    /// Asks for a call of `callback`, which may read registers, before each
    /// execution. `data` is passed on as it is.
    pub fn on_exec<T: Element>(
        &self,
        when: When,
        score: &Scoreboard<T>,
        callback: ExecCallback,
        data: usize,
    ) {
        let data = std::ptr::without_provenance_mut(data);
        let (tb, condition) = (
            self.tb.as_ptr(),
            match when {
                When::Always => None,
                When::NotZero(offset) => Some((COND_NE, offset, 0)),
                When::Equal(offset, value) => Some((COND_EQ, offset, value)),
            },
        );
        match condition {
            // SAFETY: `tb` is valid by `new`'s contract, the callback is a
            // function, `data` is not dereferenced.
            None => unsafe { qemu_plugin_register_vcpu_tb_exec_cb(tb, callback, CB_R_REGS, data) },
            Some((condition, offset, value)) => {
                let entry = score.entry(offset);
                // SAFETY: as above, and the entry is in the scoreboard.
                unsafe {
                    qemu_plugin_register_vcpu_tb_exec_cond_cb(
                        tb, callback, CB_R_REGS, condition, entry, value, data,
                    )
                }
            }
        }
    }
}

/// An instruction that is being translated.
pub struct Insn<'a> {
    insn: NonNull<c_void>,
    _while_translating: PhantomData<&'a ()>,
}

impl Insn<'_> {
    /// Its virtual address.
    pub fn address(&self) -> u64 {
        // SAFETY: the handle is valid while the block is.
        unsafe { qemu_plugin_insn_vaddr(self.insn.as_ptr()) }
    }

    /// Its encoding.
    pub fn word(&self) -> u32 {
        let mut bytes = [0u8; 4];
        // SAFETY: the handle is valid while the block is, and there is room for
        // as many bytes as are asked for.
        unsafe {
            qemu_plugin_insn_data(self.insn.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len())
        };
        u32::from_le_bytes(bytes)
    }

    /// Adds one to the `u64` at `offset` with each execution.
    pub fn count<T: Element>(&self, score: &Scoreboard<T>, offset: usize) {
        let entry = score.entry(offset);
        // SAFETY: the handle is valid while the block is, and the entry is in
        // the scoreboard.
        unsafe {
            qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
                self.insn.as_ptr(),
                INLINE_ADD_U64,
                entry,
                1,
            )
        }
    }

    /// Asks for a call of `callback` with each execution, after what was asked
    /// for earlier. It may read registers if `registers`.
    pub fn on_exec(&self, callback: ExecCallback, registers: bool) {
        let flags = if registers { CB_R_REGS } else { CB_NO_REGS };
        // SAFETY: the handle is valid while the block is; the callbacks of this
        // plugin ignore this data.
        unsafe {
            qemu_plugin_register_vcpu_insn_exec_cb(
                self.insn.as_ptr(),
                callback,
                flags,
                std::ptr::null_mut(),
            )
        }
    }
}

/// The plugin's arguments.
///
/// # Safety
///
/// `argv` are `argc` strings, as passed to `qemu_plugin_install`.
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<String> {
    (0..usize::try_from(argc).unwrap_or(0))
        .map(|index| {
            // SAFETY: by the function's contract.
            let argument = unsafe { argv.add(index) };
            // SAFETY: by the function's contract.
            let argument = unsafe { *argument };
            // SAFETY: by the function's contract.
            let argument = unsafe { CStr::from_ptr(argument) };
            argument.to_string_lossy().into_owned()
        })
        .collect()
}

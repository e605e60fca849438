// SPDX-License-Identifier: GPL-2.0-or-later
//! The C interface, `include/gicv5_model.h`, which has its documentation.
//!
//! The only place with `unsafe`: it turns what C hands over into references and
//! back. A panic cannot leave it, because unwinding out of an `extern "C"`
//! function aborts.
#![allow(unsafe_code)]

use crate::config::{Config, Delay, Knobs};
use crate::cpuif::route::{Access, PeState};
use crate::memory::{Env, Log, Memory};
use crate::model::{Gicv5, PeSet};
use crate::regs::{Sysreg, TABLE};
use core::ffi::{c_char, c_void, CStr};
use core::fmt;
use std::ffi::CString;

/// `struct gicv5_config`.
#[repr(C)]
pub struct CConfig {
    num_pes: u32,
    num_spis: u32,
    virt: bool,
    lpi_id_bits: u32,
    ist_linear_only: bool,
    no_gicmnt: bool,
    high_ppis: u64,
    vm_id_bits: u32,
    vmt_two_level: bool,
    vmd_log2: u32,
    vped_log2: u32,
    vpe_id_bits: u32,
    istmd_id_bits: u32,
    ist_l2_sizes: u32,
    delay_steps: u32,
    stuck_offset: u32,
}

impl CConfig {
    /// The configuration, if it is within bounds.
    fn check(&self) -> Result<Config, &'static CStr> {
        let given = |value: u32, default: u32| if value == 0 { default } else { value };
        let default = Knobs::default();
        let knobs = Knobs {
            vm_id_bits: given(self.vm_id_bits, default.vm_id_bits),
            vmt_two_level: self.vmt_two_level,
            vmd_log2: (self.vmd_log2 != 0).then_some(self.vmd_log2),
            vped_log2: given(self.vped_log2, default.vped_log2),
            vpe_id_bits: given(self.vpe_id_bits, default.vpe_id_bits),
            istmd_id_bits: (self.istmd_id_bits != 0).then_some(self.istmd_id_bits),
            ist_l2_sizes: given(self.ist_l2_sizes, default.ist_l2_sizes),
        };
        let (pes, spis) = (self.num_pes, self.num_spis);
        Config::new(pes, spis, self.virt, self.lpi_id_bits, self.ist_linear_only)?
            .with_knobs(knobs)
            .map(|config| Config {
                gicmnt: !self.no_gicmnt,
                high_ppis: self.high_ppis,
                delay: Delay {
                    steps: self.delay_steps,
                    stuck: (self.stuck_offset != 0).then_some(self.stuck_offset),
                },
                ..config
            })
    }
}

/// `struct gicv5_callbacks`. A callback that is NULL does nothing; memory then
/// faults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CCallbacks {
    opaque: *mut c_void,
    lines: Option<unsafe extern "C" fn(*mut c_void, u32, u32)>,
    mem_read: Option<unsafe extern "C" fn(*mut c_void, u64, *mut c_void, usize) -> bool>,
    mem_write: Option<unsafe extern "C" fn(*mut c_void, u64, *const c_void, usize) -> bool>,
    guest_error: Option<unsafe extern "C" fn(*mut c_void, *const c_char)>,
}

impl Memory for CCallbacks {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        let Some(mem_read) = self.mem_read else {
            return false;
        };
        // SAFETY: the callback is the embedder's, with its own `opaque`, and
        // fills at most `len` bytes at `buf`, which are ours to write.
        unsafe { mem_read(self.opaque, pa, buf.as_mut_ptr().cast(), buf.len()) }
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        let Some(mem_write) = self.mem_write else {
            return false;
        };
        // SAFETY: the callback is the embedder's, with its own `opaque`, and
        // reads `len` bytes at `buf`, which live until it returns.
        unsafe { mem_write(self.opaque, pa, buf.as_ptr().cast(), buf.len()) }
    }
}

impl Log for CCallbacks {
    fn guest_error(&mut self, msg: fmt::Arguments<'_>) {
        let Some(guest_error) = self.guest_error else {
            return;
        };
        // No message has a NUL in it, so nothing is ever lost here.
        let msg = CString::new(msg.to_string()).unwrap_or_default();
        // SAFETY: the callback is the embedder's, with its own `opaque`; the
        // string lives until it returns.
        unsafe { guest_error(self.opaque, msg.as_ptr()) }
    }
}

/// `struct gicv5`.
pub struct Handle {
    model: Gicv5,
    callbacks: CCallbacks,
    /// What the embedder was last told, by PE.
    lines: Vec<u32>,
}

impl Handle {
    /// Does something to the model, then tells the embedder which lines that
    /// changed.
    fn with<T>(&mut self, act: impl FnOnce(&mut Gicv5, &mut Env<'_>) -> T) -> T {
        let (mut mem, mut log) = (self.callbacks, self.callbacks);
        let mut env = Env {
            mem: &mut mem,
            log: &mut log,
        };
        let result = act(&mut self.model, &mut env);
        let stale = self.model.take_stale();
        self.update_lines(stale);
        result
    }

    fn update_lines(&mut self, stale: PeSet) {
        for pe in stale.iter() {
            let now = self.model.lines(pe).bits();
            let Some(told) = self.lines.get_mut(pe as usize) else {
                continue;
            };
            if core::mem::replace(told, now) == now {
                continue;
            }
            if let Some(lines) = self.callbacks.lines {
                // SAFETY: the callback is the embedder's, with its own `opaque`.
                unsafe { lines(self.callbacks.opaque, pe, now) }
            }
        }
    }
}

/// `struct gicv5_pe_state`.
#[repr(C)]
pub struct CPeState {
    el: u8,
    el2: bool,
    hcr_el2: u64,
    nmi: bool,
}

impl From<&CPeState> for PeState {
    fn from(state: &CPeState) -> Self {
        Self {
            el: state.el,
            el2: state.el2,
            hcr_el2: state.hcr_el2,
            nmi: state.nmi,
        }
    }
}

/// `enum gicv5_access`.
#[repr(C)]
pub enum CAccess {
    /// `GICV5_OK`.
    Ok,
    /// `GICV5_UNDEF`.
    Undef,
    /// `GICV5_TRAP_EL2`.
    TrapEl2,
    /// `GICV5_MEMORY`.
    Memory,
}

/// `struct gicv5_sysreg`.
#[repr(C)]
pub struct CSysreg {
    name: *const c_char,
    op0: u8,
    op1: u8,
    crn: u8,
    crm: u8,
    op2: u8,
    insn: bool,
    readable: bool,
    writable: bool,
    vncr_offset: u16,
}

// SAFETY: `name` points to a string constant, which any thread may read.
unsafe impl Sync for CSysreg {}

impl CSysreg {
    const fn new(row: &Sysreg) -> Self {
        let [op0, op1, crn, crm, op2] = row.encoding;
        Self {
            name: row.name.as_ptr(),
            op0,
            op1,
            crn,
            crm,
            op2,
            insn: row.is_insn(),
            readable: row.readable(),
            writable: row.writable(),
            vncr_offset: match row.vncr_offset() {
                Some(offset) => offset,
                None => 0,
            },
        }
    }
}

static C_TABLE: [CSysreg; TABLE.len()] = {
    let mut table = [const { CSysreg::new(&TABLE[0]) }; TABLE.len()];
    let mut i = 0;
    while i < TABLE.len() {
        table[i] = CSysreg::new(&TABLE[i]);
        i += 1;
    }
    table
};

/// Makes a model. NULL if the configuration is out of range; `why` then says
/// which value.
///
/// # Safety
///
/// `config` and `callbacks` point to what their types say, for the duration of
/// the call; `why` likewise or NULL. The callbacks and their `opaque` are valid
/// until [`gicv5_free`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_new(
    config: *const CConfig,
    callbacks: *const CCallbacks,
    why: *mut *const c_char,
) -> *mut Handle {
    let fail = |reason: &'static CStr| {
        // SAFETY: `why` is NULL or a place for a pointer, by the contract.
        if let Some(why) = unsafe { why.as_mut() } {
            *why = reason.as_ptr();
        }
        core::ptr::null_mut()
    };
    // SAFETY: NULL or a configuration, by the contract.
    let Some(config) = (unsafe { config.as_ref() }) else {
        return fail(c"no configuration given");
    };
    // SAFETY: NULL or callbacks, by the contract.
    let Some(callbacks) = (unsafe { callbacks.as_ref() }) else {
        return fail(c"no callbacks given");
    };
    match config.check() {
        Err(reason) => fail(reason),
        Ok(checked) => Box::into_raw(Box::new(Handle {
            model: Gicv5::new(&checked),
            callbacks: *callbacks,
            lines: vec![0; checked.num_pes as usize],
        })),
    }
}

/// Frees a model.
///
/// # Safety
///
/// `g` came from [`gicv5_new`] and is not used again; or it is NULL.
#[no_mangle]
pub unsafe extern "C" fn gicv5_free(g: *mut Handle) {
    if !g.is_null() {
        // SAFETY: it came from `Box::into_raw` in `gicv5_new`, by the contract.
        drop(unsafe { Box::from_raw(g) });
    }
}

/// # Safety
///
/// `g` came from [`gicv5_new`], is not freed, and no other call on it is under
/// way.
unsafe fn model<'a>(g: *mut Handle) -> &'a mut Handle {
    // SAFETY: a valid handle that nothing else refers to, by the contract.
    unsafe { &mut *g }
}

/// The row at `index`; the first if there is none, which no caller that asked
/// [`gicv5_num_sysregs`] can see.
fn row(index: usize) -> &'static Sysreg {
    TABLE.get(index).unwrap_or(&TABLE[0])
}

/// Cold reset of everything.
///
/// # Safety
///
/// As for every function with a handle: `g` came from [`gicv5_new`], is not
/// freed, and no other call on it is under way.
#[no_mangle]
pub unsafe extern "C" fn gicv5_reset(g: *mut Handle) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, _| model.reset());
}

/// Reset of one PE's CPU interface.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_reset_pe(g: *mut Handle, pe: u32) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, env| model.reset_pe(env, pe));
}

/// The number of system registers and instructions.
#[no_mangle]
pub extern "C" fn gicv5_num_sysregs() -> usize {
    C_TABLE.len()
}

/// The row of the table at `index`; NULL beyond its end.
#[no_mangle]
pub extern "C" fn gicv5_sysreg(index: usize) -> *const CSysreg {
    C_TABLE
        .get(index)
        .map_or(core::ptr::null(), core::ptr::from_ref)
}

/// What becomes of an access. Changes nothing.
///
/// # Safety
///
/// As [`gicv5_reset`]; `state` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn gicv5_sysreg_check(
    g: *const Handle,
    pe: u32,
    index: usize,
    write: bool,
    state: *const CPeState,
) -> CAccess {
    // SAFETY: a valid handle that nobody changes, by this function's contract.
    let g = unsafe { &*g };
    // SAFETY: by this function's contract.
    let state = unsafe { &*state }.into();
    let Some(row) = TABLE.get(index) else {
        return CAccess::Undef;
    };
    match g.model.check(pe, row, write, &state) {
        Access::Done => CAccess::Ok,
        Access::Undefined => CAccess::Undef,
        Access::TrapEl2 => CAccess::TrapEl2,
        Access::Memory(_) => CAccess::Memory,
    }
}

/// MRS or SYSL.
///
/// # Safety
///
/// As [`gicv5_sysreg_check`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_sysreg_read(
    g: *mut Handle,
    pe: u32,
    index: usize,
    state: *const CPeState,
) -> u64 {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    // SAFETY: by this function's contract.
    let state = unsafe { &*state }.into();
    g.with(|model, env| model.read(env, pe, row(index), &state))
}

/// MSR or SYS.
///
/// # Safety
///
/// As [`gicv5_sysreg_check`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_sysreg_write(
    g: *mut Handle,
    pe: u32,
    index: usize,
    value: u64,
    state: *const CPeState,
) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    // SAFETY: by this function's contract.
    let state = unsafe { &*state }.into();
    g.with(|model, env| model.write(env, pe, row(index), value, &state));
}

/// Who accesses the IRS: `GICV5_NO_PE` is nobody with a number.
const fn by(pe: u32) -> Option<u32> {
    match pe {
        u32::MAX => None,
        pe => Some(pe),
    }
}

/// A read of the IRS's configuration frame by PE `pe`. False: external abort,
/// and `value` is untouched.
///
/// # Safety
///
/// As [`gicv5_reset`]; `value` points to a place for the result.
#[no_mangle]
pub unsafe extern "C" fn gicv5_irs_read(
    g: *mut Handle,
    pe: u32,
    offset: u32,
    size: u32,
    value: *mut u64,
) -> bool {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    let Some(read) = g.with(|model, env| model.irs_read_by(env, by(pe), offset, size)) else {
        return false;
    };
    // SAFETY: a place for the result, by this function's contract.
    unsafe { value.write(read) };
    true
}

/// A write to the IRS's configuration frame by PE `pe`. False: external abort.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_irs_write(
    g: *mut Handle,
    pe: u32,
    offset: u32,
    size: u32,
    value: u64,
) -> bool {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, env| model.irs_write_by(env, by(pe), offset, size, value))
}

/// The wire of PPI `id` of PE `pe`.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_set_ppi(g: *mut Handle, pe: u32, id: u32, level: bool) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, _| model.set_ppi(pe, id, level));
}

/// The wire of SPI `id`.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_set_spi(g: *mut Handle, id: u32, level: bool) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, env| model.set_spi(env, id, level));
}

/// Saves the state into `buf`, if that has room for it. The number of bytes
/// that it takes.
///
/// # Safety
///
/// As [`gicv5_reset`]; `buf` points to `len` bytes that can be written.
#[no_mangle]
pub unsafe extern "C" fn gicv5_save(g: *mut Handle, buf: *mut u8, len: usize) -> usize {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    let bytes = g.model.save();
    if bytes.len() <= len {
        // SAFETY: there is room for `len` bytes, by this function's contract,
        // and nothing of ours overlaps with it.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), buf, bytes.len()) };
    }
    bytes.len()
}

/// Restores a state. False: the bytes are not one, and nothing has changed.
///
/// # Safety
///
/// As [`gicv5_reset`]; `buf` points to `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn gicv5_restore(g: *mut Handle, buf: *const u8, len: usize) -> bool {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    // SAFETY: `len` bytes that nobody changes, by this function's contract.
    let bytes = unsafe { core::slice::from_raw_parts(buf, len) };
    if g.model.restore(bytes).is_err() {
        return false;
    }
    // The embedder's lines are not what they were either: tell them all.
    for (told, pe) in g.lines.iter_mut().zip(0..) {
        *told = !g.model.lines(pe).bits();
    }
    g.with(|_, _| ());
    true
}

/// Time passes, for what waits.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_step(g: *mut Handle) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, env| model.step(env));
}

/// The Exception level of PE `pe` changes, or HCR_EL2 below EL2: a context
/// synchronization event, too.
///
/// # Safety
///
/// As [`gicv5_reset`]; `state` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn gicv5_el_change(g: *mut Handle, pe: u32, state: *const CPeState) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    // SAFETY: by this function's contract.
    let state = unsafe { &*state }.into();
    g.with(|model, _| {
        model.synchronize(pe);
        model.pe_state(pe, &state);
    });
}

/// A context synchronization event on PE `pe`.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_synchronize(g: *mut Handle, pe: u32) {
    // SAFETY: by this function's contract.
    let g = unsafe { model(g) };
    g.with(|model, _| model.synchronize(pe));
}

/// The asserted lines of PE `pe`, as last given to `lines`.
///
/// # Safety
///
/// As [`gicv5_reset`].
#[no_mangle]
pub unsafe extern "C" fn gicv5_lines(g: *const Handle, pe: u32) -> u32 {
    // SAFETY: a valid handle that nobody changes, by this function's contract.
    let g = unsafe { &*g };
    g.lines.get(pe as usize).copied().unwrap_or(0)
}

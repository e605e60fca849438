// SPDX-License-Identifier: GPL-2.0
//! The edge to the emulator: what is called when, and with what.

use crate::counts::{Counts, Slot};
use crate::decode::{classify, Class};
use crate::ffi::{self, Block, Element, Id, Info, Register, Scoreboard, When};
use crate::report;
use crate::symbols::Symbols;
use crate::windows::Recorder;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::mem::offset_of;
use std::sync::{Mutex, MutexGuard, OnceLock};

/// The interface's version, which the emulator looks for by this name.
#[no_mangle]
pub static qemu_plugin_version: c_int = ffi::VERSION;

/// One processor's part of what translated code reads and writes.
#[derive(Clone, Copy)]
#[repr(C)]
struct Score {
    counts: Counts,
    /// Not zero while a case is recorded.
    recording: u64,
    /// Where the vGIC's function that was called returns to; 0: there is none.
    return_to: u64,
}

// SAFETY: `Counts` is an array of u64 in C's layout, and so is the rest.
unsafe impl Element for Score {}

/// Marks that a program makes: x0 of the hint.
mod mark {
    /// x1 is the address of a case's description.
    pub const BEGIN: u64 = 1;
    pub const END: u64 = 2;
    pub const ARM: u64 = 3;
    pub const START: u64 = 4;
    pub const STOP: u64 = 5;
}

struct Registers {
    x0: Register,
    x1: Register,
    lr: Register,
    sp: Register,
}

/// Instructions by case, whether they are the vGIC's, and the address of their
/// block.
type Spent = BTreeMap<(usize, bool, u64), u64>;

/// Where the instructions of the windows are spent.
#[derive(Default)]
struct Profile {
    done: Spent,
    /// In the window that is open, which may come to nothing.
    open: Spent,
}

struct Plugin {
    symbols: Symbols,
    out: String,
    /// Where instructions are spent, and the file that is to say so.
    profile: Option<(String, Mutex<Profile>)>,
    cpus: usize,
    score: Scoreboard<Score>,
    registers: OnceLock<Registers>,
    recorder: Mutex<Recorder>,
}

/// What a block's profile callback is given: the lower bits of the address, and
/// above them the number of instructions.
const PROFILE_SHIFT: u32 = 48;
const PROFILE_ADDRESS: usize = (1 << PROFILE_SHIFT) - 1;

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

fn plugin() -> &'static Plugin {
    PLUGIN.get().expect("callbacks come after the installation")
}

impl Plugin {
    fn new(arguments: &[String], cpus: usize) -> Result<Self, String> {
        let optional = |key: &str| {
            let mut values = arguments.iter().filter_map(|a| a.strip_prefix(key));
            values.next().map(str::to_owned)
        };
        let value =
            |key: &str| optional(key).ok_or_else(|| format!("the argument {key} is missing"));
        let map = value("map=")?;
        let text = std::fs::read_to_string(&map).map_err(|e| format!("{map}: {e}"))?;
        Ok(Self {
            symbols: Symbols::parse(&text).map_err(|e| format!("{map}: {e}"))?,
            out: value("out=")?,
            profile: optional("profile=").map(|path| (path, Mutex::default())),
            cpus,
            score: Scoreboard::new(),
            registers: OnceLock::new(),
            recorder: Mutex::new(Recorder::new(cpus)),
        })
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().expect("a panic ends the emulator")
    }

    fn registers(&self) -> &Registers {
        self.registers.get().expect("processors come before code")
    }

    fn counts(&self, cpu: usize) -> Counts {
        self.score.get(cpu).counts
    }

    fn all_counts(&self) -> Vec<Counts> {
        (0..self.cpus).map(|cpu| self.counts(cpu)).collect()
    }

    /// Lets an event happen: one that closes a window makes what was spent in
    /// it count, one that opens or drops a window starts afresh.
    fn event<T>(&self, happen: impl FnOnce(&mut Recorder) -> T) -> T {
        let mut recorder = self.recorder();
        let before = recorder.windows();
        let result = happen(&mut recorder);
        if let Some((_, profile)) = &self.profile {
            let mut profile = profile.lock().expect("a panic ends the emulator");
            let open = std::mem::take(&mut profile.open);
            if recorder.windows() != before {
                for (key, insns) in open {
                    *profile.done.entry(key).or_default() += insns;
                }
            } else if recorder.is_open() {
                profile.open = open;
            }
        }
        result
    }

    fn set_recording(&self, on: bool) {
        for cpu in 0..self.cpus {
            self.score.update(cpu, |score| {
                score.recording = on.into();
                score.return_to = 0;
            });
        }
    }

    fn translate(&self, block: &Block<'_>) {
        let address = block.address();
        let kernel = Symbols::is_kernel(address);
        if kernel {
            self.watch(block, address);
            if self.profile.is_some() {
                self.watch_profile(block, address);
            }
        }
        for insn in block.insns() {
            let class = classify(insn.word());
            if kernel {
                let count = |slot: Slot| {
                    let offset = offset_of!(Score, counts) + slot.offset();
                    insn.count(&self.score, offset);
                };
                count(Slot::INSNS);
                match class {
                    Class::Gic(row) => count(Slot::gic(row)),
                    Class::Barrier(index) => count(Slot::barrier(index)),
                    _ => (),
                }
            }
            match class {
                // Last, so that the exception return is counted itself.
                Class::Eret if self.symbols.enters_guest(insn.address()) => {
                    insn.on_exec(on_guest_entry, false);
                }
                Class::Mark => insn.on_exec(on_mark, true),
                _ => (),
            }
        }
    }

    /// Asks for the calls at the beginning of a block of the kernel's.
    fn watch(&self, block: &Block<'_>, address: u64) {
        if self.symbols.is_guest_exit(address) {
            block.on_exec(When::Always, &self.score, on_guest_exit, 0);
        }
        // The return of one function comes before the call of the next.
        let return_to = offset_of!(Score, return_to);
        block.on_exec(
            When::Equal(return_to, address),
            &self.score,
            on_return,
            // Addresses have the size of the emulator's own.
            address as usize,
        );
        let recording = When::NotZero(offset_of!(Score, recording));
        if let Some(function) = self.symbols.vgic(address) {
            block.on_exec(recording, &self.score, on_call, function + 1);
        } else if self.symbols.is_module(address) {
            // What of a module is executed first was called.
            block.on_exec(recording, &self.score, on_call, 0);
        }
    }

    fn watch_profile(&self, block: &Block<'_>, address: u64) {
        let data = address as usize & PROFILE_ADDRESS | block.insns().count() << PROFILE_SHIFT;
        let recording = When::NotZero(offset_of!(Score, recording));
        block.on_exec(recording, &self.score, on_profile, data);
    }

    fn mark(&self) {
        match self.registers().x0.read() {
            mark::BEGIN => {
                let description = ffi::read_string(self.registers().x1.read(), 256);
                match self.event(|recorder| recorder.begin(&description)) {
                    Ok(()) => self.set_recording(true),
                    Err(text) => eprintln!("bench-plugin: {text}"),
                }
            }
            mark::END => {
                self.event(Recorder::end);
                self.set_recording(false);
            }
            mark::ARM => self.event(Recorder::arm),
            mark::START => self.event(|recorder| recorder.start(&self.all_counts())),
            mark::STOP => self.event(|recorder| recorder.stop(&self.all_counts())),
            other => eprintln!("bench-plugin: there is no mark {other}"),
        }
    }

    fn write_report(&self) -> std::io::Result<()> {
        let text: String = self
            .recorder()
            .cases()
            .iter()
            .map(|case| report::line(case) + "\n")
            .collect();
        std::fs::write(&self.out, text)?;
        if let Some((path, profile)) = &self.profile {
            let profile = profile.lock().expect("a panic ends the emulator");
            std::fs::write(path, self.profile_text(&profile.done))?;
        }
        Ok(())
    }

    /// One line an entry: instructions a window, whose they are, the block's
    /// address, and the case.
    fn profile_text(&self, spent: &Spent) -> String {
        let recorder = self.recorder();
        let line = |(&(case, vgic, address), &insns): (&(usize, bool, u64), &u64)| {
            let case = &recorder.cases()[case];
            let a_window = insns as f64 / case.windows.len().max(1) as f64;
            let whose = if vgic { "vgic" } else { "rest" };
            format!("{a_window:.2} {whose} {address:x} {}\n", case.description)
        };
        spent.iter().map(line).collect()
    }
}

/// What the emulator calls when it loads the plugin: 0 if that is all right.
///
/// # Safety
///
/// To be called by the emulator, with `argc` arguments at `argv`.
#[no_mangle]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    info: &Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    let arguments = unsafe { ffi::arguments(argc, argv) };
    match Plugin::new(&arguments, info.cpus()) {
        Ok(plugin) => {
            if PLUGIN.set(plugin).is_err() {
                eprintln!("bench-plugin: loaded twice");
                return 1;
            }
            ffi::register(id, on_cpu, on_translate, on_exit);
            0
        }
        Err(text) => {
            eprintln!("bench-plugin: {text}");
            1
        }
    }
}

extern "C" fn on_cpu(_: Id, _: c_uint) {
    if plugin().registers.get().is_none() {
        let [x0, x1, lr, sp] = Register::find([c"x0", c"x1", c"x30", c"sp"])
            .expect("every AArch64 processor has these registers");
        let registers = Registers { x0, x1, lr, sp };
        // Another processor may have been faster, with the same result.
        let _ = plugin().registers.set(registers);
    }
}

extern "C" fn on_translate(_: Id, block: *mut c_void) {
    // SAFETY: this is the callback, and the block is not used after it.
    if let Some(block) = unsafe { Block::new(block) } {
        plugin().translate(&block);
    }
}

extern "C" fn on_guest_exit(cpu: c_uint, _: *mut c_void) {
    let (plugin, cpu) = (plugin(), cpu as usize);
    plugin.event(|recorder| recorder.guest_exit(cpu, &plugin.counts(cpu)));
}

extern "C" fn on_guest_entry(cpu: c_uint, _: *mut c_void) {
    let (plugin, cpu) = (plugin(), cpu as usize);
    plugin.event(|recorder| recorder.guest_entry(cpu, &plugin.counts(cpu)));
}

extern "C" fn on_call(cpu: c_uint, function: *mut c_void) {
    let (plugin, cpu) = (plugin(), cpu as usize);
    let score = plugin.score.get(cpu);
    if score.return_to != 0 {
        return;
    }
    let function = function.addr().checked_sub(1);
    let return_to = plugin.registers().lr.read();
    let (name, sp) = (plugin.symbols.name(function), plugin.registers().sp.read());
    if plugin.event(|recorder| recorder.call(cpu, name, return_to, sp, &score.counts)) {
        plugin
            .score
            .update(cpu, |score| score.return_to = return_to);
    }
}

extern "C" fn on_return(cpu: c_uint, pc: *mut c_void) {
    let (plugin, cpu) = (plugin(), cpu as usize);
    let score = plugin.score.get(cpu);
    let sp = plugin.registers().sp.read();
    if plugin.event(|recorder| recorder.reached(cpu, pc.addr() as u64, sp, &score.counts)) {
        plugin.score.update(cpu, |score| score.return_to = 0);
    }
}

extern "C" fn on_profile(cpu: c_uint, data: *mut c_void) {
    let plugin = plugin();
    let inside = plugin.recorder().inside(cpu as usize);
    if let (Some((case, vgic)), Some((_, profile))) = (inside, &plugin.profile) {
        // The kernel's addresses are all ones above.
        let address = (data.addr() | !PROFILE_ADDRESS) as u64;
        let insns = (data.addr() >> PROFILE_SHIFT) as u64;
        let mut profile = profile.lock().expect("a panic ends the emulator");
        *profile.open.entry((case, vgic, address)).or_default() += insns;
    }
}

extern "C" fn on_mark(_: c_uint, _: *mut c_void) {
    plugin().mark();
}

extern "C" fn on_exit(_: Id, _: *mut c_void) {
    if let Err(error) = plugin().write_report() {
        eprintln!("bench-plugin: {}: {error}", plugin().out);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What the emulated machine holds: registers and memory.

use std::ffi::{c_char, c_int, c_uint, c_void, CStr};
use std::ptr::NonNull;

#[repr(C)]
struct GArray {
    data: *mut u8,
    len: c_uint,
}

#[repr(C)]
struct RegisterDescriptor {
    handle: *mut c_void,
    name: *const c_char,
    feature: *const c_char,
}

extern "C" {
    fn qemu_plugin_get_registers() -> *mut GArray;
    fn qemu_plugin_read_register(handle: *mut c_void, buf: *mut GArray) -> c_int;
    fn qemu_plugin_read_memory_vaddr(addr: u64, data: *mut GArray, len: usize) -> bool;
    // GLib, which the emulator brings along.
    fn g_byte_array_new() -> *mut GArray;
    fn g_byte_array_set_size(array: *mut GArray, len: c_uint) -> *mut GArray;
    fn g_byte_array_free(array: *mut GArray, free_data: c_int) -> *mut u8;
    fn g_array_free(array: *mut GArray, free_data: c_int) -> *mut u8;
}

/// A GLib byte array, freed at the end.
struct Bytes(*mut GArray);

impl Bytes {
    fn new() -> Self {
        // SAFETY: always allowed.
        Self(unsafe { g_byte_array_new() })
    }

    fn clear(&mut self) {
        // SAFETY: the array is this object's own.
        unsafe { g_byte_array_set_size(self.0, 0) };
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the array is this object's own.
        let GArray { data, len } = unsafe { self.0.read() };
        if data.is_null() {
            return &[];
        }
        // SAFETY: GLib keeps `len` bytes at `data`, and they do not change
        // while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(data, len as usize) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: the array is this object's own.
        unsafe { g_byte_array_free(self.0, 1) };
    }
}

/// A processor's register; the same one on every processor.
#[derive(Clone, Copy)]
pub struct Register(NonNull<c_void>);

// SAFETY: the handle is a number that only the emulator understands.
unsafe impl Send for Register {}
// SAFETY: as above.
unsafe impl Sync for Register {}

impl Register {
    /// Finds registers by name. To be called in a [`super::CpuCallback`].
    pub fn find<const N: usize>(names: [&CStr; N]) -> Option<[Self; N]> {
        // SAFETY: always allowed in the context of a processor.
        let array = unsafe { qemu_plugin_get_registers() };
        // SAFETY: the emulator gives an array, which is the caller's.
        let GArray { data, len } = unsafe { array.read() };
        let descriptors: &[RegisterDescriptor] = if data.is_null() {
            &[]
        } else {
            // SAFETY: the array's elements are `len` descriptors.
            unsafe { std::slice::from_raw_parts(data.cast(), len as usize) }
        };
        let found = names.map(|wanted| {
            let descriptor = descriptors.iter().find(|d| {
                // SAFETY: the emulator gives each register a name, which lives
                // as long as the emulator.
                !d.name.is_null() && unsafe { CStr::from_ptr(d.name) } == wanted
            });
            descriptor.and_then(|d| NonNull::new(d.handle)).map(Self)
        });
        // SAFETY: the array is the caller's; nothing borrows from it any more.
        unsafe { g_array_free(array, 1) };
        found
            .iter()
            .all(Option::is_some)
            .then(|| found.map(|r| r.expect("just checked")))
    }

    /// Its value. To be called in a callback that may read registers.
    pub fn read(self) -> u64 {
        let buffer = Bytes::new();
        // SAFETY: the handle is the emulator's, and so is the array's type.
        unsafe { qemu_plugin_read_register(self.0.as_ptr(), buffer.0) };
        let bytes = buffer.bytes().try_into();
        u64::from_le_bytes(bytes.expect("the registers asked for have 64 bits"))
    }
}

/// Reads the string at `address` in the current address space: up to its NUL,
/// the first byte that cannot be read, or `max` bytes.
pub fn read_string(address: u64, max: usize) -> String {
    let mut text = Vec::new();
    let mut buffer = Bytes::new();
    // Byte by byte, as what is behind the string may not be mapped.
    while text.len() < max {
        buffer.clear();
        let at = address.wrapping_add(text.len() as u64);
        // SAFETY: the array is valid, and the emulator checks the address.
        let read = unsafe { qemu_plugin_read_memory_vaddr(at, buffer.0, 1) };
        match buffer.bytes() {
            &[byte] if read && byte != 0 => text.push(byte),
            _ => break,
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

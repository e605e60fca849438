// SPDX-License-Identifier: GPL-2.0
//! The memory functions that compiled code calls by name.
//!
//! Stands in for the crate of the same name, which is not built for bare metal
//! in the distribution. Byte loops are enough here: the programs copy little,
//! and with the MMU off every access is to Device memory, where an unaligned
//! word access faults.
#![allow(internal_features)]
#![feature(compiler_builtins)]
#![compiler_builtins]
#![no_std]

/// # Safety
/// As C's `memset`: `dst` is valid for `n` byte writes.
#[no_mangle]
pub unsafe extern "C" fn memset(dst: *mut u8, byte: i32, n: usize) -> *mut u8 {
    for i in 0..n {
        // SAFETY: i < n, for which the caller vouches. Volatile keeps the
        // compiler from turning the loop into a call of this function.
        unsafe { dst.add(i).write_volatile(byte as u8) };
    }
    dst
}

/// # Safety
/// As C's `memcpy`: both are valid for `n` bytes and do not overlap.
#[no_mangle]
pub unsafe extern "C" fn memcpy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    for i in 0..n {
        // SAFETY: i < n, for which the caller vouches.
        let byte = unsafe { src.add(i).read_volatile() };
        // SAFETY: as above.
        unsafe { dst.add(i).write_volatile(byte) };
    }
    dst
}

/// # Safety
/// As C's `memmove`: both are valid for `n` bytes.
#[no_mangle]
pub unsafe extern "C" fn memmove(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    if (dst as usize) <= (src as usize) {
        // SAFETY: a forward copy is right when the destination is lower.
        return unsafe { memcpy(dst, src, n) };
    }
    for i in (0..n).rev() {
        // SAFETY: i < n, for which the caller vouches.
        let byte = unsafe { src.add(i).read_volatile() };
        // SAFETY: as above.
        unsafe { dst.add(i).write_volatile(byte) };
    }
    dst
}

/// # Safety
/// As C's `memcmp`: both are valid for `n` bytes.
#[no_mangle]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for i in 0..n {
        // SAFETY: i < n, for which the caller vouches.
        let x = unsafe { a.add(i).read_volatile() };
        // SAFETY: as above.
        let y = unsafe { b.add(i).read_volatile() };
        if x != y {
            return x as i32 - y as i32;
        }
    }
    0
}

/// # Safety
/// As [`memcmp`].
#[no_mangle]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, n) }
}

// SPDX-License-Identifier: GPL-2.0
//! Test Anything Protocol. The plan comes last, so a program that dies on the
//! way has none, which is a failure.

use core::fmt::Arguments;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use rt::say;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// One test point.
pub fn point(ok: bool, what: Arguments<'_>) {
    let number = NUMBER.fetch_add(1, Relaxed) + 1;
    say!("{}ok {number} - {what}", if ok { "" } else { "not " });
}

/// The plan.
pub fn plan() {
    say!("1..{}", NUMBER.load(Relaxed));
}

/// A test point that holds if `got == want`, and shows both if not.
#[macro_export]
macro_rules! check_eq {
    ($got:expr, $want:expr, $($what:tt)*) => {{
        let (got, want) = ($got, $want);
        $crate::tap::point(got == want, format_args!($($what)*));
        if got != want {
            rt::say!("# {}:{}: got {got:#x}, not {want:#x}", file!(), line!());
        }
    }};
}

/// As [`check_eq!`], for what prints with `{}`.
#[macro_export]
macro_rules! check_same {
    ($got:expr, $want:expr, $($what:tt)*) => {{
        let (got, want) = ($got, $want);
        $crate::tap::point(got == want, format_args!($($what)*));
        if got != want {
            rt::say!("# {}:{}: got {got}, not {want}", file!(), line!());
        }
    }};
}

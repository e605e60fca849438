// SPDX-License-Identifier: GPL-2.0
//! The terminal: raw while the guest has it, and Ctrl-A for us.

use std::io::{stdin, IsTerminal, Stdin};

use vmm_sys_util::terminal::Terminal;

const CTRL_A: u8 = 1;

/// Puts the terminal back as it was. Nothing, if there is none.
pub struct RawMode(Option<Stdin>);

impl RawMode {
    /// Makes the terminal on standard input raw, if it is one.
    pub fn new() -> Self {
        let stdin = stdin();
        let raw = stdin.is_terminal() && stdin.lock().set_raw_mode().is_ok();
        Self(raw.then_some(stdin))
    }
}

impl Default for RawMode {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Some(stdin) = &self.0 {
            let _ = stdin.lock().set_canon_mode();
        }
    }
}

/// What the user typed, once our own keys are taken out of it.
#[derive(Debug, Default)]
pub struct Keys {
    escaped: bool,
}

impl Keys {
    /// Takes our keys out of `bytes`, and returns whether the user wants to
    /// leave.
    pub fn filter(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut leave = false;
        bytes.retain(|&byte| {
            let escaped = std::mem::replace(&mut self.escaped, false);
            match byte {
                CTRL_A if !escaped => {
                    self.escaped = true;
                    false
                }
                b'x' | b'X' if escaped => {
                    leave = true;
                    false
                }
                _ => true,
            }
        });
        leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_x_leaves_even_when_it_comes_in_pieces() {
        let mut keys = Keys::default();
        let mut bytes = b"x\x01".to_vec();
        assert!(!keys.filter(&mut bytes));
        assert_eq!(bytes, b"x");
        bytes = b"x".to_vec();
        assert!(keys.filter(&mut bytes));
        assert_eq!(bytes, b"");
    }

    #[test]
    fn ctrl_a_twice_is_one_for_the_guest() {
        let mut bytes = b"a\x01\x01x".to_vec();
        assert!(!Keys::default().filter(&mut bytes));
        assert_eq!(bytes, b"a\x01x");
    }
}

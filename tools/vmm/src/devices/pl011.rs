// SPDX-License-Identifier: GPL-2.0
//! Arm's PL011 UART, as far as a console needs it: no modem lines, no DMA, no
//! line errors. What is sent leaves at once, so the transmit FIFO is always
//! empty.

use std::collections::VecDeque;
use std::io::Write;

use crate::bus::Mmio;

/// A level-triggered interrupt line.
pub trait Line: Send {
    /// Raises or lowers it.
    fn set(&self, level: bool);
}

mod reg {
    pub const DR: u64 = 0x00;
    pub const FR: u64 = 0x18;
    pub const IBRD: u64 = 0x24;
    pub const FBRD: u64 = 0x28;
    pub const LCR_H: u64 = 0x2c;
    pub const CR: u64 = 0x30;
    pub const IFLS: u64 = 0x34;
    pub const IMSC: u64 = 0x38;
    pub const RIS: u64 = 0x3c;
    pub const MIS: u64 = 0x40;
    pub const ICR: u64 = 0x44;
    pub const ID: std::ops::Range<u64> = 0xfe0..0x1000;
}

/// FR: receive FIFO empty, transmit FIFO empty.
const FR_RXFE: u16 = 1 << 4;
const FR_TXFE: u16 = 1 << 7;
/// RIS, MIS, IMSC, ICR: receive, transmit, receive timeout.
const INT_RX: u16 = 1 << 4;
const INT_TX: u16 = 1 << 5;
const INT_RT: u16 = 1 << 6;
const INT_ALL: u16 = 0x7ff;
/// CR after reset: both directions enabled, the UART not.
const CR_RESET: u16 = 0x300;
/// IFLS after reset: both FIFOs at half.
const IFLS_RESET: u16 = 0x12;
/// Peripheral and cell identification, revision r1p5.
const ID: [u8; 8] = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// What a PL011 consists of, apart from what it is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    received: VecDeque<u8>,
    control: u16,
    fifo_levels: u16,
    line_control: u16,
    divisor: u16,
    fraction: u16,
    mask: u16,
    /// The transmit interrupt: the one that is not a function of the FIFO.
    sent: bool,
}

/// A PL011 that writes to `O` and interrupts over `L`.
pub struct Pl011<O, L> {
    state: State,
    output: O,
    line: L,
    /// The line's level as it was last set.
    level: bool,
}

impl<O: Write + Send, L: Line> Pl011<O, L> {
    /// A UART as reset leaves it.
    pub fn new(output: O, line: L) -> Self {
        let state = State {
            control: CR_RESET,
            fifo_levels: IFLS_RESET,
            ..State::default()
        };
        Self {
            state,
            output,
            line,
            level: false,
        }
    }

    /// Bytes that came in from outside.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.state.received.extend(bytes);
        self.update();
    }

    fn raw(&self) -> u16 {
        let mut raw = 0;
        if !self.state.received.is_empty() {
            raw |= INT_RX | INT_RT;
        }
        if self.state.sent {
            raw |= INT_TX;
        }
        raw
    }

    fn update(&mut self) {
        let level = self.raw() & self.state.mask != 0;
        // Setting it is a system call: only when it changes.
        if level != self.level {
            self.level = level;
            self.line.set(level);
        }
    }

    fn get(&mut self, offset: u64) -> u16 {
        let state = &mut self.state;
        match offset {
            reg::DR => {
                let byte = state.received.pop_front().unwrap_or(0);
                self.update();
                byte.into()
            }
            reg::FR if state.received.is_empty() => FR_TXFE | FR_RXFE,
            reg::FR => FR_TXFE,
            reg::IBRD => state.divisor,
            reg::FBRD => state.fraction,
            reg::LCR_H => state.line_control,
            reg::CR => state.control,
            reg::IFLS => state.fifo_levels,
            reg::IMSC => state.mask,
            reg::RIS => self.raw(),
            reg::MIS => self.raw() & self.state.mask,
            _ if reg::ID.contains(&offset) => ID[(offset - reg::ID.start) as usize / 4].into(),
            _ => 0,
        }
    }

    fn set(&mut self, offset: u64, value: u16) {
        let state = &mut self.state;
        match offset {
            reg::DR => {
                // A console that is gone is no reason to stop the guest.
                let _ = self.output.write_all(&[value as u8]);
                let _ = self.output.flush();
                state.sent = true;
            }
            reg::IBRD => state.divisor = value,
            reg::FBRD => state.fraction = value,
            reg::LCR_H => state.line_control = value,
            reg::CR => state.control = value,
            reg::IFLS => state.fifo_levels = value,
            reg::IMSC => state.mask = value & INT_ALL,
            reg::ICR if value & INT_TX != 0 => state.sent = false,
            _ => {}
        }
        self.update();
    }
}

impl<O: Write + Send, L: Line> Mmio for Pl011<O, L> {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        let value = u32::from(self.get(offset)).to_le_bytes();
        let len = data.len().min(4);
        data[..len].copy_from_slice(&value[..len]);
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        let low = data.first().copied().unwrap_or(0);
        let high = data.get(1).copied().unwrap_or(0);
        self.set(offset, u16::from_le_bytes([low, high]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Wire(Arc<AtomicBool>);

    impl Line for Wire {
        fn set(&self, level: bool) {
            self.0.store(level, Ordering::Relaxed);
        }
    }

    fn uart() -> (Pl011<Vec<u8>, Wire>, Wire) {
        let wire = Wire::default();
        (Pl011::new(Vec::new(), wire.clone()), wire)
    }

    #[test]
    fn received_bytes_hold_the_line_until_all_are_read() {
        let (mut uart, wire) = uart();
        uart.receive(b"ab");
        assert!(!wire.0.load(Ordering::Relaxed), "masked");
        uart.set(reg::IMSC, INT_RX | INT_RT);
        assert!(wire.0.load(Ordering::Relaxed));
        // Clearing does not help while there is something to read.
        uart.set(reg::ICR, INT_ALL);
        assert!(wire.0.load(Ordering::Relaxed));
        assert_eq!(uart.get(reg::DR), u16::from(b'a'));
        assert!(wire.0.load(Ordering::Relaxed));
        assert_eq!(uart.get(reg::FR), FR_TXFE);
        assert_eq!(uart.get(reg::DR), u16::from(b'b'));
        assert!(!wire.0.load(Ordering::Relaxed));
        assert_eq!(uart.get(reg::FR), FR_TXFE | FR_RXFE);
    }

    #[test]
    fn a_sent_byte_comes_out_and_interrupts_until_cleared() {
        let (mut uart, wire) = uart();
        uart.set(reg::IMSC, INT_TX);
        assert!(!wire.0.load(Ordering::Relaxed), "nothing was sent yet");
        uart.set(reg::DR, b'x'.into());
        assert_eq!(uart.output, b"x");
        assert_eq!(uart.get(reg::MIS), INT_TX);
        assert!(wire.0.load(Ordering::Relaxed));
        uart.set(reg::ICR, INT_TX);
        assert!(!wire.0.load(Ordering::Relaxed));
    }

    #[test]
    fn it_is_recognised_as_a_pl011() {
        let (mut uart, _) = uart();
        let mut data = [0; 4];
        let id: Vec<u8> = (0..8)
            .map(|i| {
                uart.read(0xfe0 + i * 4, &mut data);
                data[0]
            })
            .collect();
        assert_eq!(id, ID);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The clock: vm-superio's PL031 on our bus. Its alarm is not wired.

use vm_superio::rtc_pl031::NoEvents;

use crate::bus::Mmio;

/// A PL031.
#[derive(Default)]
pub struct Rtc(vm_superio::Rtc<NoEvents>);

impl Mmio for Rtc {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        let mut word = [0; 4];
        self.0.read(offset as u16 & !3, &mut word);
        let len = data.len().min(4);
        data[..len].copy_from_slice(&word[..len]);
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        // Its registers take words only.
        if let Ok(word) = data.try_into() {
            self.0.write(offset as u16, word);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! A virtio console with one port.

use std::collections::VecDeque;
use std::io::{Read, Write};

use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestMemoryMmap;

use super::Backend;

const RECEIVE: usize = 0;

/// A console that writes to `O`.
pub struct Console<O> {
    output: O,
    input: VecDeque<u8>,
}

impl<O> Console<O> {
    /// A console with nothing to read.
    pub fn new(output: O) -> Self {
        let input = VecDeque::new();
        Self { output, input }
    }

    /// Bytes that came in from outside. The queue has to be kicked for it.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }
}

impl<O: Write + Send> Backend for Console<O> {
    const ID: u32 = 3;
    const QUEUES: &'static [u16] = &[64, 64];

    fn process(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error> {
        let mut used = false;
        while index != RECEIVE || !self.input.is_empty() {
            let Some(chain) = queue.iter(memory)?.next() else {
                break;
            };
            let head = chain.head_index();
            let mut written = 0;
            if index == RECEIVE {
                if let Ok(mut writer) = chain.writer(memory) {
                    let (bytes, _) = self.input.as_slices();
                    written = writer.write(bytes).unwrap_or(0);
                    self.input.drain(..written);
                }
            } else if let Ok(mut reader) = chain.reader(memory) {
                let mut bytes = Vec::new();
                // A console that is gone is no reason to stop the guest.
                if reader.read_to_end(&mut bytes).is_ok() {
                    let _ = self.output.write_all(&bytes);
                    let _ = self.output.flush();
                }
            }
            queue.add_used(memory, head, written as u32)?;
            used = true;
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mmio::Transport;
    use super::*;
    use crate::bus::Mmio;
    use vm_memory::{Bytes, GuestAddress};
    use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};

    const DEVICE_WRITES: u16 = 2;

    fn write(device: &mut impl Mmio, offset: u64, value: u32) {
        device.write(offset, &value.to_le_bytes());
    }

    fn read(device: &mut impl Mmio, offset: u64) -> u32 {
        let mut data = [0; 4];
        device.read(offset, &mut data);
        u32::from_le_bytes(data)
    }

    /// The rings of the one queue that the driver uses.
    const DESCRIPTORS: u64 = 0x1000;
    const AVAILABLE: u64 = 0x2000;
    const USED: u64 = 0x3000;

    /// Does what a driver does to bring the device up with one queue.
    fn bring_up(device: &mut impl Mmio, index: u32) {
        write(device, 0x70, 0);
        write(device, 0x30, index);
        write(device, 0x38, 16);
        for (offset, address) in [(0x80, DESCRIPTORS), (0x90, AVAILABLE), (0xa0, USED)] {
            write(device, offset, address as u32);
            write(device, offset + 4, 0);
        }
        write(device, 0x44, 1);
        write(device, 0x70, 0xf);
    }

    /// The driver's first buffer.
    fn offer(memory: &GuestMemoryMmap, address: u64, len: u32, flags: u16) {
        memory
            .write_obj(address, GuestAddress(DESCRIPTORS))
            .unwrap();
        let rest = u64::from(len) | u64::from(flags) << 32;
        memory
            .write_obj(rest, GuestAddress(DESCRIPTORS + 8))
            .unwrap();
        // The available ring: flags 0, index 1, descriptor 0.
        memory
            .write_obj(1u64 << 16, GuestAddress(AVAILABLE))
            .unwrap();
    }

    #[test]
    fn what_the_guest_sends_comes_out_and_interrupts() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x10000)]).unwrap();
        let irq = EventFd::new(EFD_NONBLOCK).unwrap();
        let line = irq.try_clone().unwrap();
        let mut device = Transport::new(Console::new(Vec::new()), memory.clone(), irq).unwrap();
        bring_up(&mut device, 1);
        memory.write_slice(b"hello", GuestAddress(0x8000)).unwrap();
        offer(&memory, 0x8000, 5, 0);
        assert!(line.read().is_err(), "no interrupt yet");
        write(&mut device, 0x50, 1);
        assert_eq!(line.read().unwrap(), 1);
        assert_eq!(read(&mut device, 0x60), 1);
        write(&mut device, 0x64, 1);
        assert_eq!(read(&mut device, 0x60), 0);
        // Nothing new: no second interrupt.
        write(&mut device, 0x50, 1);
        assert!(line.read().is_err());
    }

    #[test]
    fn input_waits_for_buffers_and_fills_them() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x10000)]).unwrap();
        let irq = EventFd::new(EFD_NONBLOCK).unwrap();
        let line = irq.try_clone().unwrap();
        let mut device = Transport::new(Console::new(Vec::new()), memory.clone(), irq).unwrap();
        bring_up(&mut device, 0);
        device.backend.receive(b"abcdef");
        device.kick(0);
        assert!(line.read().is_err(), "there is no buffer");
        offer(&memory, 0x8000, 4, DEVICE_WRITES);
        device.kick(0);
        assert_eq!(line.read().unwrap(), 1);
        let mut bytes = [0; 4];
        memory.read_slice(&mut bytes, GuestAddress(0x8000)).unwrap();
        assert_eq!(&bytes, b"abcd");
    }

    #[test]
    fn rings_outside_of_memory_stop_the_device_and_nothing_else() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x10000)]).unwrap();
        let irq = EventFd::new(EFD_NONBLOCK).unwrap();
        let mut device = Transport::new(Console::new(Vec::new()), memory.clone(), irq).unwrap();
        bring_up(&mut device, 1);
        write(&mut device, 0x90, 0xffff_0000);
        write(&mut device, 0x50, 1);
        assert_ne!(read(&mut device, 0x70) & 0x40, 0, "it needs a reset");
        write(&mut device, 0x70, 0);
        assert_eq!(read(&mut device, 0x70), 0);
    }
}

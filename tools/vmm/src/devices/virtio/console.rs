// SPDX-License-Identifier: GPL-2.0
//! A virtio console with one port.

use std::collections::VecDeque;
use std::io::{self, Write};

use virtio_bindings::virtio_ids::VIRTIO_ID_CONSOLE;
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
    const ID: u32 = VIRTIO_ID_CONSOLE;
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
                // A console that is gone is no reason to stop the guest. What
                // a guest sends at once may be as large as its memory.
                let _ = io::copy(&mut reader, &mut self.output);
                let _ = self.output.flush();
            }
            queue.add_used(memory, head, written as u32)?;
            used = true;
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_available, any_descriptors, Buffer, Driver};
    use super::*;
    use crate::bus::lock;
    use proptest::prelude::*;

    fn console() -> Driver<Console<Vec<u8>>> {
        let mut driver = Driver::new(Console::new(Vec::new()));
        driver.start(u64::MAX);
        driver
    }

    #[test]
    fn what_the_guest_sends_comes_out_and_interrupts() {
        let mut driver = console();
        driver.put(0x8000, b"hello");
        let buffers = [Buffer::Read(0x8000, 2), Buffer::Read(0x8002, 3)];
        assert_eq!(driver.send(1, &buffers), 0);
        assert_eq!(lock(driver.device.device()).backend.output, b"hello");
        // Nothing new: no second interrupt.
        driver.kick(1);
        assert!(driver.irq.read().is_err());
    }

    #[test]
    fn input_waits_for_buffers_and_fills_them() {
        let mut driver = console();
        lock(driver.device.device()).backend.receive(b"abcdef");
        driver.kick(0);
        assert!(driver.irq.read().is_err(), "there is no buffer");
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 4)]), 4);
        assert_eq!(driver.get(0x8000, 5), b"abcd\0");
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 4)]), 2);
        assert_eq!(driver.get(0x8000, 2), b"ef");
    }

    proptest! {
        #[test]
        fn any_descriptors_leave_a_console_that_works(
            queue in 0usize..2,
            descriptors in any_descriptors(),
            available in any_available(),
            index in 0u16..40,
        ) {
            let mut driver = Driver::new(Console::new(io::sink()));
            driver.start(u64::MAX);
            lock(driver.device.device()).backend.receive(&[7; 2048]);
            driver.scramble(queue, &descriptors, &available, index);
            driver.kick(queue);
            driver.start(u64::MAX);
            prop_assert_eq!(driver.send(1, &[Buffer::Read(0x8000, 4)]), 0);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! A virtio source of random numbers: the host's.

use std::fs::File;
use std::io::{self, Read, Write};

use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestMemoryMmap;

use super::Backend;

/// The most that one buffer gets. The device says how much it gave, and the
/// driver comes again.
const MOST: usize = 4096;

/// A source that reads from `R`.
pub struct Rng<R> {
    source: R,
}

impl Rng<File> {
    /// The host's random numbers.
    pub fn open() -> io::Result<Self> {
        Ok(Self::new(File::open("/dev/urandom")?))
    }
}

impl<R> Rng<R> {
    /// Another source.
    pub fn new(source: R) -> Self {
        Self { source }
    }
}

impl<R: Read + Send> Backend for Rng<R> {
    const ID: u32 = VIRTIO_ID_RNG;
    const QUEUES: &'static [u16] = &[16];

    fn process(
        &mut self,
        _: usize,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error> {
        let mut used = false;
        let mut bytes = [0; MOST];
        while let Some(chain) = queue.iter(memory)?.next() {
            let head = chain.head_index();
            let mut written = 0;
            if let Ok(mut to) = chain.writer(memory) {
                let bytes = &mut bytes[..to.available_bytes().min(MOST)];
                if self.source.read_exact(bytes).is_ok() {
                    written = to.write(bytes).unwrap_or(0);
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
    use super::super::testing::{any_available, any_descriptors, Buffer, Driver};
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn buffers_are_filled_and_no_byte_beyond_them() {
        let mut driver = Driver::new(Rng::new(io::repeat(0x5a)));
        driver.start(u64::MAX);
        let buffers = [Buffer::Write(0x8000, 3), Buffer::Write(0x8100, 2)];
        assert_eq!(driver.send(0, &buffers), 5);
        assert_eq!(driver.get(0x8000, 4), [0x5a, 0x5a, 0x5a, 0]);
        assert_eq!(driver.get(0x8100, 3), [0x5a, 0x5a, 0]);
        // More than one answer has: the guest is told how much came.
        assert_eq!(
            driver.send(0, &[Buffer::Write(0x1_0000, 0x2000)]),
            MOST as u32
        );
        assert_eq!(driver.get(0x1_0000 + MOST as u64, 1), [0]);
    }

    #[test]
    fn the_hosts_numbers_differ() {
        let mut driver = Driver::new(Rng::open().unwrap());
        driver.start(u64::MAX);
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 32)]), 32);
        assert_eq!(driver.send(0, &[Buffer::Write(0x8100, 32)]), 32);
        assert_ne!(driver.get(0x8000, 32), driver.get(0x8100, 32));
    }

    #[test]
    fn a_source_that_ends_gives_nothing() {
        let mut driver = Driver::new(Rng::new(io::empty()));
        driver.start(u64::MAX);
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 32)]), 0);
        assert!(!driver.is_broken());
    }

    proptest! {
        #[test]
        fn any_descriptors_leave_a_source_that_works(
            descriptors in any_descriptors(),
            available in any_available(),
            index in 0u16..40,
        ) {
            let mut driver = Driver::new(Rng::new(io::repeat(1)));
            driver.start(u64::MAX);
            driver.scramble(0, &descriptors, &available, index);
            driver.kick(0);
            driver.start(u64::MAX);
            prop_assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 8)]), 8);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What a guest's driver does, for the devices' tests: it writes registers and
//! rings as the specification says, or as it forbids.

use std::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_mmio as reg;
use virtio_queue::desc::split::Descriptor;
use virtio_queue::desc::RawDescriptor;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};

use super::device::Worker;
use super::mmio::Transport;
use super::Backend;
use crate::bus::{lock, Mmio};

const MEMORY: u64 = 4 << 20;
/// Every queue has this many descriptors, and its rings in a page of its own
/// each, from the number of the queue on.
pub const SIZE: u16 = 16;
const RINGS: u64 = 0x3000;
const AVAILABLE: u64 = 0x1000;
const USED: u64 = 0x2000;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// A part of a chain: address and length.
#[derive(Clone, Copy, Debug)]
pub enum Buffer {
    /// The device reads it.
    Read(u64, u32),
    /// The device writes it.
    Write(u64, u32),
}

/// A driver, with the device that it drives. The guest's memory starts at 0;
/// the rings take its first 32 KiB.
pub struct Driver<B> {
    pub device: Transport<B>,
    pub memory: GuestMemoryMmap,
    pub irq: EventFd,
    kicks: Vec<EventFd>,
}

impl<B: Backend> Driver<B> {
    pub fn new(backend: B) -> Self {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY as usize)]).unwrap();
        let event = || EventFd::new(EFD_NONBLOCK).unwrap();
        let irq = event();
        let kicks: Vec<EventFd> = B::QUEUES.iter().map(|_| event()).collect();
        let clones = kicks.iter().map(|kick| kick.try_clone().unwrap()).collect();
        let line = irq.try_clone().unwrap();
        let device = Transport::new(backend, memory.clone(), line, clones).unwrap();
        Self {
            device,
            memory,
            irq,
            kicks,
        }
    }

    pub fn read(&mut self, register: u32) -> u32 {
        let mut data = [0; 4];
        self.device.read(register.into(), &mut data);
        u32::from_le_bytes(data)
    }

    pub fn write(&mut self, register: u32, value: u32) {
        self.device.write(register.into(), &value.to_le_bytes());
    }

    pub fn put(&self, address: u64, bytes: &[u8]) {
        self.memory
            .write_slice(bytes, GuestAddress(address))
            .unwrap();
    }

    pub fn get(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory
            .read_slice(&mut bytes, GuestAddress(address))
            .unwrap();
        bytes
    }

    fn word(&self, address: u64) -> u16 {
        self.memory.read_obj(GuestAddress(address)).unwrap()
    }

    /// Agrees to those features of `wanted` that are offered, and returns
    /// whether the device took them.
    pub fn negotiate(&mut self, wanted: u64) -> bool {
        for half in 0..2 {
            self.write(reg::VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
            let offered = self.read(reg::VIRTIO_MMIO_DEVICE_FEATURES);
            self.write(reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
            let accepted = (wanted >> (32 * half)) as u32 & offered;
            self.write(reg::VIRTIO_MMIO_DRIVER_FEATURES, accepted);
        }
        self.write(reg::VIRTIO_MMIO_STATUS, 0xb);
        self.read(reg::VIRTIO_MMIO_STATUS) & 8 != 0
    }

    /// Tells the device where the rings are, which become empty.
    pub fn set_queues(&mut self) {
        self.put(0, &vec![0; B::QUEUES.len() * RINGS as usize]);
        for index in 0..B::QUEUES.len() as u32 {
            let rings = u64::from(index) * RINGS;
            self.write(reg::VIRTIO_MMIO_QUEUE_SEL, index);
            self.write(reg::VIRTIO_MMIO_QUEUE_NUM, SIZE.into());
            for (register, address) in [
                (reg::VIRTIO_MMIO_QUEUE_DESC_LOW, rings),
                (reg::VIRTIO_MMIO_QUEUE_AVAIL_LOW, rings + AVAILABLE),
                (reg::VIRTIO_MMIO_QUEUE_USED_LOW, rings + USED),
            ] {
                self.write(register, address as u32);
                self.write(register + 4, (address >> 32) as u32);
            }
            self.write(reg::VIRTIO_MMIO_QUEUE_READY, 1);
        }
    }

    /// Resets the device and brings it up.
    pub fn start(&mut self, wanted: u64) {
        self.write(reg::VIRTIO_MMIO_STATUS, 0);
        assert_eq!(self.read(reg::VIRTIO_MMIO_STATUS), 0);
        assert!(self.negotiate(wanted | 1 << VIRTIO_F_VERSION_1));
        self.set_queues();
        self.write(reg::VIRTIO_MMIO_STATUS, 0xf);
        assert!(!self.is_broken());
        self.work();
        while self.irq.read().is_ok() {}
    }

    pub fn is_broken(&mut self) -> bool {
        self.read(reg::VIRTIO_MMIO_STATUS) & 0x40 != 0
    }

    fn store(&self, index: usize, slot: u16, descriptor: Descriptor) {
        let address = index as u64 * RINGS + u64::from(slot) * 16;
        self.memory
            .write_obj(RawDescriptor::from(descriptor), GuestAddress(address))
            .unwrap();
    }

    /// Makes a chain of `buffers` available, with the descriptors from `first`
    /// on.
    pub fn offer(&mut self, index: usize, first: u16, buffers: &[Buffer]) {
        let mut left = buffers.len();
        for (slot, buffer) in (first..).zip(buffers) {
            left -= 1;
            let next = if left > 0 { NEXT } else { 0 };
            let descriptor = match *buffer {
                Buffer::Read(address, len) => Descriptor::new(address, len, next, slot + 1),
                Buffer::Write(address, len) => {
                    Descriptor::new(address, len, next | WRITE, slot + 1)
                }
            };
            self.store(index, slot, descriptor);
        }
        let ring = index as u64 * RINGS + AVAILABLE;
        let offered = self.word(ring + 2);
        let place = ring + 4 + u64::from(offered % SIZE) * 2;
        self.put(place, &first.to_le_bytes());
        self.put(ring + 2, &offered.wrapping_add(1).to_le_bytes());
        // With EVENT_IDX: interrupt for the next buffer that is used.
        let event = ring + 4 + u64::from(SIZE) * 2;
        self.put(event, &self.used(index).to_le_bytes());
    }

    /// Does what the device's thread does for notifications that came.
    pub fn work(&mut self) {
        for (index, kick) in self.kicks.iter().enumerate() {
            if kick.read().is_ok() {
                lock(self.device.device()).kick(index);
            }
        }
    }

    /// Has a thread work from now on, as in the VMM.
    pub fn spawn_worker(&self)
    where
        B: 'static,
    {
        let kicks = self.kicks.iter().map(|k| k.try_clone().unwrap()).collect();
        let worker = Worker::new(self.device.device().clone(), kicks);
        thread::spawn(move || worker.run());
    }

    /// Notifies a queue, for the device's thread to work.
    pub fn notify(&mut self, index: usize) {
        self.write(reg::VIRTIO_MMIO_QUEUE_NOTIFY, index as u32);
    }

    /// Waits for the device's thread to have used `count` chains of a queue.
    pub fn wait(&self, index: usize, count: u16) {
        while self.used(index) < count {
            thread::yield_now();
        }
    }

    /// Notifies a queue and lets the device work.
    pub fn kick(&mut self, index: usize) {
        self.notify(index);
        self.work();
    }

    /// How many chains of a queue were used since the start.
    pub fn used(&self, index: usize) -> u16 {
        self.word(index as u64 * RINGS + USED + 2)
    }

    /// What the used ring says of the chain that was used last: its first
    /// descriptor, and how much was written.
    pub fn last_used(&self, index: usize) -> (u32, u32) {
        let last = self.used(index).wrapping_sub(1) % SIZE;
        let element = index as u64 * RINGS + USED + 4 + u64::from(last) * 8;
        let word = |address| self.memory.read_obj(GuestAddress(address)).unwrap();
        (word(element), word(element + 4))
    }

    /// Sends one chain, sees it used and the guest interrupted for it, and
    /// returns how much was written.
    pub fn send(&mut self, index: usize, buffers: &[Buffer]) -> u32 {
        let before = self.used(index);
        self.offer(index, 0, buffers);
        self.kick(index);
        assert_eq!(self.used(index), before.wrapping_add(1), "not used");
        let (head, written) = self.last_used(index);
        assert_eq!(head, 0);
        assert_eq!(self.irq.read().unwrap(), 1, "no interrupt");
        assert_eq!(self.read(reg::VIRTIO_MMIO_INTERRUPT_STATUS), 1);
        self.write(reg::VIRTIO_MMIO_INTERRUPT_ACK, 1);
        assert_eq!(self.read(reg::VIRTIO_MMIO_INTERRUPT_STATUS), 0);
        written
    }

    /// Writes descriptors, an available ring and its index over what is there.
    pub fn scramble(
        &mut self,
        index: usize,
        descriptors: &[Descriptor],
        available: &[u16],
        available_index: u16,
    ) {
        for (slot, descriptor) in (0..).zip(descriptors) {
            self.store(index, slot, *descriptor);
        }
        let ring = index as u64 * RINGS + AVAILABLE;
        for (place, head) in (0u64..).zip(available) {
            self.put(ring + 4 + place * 2, &head.to_le_bytes());
        }
        self.put(ring + 2, &available_index.to_le_bytes());
    }
}

/// Descriptors as a guest may write them, broken ones among them: loops,
/// indirect tables in tables, addresses that wrap, lengths of all memory.
pub fn any_descriptors() -> impl Strategy<Value = Vec<Descriptor>> {
    let address = prop_oneof![
        8 => (0u64..16).prop_map(|place| 0x8000 + place * 0x100),
        2 => 0..MEMORY,
        // The rings themselves.
        2 => (0u64..0x300).prop_map(|place| place * 16),
        1 => (MEMORY - 64)..=(MEMORY + 64),
        1 => any::<u64>(),
        1 => (u64::MAX - 64)..=u64::MAX,
    ];
    let len = prop_oneof![
        4 => Just(512u32),
        4 => Just(16u32),
        2 => Just(1u32),
        2 => 0u32..2048,
        1 => any::<u32>(),
        1 => Just(u32::MAX),
    ];
    let flags = prop_oneof![
        8 => 0..=(NEXT | WRITE),
        2 => 0..=(NEXT | WRITE | INDIRECT),
        1 => any::<u16>(),
    ];
    let next = prop_oneof![8 => 0..SIZE, 1 => any::<u16>()];
    let descriptor = (address, len, flags, next)
        .prop_map(|(address, len, flags, next)| Descriptor::new(address, len, flags, next));
    vec(descriptor, usize::from(SIZE))
}

/// An available ring as a guest may write it.
pub fn any_available() -> impl Strategy<Value = Vec<u16>> {
    vec(
        prop_oneof![16 => 0..SIZE, 1 => any::<u16>()],
        usize::from(SIZE),
    )
}

/// A backend that uses up what it gets, and remembers what it was told.
#[derive(Default)]
pub struct Sink {
    pub started: Vec<u64>,
    pub processed: Arc<AtomicUsize>,
}

mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use virtio_queue::{Queue, QueueOwnedT, QueueT};

    impl Backend for Sink {
        const ID: u32 = 0x2a;
        const QUEUES: &'static [u16] = &[64, 32];

        fn features(&self) -> u64 {
            1 << 3
        }

        fn config(&self) -> Vec<u8> {
            vec![1, 2, 3, 4, 5]
        }

        fn start(&mut self, features: u64) {
            self.started.push(features);
        }

        fn process(
            &mut self,
            _: usize,
            queue: &mut Queue,
            memory: &GuestMemoryMmap,
        ) -> Result<bool, virtio_queue::Error> {
            let mut used = false;
            while let Some(chain) = queue.iter(memory)?.next() {
                let head = chain.head_index();
                queue.add_used(memory, head, 0)?;
                self.processed.fetch_add(1, Ordering::SeqCst);
                used = true;
            }
            Ok(used)
        }
    }

    fn driver() -> Driver<Sink> {
        Driver::new(Sink::default())
    }

    const READ: [Buffer; 1] = [Buffer::Read(0x8000, 4)];

    #[test]
    fn the_registers_say_what_it_is() {
        let mut driver = driver();
        assert_eq!(driver.read(reg::VIRTIO_MMIO_MAGIC_VALUE), 0x7472_6976);
        assert_eq!(driver.read(reg::VIRTIO_MMIO_VERSION), 2);
        assert_eq!(driver.read(reg::VIRTIO_MMIO_DEVICE_ID), Sink::ID);
        for (queue, size) in [(0, 64), (1, 32), (2, 0), (u32::MAX, 0)] {
            driver.write(reg::VIRTIO_MMIO_QUEUE_SEL, queue);
            assert_eq!(driver.read(reg::VIRTIO_MMIO_QUEUE_NUM_MAX), size);
        }
        for half in [2, u32::MAX] {
            driver.write(reg::VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
            assert_eq!(driver.read(reg::VIRTIO_MMIO_DEVICE_FEATURES), 0);
        }
        let mut byte = [0];
        driver.device.read(0x104, &mut byte);
        assert_eq!(byte, [5]);
        let mut word = [0; 8];
        driver.device.read(0x101, &mut word);
        assert_eq!(word, [2, 3, 4, 5, 0, 0, 0, 0]);
    }

    #[test]
    fn features_that_are_not_ours_are_refused_and_agreed_ones_stay() {
        let mut driver = driver();
        assert!(!driver.negotiate(0), "VERSION_1 is not a choice");
        driver.write(reg::VIRTIO_MMIO_STATUS, 0);
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES, 1 << 7);
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES, 1);
        driver.write(reg::VIRTIO_MMIO_STATUS, 0xb);
        assert_eq!(
            driver.read(reg::VIRTIO_MMIO_STATUS),
            3,
            "bit 7 was no offer"
        );
        // Without FEATURES_OK, DRIVER_OK starts nothing.
        driver.set_queues();
        driver.write(reg::VIRTIO_MMIO_STATUS, 0x7);
        driver.offer(0, 0, &READ);
        driver.kick(0);
        assert_eq!(driver.used(0), 0);

        driver.write(reg::VIRTIO_MMIO_STATUS, 0);
        assert!(driver.negotiate(1 << VIRTIO_F_VERSION_1 | 1 << 3));
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        driver.write(reg::VIRTIO_MMIO_DRIVER_FEATURES, u32::MAX);
        driver.set_queues();
        driver.write(reg::VIRTIO_MMIO_STATUS, 0xf);
        let started = lock(driver.device.device()).backend.started.clone();
        assert_eq!(started, [1 << VIRTIO_F_VERSION_1 | 1 << 3]);
    }

    #[test]
    fn buffers_from_before_the_start_are_seen() {
        let mut driver = driver();
        assert!(driver.negotiate(u64::MAX));
        driver.set_queues();
        driver.offer(1, 0, &READ);
        driver.kick(1);
        assert_eq!(driver.used(1), 0, "not started");
        driver.write(reg::VIRTIO_MMIO_STATUS, 0xf);
        driver.work();
        assert_eq!(driver.used(1), 1);
    }

    #[test]
    fn a_reset_takes_everything_back_and_it_starts_again() {
        let mut driver = driver();
        for features in [u64::MAX, 0, 1 << 3] {
            driver.start(features);
            assert_eq!(driver.send(0, &READ), 0);
            driver.offer(0, 0, &READ);
            driver.notify(0);
            driver.write(reg::VIRTIO_MMIO_STATUS, 0);
            // The notification is still there, the queue is not.
            driver.work();
            assert_eq!(driver.used(0), 1);
            assert!(driver.irq.read().is_err());
            for register in [
                reg::VIRTIO_MMIO_STATUS,
                reg::VIRTIO_MMIO_INTERRUPT_STATUS,
                reg::VIRTIO_MMIO_QUEUE_READY,
            ] {
                assert_eq!(driver.read(register), 0);
            }
        }
    }

    #[test]
    fn a_ready_queue_keeps_its_place_until_it_is_stopped() {
        let mut driver = driver();
        driver.start(0);
        driver.write(reg::VIRTIO_MMIO_QUEUE_SEL, 0);
        driver.write(reg::VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0xffff_0000);
        assert_eq!(driver.send(0, &READ), 0);
        driver.write(reg::VIRTIO_MMIO_QUEUE_READY, 0);
        assert_eq!(driver.read(reg::VIRTIO_MMIO_QUEUE_READY), 0);
        driver.offer(0, 0, &READ);
        driver.kick(0);
        assert_eq!(driver.used(0), 1);
        assert_eq!(driver.send(1, &READ), 0, "the other one goes on");
    }

    #[test]
    fn rings_that_cannot_be_stop_the_device_and_interrupt() {
        for (register, value) in [
            (reg::VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0xffff_0000),
            (reg::VIRTIO_MMIO_QUEUE_AVAIL_HIGH, u32::MAX),
            (reg::VIRTIO_MMIO_QUEUE_USED_LOW, MEMORY as u32 - 4),
            (reg::VIRTIO_MMIO_QUEUE_DESC_LOW, 8),
            (reg::VIRTIO_MMIO_QUEUE_NUM, 0),
            (reg::VIRTIO_MMIO_QUEUE_NUM, 24),
            (reg::VIRTIO_MMIO_QUEUE_NUM, 128),
            (reg::VIRTIO_MMIO_QUEUE_NUM, 0x1_0010),
        ] {
            let mut driver = driver();
            assert!(driver.negotiate(u64::MAX));
            driver.set_queues();
            driver.write(reg::VIRTIO_MMIO_QUEUE_SEL, 0);
            driver.write(reg::VIRTIO_MMIO_QUEUE_READY, 0);
            driver.write(register, value);
            driver.write(reg::VIRTIO_MMIO_QUEUE_READY, 1);
            driver.write(reg::VIRTIO_MMIO_STATUS, 0xf);
            assert!(driver.is_broken(), "{register:#x} = {value:#x}");
            assert!(driver.irq.read().is_ok());
            assert_eq!(driver.read(reg::VIRTIO_MMIO_INTERRUPT_STATUS), 2);
            driver.start(0);
            assert_eq!(driver.send(0, &READ), 0, "a reset heals it");
        }
    }

    #[test]
    fn an_available_index_that_is_ahead_of_the_ring_stops_the_device() {
        let mut driver = driver();
        driver.start(u64::MAX);
        driver.scramble(0, &[], &[0; SIZE as usize], SIZE + 1);
        driver.kick(0);
        assert!(driver.is_broken());
        assert!(driver.irq.read().is_ok());
        // It does nothing more, not for its other queue either.
        driver.offer(1, 0, &READ);
        driver.kick(1);
        assert_eq!(driver.used(1), 0);
    }

    #[test]
    fn resets_while_the_devices_thread_works_lose_nothing_and_invent_nothing() {
        let mut driver = driver();
        let processed = lock(driver.device.device()).backend.processed.clone();
        driver.spawn_worker();
        for round in 0..200u16 {
            driver.write(reg::VIRTIO_MMIO_STATUS, 0);
            assert!(driver.negotiate(u64::MAX));
            driver.set_queues();
            driver.write(reg::VIRTIO_MMIO_STATUS, 0xf);
            for slot in 0..4 {
                driver.offer(0, slot, &READ);
                driver.notify(0);
            }
            if round % 2 == 0 {
                // Whatever was not done stays undone: after the reset, the
                // rings belong to the driver alone.
                driver.write(reg::VIRTIO_MMIO_STATUS, 0);
                let (used, count) = (driver.used(0), processed.load(Ordering::SeqCst));
                thread::yield_now();
                assert_eq!(driver.used(0), used);
                assert_eq!(processed.load(Ordering::SeqCst), count);
            } else {
                driver.wait(0, 4);
                assert!(!driver.is_broken());
            }
        }
    }

    proptest! {
        /// Registers are written in any order with any values.
        #[test]
        fn any_register_writes_leave_a_device_that_works(
            writes in vec((0u32..0x120, prop_oneof![0u32..16, any::<u32>()]), 0..64),
        ) {
            let mut driver = driver();
            driver.start(u64::MAX);
            for (register, value) in writes {
                driver.write(register & !3, value);
                driver.work();
                driver.read(register & !3);
            }
            driver.start(u64::MAX);
            prop_assert_eq!(driver.send(1, &READ), 0);
        }
    }
}

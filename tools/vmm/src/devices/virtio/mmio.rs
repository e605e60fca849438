// SPDX-License-Identifier: GPL-2.0
//! Virtio's MMIO transport, version 2 (the specification's section 4.2).

use virtio_queue::{Queue, QueueT};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use super::Backend;
use crate::bus::Mmio;

mod reg {
    pub const MAGIC: u64 = 0x00;
    pub const VERSION: u64 = 0x04;
    pub const DEVICE_ID: u64 = 0x08;
    pub const VENDOR_ID: u64 = 0x0c;
    pub const DEVICE_FEATURES: u64 = 0x10;
    pub const DEVICE_FEATURES_SEL: u64 = 0x14;
    pub const DRIVER_FEATURES: u64 = 0x20;
    pub const DRIVER_FEATURES_SEL: u64 = 0x24;
    pub const QUEUE_SEL: u64 = 0x30;
    pub const QUEUE_SIZE_MAX: u64 = 0x34;
    pub const QUEUE_SIZE: u64 = 0x38;
    pub const QUEUE_READY: u64 = 0x44;
    pub const QUEUE_NOTIFY: u64 = 0x50;
    pub const INTERRUPT_STATUS: u64 = 0x60;
    pub const INTERRUPT_ACK: u64 = 0x64;
    pub const STATUS: u64 = 0x70;
    pub const QUEUE_DESC_LOW: u64 = 0x80;
    pub const QUEUE_DESC_HIGH: u64 = 0x84;
    pub const QUEUE_DRIVER_LOW: u64 = 0x90;
    pub const QUEUE_DRIVER_HIGH: u64 = 0x94;
    pub const QUEUE_DEVICE_LOW: u64 = 0xa0;
    pub const QUEUE_DEVICE_HIGH: u64 = 0xa4;
}

/// Where a guest writes to notify a queue, for the ioeventfds.
pub const QUEUE_NOTIFY: u64 = reg::QUEUE_NOTIFY;

const MAGIC: u32 = u32::from_le_bytes(*b"virt");
/// VIRTIO_F_VERSION_1, the one feature: bit 32.
const FEATURES: u64 = 1 << 32;
const INTERRUPT_USED_BUFFER: u32 = 1;
const STATUS_DRIVER_OK: u32 = 4;
const STATUS_NEEDS_RESET: u32 = 0x40;

/// A device on its transport.
pub struct Transport<B> {
    /// The device's own part.
    pub backend: B,
    queues: Vec<Queue>,
    memory: GuestMemoryMmap,
    irq: EventFd,
    interrupt_status: u32,
    status: u32,
    features: u64,
    device_features_sel: u32,
    driver_features_sel: u32,
    queue_sel: usize,
}

impl<B: Backend> Transport<B> {
    /// A device as reset leaves it. `irq` is its interrupt.
    pub fn new(
        backend: B,
        memory: GuestMemoryMmap,
        irq: EventFd,
    ) -> Result<Self, virtio_queue::Error> {
        Ok(Self {
            backend,
            queues: B::QUEUES
                .iter()
                .map(|&size| Queue::new(size))
                .collect::<Result<_, _>>()?,
            memory,
            irq,
            interrupt_status: 0,
            status: 0,
            features: 0,
            device_features_sel: 0,
            driver_features_sel: 0,
            queue_sel: 0,
        })
    }

    /// The guest notified a queue, or the device has something for it.
    pub fn kick(&mut self, index: usize) {
        if self.status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET) != STATUS_DRIVER_OK {
            return;
        }
        let Some(queue) = self.queues.get_mut(index).filter(|q| q.ready()) else {
            return;
        };
        match drain(&mut self.backend, index, queue, &self.memory) {
            Ok(false) => {}
            Ok(true) => {
                self.interrupt_status |= INTERRUPT_USED_BUFFER;
                // The counter cannot overflow: KVM takes it at once.
                let _ = self.irq.write(1);
            }
            // The rings are not where the guest has memory.
            Err(_) => self.status |= STATUS_NEEDS_RESET,
        }
    }

    fn reset(&mut self) {
        self.queues.iter_mut().for_each(Queue::reset);
        self.interrupt_status = 0;
        self.status = 0;
        self.features = 0;
        self.device_features_sel = 0;
        self.driver_features_sel = 0;
        self.queue_sel = 0;
    }

    fn get(&self, offset: u64) -> u32 {
        let queue = self.queues.get(self.queue_sel);
        match offset {
            reg::MAGIC => MAGIC,
            reg::VERSION => 2,
            reg::DEVICE_ID => B::ID,
            reg::VENDOR_ID => 0,
            reg::DEVICE_FEATURES => half(FEATURES, self.device_features_sel),
            reg::QUEUE_SIZE_MAX => queue.map_or(0, |q| q.max_size().into()),
            reg::QUEUE_READY => queue.is_some_and(Queue::ready).into(),
            reg::INTERRUPT_STATUS => self.interrupt_status,
            reg::STATUS => self.status,
            _ => 0,
        }
    }

    fn set(&mut self, offset: u64, value: u32) {
        match offset {
            reg::DEVICE_FEATURES_SEL => self.device_features_sel = value,
            reg::DRIVER_FEATURES_SEL => self.driver_features_sel = value,
            reg::DRIVER_FEATURES => match self.driver_features_sel {
                0 => self.features = self.features >> 32 << 32 | u64::from(value),
                1 => self.features = self.features & 0xffff_ffff | u64::from(value) << 32,
                _ => {}
            },
            reg::QUEUE_SEL => self.queue_sel = value as usize,
            reg::QUEUE_NOTIFY => self.kick(value as usize),
            reg::INTERRUPT_ACK => self.interrupt_status &= !value,
            reg::STATUS if value == 0 => self.reset(),
            reg::STATUS => self.status = value,
            _ => self.set_queue(offset, value),
        }
    }

    fn set_queue(&mut self, offset: u64, value: u32) {
        let Some(queue) = self.queues.get_mut(self.queue_sel) else {
            return;
        };
        match offset {
            reg::QUEUE_SIZE => queue.set_size(value as u16),
            reg::QUEUE_READY => queue.set_ready(value == 1),
            reg::QUEUE_DESC_LOW => queue.set_desc_table_address(Some(value), None),
            reg::QUEUE_DESC_HIGH => queue.set_desc_table_address(None, Some(value)),
            reg::QUEUE_DRIVER_LOW => queue.set_avail_ring_address(Some(value), None),
            reg::QUEUE_DRIVER_HIGH => queue.set_avail_ring_address(None, Some(value)),
            reg::QUEUE_DEVICE_LOW => queue.set_used_ring_address(Some(value), None),
            reg::QUEUE_DEVICE_HIGH => queue.set_used_ring_address(None, Some(value)),
            _ => {}
        }
    }
}

/// Processes a queue until nothing is left in it, and returns whether the
/// guest wants to know. Notifications are off meanwhile; what the guest adds
/// just before they are on again is seen by enable_notification.
fn drain<B: Backend>(
    backend: &mut B,
    index: usize,
    queue: &mut Queue,
    memory: &GuestMemoryMmap,
) -> Result<bool, virtio_queue::Error> {
    let mut used = false;
    loop {
        queue.disable_notification(memory)?;
        let progress = backend.process(index, queue, memory)?;
        used |= progress;
        if !queue.enable_notification(memory)? || !progress {
            break;
        }
    }
    Ok(used && queue.needs_notification(memory)?)
}

/// The lower or the upper half of a feature set, as a selector says.
fn half(features: u64, selector: u32) -> u32 {
    match selector {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

impl<B: Backend> Mmio for Transport<B> {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        let value = self.get(offset).to_le_bytes();
        let len = data.len().min(4);
        data[..len].copy_from_slice(&value[..len]);
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        // Registers are 32 bits wide.
        if let Ok(word) = data.try_into() {
            self.set(offset, u32::from_le_bytes(word));
        }
    }
}

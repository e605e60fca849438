// SPDX-License-Identifier: GPL-2.0
//! Virtio's MMIO transport, version 2 (the specification's section 4.2).

use std::sync::{Arc, Mutex};

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET,
    VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_mmio as reg;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::{Queue, QueueState, QueueT};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use super::device::{Device, Signals};
use super::Backend;
use crate::bus::{lock, Mmio};

/// Where a guest writes to notify a queue, for the ioeventfds.
pub const QUEUE_NOTIFY: u64 = reg::VIRTIO_MMIO_QUEUE_NOTIFY as u64;

const CONFIG: u64 = reg::VIRTIO_MMIO_CONFIG as u64;
const MAGIC: u32 = u32::from_le_bytes(*b"virt");
/// What every device offers. Indirect tables need nothing of a device.
const FEATURES: u64 =
    1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX | 1 << VIRTIO_RING_F_INDIRECT_DESC;
/// The steps of the driver's that make the device work.
const RUNNING: u32 = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

/// A device's registers.
pub struct Transport<B> {
    device: Arc<Mutex<Device<B>>>,
    signals: Arc<Signals>,
    kicks: Vec<EventFd>,
    config: Vec<u8>,
    offered: u64,
    queues: Vec<QueueState>,
    status: u32,
    features: u64,
    device_features_sel: u32,
    driver_features_sel: u32,
    queue_sel: usize,
}

impl<B: Backend> Transport<B> {
    /// The registers of a new device, as reset leaves them. `irq` is its
    /// interrupt; writing to the *n*th of `kicks` has the device look at queue
    /// *n*.
    pub fn new(
        backend: B,
        memory: GuestMemoryMmap,
        irq: EventFd,
        kicks: Vec<EventFd>,
    ) -> Result<Self, virtio_queue::Error> {
        let signals = Arc::new(Signals::new(irq));
        Ok(Self {
            config: backend.config(),
            offered: FEATURES | backend.features(),
            queues: B::QUEUES
                .iter()
                .map(|&size| Ok(Queue::new(size)?.state()))
                .collect::<Result<_, virtio_queue::Error>>()?,
            device: Arc::new(Mutex::new(Device::new(backend, memory, signals.clone()))),
            signals,
            kicks,
            status: 0,
            features: 0,
            device_features_sel: 0,
            driver_features_sel: 0,
            queue_sel: 0,
        })
    }

    /// The part that works.
    pub fn device(&self) -> &Arc<Mutex<Device<B>>> {
        &self.device
    }

    fn is_running(&self) -> bool {
        self.status & RUNNING == RUNNING
    }

    fn reset(&mut self) {
        lock(&self.device).stop();
        self.signals.reset();
        for queue in &mut self.queues {
            *queue = QueueState {
                max_size: queue.max_size,
                size: queue.max_size,
                ..QueueState::default()
            };
        }
        self.status = 0;
        self.features = 0;
        self.device_features_sel = 0;
        self.driver_features_sel = 0;
        self.queue_sel = 0;
    }

    /// The driver goes a step further. It cannot go back but by a reset, and
    /// it is told if its features are not ours by FEATURES_OK staying away.
    fn set_status(&mut self, value: u32) {
        let ran = self.is_running();
        let mut new = value & !VIRTIO_CONFIG_S_NEEDS_RESET & !self.status;
        let acceptable =
            self.features & !self.offered == 0 && self.features >> VIRTIO_F_VERSION_1 & 1 == 1;
        if !acceptable {
            new &= !VIRTIO_CONFIG_S_FEATURES_OK;
        }
        self.status |= new;
        if !self.is_running() || ran {
            return;
        }
        let event_idx = self.features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
        let queues = self
            .queues
            .iter()
            .map(|&state| {
                Queue::try_from(QueueState {
                    event_idx_enabled: event_idx,
                    ..state
                })
            })
            .collect::<Result<Vec<_>, _>>();
        match queues {
            Ok(queues) => lock(&self.device).start(queues, self.features),
            // A size or an address that cannot be.
            Err(_) => self.signals.set_broken(),
        }
        // Buffers may be waiting already.
        (0..self.kicks.len()).for_each(|index| self.notify(index));
    }

    fn notify(&self, queue: usize) {
        if let Some(kick) = self.kicks.get(queue) {
            // The counter cannot overflow: the device's thread takes it.
            let _ = kick.write(1);
        }
    }

    fn get(&self, offset: u32) -> u32 {
        let queue = self.queues.get(self.queue_sel);
        match offset {
            reg::VIRTIO_MMIO_MAGIC_VALUE => MAGIC,
            reg::VIRTIO_MMIO_VERSION => 2,
            reg::VIRTIO_MMIO_DEVICE_ID => B::ID,
            reg::VIRTIO_MMIO_DEVICE_FEATURES => half(self.offered, self.device_features_sel),
            reg::VIRTIO_MMIO_QUEUE_NUM_MAX => queue.map_or(0, |q| q.max_size.into()),
            reg::VIRTIO_MMIO_QUEUE_READY => queue.is_some_and(|q| q.ready).into(),
            reg::VIRTIO_MMIO_INTERRUPT_STATUS => self.signals.pending(),
            reg::VIRTIO_MMIO_STATUS if self.signals.is_broken() => {
                self.status | VIRTIO_CONFIG_S_NEEDS_RESET
            }
            reg::VIRTIO_MMIO_STATUS => self.status,
            // There is no shared memory: its length is -1.
            reg::VIRTIO_MMIO_SHM_LEN_LOW | reg::VIRTIO_MMIO_SHM_LEN_HIGH => u32::MAX,
            _ => 0,
        }
    }

    fn set(&mut self, offset: u32, value: u32) {
        match offset {
            reg::VIRTIO_MMIO_DEVICE_FEATURES_SEL => self.device_features_sel = value,
            reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL => self.driver_features_sel = value,
            // What was agreed on stays.
            reg::VIRTIO_MMIO_DRIVER_FEATURES if self.status & VIRTIO_CONFIG_S_FEATURES_OK == 0 => {
                match self.driver_features_sel {
                    0 => self.features = self.features >> 32 << 32 | u64::from(value),
                    1 => self.features = self.features & 0xffff_ffff | u64::from(value) << 32,
                    _ => {}
                }
            }
            reg::VIRTIO_MMIO_QUEUE_SEL => self.queue_sel = value as usize,
            reg::VIRTIO_MMIO_QUEUE_NOTIFY => self.notify(value as usize),
            reg::VIRTIO_MMIO_INTERRUPT_ACK => self.signals.acknowledge(value),
            reg::VIRTIO_MMIO_STATUS if value == 0 => self.reset(),
            reg::VIRTIO_MMIO_STATUS => self.set_status(value),
            _ => self.set_queue(offset, value),
        }
    }

    /// A queue's registers. While it is ready, it can be stopped only.
    fn set_queue(&mut self, offset: u32, value: u32) {
        let running = self.is_running();
        let Some(queue) = self.queues.get_mut(self.queue_sel) else {
            return;
        };
        let low = |register: &mut u64| *register = *register >> 32 << 32 | u64::from(value);
        let high =
            |register: &mut u64| *register = *register & 0xffff_ffff | u64::from(value) << 32;
        match offset {
            reg::VIRTIO_MMIO_QUEUE_READY if queue.ready && value == 0 => {
                queue.ready = false;
                lock(&self.device).stop_queue(self.queue_sel);
            }
            _ if queue.ready || running => {}
            reg::VIRTIO_MMIO_QUEUE_READY => queue.ready = value == 1,
            // What is too large stays wrong, and is found wrong at the start.
            reg::VIRTIO_MMIO_QUEUE_NUM => queue.size = value.try_into().unwrap_or(u16::MAX),
            reg::VIRTIO_MMIO_QUEUE_DESC_LOW => low(&mut queue.desc_table),
            reg::VIRTIO_MMIO_QUEUE_DESC_HIGH => high(&mut queue.desc_table),
            reg::VIRTIO_MMIO_QUEUE_AVAIL_LOW => low(&mut queue.avail_ring),
            reg::VIRTIO_MMIO_QUEUE_AVAIL_HIGH => high(&mut queue.avail_ring),
            reg::VIRTIO_MMIO_QUEUE_USED_LOW => low(&mut queue.used_ring),
            reg::VIRTIO_MMIO_QUEUE_USED_HIGH => high(&mut queue.used_ring),
            _ => {}
        }
    }
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
        if let Some(start) = offset.checked_sub(CONFIG) {
            // Its fields have their own widths. Beyond its end there are zeros.
            let config = self.config.get(start as usize..).unwrap_or_default();
            let len = data.len().min(config.len());
            data[..len].copy_from_slice(&config[..len]);
        } else if data.len() == 4 {
            data.copy_from_slice(&self.get(offset as u32).to_le_bytes());
        }
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        // Registers are 32 bits wide, and no device has a configuration that
        // can be written.
        if let (true, Ok(word)) = (offset < CONFIG, data.try_into()) {
            self.set(offset as u32, u32::from_le_bytes(word));
        }
    }
}

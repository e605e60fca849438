// SPDX-License-Identifier: GPL-2.0
//! The part of a virtio device that works: its queues, the backend behind
//! them, and the thread that they run on.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use event_manager::{
    EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps as _,
};
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use super::Backend;
use crate::bus::lock;

/// The queue that what comes from outside goes to: the first, in every kind of
/// device that receives.
const RECEIVE: usize = 0;

/// What a device tells its guest. The vCPUs' threads read and clear it while
/// the device works.
pub struct Signals {
    status: AtomicU32,
    broken: AtomicBool,
    irq: EventFd,
}

impl Signals {
    /// Nothing is signalled. `irq` is the interrupt.
    pub fn new(irq: EventFd) -> Self {
        Self {
            status: AtomicU32::new(0),
            broken: AtomicBool::new(false),
            irq,
        }
    }

    /// The reasons for interrupts that the guest has not acknowledged yet:
    /// VIRTIO_MMIO_INT_*.
    pub fn pending(&self) -> u32 {
        self.status.load(Ordering::Acquire)
    }

    /// The guest has seen these reasons.
    pub fn acknowledge(&self, reasons: u32) {
        self.status.fetch_and(!reasons, Ordering::AcqRel);
    }

    /// Whether the device cannot go on before a reset.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// The guest gave the device something that it cannot work with: it stops
    /// until the guest resets it.
    pub fn set_broken(&self) {
        self.broken.store(true, Ordering::Release);
        self.interrupt(VIRTIO_MMIO_INT_CONFIG);
    }

    /// As reset leaves it.
    pub fn reset(&self) {
        self.status.store(0, Ordering::Release);
        self.broken.store(false, Ordering::Release);
    }

    fn interrupt(&self, reason: u32) {
        self.status.fetch_or(reason, Ordering::AcqRel);
        // The counter cannot overflow: KVM takes it at once.
        let _ = self.irq.write(1);
    }
}

/// Backend and queues. The queues are there as long as the driver says
/// DRIVER_OK; without them the device does nothing.
pub struct Device<B> {
    /// The device's own part.
    pub backend: B,
    queues: Vec<Queue>,
    memory: GuestMemoryMmap,
    signals: Arc<Signals>,
}

impl<B: Backend> Device<B> {
    /// A device that does nothing yet.
    pub fn new(backend: B, memory: GuestMemoryMmap, signals: Arc<Signals>) -> Self {
        Self {
            backend,
            queues: Vec::new(),
            memory,
            signals,
        }
    }

    /// Starts with these queues, of which the driver may leave some unready,
    /// or stops the device if one is not in the guest's memory.
    pub fn start(&mut self, queues: Vec<Queue>, features: u64) {
        if queues
            .iter()
            .any(|queue| queue.ready() && !queue.is_valid(&self.memory))
        {
            self.signals.set_broken();
            return;
        }
        self.backend.start(features);
        self.queues = queues;
    }

    /// Stops, at once: who holds the lock knows that nothing is in work.
    pub fn stop(&mut self) {
        self.queues.clear();
    }

    /// Stops one queue.
    pub fn stop_queue(&mut self, index: usize) {
        if let Some(queue) = self.queues.get_mut(index) {
            queue.set_ready(false);
        }
    }

    /// The guest notified a queue, or the backend has something for it.
    pub fn kick(&mut self, index: usize) {
        if self.signals.is_broken() {
            return;
        }
        let Some(queue) = self.queues.get_mut(index).filter(|q| q.ready()) else {
            return;
        };
        match drain(&mut self.backend, index, queue, &self.memory) {
            Ok(false) => {}
            Ok(true) => self.signals.interrupt(VIRTIO_MMIO_INT_VRING),
            // The rings hold what they must not.
            Err(_) => self.signals.set_broken(),
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

/// What a device's thread waits for.
pub struct Worker<B> {
    device: Arc<Mutex<Device<B>>>,
    kicks: Vec<EventFd>,
}

impl<B: Backend> Worker<B> {
    /// A worker for `device`, which takes the guest's notifications of queue
    /// *n* from the *n*th of `kicks`. They must not block.
    pub fn new(device: Arc<Mutex<Device<B>>>, kicks: Vec<EventFd>) -> Self {
        Self { device, kicks }
    }

    /// Works until the process ends, or until it cannot wait any more.
    pub fn run(self) -> Result<(), event_manager::Error> {
        let mut events = EventManager::<Self>::new()?;
        events.add_subscriber(self);
        loop {
            events.run()?;
        }
    }
}

impl<B: Backend> MutEventSubscriber for Worker<B> {
    fn init(&mut self, ops: &mut EventOps) {
        // Events carry the queue's number; the backend's source has the next.
        let kicks = (0u32..)
            .zip(&self.kicks)
            .map(|(index, kick)| Events::with_data(kick, index, EventSet::IN));
        let source = lock(&self.device).backend.source().map(|fd| {
            // What comes when the guest has no buffer for it is left where it
            // is, and must not wake this thread again and again.
            let when = EventSet::IN | EventSet::OUT | EventSet::EDGE_TRIGGERED;
            Events::with_data_raw(fd, self.kicks.len() as u32, when)
        });
        for event in kicks.chain(source) {
            if let Err(error) = ops.add(event) {
                eprintln!("vmm: a virtio device cannot wait for its events: {error}");
            }
        }
    }

    fn process(&mut self, events: Events, _: &mut EventOps) {
        let index = match self.kicks.get(events.data() as usize) {
            Some(kick) => {
                // Zero, if somebody else has read it: look at the queue anyway.
                let _ = kick.read();
                events.data() as usize
            }
            None => RECEIVE,
        };
        lock(&self.device).kick(index);
    }
}

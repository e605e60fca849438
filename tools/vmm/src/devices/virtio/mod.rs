// SPDX-License-Identifier: GPL-2.0
//! Virtio devices over MMIO. Their queues are virtio-queue's.
//!
//! A guest's notification reaches a device by an ioeventfd, without an exit to
//! this process; a device's interrupt reaches the guest by an irqfd, which is
//! an SPI, edge-triggered.

pub mod console;
pub mod mmio;

use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;

/// What a device is, behind the transport.
pub trait Backend: Send {
    /// Virtio's number of the device's kind.
    const ID: u32;
    /// The queues' sizes.
    const QUEUES: &'static [u16];

    /// Does what can be done with a queue that is ready, and returns whether
    /// it used a buffer. A malformed chain is used up, with nothing done.
    fn process(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error>;
}

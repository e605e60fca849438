// SPDX-License-Identifier: GPL-2.0
//! Virtio devices over MMIO. Their queues are virtio-queue's.
//!
//! A guest's notification reaches a device by an ioeventfd, without an exit to
//! this process; a device's interrupt reaches the guest by an irqfd, which is
//! an SPI, edge-triggered. Each device works on a thread of its own
//! ([`device`]); the vCPUs' threads see its registers only ([`mmio`]).

pub mod block;
pub mod console;
pub mod device;
pub mod mmio;
pub mod net;
pub mod rng;

#[cfg(test)]
mod testing;

use std::os::fd::RawFd;

use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;

/// What a device is, behind the transport.
pub trait Backend: Send {
    /// Virtio's number of the device's kind.
    const ID: u32;
    /// The queues' sizes: powers of two.
    const QUEUES: &'static [u16];

    /// The features that this kind of device adds to the transport's own.
    fn features(&self) -> u64 {
        0
    }

    /// The device's configuration, as the guest reads it. It never changes.
    fn config(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The guest's driver is about to use the device, with these features:
    /// some of those that were offered.
    fn start(&mut self, _features: u64) {}

    /// The file that becomes readable when something comes from outside. It
    /// does not block, and all of it is taken before anybody waits again.
    fn source(&self) -> Option<RawFd> {
        None
    }

    /// Does what can be done with a queue that is ready, and returns whether
    /// it used a buffer. A malformed chain is used up, with nothing done.
    fn process(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error>;
}

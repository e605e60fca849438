// SPDX-License-Identifier: GPL-2.0
//! Devices by address.

use std::sync::{Arc, Mutex};

/// A device with registers in memory. Called on the thread of the vCPU that
/// made the access.
pub trait Mmio: Send {
    /// Fills `data` from the registers at `offset`.
    fn read(&mut self, offset: u64, data: &mut [u8]);
    /// Writes `data` to the registers at `offset`.
    fn write(&mut self, offset: u64, data: &[u8]);
}

struct Place {
    base: u64,
    size: u64,
    device: Arc<Mutex<dyn Mmio>>,
}

/// All devices that this process emulates.
#[derive(Default)]
pub struct Bus {
    places: Vec<Place>,
}

impl Bus {
    /// Puts a device at `base..base + size`.
    pub fn add(&mut self, base: u64, size: u64, device: Arc<Mutex<dyn Mmio>>) {
        self.places.push(Place { base, size, device });
    }

    /// A guest's read. Where there is no device, it reads zeros.
    pub fn read(&self, address: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some((place, offset)) = self.find(address, data.len()) {
            lock(&place.device).read(offset, data);
        }
    }

    /// A guest's write. Where there is no device, nothing happens.
    pub fn write(&self, address: u64, data: &[u8]) {
        if let Some((place, offset)) = self.find(address, data.len()) {
            lock(&place.device).write(offset, data);
        }
    }

    fn find(&self, address: u64, len: usize) -> Option<(&Place, u64)> {
        let place = self
            .places
            .iter()
            .find(|p| (p.base..p.base + p.size).contains(&address))?;
        let offset = address - place.base;
        (offset + len as u64 <= place.size).then_some((place, offset))
    }
}

/// Locks a device. A thread that panicked ends the process, so there is no
/// poisoned lock that anybody could see.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Offsets(Vec<u64>);

    impl Mmio for Offsets {
        fn read(&mut self, offset: u64, data: &mut [u8]) {
            self.0.push(offset);
            data.fill(0xaa);
        }
        fn write(&mut self, offset: u64, _: &[u8]) {
            self.0.push(offset);
        }
    }

    #[test]
    fn accesses_reach_the_device_at_their_offset_and_nothing_beyond_it() {
        let device = Arc::new(Mutex::new(Offsets(Vec::new())));
        let mut bus = Bus::default();
        bus.add(0x1000, 0x10, device.clone());
        let mut data = [1; 4];
        bus.read(0x1004, &mut data);
        assert_eq!(data, [0xaa; 4]);
        bus.write(0x100c, &[0; 4]);
        // Across the end, beyond it, before the start.
        bus.write(0x100e, &[0; 4]);
        bus.write(0x1010, &[0; 4]);
        bus.read(0xffc, &mut data);
        assert_eq!(data, [0; 4]);
        assert_eq!(lock(&device).0, [4, 0xc]);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Where things are in the guest's physical address space.

/// The GIC: GICv3's distributor, or GICv5's IRS.
pub const GIC: u64 = 0x0800_0000;
/// GICv3's redistributors, one after another. Room for 512 of them.
pub const GICV3_REDISTRIBUTORS: u64 = 0x1000_0000;
/// The PL011.
pub const UART: u64 = 0x0900_0000;
/// The PL031.
pub const RTC: u64 = 0x0901_0000;
/// Size of the register frame of a device.
pub const DEVICE_SIZE: u64 = 0x1000;
/// How many virtio devices there can be.
pub const MAX_VIRTIO: u32 = 32;

/// Where a virtio device is, counted from 0.
pub const fn virtio(slot: u32) -> u64 {
    0x0a00_0000 + slot as u64 * DEVICE_SIZE
}

/// Memory starts here, and is one piece.
pub const MEMORY: u64 = 0x4000_0000;
/// What a GIC has of SPIs: enough for the devices, and a number that both
/// GICs take (GICv3: a multiple of 32, less 32; GICv5: a multiple of 32).
pub const SPIS: u32 = 64;

/// The SPIs of the devices, counted from 0 for either GIC.
pub mod spi {
    /// The PL011's.
    pub const UART: u32 = 1;
    /// The PL031's.
    pub const RTC: u32 = 2;

    /// A virtio device's, counted from 0.
    pub const fn virtio(slot: u32) -> u32 {
        3 + slot
    }
}

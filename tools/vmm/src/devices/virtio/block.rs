// SPDX-License-Identifier: GPL-2.0
//! A virtio disk: a file of the host's.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use virtio_bindings::virtio_blk::{
    virtio_blk_outhdr, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_SEG_MAX,
    VIRTIO_BLK_ID_BYTES, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP,
    VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
};
use virtio_bindings::virtio_ids::VIRTIO_ID_BLOCK;
use virtio_queue::{Queue, QueueOwnedT, QueueT, Reader, Writer};
use vm_memory::GuestMemoryMmap;

use super::Backend;

/// What requests are counted in, whatever the disk's own blocks are.
const SECTOR: u64 = 1 << SECTOR_SHIFT;
const SECTOR_SHIFT: u32 = 9;
/// How much goes through this process at a time.
const PIECE: usize = 1 << 16;

const QUEUE_SIZE: u16 = 128;
/// A request's header and its status take a descriptor each.
const SEGMENTS: u32 = QUEUE_SIZE as u32 - 2;

/// Why a request was not done: its status.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// There are no such sectors, they cannot be written, or the file cannot.
    Io,
    /// It is not something that this device does.
    Unsupported,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// A disk.
pub struct Block {
    file: File,
    sectors: u64,
    read_only: bool,
    id: [u8; VIRTIO_BLK_ID_BYTES as usize],
    /// Whether what was written waits for a flush. Without one of the driver's
    /// it must not.
    write_back: bool,
    piece: Vec<u8>,
}

impl Block {
    /// Opens the file (or block device) at `path`, a whole number of sectors.
    /// The guest gets the end of its name as the disk's serial number.
    pub fn open(path: &Path, read_only: bool) -> Result<Self> {
        let name = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(path)
            .with_context(|| format!("cannot open the disk {name}"))?;
        let len = file
            .seek(SeekFrom::End(0))
            .with_context(|| format!("the disk {name} has no size"))?;
        ensure!(
            len % SECTOR == 0,
            "the disk {name} is not a whole number of 512-byte sectors"
        );
        let mut id = [0; VIRTIO_BLK_ID_BYTES as usize];
        let serial = path.file_name().unwrap_or_default().as_encoded_bytes();
        let serial = &serial[serial.len().saturating_sub(id.len())..];
        id[..serial.len()].copy_from_slice(serial);
        Ok(Self {
            file,
            sectors: len >> SECTOR_SHIFT,
            read_only,
            id,
            write_back: false,
            piece: vec![0; PIECE],
        })
    }

    /// Where in the file `len` bytes from `sector` on are.
    fn place(&self, sector: u64, len: usize) -> Result<u64, Failure> {
        let len = len as u64;
        let end = sector.checked_add(len >> SECTOR_SHIFT);
        if len % SECTOR == 0 && end.is_some_and(|end| end <= self.sectors) {
            Ok(sector << SECTOR_SHIFT)
        } else {
            Err(Failure::Io)
        }
    }

    fn read(&mut self, sector: u64, to: &mut Writer<'_>) -> Result<(), Failure> {
        let mut left = to.available_bytes();
        let mut from = self.place(sector, left)?;
        while left > 0 {
            let piece = &mut self.piece[..left.min(PIECE)];
            self.file.read_exact_at(piece, from)?;
            to.write_all(piece)?;
            from += piece.len() as u64;
            left -= piece.len();
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, from: &mut Reader<'_>) -> Result<(), Failure> {
        let mut left = from.available_bytes();
        let mut to = self.place(sector, left)?;
        if self.read_only {
            return Err(Failure::Io);
        }
        while left > 0 {
            let piece = &mut self.piece[..left.min(PIECE)];
            from.read_exact(piece)?;
            self.file.write_all_at(piece, to)?;
            to += piece.len() as u64;
            left -= piece.len();
        }
        if !self.write_back {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// A request: its header and what is written are in `from`, what is read
    /// goes to `to`.
    fn request(&mut self, from: &mut Reader<'_>, to: &mut Writer<'_>) -> Result<(), Failure> {
        let mut header = [0; size_of::<virtio_blk_outhdr>()];
        from.read_exact(&mut header)?;
        let [k0, k1, k2, k3, _, _, _, _, sector @ ..] = header;
        let kind = u32::from_le_bytes([k0, k1, k2, k3]);
        let sector = u64::from_le_bytes(sector);
        match kind {
            VIRTIO_BLK_T_IN => self.read(sector, to),
            VIRTIO_BLK_T_OUT => self.write(sector, from),
            VIRTIO_BLK_T_FLUSH => Ok(self.file.sync_data()?),
            VIRTIO_BLK_T_GET_ID => {
                // A shorter buffer gets the beginning.
                let len = to.available_bytes().min(self.id.len());
                Ok(to.write_all(&self.id[..len])?)
            }
            _ => Err(Failure::Unsupported),
        }
    }

    /// Does what a chain's buffers ask for. Returns how much was written to
    /// them, the status in their last byte included.
    fn serve(&mut self, mut from: Reader<'_>, mut to: Writer<'_>) -> u32 {
        let last = to.available_bytes().checked_sub(1);
        let Some(Ok(mut status)) = last.map(|last| to.split_at(last)) else {
            // Nobody would see that it failed.
            return 0;
        };
        let result = match self.request(&mut from, &mut to) {
            Ok(()) => VIRTIO_BLK_S_OK,
            Err(Failure::Io) => VIRTIO_BLK_S_IOERR,
            Err(Failure::Unsupported) => VIRTIO_BLK_S_UNSUPP,
        };
        let told = status.write(&[result as u8]).unwrap_or(0);
        // virtio-queue takes no chain longer than 4 GiB.
        (to.bytes_written() + told) as u32
    }
}

impl Backend for Block {
    const ID: u32 = VIRTIO_ID_BLOCK;
    const QUEUES: &'static [u16] = &[QUEUE_SIZE];

    fn features(&self) -> u64 {
        1 << VIRTIO_BLK_F_FLUSH
            | 1 << VIRTIO_BLK_F_SEG_MAX
            | u64::from(self.read_only) << VIRTIO_BLK_F_RO
    }

    fn config(&self) -> Vec<u8> {
        // capacity, size_max (not offered), seg_max
        let mut config = self.sectors.to_le_bytes().to_vec();
        config.extend(0u32.to_le_bytes());
        config.extend(SEGMENTS.to_le_bytes());
        config
    }

    fn start(&mut self, features: u64) {
        self.write_back = features >> VIRTIO_BLK_F_FLUSH & 1 == 1;
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
            let written = match (chain.clone().reader(memory), chain.writer(memory)) {
                (Ok(from), Ok(to)) => self.serve(from, to),
                // A buffer that is not in the guest's memory.
                _ => 0,
            };
            queue.add_used(memory, head, written)?;
            used = true;
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_available, any_descriptors, Buffer, Driver};
    use super::*;
    use proptest::prelude::*;
    use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_DEVICE_FEATURES};
    use vmm_sys_util::tempfile::TempFile;

    const SECTORS: u64 = 8;
    const STATUS: u64 = 0x9000;
    const DATA: u64 = 0xa000;

    /// A disk whose sectors are filled with their numbers.
    fn disk(read_only: bool) -> (TempFile, Driver<Block>) {
        let file = TempFile::new().unwrap();
        let bytes: Vec<u8> = (0..SECTORS).flat_map(|n| [n as u8; 512]).collect();
        file.as_file().write_all(&bytes).unwrap();
        let block = Block::open(file.as_path(), read_only).unwrap();
        (file, Driver::new(block))
    }

    fn header(kind: u32, sector: u64) -> Vec<u8> {
        let mut header = kind.to_le_bytes().to_vec();
        header.extend([0; 4]);
        header.extend(sector.to_le_bytes());
        header
    }

    /// Sends a request and returns its status, and how much was written.
    fn request(driver: &mut Driver<Block>, kind: u32, sector: u64, data: Buffer) -> (u8, u32) {
        driver.put(0x8000, &header(kind, sector));
        driver.put(STATUS, &[0xff]);
        let buffers = [Buffer::Read(0x8000, 16), data, Buffer::Write(STATUS, 1)];
        let used = driver.send(0, &buffers);
        (driver.get(STATUS, 1)[0], used)
    }

    const IN: u32 = VIRTIO_BLK_T_IN;
    const OUT: u32 = VIRTIO_BLK_T_OUT;

    #[test]
    fn sectors_are_read_and_written_where_they_are() {
        let (file, mut driver) = disk(false);
        driver.start(u64::MAX);
        assert_eq!(
            request(&mut driver, IN, 2, Buffer::Write(DATA, 1024)),
            (0, 1025)
        );
        assert_eq!(driver.get(DATA, 512), [2; 512]);
        assert_eq!(driver.get(DATA + 512, 512), [3; 512]);
        driver.put(DATA, &[0xaa; 512]);
        assert_eq!(
            request(&mut driver, OUT, 7, Buffer::Read(DATA, 512)),
            (0, 1)
        );
        let all = std::fs::read(file.as_path()).unwrap();
        assert_eq!(all.len() as u64, SECTORS * 512);
        assert_eq!(all[6 * 512..7 * 512], [6; 512]);
        assert_eq!(all[7 * 512..], [0xaa; 512]);
        let flush = request(&mut driver, VIRTIO_BLK_T_FLUSH, 0, Buffer::Read(DATA, 0));
        assert_eq!(flush, (0, 1));
    }

    #[test]
    fn more_than_goes_through_at_a_time_arrives_whole() {
        let file = TempFile::new().unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE as u32 / 2 / 4)
            .flat_map(u32::to_le_bytes)
            .collect();
        file.as_file().write_all(&bytes).unwrap();
        let mut driver = Driver::new(Block::open(file.as_path(), false).unwrap());
        driver.start(u64::MAX);
        let len = bytes.len() as u32;
        let data = 0x10_0000;
        assert_eq!(
            request(&mut driver, IN, 0, Buffer::Write(data, len)),
            (0, len + 1)
        );
        assert!(driver.get(data, bytes.len()) == bytes);
        driver.put(data, &vec![0x55; bytes.len()]);
        assert_eq!(
            request(&mut driver, OUT, 0, Buffer::Read(data, len)),
            (0, 1)
        );
        assert!(std::fs::read(file.as_path()).unwrap() == vec![0x55; bytes.len()]);
    }

    #[test]
    fn beyond_the_end_and_between_sectors_there_is_nothing() {
        let (file, mut driver) = disk(false);
        driver.start(u64::MAX);
        let before = std::fs::read(file.as_path()).unwrap();
        for (sector, len) in [
            (SECTORS, 512),
            (SECTORS - 1, 1024),
            (u64::MAX, 512),
            (u64::MAX >> 9, 1024),
            (1 << 55, 512),
            (0, 511),
            (0, 513),
        ] {
            let read = request(&mut driver, IN, sector, Buffer::Write(DATA, len));
            assert_eq!(read, (1, 1), "reading {len} bytes from {sector}");
            let written = request(&mut driver, OUT, sector, Buffer::Read(DATA, len));
            assert_eq!(written, (1, 1), "writing {len} bytes to {sector}");
        }
        assert!(std::fs::read(file.as_path()).unwrap() == before);
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let (file, mut driver) = disk(true);
        driver.start(u64::MAX);
        let before = std::fs::read(file.as_path()).unwrap();
        assert_eq!(
            request(&mut driver, OUT, 0, Buffer::Read(DATA, 512)),
            (1, 1)
        );
        assert!(std::fs::read(file.as_path()).unwrap() == before);
        assert_eq!(
            request(&mut driver, 0x77, 0, Buffer::Read(DATA, 512)),
            (2, 1)
        );
        // A header that is cut off, no status, no buffer for the guest at all.
        assert_eq!(
            driver.send(0, &[Buffer::Read(0x8000, 15), Buffer::Write(STATUS, 1)]),
            1
        );
        assert_eq!(driver.get(STATUS, 1), [1]);
        assert_eq!(driver.send(0, &[Buffer::Read(0x8000, 16)]), 0);
        assert!(!driver.is_broken());
    }

    #[test]
    fn it_says_what_it_is() {
        let (file, mut driver) = disk(true);
        let offered = |driver: &mut Driver<Block>| driver.read(VIRTIO_MMIO_DEVICE_FEATURES);
        assert_ne!(offered(&mut driver) & 1 << VIRTIO_BLK_F_RO, 0);
        assert_eq!(driver.read(VIRTIO_MMIO_CONFIG), SECTORS as u32);
        assert_eq!(driver.read(VIRTIO_MMIO_CONFIG + 4), 0);
        assert_eq!(driver.read(VIRTIO_MMIO_CONFIG + 12), SEGMENTS);
        assert_eq!(driver.read(VIRTIO_MMIO_CONFIG + 16), 0, "nothing behind it");
        driver.start(u64::MAX);
        let id = request(&mut driver, VIRTIO_BLK_T_GET_ID, 0, Buffer::Write(DATA, 20));
        assert_eq!(id, (0, 21));
        let name = file.as_path().file_name().unwrap().as_encoded_bytes();
        let name = &name[name.len().saturating_sub(20)..];
        assert_eq!(driver.get(DATA, name.len()), name);
        // A byte less than there is: the disk is not what it seems to be.
        file.as_file().set_len(SECTORS * 512 - 1).unwrap();
        let Err(error) = Block::open(file.as_path(), true) else {
            panic!("a disk of a part of a sector");
        };
        assert!(error.to_string().contains("whole number"), "{error}");
        let (_file, mut driver) = disk(false);
        assert_eq!(offered(&mut driver) & 1 << VIRTIO_BLK_F_RO, 0);
    }

    proptest! {
        /// Whatever the guest puts into its descriptors and rings: nothing
        /// panics, the file keeps its size, and after a reset the disk works.
        #[test]
        fn any_descriptors_leave_a_disk_that_works(
            descriptors in any_descriptors(),
            available in any_available(),
            index in 0u16..40,
            headers in proptest::collection::vec((0u32..12, 0u64..12), 16),
        ) {
            let (file, mut driver) = disk(false);
            driver.start(u64::MAX);
            for (place, (kind, sector)) in (0u64..).zip(headers) {
                driver.put(0x8000 + place * 0x100, &header(kind, sector));
            }
            driver.scramble(0, &descriptors, &available, index);
            driver.kick(0);
            prop_assert_eq!(file.as_file().metadata().unwrap().len(), SECTORS * 512);
            driver.start(u64::MAX);
            let read = request(&mut driver, IN, 0, Buffer::Write(DATA, 512));
            prop_assert_eq!(read, (0, 513));
        }
    }
}

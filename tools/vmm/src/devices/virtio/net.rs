// SPDX-License-Identifier: GPL-2.0
//! A virtio network card. Its other end is a tap device of the host's, or a
//! program's unix stream socket.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use virtio_bindings::virtio_ids::VIRTIO_ID_NET;
use virtio_bindings::virtio_net::{virtio_net_hdr_v1, VIRTIO_NET_F_MAC};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::ioctl::ioctl_with_ref;

use super::Backend;

const RECEIVE: usize = 0;
/// In front of each frame. Nothing of what it can say was agreed on.
const HEADER: usize = size_of::<virtio_net_hdr_v1>();
/// No frame is longer.
const FRAME: usize = 1 << 16;

/// An address of a network card.
pub type Mac = [u8; 6];

/// Where frames go to and come from. Neither waits.
pub trait Wire: Send {
    /// The file that becomes readable or writable.
    fn fd(&self) -> RawFd;
    /// Puts the next frame into `frame` and returns its length. `None`: there
    /// is none now.
    fn receive(&mut self, frame: &mut [u8]) -> Option<usize>;
    /// Sends a frame, or loses it.
    fn send(&mut self, frame: &[u8]);
}

/// A tap device.
pub struct Tap(File);

impl Tap {
    /// The tap device called `name`, which is made if it is not there and
    /// this process may do that.
    pub fn open(name: &str) -> Result<Self> {
        let mut request = libc::ifreq {
            ifr_name: [0; libc::IFNAMSIZ],
            ifr_ifru: libc::__c_anonymous_ifr_ifru {
                ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short,
            },
        };
        // The last byte stays 0.
        ensure!(
            (1..libc::IFNAMSIZ).contains(&name.len()),
            "a network device cannot be called {name:?}"
        );
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .context("cannot open /dev/net/tun")?;
        // SAFETY: TUNSETIFF takes an ifreq, which it only reads and writes while
        // it runs, and `request` is one.
        let status = unsafe { ioctl_with_ref(&file, libc::TUNSETIFF, &request) };
        ensure!(
            status == 0,
            "cannot use the tap device {name}: {}",
            io::Error::last_os_error()
        );
        Ok(Self(file))
    }
}

impl Wire for Tap {
    fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        // An interface that is down has no frames either.
        self.0.read(frame).ok()
    }

    fn send(&mut self, frame: &[u8]) {
        let _ = self.0.write(frame);
    }
}

/// A stream of frames, each with its length before it: 32 bits, big-endian, as
/// passt and QEMU's stream sockets have it.
pub struct Stream {
    socket: UnixStream,
    received: Vec<u8>,
    unsent: Vec<u8>,
    open: bool,
}

impl Stream {
    /// Connects to the socket at `path`.
    pub fn connect(path: &Path) -> Result<Self> {
        UnixStream::connect(path)
            .and_then(Self::new)
            .with_context(|| format!("cannot connect to {}", path.display()))
    }

    /// Takes a connected socket.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            received: Vec::new(),
            unsent: Vec::new(),
            open: true,
        })
    }

    /// Whether the other end is still there, as far as was noticed.
    pub fn is_open(&self) -> bool {
        self.open
    }

    fn close(&mut self, why: &str) {
        if self.open {
            eprintln!("vmm: the network's other end is gone: {why}");
        }
        self.open = false;
    }

    /// Sends what is left of the frame before.
    fn flush(&mut self) {
        while self.open && !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(len) => drop(self.unsent.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.close(&error.to_string()),
            }
        }
    }

    /// The first frame of those received, once all of it is there.
    fn first(&mut self, frame: &mut [u8]) -> Option<usize> {
        let (len, rest) = self.received.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        if len > frame.len() {
            self.close("it sent a frame that is too long");
            return None;
        }
        frame[..len].copy_from_slice(rest.get(..len)?);
        self.received.drain(..4 + len);
        Some(len)
    }
}

impl Wire for Stream {
    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        // Woken because there is room again, perhaps.
        self.flush();
        let mut piece = [0; 1 << 14];
        loop {
            if let Some(len) = self.first(frame) {
                return Some(len);
            }
            if !self.open {
                return None;
            }
            match self.socket.read(&mut piece) {
                Ok(0) => self.close("it has closed its socket"),
                Ok(len) => self.received.extend(&piece[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.close(&error.to_string()),
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.flush();
        // A frame is lost whole or not at all.
        if self.open && self.unsent.is_empty() {
            self.unsent.extend((frame.len() as u32).to_be_bytes());
            self.unsent.extend(frame);
            self.flush();
        }
    }
}

/// An address for the card at the wire called `name`, the same each time.
/// Locally administered, for one station.
pub fn mac(name: &[u8]) -> Mac {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    let [a, b, c, d, e, ..] = hasher.finish().to_le_bytes();
    [2, a, b, c, d, e]
}

/// A network card.
pub struct Net<W> {
    wire: W,
    mac: Mac,
    /// Header and frame of what was received. `waiting` bytes of it wait for a
    /// buffer of the guest's.
    incoming: Vec<u8>,
    waiting: usize,
    outgoing: Vec<u8>,
}

impl<W: Wire> Net<W> {
    /// A card with this address at a wire.
    pub fn new(wire: W, mac: Mac) -> Self {
        let mut incoming = vec![0; HEADER + FRAME];
        // num_buffers: each frame is in one.
        incoming[HEADER - 2] = 1;
        Self {
            wire,
            mac,
            incoming,
            waiting: 0,
            outgoing: vec![0; HEADER + FRAME],
        }
    }

    /// Gives the guest what has come. What it has no buffer for is left on the
    /// wire; what does not fit into a buffer is lost.
    fn receive(
        &mut self,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error> {
        let mut used = false;
        loop {
            if self.waiting == 0 {
                match self.wire.receive(&mut self.incoming[HEADER..]) {
                    Some(len) => self.waiting = HEADER + len,
                    None => break,
                }
            }
            let Some(chain) = queue.iter(memory)?.next() else {
                break;
            };
            let head = chain.head_index();
            let mut written = 0;
            if let Ok(mut to) = chain.writer(memory) {
                let bytes = &self.incoming[..self.waiting];
                if to.available_bytes() >= bytes.len() && to.write_all(bytes).is_ok() {
                    written = bytes.len();
                }
            }
            self.waiting = 0;
            queue.add_used(memory, head, written as u32)?;
            used = true;
        }
        Ok(used)
    }

    fn send(
        &mut self,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error> {
        let mut used = false;
        while let Some(chain) = queue.iter(memory)?.next() {
            let head = chain.head_index();
            if let Ok(mut from) = chain.reader(memory) {
                let len = from.available_bytes();
                if let Some(bytes) = self.outgoing.get_mut(..len) {
                    if len > HEADER && from.read_exact(bytes).is_ok() {
                        self.wire.send(&bytes[HEADER..]);
                    }
                }
            }
            queue.add_used(memory, head, 0)?;
            used = true;
        }
        Ok(used)
    }
}

impl<W: Wire> Backend for Net<W> {
    const ID: u32 = VIRTIO_ID_NET;
    const QUEUES: &'static [u16] = &[256, 256];

    fn features(&self) -> u64 {
        1 << VIRTIO_NET_F_MAC
    }

    fn config(&self) -> Vec<u8> {
        self.mac.to_vec()
    }

    fn source(&self) -> Option<RawFd> {
        Some(self.wire.fd())
    }

    fn process(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &GuestMemoryMmap,
    ) -> Result<bool, virtio_queue::Error> {
        if index == RECEIVE {
            self.receive(queue, memory)
        } else {
            self.send(queue, memory)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_available, any_descriptors, Buffer, Driver};
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 7];
    const ROOM: Buffer = Buffer::Write(0x1_0000, 0x1000);

    fn card() -> (UnixStream, Driver<Net<Stream>>) {
        let (ours, other) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut driver = Driver::new(Net::new(Stream::new(other).unwrap(), MAC));
        driver.start(u64::MAX);
        (ours, driver)
    }

    fn framed(frame: &[u8]) -> Vec<u8> {
        let mut bytes = (frame.len() as u32).to_be_bytes().to_vec();
        bytes.extend(frame);
        bytes
    }

    fn everything(mut end: &UnixStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let error = end.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        bytes
    }

    #[test]
    fn a_frame_goes_out_without_its_header() {
        let (end, mut driver) = card();
        driver.put(0x8000, &[0xee; HEADER]);
        driver.put(0x8100, b"frame");
        let buffers = [Buffer::Read(0x8000, HEADER as u32), Buffer::Read(0x8100, 5)];
        assert_eq!(driver.send(1, &buffers), 0);
        assert_eq!(everything(&end), framed(b"frame"));
        // A header alone, a part of one, and more than any frame.
        for len in [HEADER as u32, 3, (HEADER + FRAME) as u32 + 1] {
            driver.send(1, &[Buffer::Read(0x8000, len)]);
            assert_eq!(everything(&end), b"");
        }
    }

    #[test]
    fn frames_come_in_one_buffer_each_and_wait_for_it() {
        let (mut end, mut driver) = card();
        let bytes = [framed(b"first"), framed(b"second one")].concat();
        // In pieces, as a stream may bring them.
        for piece in bytes.chunks(7) {
            driver.kick(0);
            end.write_all(piece).unwrap();
        }
        for frame in [&b"first"[..], b"second one"] {
            let len = HEADER + frame.len();
            assert_eq!(driver.send(0, &[ROOM]), len as u32);
            let header = driver.get(0x1_0000, HEADER);
            assert_eq!(header, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
            assert_eq!(driver.get(0x1_0000 + HEADER as u64, frame.len()), frame);
        }
        driver.offer(0, 0, &[ROOM]);
        driver.kick(0);
        assert_eq!(driver.used(0), 2, "there is no third one");
    }

    #[test]
    fn a_buffer_that_is_too_small_loses_its_frame_and_no_other() {
        let (mut end, mut driver) = card();
        end.write_all(&framed(&[1; 100])).unwrap();
        end.write_all(&framed(&[2; 10])).unwrap();
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 111)]), 0);
        assert_eq!(driver.get(0x8000, 111), [0; 111]);
        assert_eq!(driver.send(0, &[Buffer::Write(0x8000, 22)]), 22);
    }

    #[test]
    fn an_end_that_does_not_read_loses_whole_frames() {
        let (end, mut driver) = card();
        let len = (HEADER + 1400) as u32;
        for number in 0..1000u32 {
            driver.put(0x8000, &[0; HEADER]);
            driver.put(0x8000 + HEADER as u64, &number.to_le_bytes());
            driver.send(1, &[Buffer::Read(0x8000, len)]);
        }
        // Room again: the rest of the last frame goes out.
        let mut bytes = everything(&end);
        driver.kick(0);
        bytes.extend(everything(&end));
        assert!(bytes.len() < 1000 * 1404, "the socket holds that much?");
        assert_eq!(bytes.len() % 1404, 0);
        for (number, frame) in (0u32..).zip(bytes.chunks(1404)) {
            assert_eq!(frame[..4], 1400u32.to_be_bytes());
            assert_eq!(frame[4..8], number.to_le_bytes());
        }
        // And so does a new one.
        driver.send(1, &[Buffer::Read(0x8000, len)]);
        assert_eq!(everything(&end).len(), 1404);
    }

    #[test]
    fn the_cards_thread_wakes_for_frames_and_for_buffers() {
        let (mut end, mut driver) = card();
        driver.spawn_worker();
        // A buffer that waits for a frame.
        driver.offer(0, 0, &[ROOM]);
        driver.notify(0);
        end.write_all(&framed(b"one")).unwrap();
        driver.wait(0, 1);
        // Frames that wait for buffers.
        end.write_all(&framed(b"two")).unwrap();
        end.write_all(&framed(b"three")).unwrap();
        for (count, len) in [(2, 3), (3, 5)] {
            driver.offer(0, 0, &[ROOM]);
            driver.notify(0);
            driver.wait(0, count);
            assert_eq!(driver.last_used(0), (0, HEADER as u32 + len));
        }
    }

    #[test]
    fn an_end_that_is_gone_or_mad_is_no_harm() {
        for last in [&b""[..], b"\0\x01\0\x01", b"\xff\xff\xff\xff"] {
            let (mut end, mut driver) = card();
            end.write_all(&framed(b"good")).unwrap();
            end.write_all(last).unwrap();
            drop(end);
            assert_eq!(driver.send(0, &[ROOM]), HEADER as u32 + 4);
            driver.send(1, &[Buffer::Read(0x8000, 60)]);
            driver.offer(0, 0, &[ROOM]);
            driver.kick(0);
            assert_eq!(driver.used(0), 1);
            assert!(!driver.is_broken());
        }
    }

    #[test]
    fn cards_have_addresses_of_their_own() {
        let (_end, mut driver) = card();
        let mut config = [0; 6];
        crate::bus::Mmio::read(&mut driver.device, 0x100, &mut config);
        assert_eq!(config, MAC);
        assert_ne!(mac(b"tap0"), mac(b"tap1"));
        assert_eq!(mac(b"tap0"), mac(b"tap0"));
        assert_eq!(mac(b"tap0")[0] & 3, 2, "local, and one station");
    }

    #[test]
    fn a_tap_has_a_name_that_can_be() {
        for name in ["", "a-name-of-16-lett"] {
            assert!(Tap::open(name).is_err_and(|e| e.to_string().contains("called")));
        }
    }

    proptest! {
        #[test]
        fn any_descriptors_leave_a_card_that_works(
            queue in 0usize..2,
            descriptors in any_descriptors(),
            available in any_available(),
            index in 0u16..40,
        ) {
            let (mut end, mut driver) = card();
            for _ in 0..4 {
                end.write_all(&framed(&[3; 300])).unwrap();
            }
            driver.scramble(queue, &descriptors, &available, index);
            driver.kick(queue);
            let mut sink = vec![0; 1 << 20];
            let _ = end.read(&mut sink);
            driver.start(u64::MAX);
            driver.send(1, &[Buffer::Read(0x8000, HEADER as u32 + 9)]);
            prop_assert!(!driver.is_broken());
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The other end of a guest's network card, for trying one without a network:
//! a machine that answers ARP and pings. It is smoltcp's.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as Time;
use smoltcp::wire::{EthernetAddress, IpCidr};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

use crate::devices::virtio::net::{self, Stream, Wire};

/// The longest frame, with Ethernet's header and without its checksum.
const FRAME: usize = 1514;

/// Answers at `address` until the other side closes its socket.
pub fn serve(socket: UnixStream, address: IpCidr) -> io::Result<()> {
    let mut port = Port(Stream::new(socket)?);
    let epoll = Epoll::new()?;
    let fd = port.0.fd();
    epoll.ctl(
        ControlOperation::Add,
        fd,
        EpollEvent::new(EventSet::IN, fd as u64),
    )?;
    let start = Instant::now();
    let now = || Time::from_micros(start.elapsed().as_micros() as i64);
    let mac = EthernetAddress(net::mac(b"peer"));
    let mut machine = Interface::new(Config::new(mac.into()), &mut port, now());
    machine.update_ip_addrs(|addresses| {
        // There is room for the first one.
        let _ = addresses.push(address);
    });
    let mut sockets = SocketSet::new(Vec::new());
    while port.0.is_open() {
        match epoll.wait(-1, &mut [EpollEvent::default()]) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => machine.poll(now(), &mut port, &mut sockets),
        };
    }
    Ok(())
}

/// The socket, as smoltcp sees a network card.
struct Port(Stream);

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Time) -> Option<(Received, Room<'_>)> {
        let mut frame = vec![0; FRAME];
        let len = self.0.receive(&mut frame)?;
        frame.truncate(len);
        Some((Received(frame), Room(&mut self.0)))
    }

    fn transmit(&mut self, _: Time) -> Option<Room<'_>> {
        Some(Room(&mut self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A frame that has come.
struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Where a frame can be sent.
struct Room<'a>(&'a mut Stream);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.send(&frame);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::thread;

    const GUEST: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// Asks for the hardware address of `host`, and returns the answer.
    fn asked(end: &mut UnixStream, host: [u8; 4]) -> Option<Vec<u8>> {
        let mut frame = vec![0xff; 6];
        frame.extend(GUEST);
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(GUEST);
        frame.extend([10, 0, 2, 2, 0, 0, 0, 0, 0, 0]);
        frame.extend(host);
        end.write_all(&(frame.len() as u32).to_be_bytes()).unwrap();
        end.write_all(&frame).unwrap();
        let mut len = [0; 4];
        end.read_exact(&mut len).ok()?;
        let mut answer = vec![0; u32::from_be_bytes(len) as usize];
        end.read_exact(&mut answer).ok()?;
        Some(answer)
    }

    #[test]
    fn a_machine_answers_at_its_address_and_goes_with_its_socket() {
        let (mut end, other) = UnixStream::pair().unwrap();
        let peer = thread::spawn(|| serve(other, "10.0.2.1/24".parse().unwrap()));
        let answer = asked(&mut end, [10, 0, 2, 1]).unwrap();
        // To the guest, an ARP reply from 10.0.2.1.
        assert_eq!(answer[..6], GUEST);
        assert_eq!(answer[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
        assert_eq!(answer[28..32], [10, 0, 2, 1]);
        drop(end);
        peer.join().unwrap().unwrap();
    }
}

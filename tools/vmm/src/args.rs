// SPDX-License-Identifier: GPL-2.0
//! The command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use lexopt::prelude::*;

use crate::gic::Model;
use crate::layout;

/// What `--help` prints.
pub const HELP: &str = "\
vmm: boot a Linux guest on arm64's KVM

  --kernel FILE      an arm64 Image, not compressed (required)
  --initrd FILE      an initramfs
  --append WORDS     the kernel's command line (default: console=ttyAMA0)
  --cpus N           vCPUs, 1 to 512 (default 1)
  --memory SIZE      the guest's memory, in MiB or with K, M, G (default 256M)
  --gic 3|5          the interrupt controller (default: what the host offers)
  --disk FILE[,ro]   a disk: a file of the host's, as it is (raw), which the
                     guest sees as a virtio disk; ,ro: it cannot write to it.
                     Repeatable, in the order of /dev/vda, vdb, ...
  --net tap=NAME[,mac=M]
  --net socket=PATH[,mac=M]
                     a network card. Its other end is the host's tap device, or
                     a program that listens on a unix stream socket (frames as
                     passt and QEMU have them). M: its address, xx:xx:xx:xx:xx:xx
                     (default: made from the other end's name). Repeatable
  --console NAME     what standard input and output are: pl011 (default), or
                     virtio, where the guest has it as hvc0
  --help             this text

The guest's console is on standard input and output. On a terminal,
Ctrl-A X ends the guest at once and Ctrl-A Ctrl-A sends one Ctrl-A.

Exit status: 0 the guest powered off, 1 an error here, 2 the guest crashed.
When the guest resets, it is started again from the beginning: a new machine,
with the same disks. A tap device should be there before, to stay over it.
";

/// More than KVM's limit for either GIC makes no sense.
const MAX_CPUS: u16 = 512;
/// Below that no kernel and no device tree find place.
const MIN_MEMORY: u64 = 32 << 20;

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// A file, or a block device.
    pub path: PathBuf,
    /// Whether the guest cannot write to it.
    pub read_only: bool,
}

/// A network card's other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The host's tap device of that name.
    Tap(String),
    /// The program that listens on that socket.
    Socket(PathBuf),
}

impl Wire {
    /// What it is called.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Tap(name) => name.as_bytes(),
            Self::Socket(path) => path.as_os_str().as_bytes(),
        }
    }
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its other end.
    pub wire: Wire,
    /// Its address, if one was asked for.
    pub mac: Option<[u8; 6]>,
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// An arm64 Image.
    pub kernel: PathBuf,
    /// An initramfs, for the guest's kernel to unpack.
    pub initrd: Option<PathBuf>,
    /// The guest's kernel command line.
    pub append: String,
    /// Number of vCPUs: 1 to 512.
    pub cpus: u16,
    /// Memory, in bytes: a multiple of the page size.
    pub memory: u64,
    /// The disks, in their order.
    pub disks: Vec<Disk>,
    /// The network cards, in their order.
    pub nets: Vec<Card>,
    /// Whether the console is a virtio device.
    pub virtio_console: bool,
    /// The interrupt controller; the host's if none is named.
    pub gic: Option<Model>,
}

/// Reads the words behind the program's name. `None`: help was asked for.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Option<Options>> {
    let mut kernel = None;
    let mut options = Options {
        kernel: PathBuf::new(),
        initrd: None,
        append: "console=ttyAMA0".into(),
        cpus: 1,
        memory: 256 << 20,
        disks: Vec::new(),
        nets: Vec::new(),
        virtio_console: false,
        gic: None,
    };
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = parser.next()? {
        match word {
            Long("kernel") => kernel = Some(parser.value()?.into()),
            Long("initrd") => options.initrd = Some(parser.value()?.into()),
            Long("append") => options.append = parser.value()?.string()?,
            Long("cpus") => options.cpus = parser.value()?.parse().context("--cpus")?,
            Long("memory") => options.memory = size(&parser.value()?.string()?)?,
            Long("disk") => options.disks.push(disk(parser.value()?)?),
            Long("net") => options.nets.push(card(&parser.value()?.string()?)?),
            Long("console") => {
                options.virtio_console = match parser.value()?.to_str() {
                    Some("pl011") => false,
                    Some("virtio") => true,
                    _ => bail!("--console is pl011 or virtio"),
                }
            }
            Long("gic") => {
                options.gic = match parser.value()?.to_str() {
                    Some("3") => Some(Model::V3),
                    Some("5") => Some(Model::V5),
                    _ => bail!("--gic is 3 or 5"),
                }
            }
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(word.unexpected().into()),
        }
    }
    options.kernel = kernel.context("--kernel is missing (see --help)")?;
    ensure!(
        (1..=MAX_CPUS).contains(&options.cpus),
        "--cpus is 1 to {MAX_CPUS}"
    );
    // Console and random numbers take a place each.
    ensure!(
        options.disks.len() + options.nets.len() <= layout::MAX_VIRTIO as usize - 2,
        "--disk, --net: there is no room for that many devices"
    );
    ensure!(options.memory >= MIN_MEMORY, "--memory is 32M or more");
    Ok(Some(options))
}

/// A file's name, which may have commas, and what follows the last one.
fn disk(word: OsString) -> Result<Disk> {
    let (path, read_only) = match word.as_bytes().strip_suffix(b",ro") {
        Some(path) => (OsStr::from_bytes(path).into(), true),
        None => (PathBuf::from(&word), false),
    };
    ensure!(!path.as_os_str().is_empty(), "--disk: the file has no name");
    Ok(Disk { path, read_only })
}

/// A network card, as `--net` names it.
fn card(text: &str) -> Result<Card> {
    let (wire, mac) = match text.rsplit_once(",mac=") {
        Some((wire, mac)) => (wire, Some(mac)),
        None => (text, None),
    };
    let wire = match wire.split_once('=') {
        Some(("tap", name)) if !name.is_empty() => Wire::Tap(name.into()),
        Some(("socket", path)) if !path.is_empty() => Wire::Socket(path.into()),
        _ => bail!("--net is tap=NAME or socket=PATH, not {text}"),
    };
    let mac = mac.map(address).transpose()?;
    Ok(Card { wire, mac })
}

/// A network card's address. A card cannot have that of a group.
fn address(text: &str) -> Result<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|byte| {
            let plain = byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u8::from_str_radix(byte, 16).ok()).flatten()
        })
        .collect();
    bytes
        .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
        .filter(|mac| mac[0] & 1 == 0)
        .with_context(|| format!("--net: {text} is no address of a network card"))
}

/// A size: MiB, or with a unit. Rounded up to 64 KiB, the largest page.
fn size(text: &str) -> Result<u64> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 20),
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift))
        .and_then(|n| n.checked_next_multiple_of(0x1_0000))
        .with_context(|| format!("--memory: {text} is no size"))?;
    ensure!(bytes <= 1 << 39, "--memory: {text} is more than KVM maps");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn error(line: &str) -> String {
        format!("{:#}", parsed(line).unwrap_err())
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let options = parsed("--kernel Image --cpus 4 --memory 1G --gic 5 --initrd=i")
            .unwrap()
            .unwrap();
        assert_eq!(options.kernel, PathBuf::from("Image"));
        assert_eq!(options.initrd, Some("i".into()));
        assert_eq!((options.cpus, options.memory), (4, 1 << 30));
        assert_eq!(options.gic, Some(Model::V5));
        assert_eq!(parsed("--kernel Image --help").unwrap(), None);
    }

    #[test]
    fn disks_are_files_that_may_be_read_only() {
        let options = parsed("--kernel k --disk a,b.img --disk=/dev/sda,ro")
            .unwrap()
            .unwrap();
        let disk = |path: &str, read_only| Disk {
            path: path.into(),
            read_only,
        };
        assert_eq!(
            options.disks,
            [disk("a,b.img", false), disk("/dev/sda", true)]
        );
    }

    #[test]
    fn network_cards_have_another_end() {
        let line = "--kernel k --net tap=tap0 --net socket=/a,b,mac=02:00:5e:00:00:fF";
        let nets = parsed(line).unwrap().unwrap().nets;
        assert_eq!(nets[0].wire, Wire::Tap("tap0".into()));
        assert_eq!(nets[0].mac, None);
        assert_eq!(nets[1].wire, Wire::Socket("/a,b".into()));
        assert_eq!(nets[1].mac, Some([2, 0, 0x5e, 0, 0, 0xff]));
    }

    #[test]
    fn sizes_have_units_and_whole_pages() {
        assert_eq!(size("64").unwrap(), 64 << 20);
        assert_eq!(size("65K").unwrap(), 128 << 10);
        for wrong in ["", "M", "-1", "1T", "99999999999999999999", "1000G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_names_the_option() {
        assert!(error("").contains("--kernel is missing"));
        for (line, word) in [
            ("--kernel k --cpus 0", "--cpus"),
            ("--kernel k --cpus 513", "--cpus"),
            ("--kernel k --cpus many", "--cpus"),
            ("--kernel k --memory 31M", "--memory"),
            ("--kernel k --gic 4", "--gic"),
            ("--kernel k --console vga", "--console"),
            ("--kernel k --disk ,ro", "--disk"),
            ("--kernel k --net tap0", "--net"),
            ("--kernel k --net tap=", "--net"),
            ("--kernel k --net tap=t,mac=02:00:00:00:00", "--net"),
            ("--kernel k --net tap=t,mac=02:00:00:00:00:00:00", "--net"),
            ("--kernel k --net tap=t,mac=02:00:00:00:00:+1", "--net"),
            ("--kernel k --net tap=t,mac=03:00:00:00:00:01", "--net"),
            (&format!("--kernel k{}", " --disk d".repeat(31)), "--disk"),
            ("--kernel k --frobnicate", "--frobnicate"),
            ("--kernel", "--kernel"),
        ] {
            assert!(error(line).contains(word), "{line}: {}", error(line));
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The virtual machine: its parts made, loaded, and run.

use std::fs::{self, File};
use std::io::{stdin, stdout, Read, Stdout};
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{DeviceFd, IoEventAddress, Kvm, VmFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

use crate::args::{Options, Wire};
use crate::bus::{lock, Bus};
use crate::devices::pl011::{Line, Pl011};
use crate::devices::rtc::Rtc;
use crate::devices::virtio::block::Block;
use crate::devices::virtio::console::Console;
use crate::devices::virtio::device::{Device, Worker};
use crate::devices::virtio::mmio::{self, Transport};
use crate::devices::virtio::net::{self, Net, Stream, Tap};
use crate::devices::virtio::rng::Rng;
use crate::devices::virtio::Backend;
use crate::fdt::{self, Machine};
use crate::gic::{Cpu, Model};
use crate::image;
use crate::layout::{self, spi};
use crate::terminal::Keys;
use crate::vcpu::{End, Vcpu};

type Uart = Pl011<Stdout, SpiLine>;

/// Where standard input goes.
enum Input {
    Uart(Arc<Mutex<Uart>>),
    Virtio(Arc<Mutex<Device<Console<Stdout>>>>),
}

/// An SPI that this process drives by `KVM_IRQ_LINE`.
struct SpiLine {
    vm: Arc<VmFd>,
    irq: u32,
}

impl Line for SpiLine {
    fn set(&self, level: bool) {
        // The line exists: its number is below the GIC's number of SPIs.
        if let Err(errno) = self.vm.set_irq_line(self.irq, level) {
            eprintln!("vmm: KVM_IRQ_LINE {:#x}: {errno}", self.irq);
        }
    }
}

/// A guest that is ready to run.
pub struct Vm {
    vcpus: Vec<Vcpu>,
    bus: Bus,
    input: Input,
    // Held for as long as the guest lives, in the order in which they go.
    _gic: DeviceFd,
    _fd: Arc<VmFd>,
    _memory: GuestMemoryMmap,
}

impl Vm {
    /// Makes the guest that was asked for.
    pub fn new(options: &Options) -> Result<Self> {
        let kvm = Kvm::new().context("cannot open /dev/kvm")?;
        let fd = Arc::new(kvm.create_vm().context("cannot create a VM")?);
        let memory = memory(&fd, options.memory)?;
        let vcpus: Vec<Vcpu> = (0..options.cpus)
            .map(|id| Vcpu::new(&fd, id))
            .collect::<Result<_>>()?;
        let cpus: Vec<Cpu> = vcpus.iter().map(|vcpu| vcpu.cpu).collect();
        let model = options.gic.unwrap_or_else(|| offered(&fd));
        let gic = model.create(&fd, &cpus, layout::SPIS)?;

        let mut bus = Bus::default();
        let line = SpiLine {
            vm: fd.clone(),
            irq: model.irq_line(spi::UART),
        };
        let uart = Arc::new(Mutex::new(Pl011::new(stdout(), line)));
        bus.add(layout::UART, layout::DEVICE_SIZE, uart.clone());
        let rtc = Arc::new(Mutex::new(Rtc::default()));
        bus.add(layout::RTC, layout::DEVICE_SIZE, rtc);

        let mut virtio = Virtio {
            vm: &fd,
            memory: &memory,
            bus: &mut bus,
            count: 0,
        };
        let input = if options.virtio_console {
            Input::Virtio(virtio.add(Console::new(stdout()))?)
        } else {
            Input::Uart(uart)
        };
        virtio.add(Rng::open().context("the host has no random numbers")?)?;
        for disk in &options.disks {
            virtio.add(Block::open(&disk.path, disk.read_only)?)?;
        }
        for card in &options.nets {
            let mac = card.mac.unwrap_or_else(|| net::mac(card.wire.name()));
            match &card.wire {
                Wire::Tap(name) => virtio.add(Net::new(Tap::open(name)?, mac)).map(drop)?,
                Wire::Socket(path) => virtio
                    .add(Net::new(Stream::connect(path)?, mac))
                    .map(drop)?,
            }
        }
        let virtio = virtio.count;

        let vm = Self {
            vcpus,
            bus,
            input,
            _gic: gic,
            _fd: fd,
            _memory: memory,
        };
        vm.load(options, model, &cpus, virtio)?;
        Ok(vm)
    }

    fn load(&self, options: &Options, gic: Model, cpus: &[Cpu], virtio: u32) -> Result<()> {
        let kernel = read(&options.kernel)?;
        let initrd = options.initrd.as_deref().map(read).transpose()?;
        let len = initrd.as_ref().map_or(0, |initrd| initrd.len() as u64);
        let places = image::places(&kernel, len, options.memory)
            .with_context(|| options.kernel.display().to_string())?;
        let mut seed = [0; 32];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut seed))
            .context("cannot read /dev/urandom")?;
        let fdt = fdt::build(&Machine {
            gic,
            cpus,
            memory: options.memory,
            bootargs: &options.append,
            initrd: initrd.as_ref().map(|_| (places.initrd, len)),
            virtio,
            seed: &seed,
        })
        .context("cannot write the device tree")?;
        let pieces = [
            (places.kernel, &kernel),
            (places.initrd, &initrd.unwrap_or_default()),
            (places.fdt, &fdt),
        ];
        for (address, bytes) in pieces {
            self._memory
                .write_slice(bytes, GuestAddress(address))
                .context("cannot write the guest's memory")?;
        }
        self.vcpus[0].set_entry(places.kernel, places.fdt)
    }

    /// Runs the guest, with the console on standard input and output, and
    /// returns when it has ended.
    pub fn run(self) -> Result<End> {
        let (ends, ended) = mpsc::channel();
        let input = self.input;
        let quit = ends.clone();
        thread::Builder::new()
            .name("console".into())
            .spawn(move || console(&input, &quit))
            .context("cannot start a thread")?;
        let bus = Arc::new(self.bus);
        for vcpu in self.vcpus {
            vcpu.start(bus.clone(), ends.clone())?;
        }
        ended.recv().context("every vCPU's thread is gone")
    }
}

/// Takes standard input to the guest, until there is no more of it.
fn console(input: &Input, quit: &Sender<End>) {
    let mut keys = Keys::default();
    let mut buffer = [0; 256];
    while let Ok(len @ 1..) = stdin().read(&mut buffer) {
        let mut bytes = buffer[..len].to_vec();
        if keys.filter(&mut bytes) {
            // The receiver is there until the process ends.
            let _ = quit.send(End::Quit);
        }
        match input {
            Input::Uart(uart) => lock(uart).receive(&bytes),
            Input::Virtio(console) => {
                let mut console = lock(console);
                console.backend.receive(&bytes);
                console.kick(0);
            }
        }
    }
}

/// Where virtio devices are put.
struct Virtio<'a> {
    vm: &'a VmFd,
    memory: &'a GuestMemoryMmap,
    bus: &'a mut Bus,
    count: u32,
}

impl Virtio<'_> {
    /// Adds a device: an irqfd for its interrupt, an ioeventfd for the
    /// notifications of each queue, and a thread.
    fn add<B: Backend + 'static>(&mut self, backend: B) -> Result<Arc<Mutex<Device<B>>>> {
        let slot = self.count;
        let base = layout::virtio(slot);
        // Neither is waited for by reading it.
        let event = || {
            EventFd::new(libc::EFD_CLOEXEC | libc::EFD_NONBLOCK).context("cannot make an eventfd")
        };
        let irq = event()?;
        // KVM's default routing: GSI n is SPI n, for either GIC.
        self.vm
            .register_irqfd(&irq, spi::virtio(slot))
            .context("KVM takes no irqfd for a virtio device")?;
        let (mut kicks, mut clones) = (Vec::new(), Vec::new());
        let notify = IoEventAddress::Mmio(base + mmio::QUEUE_NOTIFY);
        for queue in 0..B::QUEUES.len() {
            let kick = event()?;
            self.vm
                .register_ioevent(&kick, &notify, queue as u32)
                .context("KVM takes no ioeventfd for a virtio device")?;
            clones.push(kick.try_clone().context("cannot make an eventfd")?);
            kicks.push(kick);
        }
        let transport = Transport::new(backend, self.memory.clone(), irq, clones)
            .context("cannot make a virtio device")?;
        let device = transport.device().clone();
        self.bus
            .add(base, layout::DEVICE_SIZE, Arc::new(Mutex::new(transport)));
        let worker = Worker::new(device.clone(), kicks);
        thread::Builder::new()
            .name(format!("virtio{slot}"))
            .spawn(move || {
                if let Err(error) = worker.run() {
                    eprintln!("vmm: virtio device {slot} has stopped: {error}");
                }
            })
            .context("cannot start a thread")?;
        self.count += 1;
        Ok(device)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// The GIC that a host has is the one that its guests get.
fn offered(vm: &VmFd) -> Model {
    if Model::V5.is_offered_by(vm) {
        Model::V5
    } else {
        Model::V3
    }
}

fn memory(vm: &VmFd, size: u64) -> Result<GuestMemoryMmap> {
    let start = GuestAddress(layout::MEMORY);
    let memory = GuestMemoryMmap::from_ranges(&[(start, size as usize)])
        .context("cannot allocate the guest's memory")?;
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: layout::MEMORY,
        memory_size: size,
        userspace_addr: memory.get_host_address(start)? as u64,
    };
    // SAFETY: the region is the mapping of `size` bytes made above. It lives in
    // the Vm, which is only dropped with the process's end, after the VM's file
    // descriptor.
    unsafe { vm.set_user_memory_region(region) }.context("KVM does not take the guest's memory")?;
    Ok(memory)
}

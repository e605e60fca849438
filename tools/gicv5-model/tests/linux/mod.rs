// SPDX-License-Identifier: GPL-2.0-or-later
//! A driver of our own that makes the accesses of Linux 7.3's
//! drivers/irqchip/irq-gic-v5.c and irq-gic-v5-irs.c in their order, through
//! the crate's public interface. Each function names the one whose accesses it
//! makes.

use gicv5_model::config::Config;
use gicv5_model::cpuif::route::{Access, PeState};
use gicv5_model::memory::{Env, Log, Memory};
use gicv5_model::regs::{find, TABLE};
use gicv5_model::{Gicv5, Lines};
use std::collections::HashMap;

/// INTID.TYPE.
pub const LPI: u64 = 2;
pub const SPI: u64 = 3;
/// `GICV5_IRQ_PRI_MI` with 5 priority bits.
pub const PRI_MI: u64 = 31;
/// arm64's MAX_IPI.
pub const IPIS_PER_CPU: u32 = 8;
/// IDLE in every status register but IRS_CR0.
const IDLE: u32 = 1;

#[derive(Default)]
struct Ram(HashMap<u64, u8>);

impl Memory for Ram {
    fn read(&mut self, pa: u64, buf: &mut [u8]) -> bool {
        for (i, byte) in buf.iter_mut().enumerate() {
            let Some(value) = self.0.get(&(pa + i as u64)) else {
                return false;
            };
            *byte = *value;
        }
        true
    }

    fn write(&mut self, pa: u64, buf: &[u8]) -> bool {
        let mut there = true;
        for (i, byte) in buf.iter().enumerate() {
            match self.0.get_mut(&(pa + i as u64)) {
                Some(place) => *place = *byte,
                None => there = false,
            }
        }
        there
    }
}

impl Ram {
    /// Memory exists only where it was allocated.
    fn kzalloc(&mut self, pa: u64, size: u64) {
        for byte in pa..pa + size {
            assert!(self.0.insert(byte, 0).is_none(), "allocated twice");
        }
    }
}

#[derive(Default)]
pub struct Errors(pub Vec<String>);

impl Log for Errors {
    fn guest_error(&mut self, msg: core::fmt::Arguments<'_>) {
        self.0.push(msg.to_string());
    }
}

/// `gicv5_global_data.ist`, when it has two levels.
struct L2 {
    l1ist: u64,
    l2_size: u64,
    l2_bits: u32,
}

/// The machine and the driver's own state.
pub struct Host {
    pub gic: Gicv5,
    ram: Ram,
    pub errors: Errors,
    pe_state: PeState,
    /// The next free physical address.
    brk: u64,
    l2: Option<L2>,
    pub num_lpis: u32,
    pub next_lpi: u32,
    /// The LPI of each IPI of each CPU.
    ipis: Vec<u32>,
    /// How often a status register has to be looked at before it is IDLE.
    polls: u32,
    /// The CPU that the driver runs on, for what is not the same on each.
    cpu: u32,
    /// The waits that were due, and which of them this driver leaves out.
    pub waits: Vec<Wait>,
    pub forget: Option<usize>,
}

/// A wait that a driver could forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Polling the status register at this offset for IDLE.
    Idle(u32),
    /// GSB ACK after GICR CDIA.
    GsbAck,
    /// GSB SYS after GIC CDDIS.
    GsbSys,
    /// ISB after GIC CDRCFG.
    Isb,
}

impl Host {
    pub fn new(config: &Config, pe_state: PeState) -> Self {
        Self {
            gic: Gicv5::new(config),
            ram: Ram::default(),
            errors: Errors::default(),
            pe_state,
            brk: 0x8_4000_0000,
            l2: None,
            num_lpis: 0,
            next_lpi: 0,
            ipis: Vec::new(),
            polls: config.delay.steps,
            cpu: 0,
            waits: Vec::new(),
            forget: None,
        }
    }

    /// A power of two of bytes, aligned to itself as kzalloc() does.
    pub fn kzalloc(&mut self, size: u64) -> u64 {
        let pa = self.brk.next_multiple_of(size);
        self.brk = pa + size;
        self.ram.kzalloc(pa, size);
        pa
    }

    // The accessors.

    pub fn irs_read(&mut self, offset: u32, size: u32) -> u64 {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic
            .irs_read_by(&mut env, Some(self.cpu), offset, size)
            .expect("abort")
    }

    pub fn irs_write(&mut self, offset: u32, size: u32, value: u64) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        let by = Some(self.cpu);
        let done = self.gic.irs_write_by(&mut env, by, offset, size, value);
        assert!(done, "abort");
    }

    /// The wire of SPI `id`.
    pub fn wire(&mut self, id: u32, level: bool) {
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.set_spi(&mut env, id, level);
    }

    pub fn readl(&mut self, offset: u32) -> u32 {
        self.irs_read(offset, 4) as u32
    }

    pub fn writel(&mut self, offset: u32, value: u32) {
        self.irs_write(offset, 4, value.into());
    }

    fn forgets(&mut self, wait: Wait) -> bool {
        self.waits.push(wait);
        self.forget == Some(self.waits.len() - 1)
    }

    /// `gicv5_wait_for_op_atomic()`: without delays everything is done at the
    /// first look.
    pub fn wait_for_op(&mut self, offset: u32, mask: u32) -> u32 {
        if self.forgets(Wait::Idle(offset)) {
            return mask | 0b10;
        }
        for _ in 0..=self.polls {
            let value = self.readl(offset);
            if value & mask != 0 {
                return value;
            }
        }
        panic!("timeout at {offset:#x}");
    }

    /// Long enough for everything that the driver does not wait for.
    fn settle(&mut self) {
        for _ in 0..self.polls {
            let mut env = Env {
                mem: &mut self.ram,
                log: &mut self.errors,
            };
            self.gic.step(&mut env);
        }
    }

    pub fn mrs(&mut self, cpu: u32, name: &str) -> u64 {
        let row = &TABLE[find(name).expect(name)];
        assert_eq!(
            self.gic.check(cpu, row, false, &self.pe_state),
            Access::Done
        );
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.read(&mut env, cpu, row, &self.pe_state)
    }

    pub fn msr(&mut self, cpu: u32, name: &str, value: u64) {
        let row = &TABLE[find(name).expect(name)];
        assert_eq!(self.gic.check(cpu, row, true, &self.pe_state), Access::Done);
        let mut env = Env {
            mem: &mut self.ram,
            log: &mut self.errors,
        };
        self.gic.write(&mut env, cpu, row, value, &self.pe_state);
    }

    // irq-gic-v5-irs.c.

    /// `gicv5_irs_of_init()`: returns IRS_IDR0.VIRT and the SPI count.
    pub fn irs_of_init(&mut self) -> (bool, u32) {
        // gicv5_irs_init_bases(), coherent.
        self.writel(0x84, 0xf5d7);
        self.writel(0x80, 1);
        self.wait_for_op(0x80, 1 << 1);
        // IAFFID_BITS has to cover the device tree's arm,iaffids.
        let iaffid_bits = (self.readl(0x04) >> 16 & 0xf) + 1;
        assert!(self.gic.num_pes() <= 1 << iaffid_bits);
        // gicv5_irs_init().
        assert_ne!(self.readl(0x08) & 1 << 5, 0, "no LPIs, no IPIs");
        assert_eq!(self.readl(0x1c), 0, "SPI_BASE");
        let spi_range = self.readl(0x18) & 0x1ff_ffff;
        let virt = self.readl(0x00) >> 6 & 1 != 0;
        assert_eq!(self.readl(0x04) >> 20 & 7, 0b100, "5 priority bits");
        assert_eq!(self.readl(0x14) & 0x1ff_ffff, spi_range);
        (virt, spi_range)
    }

    /// `gicv5_irs_init_ist()`.
    pub fn irs_init_ist(&mut self) {
        assert_eq!(self.irs_read(0x180, 8) & 1, 0, "already valid");
        let idr2 = self.readl(0x08);
        let two_levels = idr2 >> 10 & 1 != 0;
        let id_bits = idr2 & 0x1f;
        let min_lpi_id_bits = idr2 >> 6 & 0xf;
        let lpi_id_bits = if two_levels {
            id_bits
        } else {
            id_bits.min(min_lpi_id_bits.max(12))
        };
        // gicv5_set_cpuif_idbits(): 0 is 16 bits, 1 is 24.
        let cpuif_id_bits = match self.mrs(0, "ICC_IDR0_EL1") & 0xf {
            0 => 16,
            1 => 24,
            other => panic!("ICC_IDR0_EL1.ID_BITS is {other}"),
        };
        let lpi_id_bits = lpi_id_bits.min(cpuif_id_bits);
        assert_eq!(idr2 >> 14 & 1, 0, "ISTMD: then ISTEs would be larger");
        let istsz = 0;
        // gicv5_irs_l2_sz() with 4 KiB pages.
        let l2sz = 0;
        if two_levels {
            assert_ne!(idr2 >> 11 & 1, 0, "4 KiB");
        }
        let l2_bits = (10 - istsz) + 2 * l2sz;
        if two_levels && lpi_id_bits > l2_bits {
            let n = (lpi_id_bits - l2_bits + 2).max(5);
            let l1ist = self.kzalloc(1 << (n + 1));
            self.writel(0x190, 1 << 16 | istsz << 7 | l2sz << 5 | lpi_id_bits);
            self.l2 = Some(L2 {
                l1ist,
                l2_size: 1 << (11 + 2 * l2sz + 1),
                l2_bits,
            });
            self.irs_write(0x180, 8, l1ist | 1);
        } else {
            let n = (lpi_id_bits + 1 + istsz).max(5);
            let ist = self.kzalloc(1 << (n + 1));
            self.writel(0x190, istsz << 7 | lpi_id_bits);
            self.irs_write(0x180, 8, ist | 1);
        }
        self.wait_for_op(0x194, IDLE);
        self.num_lpis = 1 << lpi_id_bits;
    }

    /// `gicv5_irs_iste_alloc()`.
    pub fn irs_iste_alloc(&mut self, lpi: u32) {
        let Some(L2 {
            l1ist,
            l2_size,
            l2_bits,
        }) = self.l2
        else {
            return;
        };
        let l1e_pa = l1ist + u64::from(lpi >> l2_bits) * 8;
        let mut l1e = [0; 8];
        assert!(self.ram.read(l1e_pa, &mut l1e));
        if u64::from_le_bytes(l1e) & 1 != 0 {
            return;
        }
        let l2ist = self.kzalloc(l2_size);
        let l1e = l2ist & 0x00ff_ffff_ffff_f000;
        assert!(self.ram.write(l1e_pa, &l1e.to_le_bytes()));
        self.writel(0x1c0, lpi);
        self.wait_for_op(0x194, IDLE);
        let mut now = [0; 8];
        assert!(self.ram.read(l1e_pa, &mut now));
        assert_eq!(u64::from_le_bytes(now), l2ist | 1, "the IRS sets VALID");
    }

    /// `gicv5_irs_register_cpu()`.
    pub fn irs_register_cpu(&mut self, cpu: u32) {
        self.cpu = cpu;
        self.writel(0x140, cpu);
        let statusr = self.wait_for_op(0x144, IDLE);
        assert_ne!(statusr & 1 << 1, 0, "IAFFID {cpu} is invalid");
        self.writel(0x148, 1);
        self.wait_for_op(0x144, IDLE);
        self.cpu = 0;
    }

    /// `gicv5_spi_irq_set_type()`.
    pub fn spi_set_type(&mut self, spi: u32, level: bool) {
        self.writel(0x108, spi);
        assert_eq!(self.wait_for_op(0x118, IDLE) & 1 << 1, 1 << 1);
        self.writel(0x114, level.into());
        assert_eq!(self.wait_for_op(0x118, IDLE) & 1 << 1, 1 << 1);
    }

    /// `gicv5_irs_syncr()`.
    pub fn irs_syncr(&mut self) {
        self.writel(0xc0, 1 << 31);
        self.wait_for_op(0xc4, IDLE);
    }

    // irq-gic-v5.c.

    /// `gicv5_starting_cpu()`.
    pub fn starting_cpu(&mut self, cpu: u32) {
        assert_eq!(self.mrs(cpu, "ICC_IAFFIDR_EL1"), cpu.into());
        self.msr(cpu, "ICC_PPI_ENABLER0_EL1", 0);
        self.msr(cpu, "ICC_PPI_ENABLER1_EL1", 0);
        for n in 0..16 {
            let name = format!("ICC_PPI_PRIORITYR{n}_EL1");
            self.msr(cpu, &name, PRI_MI * 0x0101_0101_0101_0101);
        }
        self.msr(cpu, "ICC_PCR_EL1", PRI_MI);
        let cr0 = self.mrs(cpu, "ICC_CR0_EL1");
        self.msr(cpu, "ICC_CR0_EL1", cr0 | 1);
        self.irs_register_cpu(cpu);
    }

    /// `gicv5_irq_lpi_domain_alloc()`, one interrupt.
    pub fn lpi_alloc(&mut self) -> u32 {
        let lpi = self.next_lpi;
        assert!(lpi < self.num_lpis);
        self.next_lpi += 1;
        self.irs_iste_alloc(lpi);
        let intid = LPI << 29 | u64::from(lpi);
        self.msr(0, "GIC_CDPRI", PRI_MI << 35 | intid);
        self.msr(0, "GIC_CDHM", intid);
        self.msr(0, "GIC_CDPEND", intid);
        lpi
    }

    /// `gicv5_iri_irq_set_affinity()`, executed by `cpu`.
    pub fn set_affinity(&mut self, cpu: u32, ty: u64, id: u32, to: u32) {
        let operand = u64::from(to) << 32 | ty << 29 | u64::from(id);
        self.msr(cpu, "GIC_CDAFF", operand);
    }

    /// `gicv5_iri_irq_unmask()`.
    pub fn unmask(&mut self, cpu: u32, ty: u64, id: u32) {
        self.msr(cpu, "GIC_CDEN", ty << 29 | u64::from(id));
    }

    /// `gicv5_iri_irq_mask()`.
    pub fn mask(&mut self, cpu: u32, ty: u64, id: u32) {
        self.msr(cpu, "GIC_CDDIS", ty << 29 | u64::from(id));
        if !self.forgets(Wait::GsbSys) {
            self.msr(cpu, "GSB_SYS", 0);
        }
    }

    /// `gicv5_iri_irq_write_pending_state()`.
    pub fn write_pending(&mut self, cpu: u32, ty: u64, id: u32, pending: bool) {
        let operand = u64::from(pending) << 32 | ty << 29 | u64::from(id);
        self.msr(cpu, "GIC_CDPEND", operand);
    }

    /// `gicv5_iri_irq_get_irqchip_state()`: (pending, active).
    pub fn irqchip_state(&mut self, cpu: u32, ty: u64, id: u32) -> (bool, bool) {
        self.msr(cpu, "GIC_CDRCFG", ty << 29 | u64::from(id));
        if !self.forgets(Wait::Isb) {
            self.gic.synchronize(cpu);
        }
        let icsr = self.mrs(cpu, "ICC_ICSR_EL1");
        assert_eq!(icsr & 1, 0, "F");
        (icsr >> 2 & 1 != 0, icsr >> 4 & 1 != 0)
    }

    /// The start of `gicv5_handle_irq()`: acknowledge and drop the priority.
    /// (type, ID), or `None` for a spurious interrupt.
    pub fn handle_irq(&mut self, cpu: u32) -> Option<(u64, u32)> {
        self.settle();
        let ia = self.mrs(cpu, "GICR_CDIA");
        if ia >> 32 & 1 == 0 {
            return None;
        }
        if !self.forgets(Wait::GsbAck) {
            self.msr(cpu, "GSB_ACK", 0);
        }
        self.msr(cpu, "GIC_CDEOI", 0);
        Some((ia >> 29 & 7, (ia & 0xff_ffff) as u32))
    }

    /// `gicv5_hwirq_eoi()`.
    pub fn eoi(&mut self, cpu: u32, ty: u64, id: u32) {
        self.msr(cpu, "GIC_CDDI", ty << 29 | u64::from(id));
    }

    /// `gicv5_smp_init()`, and what set_smp_ipi_range_percpu() comes to.
    pub fn smp_init(&mut self) {
        let cpus = self.gic.num_pes();
        for _ in 0..cpus * IPIS_PER_CPU {
            let lpi = self.lpi_alloc();
            self.ipis.push(lpi);
        }
        for cpu in 0..cpus {
            for ipi in 0..IPIS_PER_CPU {
                let lpi = self.ipi(cpu, ipi);
                self.set_affinity(0, LPI, lpi, cpu);
            }
        }
        self.ipi_setup(0);
    }

    /// ipi_setup() of arm64, run by each CPU as it comes up.
    pub fn ipi_setup(&mut self, cpu: u32) {
        for ipi in 0..IPIS_PER_CPU {
            let lpi = self.ipi(cpu, ipi);
            self.unmask(cpu, LPI, lpi);
        }
    }

    pub fn ipi(&self, cpu: u32, ipi: u32) -> u32 {
        self.ipis[(cpu * IPIS_PER_CPU + ipi) as usize]
    }

    /// `gicv5_of_init()` on CPU 0, then the other CPUs.
    pub fn boot(&mut self) -> (bool, u32) {
        let found = self.irs_of_init();
        self.starting_cpu(0);
        self.irs_init_ist();
        self.smp_init();
        for cpu in 1..self.gic.num_pes() {
            self.starting_cpu(cpu);
            self.ipi_setup(cpu);
        }
        found
    }

    pub fn lines(&self) -> Vec<Lines> {
        (0..self.gic.num_pes())
            .map(|cpu| self.gic.lines(cpu))
            .collect()
    }

    /// The CPUs whose IRQ line is asserted; no other line ever is.
    pub fn interrupted(&mut self) -> Vec<u32> {
        self.settle();
        let lines = self.lines();
        assert!(lines
            .iter()
            .all(|&l| l == Lines::IRQ || l == Lines::default()));
        (0u32..)
            .zip(lines)
            .filter_map(|(cpu, l)| (l == Lines::IRQ).then_some(cpu))
            .collect()
    }
}

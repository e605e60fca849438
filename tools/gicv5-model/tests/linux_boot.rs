// SPDX-License-Identifier: GPL-2.0-or-later
//! Linux 7.3's host driver on the model, access by access (see `linux`).
//!
//! The driver breaks no rule, so in every test the log of guest errors has to
//! stay empty.

mod linux;

use gicv5_model::config::Config;
use gicv5_model::cpuif::route::PeState;
use gicv5_model::Lines;
use linux::{Host, Wait, IPIS_PER_CPU, LPI, PRI_MI, SPI};
use std::collections::BTreeSet;

/// The host at EL2 with VHE (E2H, TGE and what they imply), and at EL1 without
/// EL2.
fn places() -> [PeState; 2] {
    [
        PeState {
            el: 2,
            el2: true,
            hcr_el2: 1 << 34 | 1 << 27 | 0b111 << 3,
            nmi: false,
        },
        PeState {
            el: 1,
            ..PeState::default()
        },
    ]
}

/// Every kind of IST that the model offers, on 1, 4 and 16 CPUs, in both places;
/// and with operations that take their time.
fn hosts() -> impl Iterator<Item = Host> {
    let delays = [1, 3, 20].map(|steps| {
        let mut config = Config::new(3, 64, true, 0, false).unwrap();
        config.delay.steps = steps;
        Host::new(&config, places()[0])
    });
    prompt_hosts().chain(delays)
}

fn prompt_hosts() -> impl Iterator<Item = Host> {
    [
        (16, false),
        (16, true),
        (14, false),
        (14, true),
        (24, false),
        (24, true),
    ]
    .into_iter()
    .flat_map(|ist| [1, 4, 16].map(|cpus| (ist, cpus)))
    .flat_map(|what| places().map(|place| (what, place)))
    .map(|(((bits, linear), cpus), place)| {
        let config = Config::new(cpus, 64, true, bits, linear).unwrap();
        Host::new(&config, place)
    })
}

fn no_errors(host: &Host) {
    assert!(host.errors.0.is_empty(), "{:?}", host.errors.0);
}

#[test]
fn every_cpu_sends_every_ipi_to_every_cpu() {
    for mut host in hosts() {
        assert_eq!(host.boot(), (true, 64));
        assert_eq!(host.interrupted(), []);
        let cpus = host.gic.num_pes();
        for from in 0..cpus {
            for to in 0..cpus {
                for ipi in 0..IPIS_PER_CPU {
                    let lpi = host.ipi(to, ipi);
                    host.write_pending(from, LPI, lpi, true);
                    assert_eq!(host.interrupted(), [to]);
                    assert_eq!(host.handle_irq(to), Some((LPI, lpi)));
                    // Edge: it is taken, and can be sent again meanwhile.
                    assert_eq!(host.interrupted(), []);
                    assert_eq!(host.irqchip_state(to, LPI, lpi), (false, true));
                    host.eoi(to, LPI, lpi);
                    assert_eq!(host.irqchip_state(to, LPI, lpi), (false, false));
                    assert_eq!(host.handle_irq(to), None);
                }
            }
        }
        no_errors(&host);
    }
}

/// The driver's life: its boot, an IPI, an SPI that is masked while it is
/// asserted, and the states of both.
fn life(host: &mut Host) {
    host.boot();
    let lpi = host.ipi(1, 0);
    host.write_pending(0, LPI, lpi, true);
    assert_eq!(host.handle_irq(1), Some((LPI, lpi)));
    assert_eq!(host.irqchip_state(1, LPI, lpi), (false, true));
    host.eoi(1, LPI, lpi);
    let uart = 33;
    host.msr(0, "GIC_CDPRI", PRI_MI << 35 | SPI << 29 | u64::from(uart));
    host.spi_set_type(uart, true);
    host.set_affinity(0, SPI, uart, 0);
    host.unmask(0, SPI, uart);
    host.wire(uart, true);
    assert_eq!(host.interrupted(), [0]);
    host.mask(0, SPI, uart);
    assert_eq!(host.lines()[0], Lines::default(), "masked");
    assert_eq!(host.irqchip_state(0, SPI, uart), (true, false));
    no_errors(host);
}

/// A driver that leaves out one of its waits works where everything is done at
/// once, and is caught where it is not.
#[test]
fn a_driver_that_does_not_wait() {
    let host = |steps| {
        let mut config = Config::new(2, 64, true, 0, false).unwrap();
        config.delay.steps = steps;
        Host::new(&config, places()[0])
    };
    let mut all = host(20);
    life(&mut all);
    let mut caught = BTreeSet::new();
    for (forget, kind) in all.waits.into_iter().enumerate() {
        for steps in [0, 20] {
            let result = std::panic::catch_unwind(|| {
                let mut host = host(steps);
                host.forget = Some(forget);
                life(&mut host);
            });
            // The next CPU's selection comes too soon, however fast the IRS is.
            let noticed = steps != 0 || kind == Wait::Idle(0x144);
            assert!(noticed || result.is_ok(), "{kind:?}");
            if result.is_err() {
                caught.insert(kind);
            }
        }
    }
    // IRS_CR0's is not there: nothing is asked of the IRS that soon after it.
    let expected = [
        Wait::Idle(0x118),
        Wait::Idle(0x144),
        Wait::Idle(0x194),
        Wait::GsbAck,
        Wait::GsbSys,
        Wait::Isb,
    ];
    assert_eq!(caught, BTreeSet::from(expected));
}

/// Two IPIs at once, of equal priority as Linux gives them; one again while it
/// is handled; one to a CPU that has its IPIs torn down.
#[test]
fn ipis_coalesce_and_wait() {
    let mut host = Host::new(&Config::new(2, 0, true, 0, false).unwrap(), places()[0]);
    assert_eq!(host.boot(), (true, 0));
    let (call, irq_work) = (host.ipi(1, 1), host.ipi(1, 5));
    for lpi in [call, irq_work, call] {
        host.write_pending(0, LPI, lpi, true);
    }
    assert_eq!(host.handle_irq(1), Some((LPI, call)));
    // The priority is dropped already, so the other one comes at once.
    assert_eq!(host.interrupted(), [1]);
    assert_eq!(host.handle_irq(1), Some((LPI, irq_work)));
    host.write_pending(0, LPI, call, true);
    assert_eq!(host.interrupted(), [], "still active");
    assert_eq!(host.irqchip_state(0, LPI, call), (true, true));
    host.eoi(1, LPI, irq_work);
    assert_eq!(host.interrupted(), []);
    host.eoi(1, LPI, call);
    assert_eq!(host.interrupted(), [1]);
    assert_eq!(host.handle_irq(1), Some((LPI, call)));
    host.eoi(1, LPI, call);
    assert_eq!(host.handle_irq(1), None);

    host.mask(1, LPI, call);
    host.write_pending(0, LPI, call, true);
    assert_eq!(host.interrupted(), []);
    host.unmask(1, LPI, call);
    assert_eq!(host.interrupted(), [1]);
    no_errors(&host);
}

/// The UART: a level SPI, its wire held until the handler has served the
/// device, moved to another CPU, as handle_fasteoi_irq() goes about it.
#[test]
fn level_spi() {
    for mut host in hosts() {
        host.boot();
        let last = host.gic.num_pes() - 1;
        let uart = 33;
        // gicv5_irq_spi_domain_alloc(), irq_startup().
        host.msr(0, "GIC_CDPRI", PRI_MI << 35 | SPI << 29 | u64::from(uart));
        host.spi_set_type(uart, true);
        host.set_affinity(0, SPI, uart, last);
        host.unmask(0, SPI, uart);
        assert_eq!(host.interrupted(), []);

        host.wire(uart, true);
        assert_eq!(host.interrupted(), [last]);
        assert_eq!(host.handle_irq(last), Some((SPI, uart)));
        assert_eq!(host.interrupted(), [], "active");
        assert_eq!(host.irqchip_state(last, SPI, uart), (true, true));
        // The device is not served yet: it comes again.
        host.eoi(last, SPI, uart);
        assert_eq!(host.interrupted(), [last]);
        assert_eq!(host.handle_irq(last), Some((SPI, uart)));
        host.wire(uart, false);
        assert_eq!(host.irqchip_state(last, SPI, uart), (false, true));
        host.eoi(last, SPI, uart);
        assert_eq!(host.interrupted(), []);

        // Its CPU goes offline with the interrupt pending.
        host.wire(uart, true);
        host.set_affinity(0, SPI, uart, 0);
        assert_eq!(host.interrupted(), [0]);
        assert_eq!(host.handle_irq(0), Some((SPI, uart)));
        host.mask(0, SPI, uart);
        host.eoi(0, SPI, uart);
        assert_eq!(host.interrupted(), [], "masked");
        host.wire(uart, false);
        host.unmask(0, SPI, uart);
        assert_eq!(host.interrupted(), []);
        host.irs_syncr();
        no_errors(&host);
    }
}

/// An edge SPI: one interrupt for one edge, and gicv5_spi_irq_retrigger().
#[test]
fn edge_spi() {
    for mut host in hosts() {
        host.boot();
        let irq = 5;
        host.msr(0, "GIC_CDPRI", PRI_MI << 35 | SPI << 29 | irq);
        host.spi_set_type(5, false);
        host.set_affinity(0, SPI, 5, 0);
        host.unmask(0, SPI, 5);
        host.wire(5, true);
        assert_eq!(host.handle_irq(0), Some((SPI, 5)));
        // A second edge while it is active is remembered.
        host.wire(5, false);
        host.wire(5, true);
        assert_eq!(host.interrupted(), []);
        host.eoi(0, SPI, 5);
        assert_eq!(host.handle_irq(0), Some((SPI, 5)));
        host.eoi(0, SPI, 5);
        host.wire(5, false);
        assert_eq!(host.interrupted(), []);
        host.write_pending(0, SPI, 5, true);
        assert_eq!(host.handle_irq(0), Some((SPI, 5)));
        host.eoi(0, SPI, 5);
        assert_eq!(host.interrupted(), []);
        no_errors(&host);
    }
}

/// The last LPI that the driver would ever hand out, and that LPIs keep apart
/// whichever second level they are in.
#[test]
fn lpis_across_the_whole_table() {
    for mut host in hosts() {
        host.boot();
        let count = host.num_lpis;
        let strays = [count / 2 - 1, count / 2, count - 1];
        for lpi in strays {
            host.next_lpi = lpi;
            assert_eq!(host.lpi_alloc(), lpi);
            host.set_affinity(0, LPI, lpi, 0);
            host.unmask(0, LPI, lpi);
        }
        for lpi in strays {
            host.write_pending(0, LPI, lpi, true);
        }
        for lpi in strays {
            assert_eq!(host.handle_irq(0), Some((LPI, lpi)));
        }
        assert_eq!(host.handle_irq(0), None);
        for lpi in strays {
            host.eoi(0, LPI, lpi);
        }
        no_errors(&host);
    }
}

/// `gicv5_irs_remove()`, then a second kernel (kexec) that finds the IST valid
/// and refuses it, and a reset, after which everything starts again.
#[test]
fn disable_and_reset() {
    let config = Config::new(2, 8, false, 0, false).unwrap();
    let mut host = Host::new(&config, places()[0]);
    assert_eq!(host.boot(), (false, 8));
    let lpi = host.ipi(1, 0);
    host.write_pending(0, LPI, lpi, true);
    assert_eq!(host.interrupted(), [1]);
    host.writel(0x80, 0);
    host.wait_for_op(0x80, 1 << 1);
    assert_eq!(host.interrupted(), []);
    assert_eq!(host.irs_read(0x180, 8) & 1, 1);

    host.gic.reset();
    let mut again = Host::new(&config, places()[0]);
    core::mem::swap(&mut again.gic, &mut host.gic);
    assert_eq!(again.boot(), (false, 8));
    let lpi = again.ipi(1, 0);
    again.write_pending(0, LPI, lpi, true);
    assert_eq!(again.handle_irq(1), Some((LPI, lpi)));
    no_errors(&again);
}

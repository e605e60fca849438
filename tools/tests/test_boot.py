# SPDX-License-Identifier: GPL-2.0
"""The GICv5 host boots, in every mode and with every number of CPUs, and its
interrupts of every kind arrive."""

import re

import pytest

USES_GICV5 = r"kvm \[1\]: GCIE system register CPU interface"


def counted(table, name, cpu=None):
    """The interrupts that /proc/interrupts, on all CPUs or on one, counts for `name`."""
    cpus = len(re.search(r"^ +CPU0.*$", table, re.M)[0].split())
    total = 0
    for line in table.splitlines():
        if name in line and re.match(r" *(?:IPI)?\d+:", line):
            counts = line.split(":", 1)[1].split()[:cpus]
            total += sum(int(count) for i, count in enumerate(counts) if cpu in (None, i))
    return total


@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_all_cpus_are_online(host, cpus):
    host.succeed("grep -c ^processor /proc/cpuinfo").has(rf"^{cpus}$")
    host.succeed("dmesg").has(r"kvm \[1\]: VHE mode initialized successfully")


def test_host_driver_and_kvm(host):
    log = host.succeed("dmesg")
    log.has(r"GICv5 IRS: .* detected SPI range \[0-[0-9]+\]")
    log.has(USES_GICV5)


@pytest.mark.patches(1)
@pytest.mark.parametrize("mode", ["vhe", "nvhe"])
def test_maps_of_features_and_trap_bits_account_for_every_bit(host):
    # When KVM comes up it compares its maps of what traps, by feature, with what the
    # registers have. It goes on if they differ, and only says so; the line about the
    # handlers it prints just before.
    log = host.succeed("dmesg")
    log.has(r"kvm \[1\]: nv: [0-9]+ fine grained trap handlers")
    log.lacks(r"Undefined .* behaviour, bits|Inconsistent masks for|bit has both polarities")


def test_interrupts_of_every_kind_arrive(host):
    # Twenty ticks on each CPU come sooner or later; nothing says when.
    table = host.succeed(
        """uart-loopback || exit; count-overflows 1 || exit
for cpu in 0 1; do
	while [ "$(awk "/arch_timer/ { print \\$($cpu + 2) }" /proc/interrupts)" -lt 20 ]; do
		taskset $((cpu + 1)) usleep 10000
	done
done
cat /proc/interrupts"""
    ).output
    for cpu in 0, 1:
        assert counted(table, "arch_timer", cpu) >= 20, table
        assert counted(table, "IPI", cpu) >= 5, table
    assert counted(table, "uart-pl011") >= 20, table
    assert counted(table, "arm-pmu", 1) >= 20, table


@pytest.mark.parametrize("cpus", [4])
def test_hotplug(host):
    done = host.succeed(
        """for round in 1 2 3; do
	for cpu in 1 2 3; do
		echo 0 >/sys/devices/system/cpu/cpu$cpu/online || exit
		[ "$(grep -c ^processor /proc/cpuinfo)" = 3 ] || exit
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online || exit
		[ "$(grep -c ^processor /proc/cpuinfo)" = 4 ] || exit
	done
done
count-overflows 3 || exit
# Ten ticks more of its timer; at the time of /proc/interrupts it has had them.
ticks() { awk "/arch_timer/ { print \\$5 }" /proc/interrupts; }
begin=$(ticks)
while [ "$(ticks)" -lt $((begin + 10)) ]; do taskset 8 usleep 10000; done
cat /proc/interrupts
echo rounds done"""
    )
    done.has("^rounds done$")
    assert counted(done.output, "arch_timer", 3) >= 5


@pytest.mark.parametrize("mode", ["nvhe"])
def test_nvhe(host):
    log = host.succeed("dmesg")
    log.has(r"kvm \[1\]: Hyp nVHE mode initialized successfully")
    log.has(USES_GICV5)


@pytest.mark.parametrize("mode", ["protected"])
def test_protected(host):
    # Mainline has no GICv5 guests under pKVM, and no other guests on a GIC without
    # the legacy interface: KVM goes, the host stays.
    host.succeed("dmesg").has(r"kvm \[1\]: GICv5-based guests are not supported with pKVM")
    host.succeed("[ ! -e /dev/kvm ]")


@pytest.mark.host(qemu_args=("-machine", "gicv5-virt=off"))
def test_irs_that_cannot_virtualise(host):
    log = host.succeed("dmesg")
    log.has("GIC implementation is not virtualization capable")
    log.lacks("GCIE system register CPU interface")


# A GIC whose operations take their time, so that a barrier or an IDLE poll that is
# missing shows, and one whose ID registers ask for other tables.
DELAYED = ("delay-steps=20",)
TABLES = ("vmt-two-level=on", "vm-id-bits=16", "vmd-log2=12", "vped-log2=12", "istmd-id-bits=10", "ist-l2-sizes=2")


@pytest.mark.parametrize("gic_options", [DELAYED, TABLES], ids=["delayed", "other tables"])
def test_other_gics(host):
    table = host.succeed("uart-loopback && cat /proc/interrupts").output
    assert counted(table, "uart-pl011") >= 20, table

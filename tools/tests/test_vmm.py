# SPDX-License-Identifier: GPL-2.0
"""The VMM: its lints and unit tests, and Linux guests that check themselves."""

import re

import pytest

import tree

ENV = {
    "CARGO_TARGET_DIR": str(tree.BUILD / "vmm"),
    "CARGO_TERM_COLOR": "never",
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
}
ARM64 = ("--target", "aarch64-unknown-linux-gnu")


def cargo(*words, after=()):
    return tree.succeed("cargo", *words, "--locked", "-p", "vmm", *after, env=ENV)


@pytest.mark.parametrize("target", [("--all-targets",), ARM64], ids=["host", "arm64"])
def test_clippy_has_nothing_to_say(target):
    cargo("clippy", "--quiet", *target, after=("--", "-D", "warnings"))


def test_unit_tests():
    # A run that finds no test passes, too.
    assert re.search(r"[1-9]\d+ passed", cargo("test", "--lib"))


@pytest.mark.parametrize(
    "gic, mode, cpus, console",
    [
        (3, "vhe", 1, "pl011"),
        (3, "vhe", 4, "virtio"),
        (5, "vhe", 1, "pl011"),
        (5, "vhe", 2, "pl011"),
        (5, "vhe", 8, "virtio"),
        (5, "nvhe", 1, "virtio"),
        (5, "nvhe", 4, "pl011"),
        (5, "hvhe", 2, "pl011"),
    ],
)
def test_guest_boots(gic, mode, cpus, console):
    """Each processor takes timer interrupts and IPIs, and the console's SPI
    arrives: level-triggered by KVM_IRQ_LINE, or an edge by an irqfd. GICv5 is
    the Rust backend's, with IPIs as LPIs of its virtual IRS."""
    done = tree.succeed(
        tree.TOP / "scripts/guest", "--check", "--gic", gic, "--cpus", cpus, "--console", console, "--host", f"--mode {mode}"
    )
    assert f"guest: OK with {cpus} processors" in done
    line = {
        (3, "pl011"): r"GICv3 +33 Level +uart-pl011",
        (3, "virtio"): r"GICv3 +35 Edge +virtio0",
        (5, "pl011"): r"GICv5-SPI +1 Level +uart-pl011",
        (5, "virtio"): r"GICv5-SPI +3 Edge +virtio0",
    }[gic, console]
    assert re.search(line, done), done

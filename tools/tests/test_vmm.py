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


GUEST = [
    "all processors are up",
    "each takes its timer's interrupts",
    "each takes IPIs",
    "the console interrupts",
    "random numbers of the host's",
    "the disk reads as it was written",
    "the other end of the network card answers",
    "each but the first goes off and on, and the disk's interrupt with it",
    "the kernel has not complained",
    "it is up again after a reset",
    "the disk has kept what was written",
    "the kernel has not complained this time",
]
HOST = ["it was reset once, and powered off", "the disk's file has what the guest wrote"]


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
def test_guest_boots(gic, mode, cpus, console, subtests):
    """The guest tries its processors, interrupts and devices, resets, and looks at
    its disk again (tools/vmm/guest/init). GICv5 is the Rust backend's."""
    done = tree.run(
        tree.TOP / "scripts/guest", "--check", "--gic", gic, "--cpus", cpus, "--console", console, "--host", f"--mode {mode}"
    )
    subtests.ktap(done.stdout, expected=[f"the guest has checked itself/{name}" for name in GUEST] + HOST)
    assert done.returncode == 0, done.stdout
    chips = {3: ("GICv3", "GICv3", "GICv3"), 5: ("GICv5-PPI", "GICv5-SPI", "GICv5-IPI")}
    ppi, spi, ipi = chips[gic]
    first = 0 if gic == 5 else 32  # A GICv3 counts SPIs from there.
    lines = [rf"{ppi} +27 Level +arch_timer", rf"# IPIs by kind: +\d+ {ipi}\b"]
    # Behind the console, if that is one: random numbers, disk, network card.
    virtio = 4 if console == "virtio" else 3
    lines += [rf"{spi} +{first + 3 + slot} Edge +virtio{slot}\b" for slot in range(virtio)]
    if console == "pl011":
        lines.append(rf"{spi} +{first + 1} Level +uart-pl011")
    missing = [line for line in lines if not re.search(line, done.stdout)]
    assert not missing, f"{missing} in:\n{done.stdout}"

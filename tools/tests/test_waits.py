# SPDX-License-Identifier: GPL-2.0
"""A GIC whose operations take their time (delay-steps), and Linux on it.

Linux waits for them: it boots, the module is loaded, and the model has no mistake
to tell of. The same kernel without one of its waits is caught. That every other
wait is missed, too, is tested on the model alone (tools/gicv5-model/tests/
linux_boot.rs, delay.rs); make stress runs all selftests on such a GIC.
"""

import dataclasses
import subprocess
import time

import pytest

import host as hosts
import tree
import waits


@pytest.fixture
def log(tmp_path):
    """What the emulator says of the software's mistakes."""
    return tmp_path / "guest_errors"


@pytest.fixture
def settings(log):
    words = ("-d", "guest_errors", "-D", str(log))
    return hosts.Settings(gic_options=("delay-steps=50",), qemu_args=words)


def mistakes(log):
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line for line in lines if line.startswith("gicv5: ")]


def until_a_mistake(settings, log, command):
    """Boots a host that runs a command, and ends it as soon as it is caught: it may
    never boot. The exit status."""
    host = subprocess.Popen(
        [tree.TOP / "scripts/run-host", "--timeout", "300", *settings.options(), "--", command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while host.poll() is None and not mistakes(log):
        time.sleep(0.2)
    host.terminate()
    return host.wait()


def test_linux_waits(settings, log):
    assert until_a_mistake(settings, log, f"insmod {tree.MODULE}") == 0
    assert mistakes(log) == []


@pytest.mark.parametrize("wait", waits.WAITS)
def test_linux_without_a_wait_is_caught(wait, settings, log, tmp_path):
    image = waits.Image(tree.BUILD / "linux")
    waits.WAITS[wait](image)
    image.write(tmp_path / "Image")
    settings = dataclasses.replace(settings, kernel=str(tmp_path / "Image"))
    until_a_mistake(settings, log, "true")
    assert mistakes(log)

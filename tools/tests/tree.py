# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how a command is run.

The tests run in the toolchain (scripts/in-toolchain), so compilers and the
emulator are simply on the path. What has to run on the machine itself, as
outside the toolchain, goes through `on_machine()`.
"""

import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
LOG = BUILD / "log"
LINUX = BUILD / "src" / "linux"
"""The pristine kernel source."""
MODULE = "/lib/modules/kvm_arm_vgic_v5.ko"
"""The module, in a booted host."""

SCALE = float(os.environ.get("TIMEOUT_SCALE", "1"))
"""All time limits are multiplied by this. They only end what hangs."""


def scaled(seconds):
    """A time limit in seconds, for this machine."""
    return max(1, round(seconds * SCALE))


def run(*command, timeout=1500, env=None, cwd=TOP, stdin=None):
    """Run a command to its end; its output, both streams, is in `.stdout`.

    `env` is added to the environment. Does not look at the exit status.
    """
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=scaled(timeout),
        check=False,
    )


def succeed(*command, **options):
    """Run a command that has to succeed; returns its output."""
    done = run(*command, **options)
    words = " ".join(str(word) for word in command)
    assert done.returncode == 0, f"exit status {done.returncode}: {words[:300]}\n{tail(done.stdout)}"
    return done.stdout


def on_machine(*command):
    """The words that run `command` outside the toolchain."""
    return ("chroot", "/machine", "env", "-u", "IN_TOOLCHAIN", *command)


def tail(text, lines=60):
    """The last lines of a text."""
    return "\n".join(text.rstrip("\n").split("\n")[-lines:])

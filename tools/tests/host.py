# SPDX-License-Identifier: GPL-2.0
"""Booted hosts: one boot serves many tests.

A `Host` is a running scripts/run-host whose command is a small server: it takes
commands on the second serial port, one at a time. `Hosts` keeps those that were
booted, by their settings, and ends the one that was not used for longest.
"""

import collections
import dataclasses
import os
import pathlib
import re
import select
import subprocess
import tempfile
import time

import tree

# In the host. `read -r` keeps the backslashes that printf takes for newlines.
SERVER = r"""
exec 3</dev/ttyAMA1
echo '@ready'
while IFS= read -r token <&3 && IFS= read -r text <&3; do
	[ "$token" != end ] || exit 0
	printf '%b' "$text" >/tmp/command
	sh /tmp/command </dev/null 2>&1
	printf '\n@%s %d\n' "$token" $?
done
exit 99
"""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a host is booted; see scripts/run-host."""

    mode: str = "vhe"
    cpus: int = 2
    gic: int = 5
    kernel: str = "linux"
    accel: str = ""
    append: tuple = ()
    qemu_args: tuple = ()
    gic_options: tuple = ()
    allow_splat: bool = False

    @property
    def name(self):
        """For the console's log."""
        words = [self.mode, str(self.cpus), f"gic{self.gic}", self.kernel, *self.append, *self.qemu_args, *self.gic_options]
        return "host-" + re.sub(r"[^A-Za-z0-9=._-]+", "_", "-".join(words))[:120]

    def options(self):
        """run-host's options for this."""
        image = self.kernel if "/" in self.kernel else tree.BUILD / self.kernel / "arch/arm64/boot/Image"
        words = ["--name", self.name, "--mode", self.mode, "--smp", str(self.cpus), "--gic", str(self.gic)]
        words += ["--kernel", str(image), "--overlay", str(tree.BUILD / "selftests")]
        if self.accel:
            words += ["--accel", self.accel]
        if self.append:
            words += ["--append", " ".join(self.append)]
        for arg in self.qemu_args:
            words += ["--qemu-arg", arg]
        for option in self.gic_options:
            words += ["--gic-option", option]
        if self.allow_splat:
            words.append("--allow-splat")
        return words


@dataclasses.dataclass
class Done:
    """A command that ran in a host."""

    output: str
    status: int

    def has(self, pattern):
        """Asserts that a line is like `pattern`."""
        assert re.search(pattern, self.output, re.M), f"no line like {pattern!r} in:\n{tree.tail(self.output)}"

    def lacks(self, pattern):
        """Asserts that no line is like `pattern`."""
        found = re.search(pattern, self.output, re.M)
        assert not found, f"there is {found[0]!r}, like {pattern!r}"


class HostFailed(AssertionError):
    """The host did not boot, did not answer, or did not end well."""


class Host:
    """One booted host."""

    def __init__(self, settings):
        self.settings = settings
        self._errors = tempfile.TemporaryFile()
        self._number = 0
        self._read = b""
        self.dead = None
        self._process = subprocess.Popen(
            [tree.TOP / "scripts/run-host", "--stdin", "--timeout", "7200", *settings.options(), "--", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        os.set_blocking(self._process.stdout.fileno(), False)
        self._until(rb"^@ready\n", 240)

    def _until(self, pattern, timeout):
        """Reads on until a line is like `pattern`; what came before it, and the match."""
        end = time.monotonic() + tree.scaled(timeout)
        while not (match := re.search(pattern, self._read, re.M)):
            left = end - time.monotonic()
            if left <= 0:
                said = self._read[-2000:].decode(errors="replace")
                self._give_up(f"no end within {tree.scaled(timeout)} s; the last output was:\n{said}")
            if select.select([self._process.stdout], [], [], min(left, 5))[0]:
                data = self._process.stdout.read()
                if not data:
                    self._process.wait()
                    self._give_up("the host ended")
                self._read += data
        before, self._read = self._read[: match.start()], self._read[match.end() :]
        return before, match

    def _give_up(self, why):
        self.kill()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()
        self.dead = f"{why}\n{said}\n(console: build/log/{self.settings.name}.console)"
        raise HostFailed(self.dead)

    def run(self, command, timeout=300):
        """Runs a shell command as root; its output and status, whatever that is."""
        if self.dead:
            raise HostFailed(self.dead)
        self._number += 1
        token = f"{self._number}.{os.getpid()}"
        text = command.replace("\\", r"\0134").replace("\n", r"\n")
        self._process.stdin.write(f"{token}\n{text}\n".encode())
        self._process.stdin.flush()
        before, match = self._until(rb"^@%s (\d+)\n" % token.encode(), timeout)
        output = before.decode(errors="replace")
        return Done(output.removesuffix("\n"), int(match[1]))

    def succeed(self, command, timeout=300):
        """Runs a shell command that has to exit with 0; returns what was done."""
        done = self.run(command, timeout)
        assert done.status == 0, f"exit status {done.status}:\n{tree.tail(done.output)}"
        return done

    def use_backend(self, backend):
        """New VMs get this backend, "c" or "rust", whose module is loaded if it is not."""
        self.succeed(
            f"""
[ {backend} != rust ] || [ -d /sys/module/kvm_arm_vgic_v5 ] || insmod {tree.MODULE} || exit
knob=/sys/module/kvm/parameters/vgic_v5_backend
[ ! -e $knob ] || echo {backend} >$knob"""
        )

    def kill(self):
        """Ends it at once, and the emulator with it: scripts/run-host sees to that."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def emulators(self):
        """The processes that are an emulator with this host's console."""
        console = f"file:{tree.LOG}/{self.settings.name}.console".encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:  # It has ended.
                continue
            if console in words:
                found.append(int(path.parent.name))
        return found

    def end(self):
        """Powers it off. Fails if its kernel complained while it was up."""
        if self.dead:
            return
        self.dead = "it was ended"
        self._process.stdin.write(b"end\n-\n")
        self._process.stdin.close()
        try:
            status = self._process.wait(tree.scaled(120))
        except subprocess.TimeoutExpired:
            self._give_up("it does not power off")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()
        if status:
            raise HostFailed(f"{self.settings.name} ended with status {status}: {said}")


class Hosts:
    """The hosts that are up; at most `most` of them."""

    def __init__(self, most=2):
        self._most = most
        self._up = collections.OrderedDict()

    def get(self, settings):
        """A host booted so, now or before."""
        host = self._up.pop(settings, None)
        if host is None or host.dead:
            while len(self._up) >= self._most:
                self._up.popitem(last=False)[1].end()
            host = Host(settings)
        self._up[settings] = host
        return host

    def end(self):
        """Powers all of them off; raises the first failure of these."""
        faults = []
        for host in self._up.values():
            try:
                host.end()
            except HostFailed as fault:
                faults.append(str(fault))
        self._up.clear()
        if faults:
            raise HostFailed("\n".join(faults))

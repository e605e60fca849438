# SPDX-License-Identifier: GPL-2.0
"""The README's commands, taken from the README and run as it writes them."""

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest
import tree

README = (tree.TOP / "README.md").read_text(encoding="utf-8")
KERNEL = "/path/to/kernel/build"


def section(heading):
    """What is under a heading, up to the next one."""
    match = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert match, f"README.md has no section {heading!r}"
    return match[1]


def commands(heading):
    """The lines of a section's code blocks, without the comments behind them."""
    lines = re.findall(r"^ {4}(\S.*)$", section(heading), re.M)
    assert lines, f"{heading!r} has no commands"
    return [re.sub(r"\s{2,}#.*$", "", line) for line in lines]


def command(heading, words):
    """The one command of a section that begins with these words."""
    found = [line for line in commands(heading) if line.startswith(words)]
    assert len(found) == 1, f"{heading!r} has {len(found)} commands {words!r}"
    return found[0]


def shell(line, **options):
    return tree.succeed("bash", "-ec", line, **options)


def on_machine(line):
    """The words that run a line as a user types it, outside the toolchain, in this tree."""
    return tree.on_machine("bash", "-ec", f"cd {shlex.quote(str(tree.TOP))}\n{line}")


def test_make_demo():
    said = tree.succeed(*on_machine(command("Two commands", "make demo")), timeout=3600)
    results = re.findall(r"^(not ok|ok) \d+ - ", said, re.M)
    plan = re.findall(r"^1\.\.(\d+)$", said, re.M)
    assert results and set(results) == {"ok"}, tree.tail(said)
    assert plan == [str(len(results))], "the demo did not run to its end"


def test_make_docs():
    assert "| `make docs` |" in section("Commands")
    tree.succeed(*on_machine("make docs"))
    assert (tree.BUILD / "docs/html/index.html").stat().st_size > 1000


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """This tree without what was built, as a user has it who has only cloned it."""
    top = tmp_path_factory.mktemp("readme") / "tree"
    top.mkdir()
    for name in ("Kbuild", "Makefile", "include", "rust", "scripts", "tools"):
        place = tree.TOP / name
        if place.is_dir():
            shutil.copytree(place, top / name, ignore=shutil.ignore_patterns("target", "*.o", "*.ko"))
        else:
            shutil.copy(place, top / name)
    return top


def test_module_with_your_own_kernel(clone, tmp_path):
    lines = [line for line in commands("With your own kernel") if line.startswith("make KDIR=")]
    assert [line.split()[3:] for line in lines] == [[], ["modules_install"]], lines
    # What a user on another architecture adds, and one who is not root.
    env = {"ARCH": "arm64", "INSTALL_MOD_PATH": str(tmp_path)}
    for line in lines:
        assert KERNEL in line, line
        shell(line.replace(KERNEL, str(tree.BUILD / "linux")), cwd=clone, env=env)
    modules = list(tmp_path.glob("lib/modules/*/updates/**/kvm_arm_vgic_v5.ko*"))
    assert len(modules) == 1, modules
    release = (tree.BUILD / "linux/include/config/kernel.release").read_text(encoding="utf-8")
    magic = tree.succeed("modinfo", "-F", "vermagic", modules[0])
    assert magic.split()[0] == release.strip()


def test_module_parameters_are_documented():
    """Each parameter of the module has a paragraph in module.rst, and the other way round."""
    page = (tree.TOP / "Documentation/module.rst").read_text(encoding="utf-8")
    documented = re.search(r"^Parameters:\n((?:\n|``.*\n|  .*\n)+)", page, re.M)
    assert documented, "module.rst has no list of parameters"
    named = re.findall(r"^``(\w+)``$", documented[1], re.M)
    said = tree.succeed("modinfo", "-F", "parm", tree.BUILD / "module/kvm_arm_vgic_v5.ko")
    assert sorted(named) == sorted(line.split(":")[0] for line in said.splitlines())


def test_patches_apply(tmp_path):
    """On the pristine files that they touch; those are a repository of their own."""
    seam = tree.BUILD / "src/linux-seam"
    kernel = tmp_path / "linux"
    tree.succeed("git", "clone", "-q", "--no-hardlinks", seam, kernel)
    tree.succeed("git", "reset", "-q", "--hard", "pristine", cwd=kernel)
    tree.succeed("git", "config", "user.name", "README", cwd=kernel)
    tree.succeed("git", "config", "user.email", "readme@localhost", cwd=kernel)
    lines = [line for line in commands("With your own kernel") if "git am" in line]
    assert lines, "README.md does not say how the patches are applied"
    for line in lines:
        assert ".../patches/" in line, line
        shell(line.replace("#", "\n#").replace(".../patches/", f"{tree.TOP}/patches/"), cwd=kernel)
    assert tree.succeed("git", "diff", "--stat", "origin/HEAD", cwd=kernel) == ""


class Terminal:
    """A command on a terminal of its own, and what it has said."""

    def __init__(self, line):
        self._end, other = pty.openpty()
        self.process = subprocess.Popen(
            on_machine(line), stdin=other, stdout=other, stderr=other, start_new_session=True
        )
        os.close(other)
        self.said = ""
        self._looked = 0

    def expect(self, pattern, timeout=600):
        """Reads on until `pattern` comes behind all that was expected before."""
        end = time.monotonic() + tree.scaled(timeout)
        while not (match := re.compile(pattern, re.M).search(self.said, self._looked)):
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} within {tree.scaled(timeout)} s:\n{tree.tail(self.said)}"
            if select.select([self._end], [], [], left)[0]:
                try:
                    data = os.read(self._end, 65536)
                except OSError:  # The other side is closed.
                    data = b""
                assert data, f"it ended without {pattern!r}:\n{tree.tail(self.said)}"
                self.said += data.decode(errors="replace").replace("\r", "")
        before = self.said[self._looked : match.start()]
        self._looked = match.end()
        return before

    def type(self, line):
        os.write(self._end, line.encode() + b"\n")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._end)


WANTED = {
    "insmod ": "",
    "cat /sys/module/kvm/parameters/vgic_v5_backend": r"^rust$",
    "/selftests/hold sh": None,  # Another shell, in which the rest is typed.
    "cat /sys/kernel/debug/kvm/": r"enabled: SW_PPI CNTV",
    "echo 1 >/sys/kernel/tracing/": "",
    "cat /sys/kernel/tracing/trace": r"vgic_v5_flush: VCPU: 0, pending: ",
}
"""What each line of "Looking inside" has to print; all of them are there."""


def test_looking_inside():
    first, *lines = commands("Looking inside")
    assert first.startswith("make run ")
    keys = [key for line in lines for key in WANTED if line.startswith(key)]
    assert keys == list(WANTED), f"other commands than the test knows: {lines}"
    terminal = Terminal(first)
    try:
        terminal.expect(r"Exit from the shell to power off")
        terminal.expect(r"# ")
        for number, (line, key) in enumerate(zip(lines, keys)):
            terminal.type(line)
            if WANTED[key] is None:
                terminal.expect(r"# ")
                continue
            # The terminal shows what is typed, too: but not with the status in it.
            terminal.type(f"echo done-{number}-$?")
            said = terminal.expect(rf"^done-{number}-\d+$")
            assert re.search(rf"^done-{number}-0$", terminal.said, re.M), f"{line}:\n{tree.tail(terminal.said)}"
            assert re.search(WANTED[key], said, re.M), f"{line}:\n{tree.tail(said)}"
        # Out of both shells. The last line that the first says is not lost.
        terminal.type("exit")
        terminal.type("echo the last line; exit")
        terminal.expect(r"^the last line$")
        terminal.expect(r"reboot: Power down")
        assert terminal.process.wait(tree.scaled(120)) == 0
    finally:
        terminal.close()

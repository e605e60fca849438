# SPDX-License-Identifier: GPL-2.0
"""What holds of every tracked file: licence, form, spelling, and no stray files."""

import os
import re
import subprocess

import pytest

import tree

LOCK = re.compile(r"(^|/)Cargo\.lock$")
# Addresses are of pages worth reading; a package archive or registry has its
# place in the machine's configuration.
READABLE = re.compile(
    r"127\.0\.0\.1|(docs|lore|www|git)\.kernel\.org|developer\.arm\.com|rust-for-linux\.com|doc\.rust-lang\.org"
    r"|www\.qemu\.org|www\.gnu\.org|www\.w3\.org|testanything\.org|github\.com"
)
ADDRESS = re.compile(r"(?:https?|ftp|git)://([A-Za-z0-9.-]+)")
ARCHIVE = re.compile(
    r"\b(?:deb|ftp|security|snapshot|static|index|registry|files)\.(?:debian|crates|npmjs|pythonhosted)\.[a-z]+"
)
GENERATED = re.compile(
    r"^build/|/target/|\.(o|ko|a|so|rlib|rmeta|cmd|mod|deb|gz|xz|zst|cpio|elf|bin|img|dtb)$"
    r"|[^A-Za-z0-9._/+-]|(^|/)\.#|~$|\.(orig|rej|swp)$"
)
SHELL = re.compile(r"#!.*\b(ba|da)?sh\b|# shellcheck shell=")


def _tracked():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", tree.TOP, "ls-files", "--cached"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    # A file that somebody is about to remove is no concern.
    return [name for name in listed if os.path.lexists(tree.TOP / name)]


@pytest.fixture(scope="module")
def files():
    """The tracked files that there are, below the top of the tree."""
    found = _tracked()
    assert found, "this is not a git tree, and only tracked files are looked at"
    return found


def lines_of(name):
    """The file's lines, without their ends."""
    return (tree.TOP / name).read_text(errors="replace").split("\n")


def none(found):
    """Asserts that nothing was found."""
    found = list(found)
    assert not found, "\n".join(found[:20])


def test_every_file_names_its_licence(files):
    # bindgen.txt is a list of words; a patch is under the licences of what it patches.
    def wrong(name):
        later = name.startswith(("tools/qemu/", "tools/gicv5-model/"))
        want = r"GPL-2\.0-or-later" if later else r"GPL-2\.0"
        return not re.search(rf"SPDX-License-Identifier: {want}(?: |$)", "\n".join(lines_of(name)[:5]), re.M)

    exempt = re.compile(r"(^|/)bindgen\.txt$|\.patch$|^LICENSES/")
    none(name for name in files if not LOCK.search(name) and not exempt.search(name) and wrong(name))


def test_no_archive_registry_or_mirror_is_named(files):
    none(
        f"{name}:{number}: {line}"
        for name in files
        if not LOCK.search(name)
        for number, line in enumerate(lines_of(name), 1)
        if any(not READABLE.fullmatch(host) for host in ADDRESS.findall(line))
    )
    none(
        f"{name}:{number}: {line}"
        for name in files
        for number, line in enumerate(lines_of(name), 1)
        if ARCHIVE.search(line) and not name.endswith("test_lint.py")
    )


def test_no_binary_large_or_generated_file(files):
    none(name for name in files if GENERATED.search(name))
    plain = [name for name in files if not os.path.islink(tree.TOP / name)]
    none(f"{name}: over 300 kB" for name in plain if os.path.getsize(tree.TOP / name) > 300000)
    none(f"{name}: not text" for name in plain if b"\0" in (tree.TOP / name).read_bytes())


def test_what_can_be_run_says_how(files):
    for name in files:
        script = (tree.TOP / name).read_bytes()[:2] == b"#!"
        assert script == os.access(tree.TOP / name, os.X_OK), f"{name}: is {'' if script else 'not '}a script"


def test_blanks_and_last_newlines(files):
    none(
        f"{name}:{number}"
        for name in files
        if not name.endswith((".patch", ".expected"))
        for number, line in enumerate(lines_of(name), 1)
        if re.search(r"[ \t\r]$", line)
    )
    none(
        f"{name}: no newline at its end"
        for name in files
        if not name.endswith(".patch") and lines_of(name)[-1] != ""
    )


def test_shellcheck(files):
    scripts = [name for name in files if SHELL.match(lines_of(name)[0])]
    assert scripts
    tree.succeed("shellcheck", *scripts)


def test_rustfmt(files):
    # Each file by itself: the module's and the bare-metal programs' are in no
    # crate. One that includes what a test generates cannot be read by itself.
    rust = [name for name in files if name.endswith(".rs") and not name.startswith("tools/sysreg-gen/tests/sample/")]
    assert rust
    tree.succeed("rustfmt", "--edition", "2021", "--check", "--color", "never", *rust)


def test_codespell(files):
    text = [name for name in files if not LOCK.search(name) and not re.search(r"\.patch$|^LICENSES/", name)]
    tree.succeed("codespell", "--ignore-words", "tools/testbed/codespell-words", *text)

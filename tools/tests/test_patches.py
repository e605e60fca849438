# SPDX-License-Identifier: GPL-2.0
"""The kernel patches: they apply one by one, checkpatch has nothing to say, each
fix says what it fixes, and the cover letters list them."""

import re
import shutil
import subprocess

import pytest

import tree

SERIES = tree.TOP / "patches/linux-7.3"
PARTS = {
    part: sorted(path for path in (SERIES / part).glob("[0-9]*.patch") if "0000-" not in path.name)
    for part in ("fixes", "backend")
}
PATCHES = PARTS["fixes"] + PARTS["backend"]


def git(directory, *words):
    """git in the scratch repository, without anybody's configuration."""
    config = ["user.name=check", "user.email=check@localhost", "gc.auto=0", "commit.gpgsign=false"]
    options = [word for setting in config for word in ("-c", setting)]
    return tree.run("git", "-C", directory, *options, "-c", "init.defaultBranch=check", *words)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """The files that the patches touch, and no others, before the first patch."""
    where = tmp_path_factory.mktemp("patches")
    touched = {name for path in PATCHES for name in re.findall(r"^diff --git a/(.*) b/", path.read_text(), re.M)}
    for name in touched:
        if (tree.LINUX / name).exists():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree.LINUX / name, where / name)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "pristine"]):
        assert git(where, *words).returncode == 0
    return where


def test_they_apply(scratch, subtests):
    assert PATCHES
    for path in PATCHES:
        # With the context it was made with, not just nearly.
        done = git(scratch, "am", "--no-3way", path)
        if done.returncode:
            git(scratch, "am", "--abort")
        subtests.report(path.name, "fail" if done.returncode else "pass", done.stdout)


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_checkpatch(path):
    # The commits that the fixes name are in Linux's repository, and not here; the
    # names of the architecture's registers are as they are.
    ignore = ("--ignore", "UNKNOWN_COMMIT_ID,CAMELCASE")
    done = tree.run("perl", "scripts/checkpatch.pl", "--strict", "--codespell", *ignore, path, cwd=tree.LINUX)
    assert re.search(r"^total: 0 errors, 0 warnings, 0 checks,", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("path", PARTS["fixes"], ids=lambda path: path.name)
def test_a_fix_says_what_it_fixes(path):
    assert re.search(r'^Fixes: [0-9a-f]{12} \("[^"]+"\)$', path.read_text(), re.M)


@pytest.mark.parametrize("part", PARTS)
def test_cover_letter_lists_them(part):
    def subject(path):
        with open(path, "rb") as file:
            said = subprocess.run(
                ["git", "mailinfo", "/dev/null", "/dev/null"], stdin=file, capture_output=True, check=True
            )
        return re.search(r"^Subject: (.*)$", said.stdout.decode(), re.M)[1]

    blocks = re.findall(r"^[^ \n].* \(\d+\):\n((?:  .*\n)+)", (SERIES / part / "0000-cover-letter.patch").read_text(), re.M)
    listed = [line.strip() for block in blocks for line in block.splitlines()]
    assert listed == [subject(path) for path in PARTS[part]]

# SPDX-License-Identifier: GPL-2.0
"""The documentation builds without a warning, and what it names is there."""

import re
import shutil

import pytest

import tree


def test_builds():
    tree.succeed("scripts/docs")


def test_every_old_check_is_told_of():
    page = (tree.TOP / "Documentation/testing.rst").read_text()
    checks = [path.name for path in (tree.TOP / "scripts/check.d").glob("[0-9][0-9]-*")]
    assert [name for name in checks if f"``{name}``" not in page] == []


@pytest.mark.parametrize(
    "text, said",
    [
        ("``never closed", r"WARNING.*start-string without end-string"),
        ("`gone <no-such-page.rst>`_", r"a link to no-such-page.rst"),
        ("``scripts/no-such-script``", r"names scripts/no-such-script"),
    ],
    ids=["markup", "link", "file"],
)
def test_fault_is_noticed(text, said):
    # Below build/: scripts/docs works on the names as the tree has them.
    work = tree.BUILD / "tests/docs"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(tree.TOP / "Documentation", work / "source")
    with open(work / "source/index.rst", "a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    done = tree.run("scripts/docs", work / "source", work / "html")
    assert done.returncode != 0
    assert re.search(said, done.stdout), done.stdout

# SPDX-License-Identifier: GPL-2.0
"""Each patch of upstream's series has a test that passed on the Rust backend or on
none, and none that failed. Runs last, and needs a run of everything."""

import sys

import pytest

import tree

sys.path.insert(0, str(tree.TOP / "tools/coverage"))

import patches  # noqa: E402

ALL = patches.patches()
last = pytest.mark.last


def test_page_is_about_these_patches():
    page = (tree.TOP / "Documentation/rows.rst").read_text()
    assert patches.fixed(page) == patches.fixed(patches.render([]))


@pytest.mark.parametrize("patch", ALL, ids=lambda patch: str(patch.number))
def test_places_are_there(patch):
    assert not list(patches.missing_places(patch))


def test_names_of_old_checks():
    text = "1..4\nok 1 - rust wfi: rows 1 2: a\nok 2 - c wfi: row 3: b (differs: c)\nok 3 - row 4: x on Rust, nVHE\nok 4 - row 5: y\n"
    found = list(patches._of_old_check("61-nvhe", text))
    assert [(r.patch, r.backend, r.mode, r.state) for r in found] == [
        (1, "rust", "nVHE", "passed"),
        (2, "rust", "nVHE", "passed"),
        (3, "c", "nVHE", "differs"),
        (4, "rust", "nVHE", "passed"),
        (5, None, "nVHE", "passed"),
    ]


@last
@pytest.mark.parametrize("patch", ALL, ids=lambda patch: str(patch.number))
def test_patch_is_covered(patch, everything_ran):
    own = [result for result in patches.results() if result.patch == patch.number]
    failed = [result.test for result in own if result.state == "failed"]
    assert not failed, "\n".join(failed)
    assert any(result.state == "passed" and result.backend != "c" for result in own), "no test, or none but on C"

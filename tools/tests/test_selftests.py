# SPDX-License-Identifier: GPL-2.0
"""This project's selftests, tools/selftests/tests, on both backends."""

import sys

import pytest

import tree

sys.path.insert(0, str(tree.TOP / "tools/coverage"))

import differences  # noqa: E402
import patches  # noqa: E402

PROGRAMS = sorted(source.stem for source in (tree.TOP / "tools/selftests/tests").glob("*.c"))
KNOWN = differences.known()
last = pytest.mark.last


def run(host, subtests, backend, program):
    """Runs a program, each of whose tests counts as one."""
    done = host.run(f"cd /selftests && ./{program}", timeout=900)

    def properties(name):
        return [("program", program), ("name", name), ("patches", patches.numbers_in(name))]

    known = KNOWN.get(program, {}) if backend == "c" else {}
    subtests.ktap(done.output, properties=properties, known=known)
    # 1: a test failed; 4: all were skipped.
    assert done.status in (0, 1, 4), f"{program} ended with status {done.status}"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("backend", ["c", "rust"])
@pytest.mark.parametrize("mode", ["vhe", "nvhe"])
def test_program(host, subtests, backend, program):
    run(host, subtests, backend, program)


@pytest.mark.host(append=("id_aa64mmfr0.ecv=0",))
@pytest.mark.parametrize("program", ["timers", "timer_offsets"])
@pytest.mark.parametrize("backend", ["c", "rust"])
def test_without_cntpoff(host, subtests, backend, program):
    """Given an offset, the physical timer's registers trap."""
    run(host, subtests, backend, program)


def test_known_differences_are_of_programs():
    assert set(KNOWN) <= set(PROGRAMS)


@last
def test_both_backends_were_asked_the_same(everything_ran):
    found = differences.answers()
    assert found
    assert not [str(answer) for answer in found if None in (answer.c, answer.rust)]


@last
def test_each_difference_has_its_reason(everything_ran):
    assert not [str(answer) for answer in differences.answers() if answer.differs and not answer.reason]


@last
def test_rust_passes_what_c_passes(everything_ran):
    behind = [a for a in differences.answers() if a.rust == "fails" or (a.c == "passes" and a.rust != "passes")]
    assert not [str(answer) for answer in behind]


@last
def test_page_lists_the_differences(everything_ran):
    page = differences.PAGE.read_text(encoding="utf-8")
    assert differences.fixed(page) == differences.fixed(differences.render(differences.answers()))

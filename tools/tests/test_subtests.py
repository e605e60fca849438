# SPDX-License-Identifier: GPL-2.0
"""Results that a program printed count as tests; a fault in them fails the run."""

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "output, counts",
    [
        ("1..2\\nok 1 a\\nok 2 b\\n", {"passed": 3}),
        ("1..3\\nok 1 a # SKIP no\\nnot ok 2 b # XFAIL known\\nok 3 c\\n", {"passed": 2, "skipped": 1, "xfailed": 1}),
        ("1..2\\nok 1 a\\nnot ok 2 b\\n", {"passed": 1, "failed": 2}),
        ("1..2\\nok 1 a\\nok 2 a\\n", {"passed": 3}),
        ("1..2\\nok 1 a\\n", {"passed": 1, "failed": 1}),
        ("", {"failed": 1}),
    ],
)
def test_counts(pytester, output, counts):
    pytester.makepyfile(f"def test_it(subtests):\n    subtests.ktap('{output}')\n")
    result = pytester.runpytest_inprocess("-p", "subtests")
    assert {name: n for name, n in result.parseoutcomes().items()} == counts
    assert result.ret == (1 if "failed" in counts else 0)


def test_expected_names(pytester):
    pytester.makepyfile("def test_it(subtests):\n    subtests.ktap('1..1\\nok 1 a\\n', expected=['a', 'b'])\n")
    result = pytester.runpytest_inprocess("-p", "subtests")
    result.stdout.fnmatch_lines(["*did not run: b*"])
    assert result.ret == 1


def test_known_failures(pytester):
    """They fail or are skipped; one that passes is a failure."""
    said = r"1..3\nnot ok 1 one a\nok 2 one b # SKIP\nok 3 two\n"
    pytester.makepyfile(f"def test_it(subtests):\n    subtests.ktap('{said}', known={{'one': 'why', 'two': 'so'}})\n")
    result = pytester.runpytest_inprocess("-p", "subtests")
    assert result.parseoutcomes() == {"xfailed": 2, "failed": 2}
    result.stdout.fnmatch_lines(["*is known to fail, and did not: so*"])

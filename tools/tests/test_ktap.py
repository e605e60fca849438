# SPDX-License-Identifier: GPL-2.0
"""The KTAP reader: what it reads, and what it does not let pass."""

import pytest

import ktap


def outcomes(text):
    report = ktap.parse(text)
    assert not list(report.all_faults())
    return [(path, r.outcome, r.reason) for path, r in report.leaves()]


def test_plain():
    assert outcomes("TAP version 13\n1..3\nok 1 - a\n# why\nnot ok 2 b # c\nok 3 # SKIP d\n") == [
        ("a", "pass", ""),
        ("b # c", "fail", ""),
        ("d", "skip", ""),
    ]


def test_directives():
    text = "1..4\nok 1 a # SKIP no GIC\nnot ok 2 b # XFAIL C's fault\nnot ok 3 c # TIMEOUT 30 s\nnot ok 4 d # SKIP x\n"
    assert outcomes(text) == [
        ("a", "skip", "no GIC"),
        ("b", "xfail", "C's fault"),
        ("c", "fail", "timeout 30 s"),
        ("d", "fail", "x"),
    ]


def test_plan_at_the_end():
    assert outcomes("ok 1 a\n1..1\n") == [("a", "pass", "")]


def test_nested():
    text = """KTAP version 1
1..2
    KTAP version 1
    # Subtest: outer
    1..2
        KTAP version 1
        1..1
        ok 1 deep
    ok 1 inner
    not ok 2 other
not ok 1 outer
ok 2 last
"""
    assert outcomes(text) == [
        ("outer/inner/deep", "pass", ""),
        ("outer/other", "fail", ""),
        ("last", "pass", ""),
    ]


def test_diagnostics_belong_to_the_next_result():
    report = ktap.parse("1..2\n# one\nanything\nok 1 a\n# two\nnot ok 2 b\nend\n")
    assert [r.diagnostics for r in report.results] == [["# one", "anything"], ["# two"]]
    assert report.trailing == ["end"]


@pytest.mark.parametrize(
    "text, fault",
    [
        ("ok 1 a\n", "no plan"),
        ("", "no plan"),
        ("1..2\nok 1 a\n", "2 tests planned, 1 ran"),
        ("1..1\nok 1 a\nok 2 b\n", "1 tests planned, 2 ran"),
        ("1..2\nok 1 a\nok 3 b\n", "result 3 (b) in place of 2"),
        ("1..2\nok 1 a\nok 1 b\n", "result 1 (b) in place of 2"),
        ("1..1\nok a\n", "without a number"),
        ("1..1\n1..1\nok 1 a\n", "a second plan"),
        ("1..1\n    1..2\n    ok 1 b\nok 1 a\n", "2 tests planned, 1 ran"),
        ("1..1\n    ok 1 b\nok 1 a\n", "no plan"),
        ("1..1\n    1..1\n    not ok 1 b\nok 1 a\n", "though its subtests are not"),
        ("1..0\n    1..1\n    ok 1 b\n", "without a result of their parent's"),
    ],
)
def test_faults(text, fault):
    report = ktap.parse(text)
    assert report.failed
    assert any(fault in f for f in report.all_faults())

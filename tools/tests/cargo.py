# SPDX-License-Identifier: GPL-2.0
"""cargo's tests, each of which counts as a test."""

import re

import ktap
import tree

_RUNNING = re.compile(r"^ *Running (?:unittests )?(.+?) \(")
_DOC = re.compile(r"^ *Doc-tests (.+)$")
_TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED|ignored.*)$")
_TOTAL = re.compile(r"^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored", re.M)


def test(subtests, *words, env=None, timeout=1500, patches=None):
    """Runs `cargo test WORDS`. `patches`: which patches a program's tests cover.

    Each line of cargo's is a result; that there are as many as its totals say is
    checked, so that a line that could not be read is not lost.
    """
    done = tree.run("cargo", "test", "--no-fail-fast", *words, env={**(env or {}), "CARGO_TERM_COLOR": "never"}, timeout=timeout)
    program = "tests"
    for line in done.stdout.splitlines():
        if match := _RUNNING.match(line) or _DOC.match(line):
            program = match[1]
        elif match := _TEST.match(line):
            name, said = match.groups()
            outcome = {"ok": ktap.PASS, "FAILED": ktap.FAIL}.get(said, ktap.SKIP)
            covered = next((n for part, n in (patches or {}).items() if part in program), None)
            subtests.report(
                f"{program}: {name}", outcome, tree.tail(done.stdout, 200), said,
                [("patches", covered)] if covered else (),
            )  # fmt: skip
    totals = sum(int(n) for match in _TOTAL.findall(done.stdout) for n in match)
    assert totals == subtests.count, f"cargo counts {totals} tests, {subtests.count} were read\n{tree.tail(done.stdout)}"
    assert totals, f"there are no tests:\n{tree.tail(done.stdout)}"
    assert done.returncode == 0 or subtests.failures, tree.tail(done.stdout)
    return done.stdout

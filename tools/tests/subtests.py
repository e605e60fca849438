# SPDX-License-Identifier: GPL-2.0
"""A pytest plugin: results that a program printed count as tests of their own.

A test that runs a program asks for the fixture `subtests` and hands it the
program's output, or results one by one. Each is reported and counted like a
test, as NODEID::NAME, and the test itself fails if one of them did.
"""

import pytest
from _pytest.reports import TestReport

import ktap


class Subtests:
    """Reports results below one test."""

    def __init__(self, item):
        self._item = item
        self.names = set()
        self.failures = []
        self.count = 0

    def report(self, name, outcome, text="", reason="", properties=()):
        """Report one result: `outcome` is one of ktap's, `text` is shown if it failed."""
        # A program may say the same of several cases.
        plain, times = name, 1
        while name in self.names:
            times += 1
            name = f"{plain} ({times})"
        self.names.add(name)
        self.count += 1
        path, line, _ = self._item.location
        report = TestReport(
            nodeid=f"{self._item.nodeid}::{name}",
            location=(path, line, f"{self._item.name}::{name}"),
            keywords={},
            outcome={ktap.PASS: "passed", ktap.FAIL: "failed"}.get(outcome, "skipped"),
            longrepr=text or "failed" if outcome == ktap.FAIL else None,
            when="call",
            user_properties=[*self._item.user_properties, *properties],
        )
        if outcome == ktap.SKIP:
            report.longrepr = (str(path), line or 0, f"Skipped: {reason}")
        elif outcome == ktap.XFAIL:
            report.wasxfail = reason or "expected"
        if outcome == ktap.FAIL:
            self.failures.append(name)
        self._item.ihook.pytest_runtest_logreport(report=report)

    def ktap(self, output, expected=None, properties=lambda name: (), known=None):
        """Report each result of a (K)TAP output.

        A fault of the output is a failure of the test itself. `expected`: the
        names that have to be there, and no others. `known`: words of a result's
        name that has to fail, or to be skipped, and why that is no surprise.
        """
        report = ktap.parse(output)
        for name, result in report.leaves():
            outcome, reason, said = result.outcome, result.reason, result.diagnostics
            why = next((why for words, why in (known or {}).items() if words in name), None)
            if why and outcome in (ktap.FAIL, ktap.SKIP):
                outcome, reason = ktap.XFAIL, why
            elif why:
                outcome, said = ktap.FAIL, [*said, f"is known to fail, and did not: {why}"]
            text = "\n".join([*said, f"not ok {name} {reason}"])
            self.report(name, outcome, text, reason, properties(name))
        faults = list(report.all_faults())
        if not report.results and report.skipped is None:
            faults.append("there is no result")
        if expected is not None:
            names = [name for name, _ in report.leaves()]
            faults += [f"did not run: {name}" for name in expected if name not in names]
            faults += [f"is not expected: {name}" for name in names if name not in expected]
        if faults:
            said = "\n".join(report.trailing[-20:])
            pytest.fail("\n".join(faults) + f"\n{said}", pytrace=False)
        return report


@pytest.fixture
def subtests(request):
    """See `Subtests`. The test fails at its end if a result of it did."""
    reporter = Subtests(request.node)
    request.node.stash[_KEY] = reporter
    return reporter


_KEY = pytest.StashKey[Subtests]()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    result = yield
    reporter = pyfuncitem.stash.get(_KEY, None)
    if reporter and reporter.failures:
        pytest.fail(f"{len(reporter.failures)} of {reporter.count} results failed", pytrace=False)
    return result

# SPDX-License-Identifier: GPL-2.0
"""The one reader of KTAP and TAP.

It is strict: a plan is needed and has to be met, results are numbered from 1
without a gap, and a parent's result has to agree with those of its subtests.
What it does not like is in `Report.faults`; a caller treats each as a failure.
Lines that are no KTAP (a program's or a kernel's own words) are diagnostics.
"""

import dataclasses
import re

PASS, FAIL, SKIP, XFAIL = "pass", "fail", "skip", "xfail"

_RESULT = re.compile(r"(not )?ok\b(?: +(\d+))? *(?:- +)?(.*)$")
_PLAN = re.compile(r"1\.\.(\d+)(?: *# *SKIP\b *(.*))?$", re.I)
_DIRECTIVE = re.compile(r"^(.*?)(?:^| +)# *(SKIP|XFAIL|TODO|TIMEOUT|ERROR)\b:? *(.*)$", re.I)
_VERSION = re.compile(r"K?TAP version \d+$")


@dataclasses.dataclass
class Result:
    """One result line, with what was said before it."""

    name: str
    outcome: str
    reason: str = ""
    diagnostics: list = dataclasses.field(default_factory=list)
    subtests: "Report | None" = None


@dataclasses.dataclass
class Report:
    """The results at one level of indentation."""

    results: list = dataclasses.field(default_factory=list)
    planned: int | None = None
    skipped: str | None = None
    faults: list = dataclasses.field(default_factory=list)
    trailing: list = dataclasses.field(default_factory=list)

    @property
    def failed(self):
        """Did anything fail, or was anything wrong with the output itself?"""
        return bool(self.faults) or any(r.outcome == FAIL for r in self.results)

    def leaves(self, prefix=""):
        """(path, result) of each result without subtests, parents left out."""
        for result in self.results:
            path = f"{prefix}{result.name}"
            if result.subtests and result.subtests.results:
                yield from result.subtests.leaves(f"{path}/")
            else:
                yield path, result

    def all_faults(self, prefix=""):
        """The faults of this level and of those below."""
        yield from (f"{prefix}{fault}" for fault in self.faults)
        for result in self.results:
            if result.subtests:
                yield from result.subtests.all_faults(f"{prefix}{result.name}: ")


def _result(match, report):
    failed, number, rest = match.groups()
    outcome = FAIL if failed else PASS
    reason = ""
    directive = _DIRECTIVE.match(rest)
    if directive:
        rest, word, reason = directive.groups()
        word = word.upper()
        if word == "SKIP":
            outcome = FAIL if failed else SKIP
            # "ok 1 # SKIP name" is how the kernel's selftests say it.
            if not rest:
                rest, reason = reason, ""
        elif word in ("XFAIL", "TODO"):
            outcome = XFAIL
            if not rest:
                rest, reason = reason, ""
        else:
            outcome = FAIL
            reason = f"{word.lower()} {reason}".strip()
    name = rest.strip()
    expected = len(report.results) + 1
    if number is None:
        report.faults.append(f"a result without a number: {name}")
    elif int(number) != expected:
        report.faults.append(f"result {number} ({name}) in place of {expected}")
    return Result(name, outcome, reason)


def _finish(report, where):
    count = len(report.results)
    if report.planned is None:
        report.faults.append(f"{where}: no plan")
    elif report.planned != count:
        report.faults.append(f"{where}: {report.planned} tests planned, {count} ran")


def parse(text, indent=0, where="the output"):
    """Read a whole output. `indent`: blanks in front of the outermost level."""
    stack = [Report()]
    said = []

    def close(level):
        """End the levels deeper than `level`; returns the outermost of them."""
        below = None
        while len(stack) > level + 1:
            below = stack.pop()
            _finish(below, "subtests")
        return below

    for line in text.split("\n"):
        line = line.rstrip("\r")
        blanks = len(line) - len(line.lstrip(" "))
        body = line.strip()
        level, rest = divmod(blanks - indent, 4)
        plan = _PLAN.match(body)
        result = _RESULT.match(body)
        version = _VERSION.match(body)
        if not body or not (plan or result or version) or rest or not 0 <= level <= len(stack):
            if body:
                said.append(line)
            continue
        if level == len(stack):
            stack.append(Report())
        elif version and level == len(stack) - 1 and level > 0 and stack[-1].results:
            stack[-1].faults.append("a version line after results")
        if version:
            continue
        if plan:
            close(level)
            report = stack[level]
            if report.planned is not None:
                report.faults.append("a second plan")
            report.planned = int(plan[1])
            report.skipped = plan[2]
            continue
        below = close(level)
        report = stack[level]
        entry = _result(result, report)
        entry.subtests = below
        entry.diagnostics, said = said, []
        if below and below.failed and entry.outcome == PASS:
            report.faults.append(f"{entry.name} is ok, though its subtests are not")
        report.results.append(entry)
    if close(0) is not None:
        stack[0].faults.append("subtests without a result of their parent's")
    _finish(stack[0], where)
    stack[0].trailing = said
    return stack[0]

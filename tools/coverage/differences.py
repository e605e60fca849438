#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Where the backends answer the selftests differently.

differences.py [--output FILE]: Documentation/differences.rst (or FILE), from the
results of the last run of the tests (build/tests/results.jsonl) and the reasons
in tools/selftests/differences.

As a module, for tools/tests/test_selftests.py.
"""

import argparse
import dataclasses
import json
import pathlib

from patches import BUILD, TOP, escaped

PAGE = TOP / "Documentation/differences.rst"
STATES = {"passed": "passes", "failed": "fails", "error": "fails", "xfailed": "fails", "skipped": "skips"}
MODES = {"vhe": "VHE", "nvhe": "nVHE"}


@dataclasses.dataclass
class Answer:
    """What one test said on one host. `c`, `rust`: passes, fails, skips; None: it was not asked."""

    mode: str
    program: str
    name: str
    c: str | None = None
    rust: str | None = None
    reason: str = ""

    @property
    def differs(self):
        """Do the two backends answer differently?"""
        return self.c != self.rust

    def __str__(self):
        return f"{self.mode}: {self.program}: {self.name}: C {self.c}, Rust {self.rust}"


def known():
    """{program: {words of a test's name: why C fails it}}; no words: each of its tests.

    Raises ValueError for a fault of the file.
    """
    found = {}
    for line in (TOP / "tools/selftests/differences").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3:
            raise ValueError(f"differences: not three fields: {line}")
        program, words, reason = fields
        found.setdefault(program, {})["" if words == "*" else words] = reason
    return found


def answers():
    """All answers of the last run, by host and program."""
    found = {}
    results = BUILD / "tests/results.jsonl"
    for text in results.read_text(encoding="utf-8").splitlines() if results.is_file() else []:
        line = json.loads(text)
        # Hosts that are run on both backends alike have a mode of their own.
        if "program" not in line or line.get("mode") not in MODES:
            continue
        key = (MODES[line["mode"]], line["program"], line["name"])
        answer = found.setdefault(key, Answer(*key))
        setattr(answer, line["backend"], STATES[line["outcome"]])
        if line["outcome"] == "xfailed":
            answer.reason = line["reason"]
    return sorted(found.values(), key=lambda answer: (list(MODES.values()).index(answer.mode), answer.program))


def render(found):
    """The page."""
    lines = """.. SPDX-License-Identifier: GPL-2.0
.. Made by tools/coverage/differences.py. Edit tools/selftests/differences instead.

=========================
Where the backends differ
=========================

This project's selftests run on mainline's C backend and on the Rust backend. What
the last run of ``make check`` said:

.. list-table::
   :header-rows: 1

   * - host
     - tests
     - same answer from both
     - different""".split("\n")
    for mode in MODES.values():
        of_mode = [answer for answer in found if answer.mode == mode]
        different = sum(answer.differs for answer in of_mode)
        lines += [f"   * - {mode}", *(f"     - {n}" for n in (len(of_mode), len(of_mode) - different, different))]
    lines += """
The different ones, and why the test is right:

.. list-table::
   :header-rows: 1
   :widths: 15 30 10 10 10 50

   * - program
     - test
     - hosts
     - C
     - Rust
     - why""".split("\n")
    tests = {}
    whole = [program for program, words in known().items() if "" in words]
    for answer in found:
        if answer.differs:
            name = "each of its tests" if answer.program in whole else answer.name
            tests.setdefault((answer.program, name), []).append(answer)
    for (program, name), of_test in tests.items():
        reason = next((answer.reason for answer in of_test if answer.reason), "")
        modes = dict.fromkeys(answer.mode for answer in of_test)
        lines += [f"   * - {escaped(program)}", f"     - {escaped(name)}", f"     - {', '.join(modes)}"]
        lines += [f"     - {of_test[-1].c}", f"     - {of_test[-1].rust}"]
        lines.append(f"     - {escaped(reason) or '**no reason is known**'}")
    return "\n".join(lines) + "\n"


def fixed(page):
    """What of a page does not depend on how many tests there are."""
    return page[page.index("The different ones") :]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=PAGE)
    parser.parse_args().output.write_text(render(answers()), encoding="utf-8")


if __name__ == "__main__":
    main()

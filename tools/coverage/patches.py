#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which tests cover which patch of upstream's series.

patches.py [--output FILE]: Documentation/rows.rst (or FILE), from
Documentation/rows.txt and the results of the last run of the tests
(build/tests/results.jsonl, and build/log/NN-*.tap of what is in scripts/check.d).

As a module, for tools/tests/test_coverage.py.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
COUNT = 32
COLUMNS = {
    "Rust, VHE": ("rust", "VHE"),
    "Rust, nVHE": ("rust", "nVHE"),
    "C, VHE": ("c", "VHE"),
    "C, nVHE": ("c", "nVHE"),
    "elsewhere": (None, None),
}
sys.path.insert(0, str(TOP / "tools/tests"))

import ktap  # noqa: E402


@dataclasses.dataclass
class Patch:
    """One line of rows.txt."""

    number: int
    name: str
    who: str
    where: str


@dataclasses.dataclass
class Result:
    """One test of one patch. `state`: passed, failed, skipped, or differs."""

    patch: int
    backend: str | None
    mode: str
    state: str
    test: str


def patches():
    """The patches, in order. Raises ValueError for a fault of the file."""
    found = []
    for line in (TOP / "Documentation/rows.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4:
            raise ValueError(f"rows.txt: not four fields: {line}")
        found.append(Patch(int(fields[0]), *fields[1:]))
    if [patch.number for patch in found] != list(range(1, COUNT + 1)):
        raise ValueError(f"rows.txt: does not have the patches 1 to {COUNT}, in order")
    return found


def numbers_in(name):
    """The patches that a test's name names: "row 3:" or "rows 13 14:"."""
    match = re.search(r"(?:^| )rows? ([0-9]+(?: [0-9]+)*):", name)
    return [int(number) for number in match[1].split()] if match else []


def _of_old_check(name, text):
    """The results in one output of scripts/check.d."""
    for test, result in ktap.parse(text).leaves():
        state = {ktap.PASS: "passed", ktap.FAIL: "failed"}.get(result.outcome, "skipped")
        plain = re.sub(r" \(differs: .*\)$", "", test)
        if plain != test and state == "passed":
            state = "differs"
        backend = None
        for one, says in (("rust", "Rust"), ("c", "C")):
            if re.match(rf"{one} [a-z0-9_-]+:", plain) or re.search(rf" on {says}(?:[, ]|$)", plain):
                backend = backend or one
        mode = "nVHE" if re.search("nvhe", f"{name} {plain}", re.I) else "VHE"
        for number in numbers_in(plain):
            yield Result(number, backend, mode, state, f"{name}: {plain}")


def _of_pytest(line):
    """The results in one line of results.jsonl."""
    state = {"xfailed": "differs", "error": "failed"}.get(line["outcome"], line["outcome"])
    mode = "nVHE" if line.get("mode") == "nvhe" else "VHE"
    for number in line.get("patches", []):
        yield Result(number, line.get("backend"), mode, state, line["test"])


def results():
    """All results of the last run."""
    found = []
    for check in sorted((TOP / "scripts/check.d").glob("[0-9][0-9]-*")):
        tap = BUILD / "log" / f"{check.name}.tap"
        if tap.is_file() and not check.name.endswith("-rows"):
            found += _of_old_check(check.name, tap.read_text(errors="replace"))
    lines = BUILD / "tests/results.jsonl"
    if lines.is_file():
        for line in lines.read_text().splitlines():
            found += _of_pytest(json.loads(line))
    return found


def missing_places(patch):
    """Files that a patch names and that are nowhere, functions that are not in them."""
    path = None
    for place in patch.where.split(", "):
        if "/" in place.split()[0] or place == "Kbuild":
            path = place.split()[0].removesuffix(":")
        candidates = [TOP / path, BUILD / "src/linux-seam" / path, BUILD / "src/linux" / path]
        file = next((candidate for candidate in candidates if candidate.exists()), None)
        if file is None:
            yield f"{path} is not there"
            continue
        text = file.read_text(errors="replace")
        for name in re.findall(r"([A-Za-z_0-9]+)\(\)", place):
            if not re.search(rf"\b{name}\b", text):
                yield f"{path} has no {name}"


def escaped(text):
    """Text as it is, in reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def _summary(found):
    count = {state: sum(r.state == state for r in found) for state in ("passed", "failed", "differs")}
    if count["failed"]:
        return f"**failed**: {count['failed']} of {count['failed'] + count['passed']}"
    return ", ".join(f"{state}: {count[state]}" for state in ("passed", "differs") if count[state]) or "none"


def render(found):
    """The page."""
    lines = f""".. SPDX-License-Identifier: GPL-2.0
.. Made by tools/coverage/patches.py. Edit rows.txt instead.

===================
The series, by rows
===================

The patches of "KVM: arm64: Introduce vGIC-v5 with PPI support", and what the
last run of ``make check`` said of each. "Elsewhere" are tests that run on no
backend, or on the host without a guest. "Differs" are tests of which
``tools/selftests/differences`` says why the C backend fails them.

.. list-table::
   :header-rows: 1

   * - row
     - patch
     - {chr(10).join(["     - " + name for name in COLUMNS])[7:]}""".split("\n")
    for patch in patches():
        lines += [f"   * - `{patch.number} <#row-{patch.number}>`_", f"     - {escaped(patch.name)}"]
        own = [result for result in found if result.patch == patch.number]
        for backend, mode in COLUMNS.values():
            of_column = [r for r in own if r.backend == backend and (mode is None or r.mode == mode)]
            lines.append(f"     - {_summary(of_column)}")
    for patch in patches():
        title = f"Row {patch.number}"
        lines += ["", title, "-" * len(title), ""]
        lines += [f":Patch: {escaped(patch.name)}", f":Who: {escaped(patch.who)}", f":Where: {escaped(patch.where)}"]
        own = [result for result in found if result.patch == patch.number]
        lines.append(":Tests:" if own else ":Tests: none")
        lines += [f"   - {result.state}: {escaped(result.test)}" for result in own]
    return "\n".join(lines) + "\n"


def fixed(page):
    """What of a page does not depend on a run."""
    return re.findall(r"^(?:Row [0-9]+$|:(?:Patch|Who|Where): .*)", page, re.M)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=TOP / "Documentation/rows.rst")
    parser.parse_args().output.write_text(render(results()))


if __name__ == "__main__":
    main()

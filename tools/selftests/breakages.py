#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads tools/selftests/breakages and breakages-irs, for scripts/bite.

breakages.py list           a line each: what is rebuilt, backend, host's
                            options, the check that runs the programs, name;
                            separated by tabs, "-" for what was not given
breakages.py fails NAME     the tests that have to fail: program, tab, words
breakages.py apply NAME     makes the edits in the tree that this file is in
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
FILES = ("breakages", "breakages-irs")
KEYS = ("breakage", "in", "from", "to", "on", "host", "by", "fails")
# By the beginning of a file's name: what has to be rebuilt for it.
PARTS = {"rust/": "module", "tools/gicv5-model/": "model", "tools/qemu/": "model", "linux:": "kernel"}


class Breakage:
    """One block of the file."""

    def __init__(self, name):
        self.name = name
        self.edits = []
        self.backend = "rust"
        self.host = "-"
        self.check = "-"
        self.fails = []

    def add(self, key, value):
        if key == "in":
            self.edits.append({"in": value})
        elif key in ("from", "to"):
            self.edits[-1][key] = value
        elif key == "on":
            self.backend = value
        elif key == "host":
            self.host = value
        elif key == "by":
            self.check = value
        else:
            program, words = value.split("|", 1)
            self.fails.append((program.strip(), words.strip()))

    def part(self):
        parts = {
            part
            for edit in self.edits
            for prefix, part in PARTS.items()
            if edit["in"].startswith(prefix)
        }
        if len(parts) != 1:
            sys.exit(f"breakages: '{self.name}' is to be of one part, is of {parts or 'none'}")
        return parts.pop()


def read():
    """All blocks, in order. A value goes on until the next key or comment."""
    fields = []
    more = False
    for line in "".join((HERE / name).read_text() for name in FILES).splitlines():
        match = re.match(r"(%s):(?: (.*))?$" % "|".join(KEYS), line)
        if match:
            fields.append([match[1], match[2] or ""])
            more = match[1] in ("from", "to")
        elif line.startswith("#"):
            more = False
        elif more:
            fields[-1][1] += "\n" + line
        elif line:
            sys.exit(f"breakages: not a field: {line}")
    blocks = []
    for key, value in fields:
        if key == "breakage":
            blocks.append(Breakage(value))
        else:
            blocks[-1].add(key, value.rstrip("\n"))
    return blocks


def apply(breakage):
    for edit in breakage.edits:
        name = edit["in"].replace("linux:", "build/src/linux-seam/")
        path = TOP / name
        text = path.read_text()
        if text.count(edit["from"]) != 1:
            sys.exit(f"breakages: '{breakage.name}': {name} has not exactly one: {edit['from']}")
        # A new file, so that a hard link to the old one is left alone.
        path.unlink()
        path.write_text(text.replace(edit["from"], edit["to"]))


def main():
    blocks = {breakage.name: breakage for breakage in read()}
    match sys.argv[1:]:
        case ["list"]:
            for b in blocks.values():
                print(b.part(), b.backend, b.host, b.check, b.name, sep="\t")
        case ["fails", name]:
            for program, words in blocks[name].fails:
                print(program, words, sep="\t")
        case ["apply", name]:
            apply(blocks[name])
        case _:
            sys.exit(__doc__)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plot build/bench.json: bars a case, and the cost against the visible PPIs.

    plot.py bench.json bench.svg
"""

import json
import math
import sys
from xml.sax.saxutils import escape

COLOURS = {"c": "#bb5566", "rust": "#004488"}
NAMES = {"c": "C", "rust": "Rust"}
WIDTH = 900
LEFT = 170
BAR = 11
# What is plotted of each case: the key, the title.
PANELS = [
    ("vgic_insns", "Instructions in the vGIC"),
    ("sysregs", "ICC_ and ICH_ register accesses"),
    ("insns", "Instructions in the kernel, all told"),
]


class Svg:
    """Collects elements; coordinates are pixels from the top left."""

    def __init__(self):
        self.elements = []

    def text(self, x, y, words, anchor="start", size=12, weight="normal"):
        self.elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
            f' font-weight="{weight}">{escape(str(words))}</text>'
        )

    def rect(self, x, y, width, height, colour):
        self.elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
        )

    def line(self, points, colour, width=1.0):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x, y, colour):
        self.elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def write(self, path, height):
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                "<!-- SPDX-License-Identifier: GPL-2.0 -->\n"
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
                ' font-family="sans-serif">\n'
                f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>\n'
            )
            file.write("\n".join(self.elements))
            file.write("\n</svg>\n")


def backends_of(case):
    """Those that were measured, C first."""
    return [name for name in COLOURS if name in case]


def bars(svg, top, result, cases, key, title):
    """A panel of horizontal bars; gives where it ends."""
    svg.text(LEFT, top, title, size=13, weight="bold")
    top += 10
    scale = max(result[case][b][key] for case in cases for b in backends_of(result[case]))
    for case in cases:
        svg.text(LEFT - 8, top + BAR + 3, case, anchor="end")
        for backend in backends_of(result[case]):
            value = result[case][backend][key]
            length = (WIDTH - LEFT - 70) * value / scale
            svg.rect(LEFT, top, length, BAR - 1, COLOURS[backend])
            svg.text(LEFT + length + 4, top + BAR - 2, value, size=10)
            top += BAR
        top += 7
    return top + 18


def against_ppis(svg, left, top, width, height, counts, title):
    """A panel of lines, both axes logarithmic."""
    svg.text(left, top - 10, title, size=13, weight="bold")
    values = [counts[n][b]["vgic_insns"] for n in counts for b in backends_of(counts[n])]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = (math.log2(int(n)) for n in (min(counts, key=int), max(counts, key=int)))

    def at(count, value):
        x = left + width * (math.log2(int(count)) - first) / (last - first)
        y = top + height * (high - math.log10(value)) / (high - low)
        return x, y

    for power in range(low, high + 1):
        _, y = at(1, 10**power)
        svg.line([(left, y), (left + width, y)], "#cccccc")
        svg.text(left - 6, y + 4, f"{10**power}", anchor="end", size=10)
    for count in counts:
        x, _ = at(count, 10**low)
        svg.text(x, top + height + 16, count, anchor="middle", size=10)
    svg.text(left + width / 2, top + height + 32, "visible PPIs", anchor="middle", size=11)
    for backend in COLOURS:
        points = [at(n, counts[n][backend]["vgic_insns"]) for n in counts if backend in counts[n]]
        svg.line(points, COLOURS[backend], 2)
        for x, y in points:
            svg.dot(x, y, COLOURS[backend])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    svg = Svg()
    svg.text(20, 26, "KVM's GICv5 backends: what the kernel executes", size=16, weight="bold")
    svg.text(20, 44, f"commit {result['commit']}; make bench; Documentation/bench.rst says what is counted", size=11)
    for i, backend in enumerate(COLOURS):
        svg.rect(WIDTH - 150 + 70 * i, 18, 12, 12, COLOURS[backend])
        svg.text(WIDTH - 133 + 70 * i, 28, NAMES[backend])

    # Direct injection: there is nothing to count.
    cases = [case for case in result["by_vcpus"] if case != "timer_to_ack"]
    top = 75
    for key, title in PANELS:
        counted = [case for case in cases if any(result[case][b][key] for b in backends_of(result[case]))]
        top = bars(svg, top, result, counted, key, title)

    top += 20
    for i, case in enumerate(("resident_roundtrip", "pending_check")):
        against_ppis(svg, 80 + i * 430, top, 350, 170, result["by_visible_ppis"][case], f"vGIC instructions, {case}")
    svg.write(sys.argv[2], top + 170 + 45)


if __name__ == "__main__":
    main()

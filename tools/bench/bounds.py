#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hold build/bench.json against what it must not exceed; prints TAP.

    bounds.py [--after N] bench.json

N tests were printed already.
"""

import argparse
import json
import sys

RESIDENT_SYSREGS = 8
RESIDENT_VGIC_RATIO = 0.35
INJECT_RATIO = 0.8
PENDING_RATIO = 0.25
FLAT = 1.05
VCPU_BYTES = 1024
SEAM = 1.01

ROUND_TRIPS = ["resident_roundtrip", "armed_timer", "pending_sw_ppi", "remote_inject"]
WHOLE = ROUND_TRIPS + ["inject_to_ack", "inject_to_ack_wfi", "timer_to_ack", "load_put", "pending_check"]
# Cases whose cost depends on the PPIs, if it depends on them at all.
FLAT_CASES = ROUND_TRIPS + ["inject_to_ack", "load_put", "pending_check"]


def rust_to_c(case, key):
    """Rust's numbers, in words, and the ratio; 0 to 0 is 1."""
    c, rust = case["c"][key], case["rust"][key]
    if c == rust:
        return f"{rust} of {c}", 1.0
    return f"{rust} of {c}", rust / c if c else float("inf")


def bounds(result):
    """Yields (what must hold, whether it does, the numbers)."""
    for name in ROUND_TRIPS:
        case = result[name]
        sysregs = case["rust"]["sysregs"]
        yield (
            f"{name}: at most {RESIDENT_SYSREGS} accesses to ICC_ and ICH_ registers",
            sysregs <= RESIDENT_SYSREGS,
            f"{sysregs}: {case['rust']['sysregs_by_name']}",
        )
        words, part = rust_to_c(case, "vgic_insns")
        yield (
            f"{name}: at most {RESIDENT_VGIC_RATIO} of C's instructions in the vGIC",
            part <= RESIDENT_VGIC_RATIO,
            f"{words}, {part:.3f}",
        )
    for name, limit in (("inject_to_ack", INJECT_RATIO), ("pending_check", PENDING_RATIO)):
        words, part = rust_to_c(result[name], "insns")
        yield f"{name}: at most {limit} of C's instructions", part <= limit, f"{words}, {part:.3f}"
    for name in WHOLE:
        words, part = rust_to_c(result[name], "insns")
        yield f"{name}: not more instructions than C in all", part <= 1, f"{words}, {part:.3f}"
    for name in FLAT_CASES:
        counts = result["by_visible_ppis"][name]
        few, many = (counts[str(n)]["rust"]["vgic_insns"] for n in (2, 64))
        yield (
            f"{name}: 64 visible PPIs cost the vGIC within 5% of 2",
            many <= few * FLAT,
            f"{many} after {few}",
        )
    vcpu_bytes = result["vcpu_bytes"]["rust"]
    yield f"a vCPU's GIC takes at most {VCPU_BYTES} bytes", vcpu_bytes <= VCPU_BYTES, vcpu_bytes
    if "seam_overhead" in result:
        overhead = result["seam_overhead"]
        yield "the seam costs C's round trip less than 1%", overhead < SEAM, f"{overhead}: {result['seam']}"
    else:
        yield "the seam costs C's round trip less than 1%", None, "no kernel without the patches: scripts/build-kernel base"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("result")
    args = parser.parse_args()

    with open(args.result, encoding="utf-8") as file:
        result = json.load(file)
    failed = False
    number = args.after
    for what, holds, words in bounds(result):
        number += 1
        if holds is None:
            print(f"ok {number} - {what} # SKIP {words}")
            continue
        print(f"{'ok' if holds else 'not ok'} {number} - {what}")
        if not holds:
            failed = True
            print(f"# {words}")
    print(f"1..{number}")
    sys.exit(failed)


if __name__ == "__main__":
    main()

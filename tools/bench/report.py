#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make build/bench.json and a table of what the plugin and the host said.

    report.py --commit TEXT --out bench.json --cases cases.jsonl
              [--base base.jsonl] [--memory memory.txt] [--text text.json]
              [--table bench.txt]

Members of the result:
  commit                what was measured
  CASE                  {"c": NUMBERS, "rust": NUMBERS}, in the smallest VM
  visible_ppis          {COUNT: {"c": ..., "rust": ...}} of resident_roundtrip
  by_visible_ppis       {CASE: {COUNT: ...}}
  by_vcpus              {CASE: {COUNT: ...}}
  vcpu_bytes, vm_bytes  {"c": bytes, "rust": bytes} in the kernel's slabs
  text_bytes            {"c": bytes, "rust": bytes} of code
  insmod_insns          instructions from finit_module()'s call to its return
  seam_overhead         C's resident round trip with the kernel patches in
                        proportion to that of the kernel without them
  seam                  the two of them, and their vGIC parts
NUMBERS are of the median window (tools/bench/plugin):
  insns, vgic_insns     instructions in the kernel, and those of the vGIC
  sysregs, barriers     how many accesses to ICC_ and ICH_ registers, and how
                        many barriers
  vgic_barriers         those in the vGIC
  sysregs_by_name, barriers_by_name, exits, windows
"""

import argparse
import json
import sys

CASES = [
    "resident_roundtrip",
    "armed_timer",
    "pending_sw_ppi",
    "remote_inject",
    "inject_to_ack",
    "inject_to_ack_wfi",
    "timer_to_ack",
    "load_put",
    "pending_check",
]
# What KVM gives a guest on this machine: SW_PPI, CNTV, CNTP.
USUAL_PPIS = 3


def numbers(line):
    """What the JSON has of one line of the plugin's report."""
    if not line["windows"]:
        sys.exit(f"report.py: no window in {line}")
    return {
        "insns": line["insns"],
        "vgic_insns": line["vgic_insns"],
        "sysregs": sum(line["sysregs"].values()),
        "barriers": sum(line["barriers"].values()),
        "vgic_barriers": sum(line["vgic_barriers"].values()),
        "sysregs_by_name": line["sysregs"],
        "barriers_by_name": line["barriers"],
        "exits": line["exits"],
        "windows": line["windows"],
    }


def read_lines(path):
    """The plugin's report: a list of its lines."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def collect(lines, key, select):
    """{case: {key's value: {backend: numbers}}} of the lines selected."""
    found = {}
    for line in lines:
        if line["case"] in CASES and select(line):
            by_value = found.setdefault(line["case"], {})
            by_backend = by_value.setdefault(line[key], {})
            by_backend[line["backend"]] = numbers(line)
    return {
        case: dict(sorted(values.items(), key=lambda item: int(item[0])))
        for case, values in found.items()
    }


def usual(line):
    """Whether a line is of a VM with the usual PPIs."""
    return int(line.get("ppis", 0)) == USUAL_PPIS


def smallest(by_vcpus, case):
    """The numbers of a case in the VM with the fewest vCPUs."""
    return by_vcpus[case][min(by_vcpus[case], key=int)]


def read_memory(path):
    """The lines "BACKEND vcpu_bytes N vm_bytes N" as two objects."""
    result = {"vcpu_bytes": {}, "vm_bytes": {}}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) == 5 and words[1] == "vcpu_bytes":
                result["vcpu_bytes"][words[0]] = int(words[2])
                result["vm_bytes"][words[0]] = int(words[4])
    return result


def seam(ours, base_path):
    """What the kernel patches cost C: resident_roundtrip against the base."""
    lines = read_lines(base_path)
    by_vcpus = collect(lines, "vcpus", usual)
    base = smallest(by_vcpus, "resident_roundtrip")["-"]
    return {
        "seam_overhead": round(ours["insns"] / base["insns"], 5),
        "seam": {
            "with": {key: ours[key] for key in ("insns", "vgic_insns")},
            "without": {key: base[key] for key in ("insns", "vgic_insns")},
        },
    }


def ratio(c, rust):
    """Rust's part of C's, as text."""
    if rust == "-" or not c:
        return "-"
    return f"{rust / c:.2f}"


def row(name, backends):
    """One line of the table: C, Rust, and for instructions the ratio."""
    text = f"{name:<20}"
    for key in ("sysregs", "barriers", "vgic_insns", "insns"):
        c = backends["c"][key]
        rust = backends.get("rust", {}).get(key, "-")
        text += f"  {c:>6} {rust:>6}"
        text += f" {ratio(c, rust):>5}" if "insns" in key else ""
    return text


def scaling(title, by_count):
    """The table of one shape of VM against another: C's vGIC, then Rust's."""
    counts = sorted({n for case in by_count.values() for n in case}, key=int)
    out = [f"{title:<20}" + "".join(f"{n:>14}" for n in counts)]
    for case in CASES:
        if not any(backends["c"]["insns"] for backends in by_count[case].values()):
            continue
        text = f"{case:<20}"
        for n in counts:
            backends = by_count[case].get(n, {})
            cell = [str(backends[b]["vgic_insns"]) if b in backends else "-" for b in ("c", "rust")]
            text += f"{' '.join(f'{part:>6}' for part in cell):>14}"
        out.append(text)
    return out


def table(result):
    """The table on the terminal, at most 100 columns."""
    out = [
        f"Commit {result['commit']}. Two columns are C and Rust; a third is Rust/C.",
        "",
        f"{'':<20}{'ICC_/ICH_':>15}{'barriers':>15}{'vGIC insns':>21}{'all insns':>21}",
    ]
    out += [row(case, result[case]) for case in CASES]
    out += ["", "Instructions in the vGIC against the number of"]
    out += scaling("visible PPIs:", result["by_visible_ppis"])
    out += scaling("vCPUs:", result["by_vcpus"])
    out.append("")
    for key, unit in (
        ("vcpu_bytes", "bytes of slab a vCPU"),
        ("vm_bytes", "bytes of slab a VM, without its vCPUs"),
        ("text_bytes", "bytes of code"),
    ):
        if key in result:
            out.append(f"{unit}: " + ", ".join(f"{name} {n}" for name, n in result[key].items()))
    if "insmod_insns" in result:
        out.append(f"instructions to insert the module: {result['insmod_insns']}")
    if "seam_overhead" in result:
        out.append(
            "C's resident_roundtrip with the kernel patches: "
            f"{result['seam_overhead']} of that without ({result['seam']['with']['insns']} of "
            f"{result['seam']['without']['insns']} instructions)"
        )
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commit", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--base")
    parser.add_argument("--memory")
    parser.add_argument("--text")
    parser.add_argument("--table")
    args = parser.parse_args()

    lines = read_lines(args.cases)
    by_vcpus = collect(lines, "vcpus", usual)
    missing = [case for case in CASES if case not in by_vcpus]
    if missing:
        sys.exit(f"report.py: {args.cases} has nothing of {', '.join(missing)}")
    by_ppis = collect(
        lines,
        "ppis",
        lambda line: line["vcpus"] == min(by_vcpus[line["case"]], key=int),
    )

    result = {"commit": args.commit}
    result.update((case, smallest(by_vcpus, case)) for case in CASES)
    result["visible_ppis"] = by_ppis["resident_roundtrip"]
    result["by_visible_ppis"] = by_ppis
    result["by_vcpus"] = by_vcpus
    if args.memory:
        result.update(read_memory(args.memory))
    if args.text:
        with open(args.text, encoding="utf-8") as file:
            result["text_bytes"] = json.load(file)
    for line in lines:
        if line["case"] == "insmod":
            result["insmod_insns"] = line["insns"]
    if args.base:
        result.update(seam(result["resident_roundtrip"]["c"], args.base))

    with open(args.out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    text = table(result)
    if args.table:
        with open(args.table, "w", encoding="utf-8") as file:
            file.write(f"# SPDX-License-Identifier: GPL-2.0\n# Made by make bench.\n\n{text}\n")
    print(text)


if __name__ == "__main__":
    main()

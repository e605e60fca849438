#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Say which functions the instructions of the windows were spent in.

    profile.py PROFILE CASE-WORD... -- SYMBOLS...

PROFILE is what the plugin wrote (profile=), SYMBOLS are System.map or
/proc/kallsyms files. Only cases whose description has every CASE-WORD count.
Numbers are instructions a window, the vGIC's functions first.
"""

import bisect
import sys


def read_symbols(paths):
    """Sorted addresses, and the name at each."""
    symbols = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                words = line.split()
                # Data and mapping symbols are not what code is in.
                if words[1] in "tTwW" and not words[2].startswith(("$", "__pi_")):
                    symbols.setdefault(int(words[0], 16), words[2])
    return sorted(symbols), symbols


def main():
    separator = sys.argv.index("--")
    wanted = sys.argv[2:separator]
    addresses, names = read_symbols(sys.argv[separator + 1 :])
    spent = {"vgic": {}, "rest": {}}
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            insns, whose, address, *case = line.split()
            if not all(word in case for word in wanted):
                continue
            index = bisect.bisect_right(addresses, int(address, 16)) - 1
            name = names[addresses[index]] if index >= 0 else address
            spent[whose][name] = spent[whose].get(name, 0) + float(insns)
    for whose, functions in spent.items():
        print(f"{whose}: {sum(functions.values()):.1f}")
        for name, insns in sorted(functions.items(), key=lambda item: -item[1]):
            print(f"  {insns:9.1f}  {name}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""binding.py BINDING DTS: is the GICv5 of a device tree as Linux's binding says?

BINDING is Linux's arm,gic-v5.yaml, DTS what dtc makes of a blob. Checked are the
names of properties and nodes, what is required, const and enum; no more. The
tool for all of it is dt-validate. Debian's (dt-schema 2025.08) ends with an
exception of its own on the bindings of Linux 7.3, and needs all of them for the
reference from one to the next. Prints what is wrong; exits with 1 if anything is.
"""

import re
import sys


def read_binding(path):
    """{path of keys: scalar, or list of scalars}; as much YAML as bindings use."""
    tree, stack = {}, []
    for line in open(path, encoding="utf8"):
        line = line.split(" #")[0].rstrip()
        item = re.match(r"( *)(- )?(?:(\"[^\"]*\"|[^\s:]+):(?: (.*))?|(.*))$", line)
        if not line.strip() or line.startswith(("%", "---", "...")):
            continue
        indent = len(item[1]) + (2 if item[2] else 0)
        while stack and stack[-1][0] >= indent:
            stack.pop()
        here = tuple(key for _, key in stack)
        if item[3] is None:
            if item[2]:
                tree.setdefault(here, []).append(item[5].strip("\"'"))
            continue
        key, value = item[3].strip('"'), item[4]
        stack.append((indent, key))
        path_of = here + (key,)
        if value and value.startswith("["):
            # An enum may go on in the next line; its first line is all we use.
            tree[path_of] = [v.strip() for v in value.strip("[]").split(",") if v.strip()]
        elif value and value != "|":
            tree[path_of] = value
        else:
            tree.setdefault(path_of, [])
    return tree


def read_dts(path):
    """[(node's path, {property: text})]"""
    nodes, stack = [], []
    for line in open(path, encoding="utf8"):
        line = line.strip()
        if line.endswith("{"):
            stack.append((line.split()[-2].split(":")[-1], {}))
            nodes.append(("/".join(name for name, _ in stack), stack[-1][1]))
        elif line.startswith("}"):
            stack.pop()
        elif stack and line:
            name, _, value = line.rstrip(";").partition(" = ")
            stack[-1][1][name] = value
    return nodes


def numbers(text):
    return [int(n, 16) for n in re.findall(r"0x[0-9a-f]+", text)]


def check(node, properties, tree, at):
    """What is wrong with a node, by the part of the binding at `at`."""
    known = {path[-1] for path in tree if path[:-1] == at + ("properties",)}
    wrong = [f"{node}: {name} is not in the binding" for name in properties if name not in known | {"phandle"}]
    wrong += [f"{node}: {name} is missing" for name in tree[at + ("required",)] if name not in properties]
    for name, value in properties.items():
        const = tree.get(at + ("properties", name, "const"))
        enum = tree.get(at + ("properties", name, "enum"))
        if const is not None and value.strip('"') != const and [str(n) for n in numbers(value)] != [const]:
            wrong.append(f"{node}: {name} is {value}, not {const}")
        if enum is not None and numbers(value)[0] not in [int(e, 0) for e in enum]:
            wrong.append(f"{node}: {name} is {value}, not one of {enum}")
    for one, other in (("cpus", "arm,iaffids"), ("arm,iaffids", "cpus")):
        if (at + ("dependencies", one)) in tree and one in properties and other not in properties:
            wrong.append(f"{node}: {one} without {other}")
    return wrong


def main():
    tree, nodes = read_binding(sys.argv[1]), read_dts(sys.argv[2])
    gics = [path for path, properties in nodes if properties.get("compatible") == '"arm,gic-v5"']
    irs_key = "^irs@[0-9a-f]+$"
    wrong = [] if len(gics) == 1 else [f"{len(gics)} nodes are compatible with arm,gic-v5"]
    for path, properties in nodes:
        parent, _, name = path.rpartition("/")
        if path in gics:
            wrong += check(path, properties, tree, ())
        elif parent in gics:
            if not re.match(irs_key, name):
                wrong.append(f"{path} is not in the binding")
                continue
            wrong += check(path, properties, tree, ("patternProperties", irs_key))
            if int(name.split("@")[1], 16) != numbers(properties["reg"])[1]:
                wrong.append(f"{path}: its address is not that of reg")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0
"""No file of rust/ imports itself, by way of others."""

import graphlib
import re

import pytest

import tree

RUST = tree.TOP / "rust"
# They are not part of the module: a build script, and the crate that the host's tests link.
APART = {"vgic/build.rs", "vgic/host.rs"}


def modules(top):
    """The files of the crate, by their paths as modules."""
    files = {}
    for file in top.rglob("*.rs"):
        name = file.relative_to(top)
        if str(name) in APART or "tests" in name.parts:
            continue
        path = name.with_suffix("").parts
        files[() if path == ("kvm_arm_vgic_v5",) else path[:-1] if path[-1] == "mod" else path] = file
    return files


def paths(words, before=()):
    """The paths that `use WORDS;` names."""
    head, brace, inside = words.partition("{")
    before += tuple(word for word in re.sub(r"\bas \w+", "", head).replace(" ", "").split("::") if word)
    if not brace:
        yield before
        return
    depth, start = 0, 0
    inside = inside.rstrip()[:-1] + ","
    for at, letter in enumerate(inside):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and not depth:
            if inside[start:at].strip():
                yield from paths(inside[start:at].strip(), before)
            start = at + 1


def imports(module, text, files):
    """The modules that a file names in its `use`s, but for its own parts, which it re-exports."""
    for words in re.findall(r"\buse\s+([^;]+);", re.sub(r"//.*", "", text)):
        for path in paths(words):
            if path[0] == "crate":
                path = path[1:]
            elif path[0] == "super":
                up = sum(1 for word in path if word == "super")
                path = module[: len(module) - up] + path[up:]
            elif module + path[:1] in files:
                path = module + path
            else:
                continue
            while path not in files:
                path = path[:-1]
            if path != module:
                yield path


def circle(files):
    """A circle of imports, or None."""
    graph = {module: set(imports(module, file.read_text(), files)) for module, file in files.items()}
    # The root declares everything, and nobody needs anything of it but names.
    graph.pop((), None)
    for found in graph.values():
        found.discard(())
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return ["/".join(module) for module in error.args[1]]


def test_no_circle():
    files = modules(RUST)
    assert len(files) > 50
    assert circle(files) is None


@pytest.mark.parametrize(
    "one, other",
    [
        ("use super::b::B;", "use super::a::A;"),
        ("use crate::d::{b::{self, B}, c};", "pub(crate) use super::{c, a::A};"),
        ("use super::c::C;", "use super::{\n    a::{X, Y},\n};"),
    ],
)
def test_a_circle_is_found(tmp_path, one, other):
    (tmp_path / "d").mkdir()
    for name, text in ("mod", "mod a; mod b; mod c;\npub use a::A;"), ("a", one), ("b", other), ("c", "use super::b::B;"):
        (tmp_path / f"d/{name}.rs").write_text(text)
    assert circle(modules(tmp_path))
    (tmp_path / "d/b.rs").write_text("// use super::a::A;")
    assert circle(modules(tmp_path)) is None

# SPDX-License-Identifier: GPL-2.0
"""The module's KUnit suite, which runs when the module is loaded on a host that was
booted for it."""

import re

import pytest

import tree

SUITE = "kvm_arm_vgic_v5"


@pytest.mark.host(append=("kunit.enable=1", "kunit.autorun=1"))
def test_suite(own_host, subtests):
    source = (tree.TOP / "rust/vgic/kunit.rs").read_text()
    names = re.findall(r"#\[test\]\s+fn (\w+)", source[source.index("kunit_tests(") :])
    assert names
    own_host.succeed(f"insmod {tree.MODULE}")
    log = re.sub(r"^\[[^]]*\] ?", "", own_host.succeed("dmesg").output, flags=re.M)
    # The suite's own lines: from its version line to its result.
    begin = log.index(f"# Subtest: {SUITE}")
    begin = log.rindex("KTAP version", 0, begin)
    begin = log.rindex("\n", 0, begin) + 1
    end = re.compile(rf"^(not )?ok \d+ {SUITE}$", re.M).search(log, begin)
    assert end, f"the suite has no result:\n{tree.tail(log)}"
    subtests.ktap("1..1\n" + log[begin : end.end()], expected=[f"{SUITE}/{name}" for name in names])

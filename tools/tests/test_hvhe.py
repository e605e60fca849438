# SPDX-License-Identifier: GPL-2.0
"""Guests of a host whose kernel is at EL1 and whose EL2 has HCR_EL2.E2H set:
the registers' names are VHE's there, the hypercalls are nVHE's."""

import pytest

PROGRAMS = [
    *(("rust", program) for program in ("edge_level", "neighbour", "priorities", "residency", "timers", "wfi")),
    ("c", "neighbour"),
]


@pytest.mark.parametrize("mode", ["hvhe"])
@pytest.mark.parametrize("backend, program", PROGRAMS)
def test_selftest(host, subtests, program):
    host.succeed("dmesg").has("hVHE mode initialized")
    subtests.ktap(host.run(f"/selftests/{program}", timeout=600).output)

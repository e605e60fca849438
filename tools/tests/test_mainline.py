# SPDX-License-Identifier: GPL-2.0
"""Mainline's own GICv5 selftests, unmodified, on mainline's own C backend."""

import pytest

HOSTS = [("vhe", 1), ("vhe", 2), ("vhe", 4), ("vhe", 8), ("nvhe", 1), ("nvhe", 2)]


@pytest.mark.parametrize("mode, cpus", HOSTS)
@pytest.mark.parametrize("backend", ["c"])
def test_vgic_v5(host):
    # Exit status 4 is a skip, which is not what is wanted here.
    host.succeed("/kselftest/kvm/arm64/vgic_v5")


@pytest.mark.parametrize("mode, cpus", HOSTS)
@pytest.mark.parametrize("backend", ["c"])
def test_no_vgic(host):
    done = host.succeed("/kselftest/kvm/arm64/no-vgic")
    done.lacks("No GICv5 support")
    done.has("No GICv3 support: skipping")

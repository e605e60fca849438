# SPDX-License-Identifier: GPL-2.0
"""A VM gets a GICv5 while a backend comes and goes: the other one is there."""

import os

import pytest

# 10,000 take two minutes a mode. Before the fix one in 800 failed.
COUNT = int(os.environ.get("CREATIONS", "2000"))

# insmod and rmmod go round for as long as `create` makes VMs; rmmod may find the
# module in use, insmod may not fail.
BESIDE = f"""
/selftests/create {COUNT} &
creator=$!
rounds=0
while kill -0 $creator 2>/dev/null; do
	insmod /lib/modules/kvm_arm_vgic_v5.ko || exit 3
	until rmmod kvm_arm_vgic_v5 2>/dev/null; do :; done
	rounds=$((rounds + 1))
done
wait $creator || exit 1
echo "rounds: $rounds"
[ $rounds -ge 10 ]
"""


@pytest.mark.parametrize("mode", ["vhe", "nvhe"])
def test_no_creation_fails_beside_insmod_and_rmmod(own_host):
    own_host.succeed(BESIDE, timeout=1200)

# SPDX-License-Identifier: GPL-2.0
"""An IRS that does not take the module's table of VMs."""

import pytest

UPSTREAM = "/kselftest/kvm/arm64/vgic_v5"
WITHOUT = "no VM table (Timeout): VMs have PPIs only"


# VMT_BASER, whose operations never complete.
@pytest.mark.parametrize("gic_options", [("stuck-offset=0x200",)], ids=["VMT_BASER stuck"])
def test_module_goes_on_with_ppis_alone(own_host):
    own_host.succeed("insmod /lib/modules/kvm_arm_vgic_v5.ko")
    said = own_host.succeed("dmesg | grep kvm_arm_vgic_v5").output
    assert said.count(WITHOUT) == 1 and said.count("PPIs only") == 1, said
    own_host.succeed(UPSTREAM)
    own_host.succeed("rmmod kvm_arm_vgic_v5")

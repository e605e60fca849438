# SPDX-License-Identifier: GPL-2.0
"""A module that was built against other headers than its kernel's is refused."""

import tree

HEADER = tree.BUILD / "src/linux-seam/include/linux/kvm_host.h"
INSMOD = f"""
insmod {tree.MODULE} 2>/tmp/err && exit 2
cat /tmp/err
dmesg | sed -n 's/.*\\(kvm_arm_vgic_v5: \\)/\\1/p' | grep -v 'taints kernel' | sort -u
! [ -d /sys/module/kvm_arm_vgic_v5 ] || exit 3
"""


def test_another_layout_of_a_vcpu_is_refused(tmp_path):
    """The header is another one for this build alone, which so sees that the
    bindings are made from the header that is there. KVM compares sizes: what is
    added has to be more than the padding that there is."""
    changed = tmp_path / "kvm_host.h"
    text = HEADER.read_text(encoding="utf-8")
    changed.write_text(text.replace("\nstruct kvm_vcpu {\n", "\nstruct kvm_vcpu {\n\tu64 of_another_kernel[16];\n", 1), encoding="utf-8")
    assert changed.read_text(encoding="utf-8") != text

    lib = tmp_path / "overlay/lib/modules"
    lib.mkdir(parents=True)
    words = ("make", "-C", tree.TOP, f"KDIR={tree.BUILD}/linux", f"MO={tmp_path}/module", "ARCH=arm64", "LLVM=1", "modules")
    bound = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', changed, HEADER)
    tree.succeed(*bound, *words)
    (tmp_path / "module/kvm_arm_vgic_v5.ko").rename(lib / "kvm_arm_vgic_v5.ko")

    said = tree.succeed(
        tree.TOP / "scripts/run-host", "--name", "layout", "--overlay", tmp_path / "overlay", "--", INSMOD
    )
    # ENOEXEC, as BusyBox has it.
    assert "invalid module format" in said, said
    lines = [line for line in said.splitlines() if line.startswith("kvm_arm_vgic_v5: ")]
    assert lines == ["kvm_arm_vgic_v5: the module was built for another kernel"], said

# SPDX-License-Identifier: GPL-2.0
"""What QEMU does around the model: WFI, the machine's options and their limits,
the device tree, the logs."""

import re
import subprocess

import pytest

import tree

QEMU = tree.BUILD / "qemu/qemu-system-aarch64"


def qemu(options, *words, stdin=None):
    """Runs the emulator on the GICv5 machine."""
    machine = f"virt,gic-version=5{options}"
    return tree.run(QEMU, "-machine", machine, "-nodefaults", "-display", "none", *words, timeout=300, stdin=stdin)


@pytest.fixture(scope="module")
def wfi(tmp_path_factory):
    """The console and the trace of tools/qemu/tests/wfi.S."""
    work = tmp_path_factory.mktemp("wfi")
    tree.succeed(
        "aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-Ttext=0x40100000",
        "-o", work / "wfi", tree.TOP / "tools/qemu/tests/wfi.S",
    )  # fmt: skip
    qemu(
        ",virtualization=on", "-cpu", "max", "-kernel", work / "wfi", "-serial", f"file:{work}/console",
        "-d", "guest_errors", "-trace", "gicv5_model_*", "-D", work / "trace",
    )  # fmt: skip
    return {name: (work / name).read_text(errors="replace") for name in ("console", "trace")}


@pytest.mark.parametrize(
    "where, pattern",
    [
        pytest.param("console", r"^2 [1-9]$", id="WFI at EL2 waits, though a virtual interrupt is pending"),
        pytest.param("console", r"^1$", id="WFI at EL1 does not wait when it is"),
        pytest.param("console", r"^a6$", id="WFIT at EL1 that traps says where its deadline is"),
        pytest.param("console", r"^c7$", id="WFET at EL1 that traps says where its deadline is"),
        pytest.param("trace", r"^gicv5: ", id="software's mistake is logged as the guest's error"),
        pytest.param("trace", r"PE 0 EL2 GIC_CDEN <- 0x60ffffff", id="trace of an instruction"),
        pytest.param("trace", r"PE 0 EL2 ICH_VMCR_EL2 <- 0xf8000001", id="trace of a register"),
        pytest.param("trace", r"PE 0 PPI 26 level 1", id="trace of a wire"),
        pytest.param("trace", r"PE 0 VIRQ line 1", id="trace of a line"),
    ],
)
def test_wfi(wfi, where, pattern):
    assert re.search(pattern, wfi[where], re.M), wfi[where][:2000]


@pytest.mark.parametrize(
    "line, options, words",
    [
        pytest.param("secure=off", ",secure=on", ["-cpu", "max"], id="EL3"),
        pytest.param("exceeds max CPUs", "", ["-cpu", "max", "-smp", "17"], id="a 17th CPU"),
        pytest.param("not an AArch64 CPU", "", ["-cpu", "cortex-a15"], id="an AArch32 CPU"),
        pytest.param("gicv5: ", "", ["-cpu", "max", "-global", "arm-gicv5-model.vm-id-bits=99"], id="99 VM ID bits"),
        pytest.param("gicv5: ", "", ["-cpu", "max", "-global", "arm-gicv5-model.lpi-id-bits=99"], id="99 LPI ID bits"),
    ],
)
def test_refused(line, options, words):
    done = qemu(options, *words)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1 and re.search(line, done.stdout), done.stdout


def test_machine_with_another_gic_does_not_load_the_state(tmp_path):
    # That a machine goes on as it was is for scripts/check.d/31-baremetal-el2 to see.
    state = tmp_path / "state"
    qemu("", "-cpu", "max", "-S", "-monitor", "stdio", stdin=f'migrate "file:{state}"\nquit\n')
    assert state.stat().st_size > 0
    done = qemu("", "-cpu", "max", "-incoming", f"file:{state}", "-global", "arm-gicv5-model.vm-id-bits=9")
    assert "gicv5: the saved state is not" in done.stdout


def device_tree(work, options, *words):
    """The device tree as text, and the part of it that is the GIC."""
    done = qemu(f"{options},dumpdtb={work}/dtb", *words)
    assert done.returncode == 0, done.stdout
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", f"{work}/dtb"], capture_output=True, text=True, check=True)
    return text.stdout, re.search(r"^\tintc \{.*?^\t\};", text.stdout, re.M | re.S)[0]


@pytest.fixture(scope="module")
def with_el2(tmp_path_factory):
    return device_tree(tmp_path_factory.mktemp("dtb"), ",virtualization=on", "-cpu", "max", "-smp", "3")


def test_tree_has_an_iaffid_of_16_bits_for_each_cpu(with_el2):
    assert re.search(r"arm,iaffids = (<0x0*1 0x0*2>|\[00 00 00 01 00 02\])", with_el2[1]), with_el2[1]


def test_tree_has_the_maintenance_interrupt_with_el2(with_el2):
    assert re.search(r"\tinterrupts = <0x0*1 0x19 0x0*4>;", with_el2[1]), with_el2[1]


def test_tree_has_the_timers_by_their_ppis(with_el2):
    cells = " ".join(rf"0x0*1 {ppi} 0x0*4" for ppi in ("0x1d", "0x1e", "0x1b", "0x1a", "0x1c"))
    assert re.search(rf"interrupts = <{cells}>;", with_el2[0])


@pytest.mark.parametrize(
    "options, words",
    [("", []), (",virtualization=on", ["-global", "arm-gicv5-model.gicmnt=off"])],
    ids=["without EL2", "where there is none"],
)
def test_tree_has_no_maintenance_interrupt(tmp_path, options, words):
    _, gic = device_tree(tmp_path, options, "-cpu", "max", *words)
    assert "interrupts = " not in gic

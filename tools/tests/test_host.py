# SPDX-License-Identifier: GPL-2.0
"""The fixtures for booted hosts, by which other tests see what they see."""

import dataclasses

import pytest

import host as hosts_module


def test_output_and_status(host):
    done = host.run("echo 'a\\nb \"c\"'; printf 'no newline'; exit 7")
    assert (done.output, done.status) == ("a\\nb \"c\"\nno newline", 7)
    assert host.run("cat; false").status == 1


def test_one_boot_serves_two_tests(host, hosts, settings):
    host.succeed("touch /tmp/here")
    assert hosts.get(settings) is host
    host.succeed("test -e /tmp/here && rm /tmp/here")


def test_warning_of_the_kernels_is_noticed(settings):
    machine = hosts_module.Host(settings)
    machine.succeed('echo "<4>WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg')
    with pytest.raises(hosts_module.HostFailed, match="status 125.*WARNING: CPU: 0"):
        machine.end()


def test_command_that_hangs_is_ended(settings):
    # A name of its own, so that its emulator can be told from others.
    machine = hosts_module.Host(dataclasses.replace(settings, append=("hangs",)))
    assert machine.emulators()
    with pytest.raises(hosts_module.HostFailed, match="no end within"):
        machine.run("echo started; sleep 1000", timeout=1)
    assert not machine.emulators()
    with pytest.raises(hosts_module.HostFailed):
        machine.run("true")

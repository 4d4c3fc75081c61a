"""Layers of isolation between a program and the machine.

Four make `full`: limits, privileges, landlock, seccomp. Namespaces are added where the kernel
allows them. A layer that the fork server can live with is entered there, once; the others are
prepared there and entered by each child.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.protocol import messages
from sandbox.server import kernel, landlock, seccomp

GROUPS = ("limits", "privileges", "landlock", "seccomp")
HEADROOM = 64 << 20  # beyond the limit, for a program to report that its memory is used up
MOST_FILES = 256
MOST_DESCRIPTORS = 2**31 - 1
MOST_PROCESSES = 512
MAIN_STACK = 64 << 20  # allows deep recursion; other threads keep the usual 8 MiB
SCRATCH_FILES = 100_000
_LINUX = sys.platform.startswith("linux")

# called in a child: it enters all layers, with the given descriptors as 0, 1, … and no others
EnterLayers = Callable[[Sequence[int]], None]


class MissingLayerError(Exception):
    """Full isolation is required and not available here."""


@dataclass
class LayerReport:
    """Which layers are in force, and which are missing for what reason."""

    isolation: str
    active: dict[str, str] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, object]:
        return {
            "isolation": self.isolation,
            "full": all(group in self.active for group in GROUPS),
            "active": self.active,
            "namespaces": self.namespaces,
            "missing": self.missing,
            "libraries": self.libraries,
        }

    @property
    def wanted(self) -> bool:
        """Whether more than limits on resources is required."""
        return self.isolation != "basic"


def enter_namespaces(report: LayerReport) -> None:
    """Enter new namespaces. This process' next child is the first in the new pid namespace."""
    if not report.wanted or not _LINUX:
        return
    uid, gid = os.getuid(), os.getgid()
    with contextlib.suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWUSER)
        _map("setgroups", "deny")
        _map("uid_map", f"{uid} {uid} 1")
        _map("gid_map", f"{gid} {gid} 1")
        report.namespaces.append("user")
    for name, flag in (
        ("pid", kernel.CLONE_NEWPID),
        ("network", kernel.CLONE_NEWNET),
        ("ipc", kernel.CLONE_NEWIPC),
        ("uts", kernel.CLONE_NEWUTS),
        ("cgroup", kernel.CLONE_NEWCGROUP),
    ):
        with contextlib.suppress(OSError):
            kernel.unshare(flag)
            report.namespaces.append(name)


def _map(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)


def mount_scratch(scratch: str, file_mb: int, report: LayerReport) -> None:
    """Mount a scratch file system of bounded size, which vanishes with the server.

    Directories below the libraries that programs must not read are covered by empty mounts.
    """
    if not report.wanted or not _LINUX:
        return
    with contextlib.suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE, "")
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        options = f"size={file_mb}m,nr_inodes={SCRATCH_FILES},mode=700"
        kernel.mount("tmpfs", scratch, "tmpfs", flags, options)
        for path in landlock.hidden_in_libraries():
            kernel.mount("tmpfs", path, "tmpfs", flags | kernel.MS_RDONLY, "size=4k,mode=000")
        report.namespaces.append("mount")


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent process ends."""
    if _LINUX:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)


def give_up_privileges(report: LayerReport) -> None:
    """Drop all capabilities for good; become the parent of orphans, to be able to end them."""
    if not _LINUX:
        report.missing["privileges"] = f"not known on {sys.platform}"
        return
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    if not report.wanted:
        return
    try:
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        report.active["privileges"] = "session, parent-death signal, no capabilities, no new ones"
    except OSError as error:
        report.missing["privileges"] = str(error)


def prepare_layers(limits: dict[str, Any], scratch: str, report: LayerReport) -> EnterLayers:
    """Set the limits that children inherit; returns the function that each child calls first.

    All its system calls are prepared here, because a lookup in the child writes to pages, which
    then have to be copied.
    """
    _set_limits(limits, report)
    calls = _first_calls(limits, report)
    load: Callable[[int], None] = lambda pid: None  # noqa: E731
    if report.wanted:
        calls += _prepare_landlock(scratch, report)
        load = _prepare_seccomp(report) or load
    close_rest = closing_from(messages.FIRST_FREE_FD)
    setpgid, dup2, getpid = os.setpgid, os.dup2, os.getpid

    def enter(fds: Sequence[int]) -> None:
        setpgid(0, 0)  # not setsid: the scheduler would set up a group for each session
        for call in calls:
            call()
        for place, fd in enumerate(fds):
            dup2(fd, place)
        close_rest()
        load(getpid())

    return enter


def _set_limits(limits: dict[str, Any], report: LayerReport) -> None:
    """Set limits on this process, which its children inherit."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, MOST_FILES)
    _lower(resource.RLIMIT_STACK, MAIN_STACK)
    _lower(resource.RLIMIT_FSIZE, limits["file_mb"] << 20)
    if "user" in report.namespaces:  # elsewhere it would count all processes of the user
        _lower(resource.RLIMIT_NPROC, MOST_PROCESSES)
    if _LINUX:
        memory = _address_space() + (limits["memory_mb"] << 20)
        _lower(resource.RLIMIT_AS, memory, memory + HEADROOM)
    report.active["limits"] = "CPU, wall, memory, files, output"


def _first_calls(limits: dict[str, Any], report: LayerReport) -> list[kernel.Call]:
    if not _LINUX:  # where the server cannot read the child's clock
        most = int(limits["cpu_s"]) + 3
        return [functools.partial(resource.setrlimit, resource.RLIMIT_CPU, (most, most + 1))]
    # the first process of a pid namespace takes all others with it when it ends
    return [] if "pid" in report.namespaces else [die_with_parent]


def _prepare_landlock(scratch: str, report: LayerReport) -> list[kernel.Call]:
    version = kernel.landlock_version() if _LINUX else 0
    if version == 0:
        report.missing["landlock"] = "the kernel has none, or it is switched off"
        return []
    try:
        rules = landlock.ruleset(scratch, covered="mount" in report.namespaces)
        report.active["landlock"] = f"ABI {version}"
        return [kernel.landlock_restrict(rules)]
    except OSError as error:
        report.missing["landlock"] = str(error)
        return []


def _prepare_seccomp(report: LayerReport) -> Callable[[int], None] | None:
    reason = seccomp.supported() if _LINUX else f"not known on {sys.platform}"
    if reason is not None:
        report.missing["seccomp"] = reason
        return None
    report.active["seccomp"] = "allow list"
    return seccomp.loader()


def _lower(what: int, soft: int, hard: int | None = None) -> None:
    _, most = resource.getrlimit(what)
    wanted = (soft, soft if hard is None else hard)
    if most != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], most), min(wanted[1], most))
    resource.setrlimit(what, wanted)


def _address_space() -> int:
    """Bytes of address space that this process takes; 0 where that cannot be asked."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def trim_memory() -> None:
    """Return free memory to the system: a fork copies the table entry of every page."""
    with contextlib.suppress(AttributeError):  # not every C library knows that
        kernel.malloc_trim()


def closing_from(first: int) -> Callable[[], None]:
    """A call that closes all descriptors from `first` on, whatever their numbers."""
    if _LINUX:
        with contextlib.suppress(OSError):
            kernel.close_range(MOST_DESCRIPTORS)()  # closes nothing: only probes the call
            return kernel.close_range(first)
    return functools.partial(os.closerange, first, MOST_FILES)  # no descriptor can be higher


def probe(enter_layers: EnterLayers, report: LayerReport) -> None:
    """Try forbidden operations in a child; a layer that permits one is reported as missing."""
    pid = os.fork()
    if pid == 0:
        code = 0
        with contextlib.suppress(BaseException):
            enter_layers(())
            code = 64 | _breaches()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for bit, group in ((1, "landlock"), (2, "seccomp"), (4, "privileges")):
        if group in report.active and (code < 64 or code & bit):
            del report.active[group]
            report.missing[group] = f"it does not hold (probe {code})"


def _breaches() -> int:
    """The layers that permit what they should refuse: a bit for each."""
    found = 0
    with contextlib.suppress(OSError):
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))
        found |= 1
    with contextlib.suppress(OSError):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
        found |= 2
    with contextlib.suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWUTS)
        found |= 4
    return found


def complaint(report: LayerReport) -> str | None:
    """The layers that `full` lacks here and why, as text; None if it lacks none."""
    lacking = [group for group in GROUPS if group not in report.active]
    return ", ".join(f"{group} ({report.missing.get(group, 'off')})" for group in lacking) or None

"""Linux system calls that Python's library lacks, as thin functions that raise OSError."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
SECCOMP_MODE_FILTER = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same on all machines
LANDLOCK_VERSION = 1
CLOSE_RANGE = 436  # the same on all machines
LANDLOCK_PATH_BENEATH = 1
_CAPABILITY_VERSION = 0x20080522

Call = Callable[[], None]


class FilterProgram(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class RulesetAttributes(ctypes.Structure):
    """struct landlock_ruleset_attr"""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr"""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int, *args: object) -> int:
    return _checked(_libc().syscall(ctypes.c_long(number), *args), f"system call {number}")


def prepared(function: Callable[..., int], *arguments: Any) -> Call:
    """A system call prepared before a fork, so that making it in a child writes to few pages."""
    converted = tuple(
        ctypes.c_ulong(argument) if isinstance(argument, int) else argument
        for argument in arguments
    )

    def call() -> None:
        if function(*converted) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return call


def prctl(option: int, value: int = 0, third: int = 0) -> int:
    args = (ctypes.c_ulong(n) for n in (value, third, 0, 0))
    return _checked(_libc().prctl(option, *args), f"prctl {option}")


def unshare(flags: int) -> None:
    _checked(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    texts = (text.encode() for text in (source, target, kind))
    _checked(_libc().mount(*texts, ctypes.c_ulong(flags), options.encode()), f"mount {kind}")


def drop_capabilities() -> None:
    """Give up all capabilities, and the means of getting any back."""
    for capability in range(64):
        with contextlib.suppress(OSError):  # beyond the last capability, or not permitted
            prctl(PR_CAPBSET_DROP, capability)
    with contextlib.suppress(OSError):
        prctl(PR_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked(_libc().capset(header, (ctypes.c_uint32 * 6)()), "capset")


def close_range(first: int) -> Call:
    """Close descriptors from `first` to the last there can be; Linux 5.9."""
    return prepared(_libc().syscall, CLOSE_RANGE, first, 0xFFFFFFFF, 0)


def has_seccomp() -> bool:
    """Whether filters can be loaded: a null filter is a fault then, not an unknown option."""
    if not sys.platform.startswith("linux"):
        return False
    _libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == 14  # EFAULT


def load_filter(program: FilterProgram) -> Call:
    filter_ = ctypes.byref(program)
    return prepared(_libc().prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0)


def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    try:
        return _syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except (OSError, AttributeError):
        return 0


def landlock_create(attributes: RulesetAttributes, size: int) -> int:
    zero = ctypes.c_uint32(0)
    return _syscall(LANDLOCK_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), zero)


def landlock_allow(ruleset: int, path_fd: int, rights: int) -> None:
    rule = PathBeneath(rights, path_fd)
    _syscall(
        LANDLOCK_ADD,
        ctypes.c_int(ruleset),
        ctypes.c_int(LANDLOCK_PATH_BENEATH),
        ctypes.byref(rule),
        ctypes.c_uint32(0),
    )


def landlock_restrict(ruleset: int) -> Call:
    return prepared(_libc().syscall, LANDLOCK_RESTRICT, ruleset, 0, 0, 0)


def malloc_trim() -> None:
    """glibc's own; AttributeError elsewhere."""
    _libc().malloc_trim(ctypes.c_size_t(0))

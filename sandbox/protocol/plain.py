"""Plain data: the only form in which values leave an untrusted process.

Plain data are nested tagged tuples; the tags are below. `freezing.freeze` converts any object to
them, `encoding` to bytes and back, `thawing.thaw` to builtin values. A budget bounds all three.
"""

from __future__ import annotations

from typing import NamedTuple

# ("none",) ("bool", b) ("int", i) ("float", x) ("complex", z) ("str", s) ("bytes", b)
# ("list", (v, …)) ("tuple", (v, …)) ("set", (v, …)) ("frozenset", (v, …)) ("dict", ((k, v), …))
# ("array", shape, (v, …)) ("series", (v, …)) ("object", "module.Type", "repr")
# and between a test and its program (standard.py, handles.py):
# ("made", "Type", v) ("remote", n, "Type") ("given", n)
Plain = tuple[object, ...]


class Budget(NamedTuple):
    """What one value may take: `nodes` counts values of any kind, `bytes` its encoded form."""

    nodes: int
    bytes: int
    int_bits: int


REPORT = Budget(1 << 14, 1 << 20, 1 << 14)  # read by the evaluator
ANSWER = Budget(2_000_000, 32 << 20, 1 << 22)  # read by a tester, under its own limits
MAX_DEPTH = 100
MAX_DIMENSIONS = 64
MAX_SAME_HASH = 64  # members of a set or keys of a dict; more take quadratic time
REPR_CHARS = 200

NONE: Plain = ("none",)


class PlainError(ValueError):
    """Bytes that are not valid plain data, or plain data of which no value can be made."""

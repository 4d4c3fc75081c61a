"""Encodes long lists of numbers by columns: 64-bit integers, floats, booleans and None."""

from __future__ import annotations

import array
import struct
from itertools import compress, repeat
from typing import Any

from sandbox.protocol.plain import PlainError

_COUNTS = struct.Struct("<II")
_KINDS: dict[type, int] = {int: 0, float: 1, bool: 2, type(None): 3}
_INT, _FLOAT, _BOOL, _NONE = range(4)
_ONLY = [bytes(kind == other for other in range(256)) for kind in range(4)]


def pack_numbers(values: list[Any]) -> bytes | None:
    """Integers of 64 bits, floats, booleans and None, by columns; None for anything else."""
    try:
        kinds = bytes(map(_KINDS.__getitem__, map(type, values)))
        ints = array.array("q", _column(values, kinds, _INT))
    except (KeyError, OverflowError):
        return None
    floats = array.array("d", _column(values, kinds, _FLOAT))
    truths = bytes(_column(values, kinds, _BOOL))
    head = _COUNTS.pack(len(kinds), len(truths))
    return b"".join((head, kinds, truths, ints.tobytes(), floats.tobytes()))


def _column(values: list[Any], kinds: bytes, kind: int) -> list[Any]:
    """The values of one kind."""
    count = kinds.count(kind)
    if count in (0, len(kinds)):
        return values if count else []
    return list(compress(values, kinds.translate(_ONLY[kind])))


def unpack_numbers(body: bytes) -> list[object]:
    """The list, from untrusted bytes; PlainError where they are invalid."""
    if len(body) < _COUNTS.size:
        raise PlainError("numbers end too early")
    count, truths = _COUNTS.unpack_from(body)
    at = _COUNTS.size
    kinds, truth = body[at : at + count], body[at + count : at + count + truths]
    sizes = [kinds.count(kind) for kind in range(4)]
    at += count + truths
    if sum(sizes) != count or sizes[_BOOL] != truths or len(body) != at + 8 * (sizes[0] + sizes[1]):
        raise PlainError("numbers do not fit their kinds")
    ints = array.array("q", body[at : at + 8 * sizes[_INT]])
    floats = array.array("d", body[at + 8 * sizes[_INT] :])
    if len(ints) == count or len(floats) == count:
        return list(ints or floats)
    columns = [iter(ints), iter(floats), map(bool, truth), repeat(None)]
    return [next(columns[kind]) for kind in kinds]

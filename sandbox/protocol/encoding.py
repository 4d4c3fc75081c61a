"""Encodes plain data as bytes and decodes them.

`decode` accepts untrusted bytes: it returns plain data or raises PlainError, in time and memory
linear in its budget. It builds only tuples and hashes nothing that it reads. It accepts whatever
`freeze` returns for the same budget.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import cast

from sandbox.protocol.plain import (
    ANSWER,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    NONE,
    Budget,
    Plain,
    PlainError,
)

_LENGTH = struct.Struct("<I")
_DOUBLE = struct.Struct("<d")
_PAIR = struct.Struct("<dd")
_SEQUENCES = {"list": b"l", "tuple": b"t", "set": b"S", "frozenset": b"Z", "series": b"R"}
_SEQUENCE_TAGS = {code[0]: tag for tag, code in _SEQUENCES.items()}
# all codes that `decode` knows
CODES = {
    "none": b"N", "true": b"T", "false": b"F", "int": b"i", "float": b"d", "complex": b"c",
    "str": b"s", "bytes": b"b", **_SEQUENCES, "dict": b"D", "array": b"a", "object": b"o",
    "made": b"m", "remote": b"r", "given": b"g",
}  # fmt: skip


def encode(plain: Plain, budget: Budget = ANSWER) -> bytes:
    """The bytes of plain data, the inverse of `decode`; PlainError where `decode` would refuse."""
    parts: list[bytes] = []
    _encode(plain, parts.append, MAX_DEPTH + 2)
    data = b"".join(parts)
    if len(parts) > budget.nodes or len(data) > budget.bytes:
        raise PlainError("plain data are too large")
    return data


def text_bytes(text: object) -> bytes:
    data = str.__str__(cast(str, text)).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(data)) + data


def _encode(plain: Plain, put: Callable[[bytes], None], depth: int) -> None:
    tag = plain[0]
    if tag == "none":
        put(b"N")
    elif tag == "bool":
        put(b"T" if plain[1] else b"F")
    elif tag == "int":
        number = cast(int, plain[1])
        data = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
        put(b"i" + _LENGTH.pack(len(data)) + data)
    elif tag == "float":
        put(b"d" + _DOUBLE.pack(cast(float, plain[1])))
    elif tag == "complex":
        number_c = cast(complex, plain[1])
        put(b"c" + _PAIR.pack(number_c.real, number_c.imag))
    elif tag == "str":
        put(b"s" + text_bytes(plain[1]))
    elif tag == "bytes":
        data = cast(bytes, plain[1])
        put(b"b" + _LENGTH.pack(len(data)) + data)
    elif tag == "object":
        put(b"o" + text_bytes(plain[1]) + text_bytes(plain[2]))
    elif tag == "remote":  # an object that stays with the program: handle, type
        put(b"r" + _LENGTH.pack(plain[1]) + text_bytes(plain[2]))
    elif tag == "given":  # an object that stays with the test
        put(b"g" + _LENGTH.pack(plain[1]))
    else:
        _encode_container(plain, put, depth - 1)


def _encode_container(plain: Plain, put: Callable[[bytes], None], depth: int) -> None:
    if depth < 0:
        raise PlainError("plain data are too deep")
    tag = cast(str, plain[0])
    if tag == "dict":
        pairs = cast("tuple[tuple[Plain, Plain], ...]", plain[1])
        put(b"D" + _LENGTH.pack(len(pairs)))
        for key, value in pairs:
            _encode(key, put, depth)
            _encode(value, put, depth)
    elif tag == "made":  # a value of another standard type: its name, what it is made of
        put(b"m" + text_bytes(plain[1]))
        _encode(cast(Plain, plain[2]), put, depth)
    else:
        items = cast("tuple[Plain, ...]", plain[-1])
        if tag == "array":
            shape = cast("tuple[int, ...]", plain[1])
            head = b"a" + b"".join(_LENGTH.pack(n) for n in (len(shape), *shape))
        else:
            head = _SEQUENCES[tag]
        put(head + _LENGTH.pack(len(items)))
        for item in items:
            _encode(item, put, depth)


class _Reader:
    """A cursor over bytes that a hostile process may have written."""

    __slots__ = ("at", "data", "int_bits", "nodes")

    def __init__(self, data: bytes, budget: Budget) -> None:
        self.data = data
        self.at = 0
        self.nodes, most, self.int_bits = budget
        if len(data) > most:
            raise PlainError(f"plain data have {len(data):,} bytes, at most {most:,} are read")

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise PlainError("plain data end too early")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def length(self) -> int:
        length: int = _LENGTH.unpack_from(self.data, self.at)[0]
        self.at += 4
        return length

    def text(self) -> str:
        return self.take(self.length()).decode("utf-8", "surrogatepass")

    def integer(self) -> int:
        size = self.length()
        if 8 * size > self.int_bits + 8:
            raise PlainError(f"plain data hold an integer of {size:,} bytes")
        return int.from_bytes(self.take(size), "little", signed=True)


def decode(data: bytes, budget: Budget = ANSWER) -> Plain:
    """Plain data from bytes of any origin.

    Raises PlainError for anything that `encode` never writes, and beyond the budget.
    """
    reader = _Reader(data, budget)
    try:
        plain = _decode(reader, MAX_DEPTH + 2)
    except UnicodeDecodeError as error:
        raise PlainError("plain data hold broken text") from error
    except (struct.error, IndexError) as error:
        raise PlainError("plain data end too early") from error
    if reader.at != len(data):
        raise PlainError("plain data are followed by something else")
    return plain


def _decode(reader: _Reader, depth: int) -> Plain:
    reader.nodes -= 1
    if reader.nodes < 0:
        raise PlainError("plain data hold too many values")
    code = reader.data[reader.at]
    reader.at += 1
    read = _READERS.get(code)
    if read is not None:
        return read(reader)
    if depth == 0:
        raise PlainError("plain data are too deep")
    tag = _SEQUENCE_TAGS.get(code)
    if tag is not None:
        return (tag, _decode_items(reader, depth))
    if code == 68:  # D
        pairs = [
            (_decode(reader, depth - 1), _decode(reader, depth - 1)) for _ in _count(reader, 2)
        ]
        return ("dict", tuple(pairs))
    if code == 97:  # a
        return _decode_array(reader, depth)
    if code == 109:  # m
        return ("made", reader.text(), _decode(reader, depth - 1))
    raise PlainError(f"plain data hold an unknown code {code}")


def _count(reader: _Reader, nodes: int = 1) -> range:
    length = reader.length()
    if length * nodes > min(len(reader.data) - reader.at, reader.nodes):
        raise PlainError(f"plain data announce {length:,} items, more than there can be")
    return range(length)


def _decode_items(reader: _Reader, depth: int) -> tuple[Plain, ...]:
    return tuple([_decode(reader, depth - 1) for _ in _count(reader)])


def _decode_array(reader: _Reader, depth: int) -> Plain:
    dimensions = reader.length()
    if dimensions > MAX_DIMENSIONS:
        raise PlainError(f"an array of {dimensions:,} dimensions")
    shape = tuple([reader.length() for _ in range(dimensions)])
    items = _decode_items(reader, depth)
    size = 1
    for n in shape:
        size *= n
    if size != len(items):
        raise PlainError("an array's shape does not fit its items")
    return ("array", shape, items)


_READERS: dict[int, Callable[[_Reader], Plain]] = {
    ord("N"): lambda reader: NONE,
    ord("T"): lambda reader: ("bool", True),
    ord("F"): lambda reader: ("bool", False),
    ord("i"): lambda reader: ("int", reader.integer()),
    ord("d"): lambda reader: ("float", _DOUBLE.unpack(reader.take(8))[0]),
    ord("c"): lambda reader: ("complex", complex(*_PAIR.unpack(reader.take(16)))),
    ord("s"): lambda reader: ("str", reader.text()),
    ord("b"): lambda reader: ("bytes", reader.take(reader.length())),
    ord("o"): lambda reader: ("object", reader.text(), reader.text()),
    ord("r"): lambda reader: ("remote", reader.length(), reader.text()),
    ord("g"): lambda reader: ("given", reader.length()),
}

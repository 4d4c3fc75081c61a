"""Plain data: the only form in which values leave an untrusted process.

`freeze` turns any object into nested tagged tuples without running code of the object's
own class; `encode` and `decode` carry them over a channel; `thaw` rebuilds exact builtin
values from them. `decode` trusts nothing: it accepts any bytes and either returns plain
data or raises PlainError. Nothing here executes what it reads, as pickle and marshal may.
"""

from __future__ import annotations

import builtins
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

# ("none",) ("bool", b) ("int", i) ("float", x) ("complex", z) ("str", s) ("bytes", b)
# ("list", (v, …)) ("tuple", (v, …)) ("set", (v, …)) ("frozenset", (v, …)) ("dict", ((k, v), …))
# ("array", shape, (v, …)) ("series", (v, …)) ("object", "module.Type", "repr")
Plain = tuple[object, ...]

MAX_DEPTH = 100
MAX_NODES = 1_000_000
MAX_BYTES = 32 << 20
MAX_INT_BITS = 1 << 22
REPR_CHARS = 200

NONE: Plain = ("none",)


class PlainError(ValueError):
    """Bytes that are no plain data, or a value that cannot be had back."""


class Frozen:
    """A value that was frozen earlier; freezing it again changes nothing."""

    __slots__ = ("plain",)

    def __init__(self, plain: Plain) -> None:
        self.plain = plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self.plain == other.plain

    def __hash__(self) -> int:
        return hash(self.plain)


Extension = Callable[[object, Callable[[object], Plain]], "Plain | None"]


class _Budget:
    """How many nodes and bytes one value may still take, and what to do with other types."""

    __slots__ = ("bytes", "extension", "nodes")

    def __init__(self, extension: Extension | None) -> None:
        self.nodes = MAX_NODES
        self.bytes = MAX_BYTES
        self.extension = extension

    def spend(self, size: int) -> bool:
        self.nodes -= 1
        self.bytes -= size
        return self.nodes >= 0 and self.bytes >= 0


def freeze(value: object, extension: Extension | None = None) -> Plain:
    """Plain data for `value`, as it is now. Never raises for a hostile object.

    `extension(value, freeze)` is asked first about objects of types other than the plain
    ones and their subclasses; None means that it does not know them either.
    """
    return _freeze(value, MAX_DEPTH, _Budget(extension))


def _freeze(value: object, depth: int, budget: _Budget) -> Plain:
    kind = type(value)
    try:
        if kind is Frozen:
            return cast(Frozen, value).plain
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value) if budget.spend(_size(value)) else _opaque(value)
        if depth == 0 or not budget.spend(1):
            return _opaque(value)
        container = _CONTAINERS.get(kind)
        if container is not None:
            return container(value, depth - 1, budget)
        return _freeze_other(value, kind, depth, budget)
    except (Exception, RecursionError):  # noqa: BLE001  a hostile object may raise anything
        return _opaque(value)


def _size(value: object) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 8
    return 8


def _int(value: object) -> Plain:
    number = int.__add__(cast(int, value), 0)
    return ("int", number) if number.bit_length() <= MAX_INT_BITS else _opaque_int(number)


def _opaque_int(number: int) -> Plain:
    return ("object", "builtins.int", f"an integer of {number.bit_length()} bits")


_SCALARS: dict[type, Callable[[object], Plain]] = {
    type(None): lambda value: NONE,
    bool: lambda value: ("bool", value),
    int: _int,
    float: lambda value: ("float", value),
    complex: lambda value: ("complex", value),
    str: lambda value: ("str", value),
    bytes: lambda value: ("bytes", value),
}


def _items(tag: str, base: type) -> Callable[[object, int, _Budget], Plain]:
    iterate = cast("Callable[[object], Iterator[object]]", base.__dict__["__iter__"])

    def freeze_items(value: object, depth: int, budget: _Budget) -> Plain:
        return (tag, tuple([_freeze(item, depth, budget) for item in iterate(value)]))

    return freeze_items


def _freeze_dict(value: object, depth: int, budget: _Budget) -> Plain:
    pairs = dict.items(cast("dict[object, object]", value))
    return (
        "dict",
        tuple([(_freeze(k, depth, budget), _freeze(v, depth, budget)) for k, v in pairs]),
    )


_CONTAINERS: dict[type, Callable[[object, int, _Budget], Plain]] = {
    list: _items("list", list),
    tuple: _items("tuple", tuple),
    set: _items("set", set),
    frozenset: _items("frozenset", frozenset),
    dict: _freeze_dict,
}

# Subclasses become their base, with the value that the base sees.
_BASES: tuple[tuple[type, Callable[[object], object]], ...] = (
    (int, lambda value: int.__add__(cast(int, value), 0)),
    (float, lambda value: float.__add__(cast(float, value), 0.0)),
    (complex, lambda value: complex.__add__(cast(complex, value), 0j)),
    (str, lambda value: str.__str__(cast(str, value))),
    (bytes, lambda value: bytes.__add__(cast(bytes, value), b"")),
)


def _freeze_other(value: object, kind: type, depth: int, budget: _Budget) -> Plain:
    bases = type.__dict__["__mro__"].__get__(kind)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if numpy.generic in bases and str not in bases and bytes not in bases:
            return _freeze_scalar(numpy.generic.item(value), value, depth, budget)
        if numpy.ndarray in bases:
            return _freeze_array(numpy, value, depth, budget)
    for base, plain in _BASES:
        if base in bases:
            return _freeze(plain(value), depth, budget)
    for base, container in _CONTAINERS.items():
        if base in bases:
            return container(value, depth - 1, budget)
    pandas = sys.modules.get("pandas")
    series = getattr(pandas, "Series", None)
    if series is not None and series in bases:
        return ("series", tuple([_freeze(v, depth - 1, budget) for v in series.tolist(value)]))
    if budget.extension is not None:
        extended = budget.extension(value, lambda inner: _freeze(inner, depth - 1, budget))
        if extended is not None:
            return extended
    return _opaque(value)


def _freeze_scalar(item: object, value: object, depth: int, budget: _Budget) -> Plain:
    # a long double's item() is itself; dates become objects
    return _opaque(value) if type(item) is type(value) else _freeze(item, depth, budget)


def _freeze_array(numpy: Any, value: object, depth: int, budget: _Budget) -> Plain:
    array: Any = numpy.ndarray
    base = array.view(value, array)
    if base.size > budget.nodes:
        return _opaque(value)
    flat = base.reshape(-1).tolist()
    return (
        "array",
        tuple(int(n) for n in base.shape),
        tuple([_freeze(item, depth - 1, budget) for item in flat]),
    )


def type_name(kind: type) -> str:
    """`module.Name` of a class, whatever its metaclass says."""
    try:
        module = type.__dict__["__module__"].__get__(kind)
        name = type.__dict__["__qualname__"].__get__(kind)
        return f"{module}.{name}"[:REPR_CHARS] if isinstance(module, str) else str(name)
    except Exception:  # noqa: BLE001
        return "object"


def _opaque(value: object) -> Plain:
    try:
        text = repr(value) if _SCALARS.get(type(value)) is None else "too large"
        text = str.__str__(text)[:REPR_CHARS]
    except BaseException as error:
        if not isinstance(error, (Exception, RecursionError)):
            raise
        text = "<unprintable>"
    return ("object", type_name(type(value)), text)


# --- bytes ---------------------------------------------------------------------------

_LENGTH = struct.Struct("<I")
_DOUBLE = struct.Struct("<d")
_PAIR = struct.Struct("<dd")
_SEQUENCES = {"list": b"l", "tuple": b"t", "set": b"S", "frozenset": b"Z", "series": b"R"}
_SEQUENCE_TAGS = {code[0]: tag for tag, code in _SEQUENCES.items()}


def encode(plain: Plain) -> bytes:
    """The bytes of plain data; the inverse of `decode`."""
    parts: list[bytes] = []
    _encode(plain, parts.append)
    return b"".join(parts)


def _text(text: object) -> bytes:
    data = str.__str__(cast(str, text)).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(data)) + data


def _encode(plain: Plain, put: Callable[[bytes], None]) -> None:
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
        put(b"s" + _text(plain[1]))
    elif tag == "bytes":
        data = cast(bytes, plain[1])
        put(b"b" + _LENGTH.pack(len(data)) + data)
    else:
        _encode_container(plain, put)


def _encode_container(plain: Plain, put: Callable[[bytes], None]) -> None:
    tag = cast(str, plain[0])
    if tag == "dict":
        pairs = cast("tuple[tuple[Plain, Plain], ...]", plain[1])
        put(b"D" + _LENGTH.pack(len(pairs)))
        for key, value in pairs:
            _encode(key, put)
            _encode(value, put)
    elif tag == "array":
        shape = cast("tuple[int, ...]", plain[1])
        put(b"a" + _LENGTH.pack(len(shape)) + b"".join(_LENGTH.pack(n) for n in shape))
        _encode_items(cast("tuple[Plain, ...]", plain[2]), put)
    elif tag == "object":
        put(b"o" + _text(plain[1]) + _text(plain[2]))
    elif tag == "made":  # a value of another standard type: its name, what it is made of
        put(b"m" + _text(plain[1]))
        _encode(cast(Plain, plain[2]), put)
    elif tag == "remote":  # an object that stays where it is: handle, type, repr
        put(b"r" + _LENGTH.pack(plain[1]) + _text(plain[2]) + _text(plain[3]))
    else:
        put(_SEQUENCES[tag])
        _encode_items(cast("tuple[Plain, ...]", plain[1]), put)


def _encode_items(items: tuple[Plain, ...], put: Callable[[bytes], None]) -> None:
    put(_LENGTH.pack(len(items)))
    for item in items:
        _encode(item, put)


class _Reader:
    """A cursor over bytes that a hostile process may have written."""

    __slots__ = ("at", "data", "nodes")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.nodes = MAX_NODES * 2

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise PlainError("plain data end too early")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def length(self) -> int:
        return cast(int, _LENGTH.unpack(self.take(4))[0])

    def text(self) -> str:
        return self.take(self.length()).decode("utf-8", "surrogatepass")


def decode(data: bytes) -> Plain:
    """Plain data from bytes; raises PlainError for anything that `encode` never writes."""
    reader = _Reader(data)
    try:
        plain = _decode(reader, MAX_DEPTH + 2)
    except UnicodeDecodeError as error:
        raise PlainError("plain data hold broken text") from error
    if reader.at != len(data):
        raise PlainError("plain data are followed by something else")
    return plain


def _decode(reader: _Reader, depth: int) -> Plain:
    reader.nodes -= 1
    if depth == 0 or reader.nodes < 0:
        raise PlainError("plain data are too deep or too large")
    code = reader.take(1)[0]
    read = _READERS.get(code)
    if read is not None:
        return read(reader)
    tag = _SEQUENCE_TAGS.get(code)
    if tag is not None:
        return (tag, _decode_items(reader, depth))
    if code == 68:  # D
        pairs = [(_decode(reader, depth - 1), _decode(reader, depth - 1)) for _ in _count(reader)]
        return ("dict", tuple(pairs))
    if code == 97:  # a
        return _decode_array(reader, depth)
    if code == 109:  # m
        return ("made", reader.text(), _decode(reader, depth - 1))
    raise PlainError(f"plain data hold an unknown code {code}")


def _count(reader: _Reader) -> range:
    length = reader.length()
    if length > len(reader.data) - reader.at:  # an item takes a byte at least
        raise PlainError("plain data announce more items than they hold")
    return range(length)


def _decode_items(reader: _Reader, depth: int) -> tuple[Plain, ...]:
    return tuple([_decode(reader, depth - 1) for _ in _count(reader)])


def _decode_array(reader: _Reader, depth: int) -> Plain:
    shape = tuple([reader.length() for _ in _count(reader)])
    items = _decode_items(reader, depth)
    size = 1
    for n in shape:
        size *= n
    if size != len(items) or len(shape) > 64:
        raise PlainError("an array's shape does not fit its items")
    return ("array", shape, items)


_READERS: dict[int, Callable[[_Reader], Plain]] = {
    ord("N"): lambda reader: NONE,
    ord("T"): lambda reader: ("bool", True),
    ord("F"): lambda reader: ("bool", False),
    ord("i"): lambda reader: (
        "int",
        int.from_bytes(reader.take(reader.length()), "little", signed=True),
    ),
    ord("d"): lambda reader: ("float", _DOUBLE.unpack(reader.take(8))[0]),
    ord("c"): lambda reader: ("complex", complex(*_PAIR.unpack(reader.take(16)))),
    ord("s"): lambda reader: ("str", reader.text()),
    ord("b"): lambda reader: ("bytes", reader.take(reader.length())),
    ord("o"): lambda reader: ("object", reader.text(), reader.text()),
    ord("r"): lambda reader: ("remote", reader.length(), reader.text(), reader.text()),
}


# --- back to objects -----------------------------------------------------------------


Rebuild = Callable[[Plain, Callable[[Plain], object]], object]


def _refuse(plain: Plain, thaw: Callable[[Plain], object]) -> object:
    raise PlainError(f"{plain[1]} is no plain value: {plain[-1]}")


def thaw(plain: Plain, rebuild: Rebuild = _refuse) -> object:
    """The exact builtin value that plain data stand for.

    `rebuild(plain, thaw)` makes values of what is not plain; by default that is a PlainError.
    """
    tag = plain[0]
    if tag in _SCALAR_TAGS:
        return plain[1]
    if tag == "none":
        return None

    def again(inner: Plain) -> object:
        return thaw(inner, rebuild)

    if tag == "dict":
        pairs = cast("tuple[tuple[Plain, Plain], ...]", plain[1])
        return _hashed(lambda: {again(key): again(value) for key, value in pairs})
    if tag == "array":
        import numpy

        shape = cast("tuple[int, ...]", plain[1])
        return numpy.array([again(item) for item in _plains(plain[2])]).reshape(shape)
    build = _BUILDERS.get(cast(str, tag))
    if build is None:
        return rebuild(plain, again)
    return _hashed(lambda: build([again(item) for item in _plains(plain[1])]))


def _plains(value: object) -> tuple[Plain, ...]:
    return cast("tuple[Plain, ...]", value)


def _hashed(build: Callable[[], object]) -> object:
    try:
        return build()
    except TypeError as error:  # a forged set or dict with unhashable members
        raise PlainError("plain data hold an unhashable member") from error


_SCALAR_TAGS = frozenset({"bool", "int", "float", "complex", "str", "bytes"})
_BUILDERS: dict[str, Callable[[Iterable[object]], object]] = {
    "list": builtins.list,
    "tuple": builtins.tuple,
    "set": builtins.set,
    "frozenset": builtins.frozenset,
    "series": builtins.list,
}


def thaw_all(arguments: dict[str, Plain]) -> dict[str, object]:
    """The values of frozen keyword arguments."""
    return {name: thaw(value) for name, value in arguments.items()}

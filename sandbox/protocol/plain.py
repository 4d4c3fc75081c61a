"""Plain data: the only form in which values leave an untrusted process.

`freeze` turns any object into nested tagged tuples without running code of the object's
own class; `encode` and `decode` carry them over a channel; `thaw` rebuilds exact builtin
values from them. `decode` trusts nothing: it accepts any bytes and either returns plain
data or raises PlainError, in time and memory linear in its budget; it makes nothing but
tuples, and hashes nothing that it read. Whatever `freeze` returns for a budget, `decode`
takes within the same one. Nothing here executes what it reads, as pickle and marshal may.
"""

from __future__ import annotations

import builtins
import struct
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

# ("none",) ("bool", b) ("int", i) ("float", x) ("complex", z) ("str", s) ("bytes", b)
# ("list", (v, …)) ("tuple", (v, …)) ("set", (v, …)) ("frozenset", (v, …)) ("dict", ((k, v), …))
# ("array", shape, (v, …)) ("series", (v, …)) ("object", "module.Type", "repr")
# and between a test and its program (crossing.py):
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
MAX_SAME_HASH = 64  # members of a set or keys of a dict; more would make it quadratic
REPR_CHARS = 200

NONE: Plain = ("none",)


class PlainError(ValueError):
    """Bytes that are no plain data, or a value that cannot be had back."""


class OverBudgetError(Exception):
    """What is being frozen does not fit; its container becomes an object."""


class Frozen:
    """A value that was frozen earlier; freezing it again changes nothing."""

    __slots__ = ("plain",)

    def __init__(self, plain: Plain) -> None:
        self.plain = plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self.plain == other.plain

    def __hash__(self) -> int:
        return hash(self.plain)


class Extension:
    """What to make of values that are not plain; None: it is not known here either.

    `standard` is asked before a subclass becomes its base, `other` about what is left.
    """

    def standard(self, value: object, freeze: Callable[[object], Plain]) -> Plain | None:
        return None

    def other(self, value: object, freeze: Callable[[object], Plain]) -> Plain | None:
        return None


_NO_EXTENSION = Extension()


class _Purse:
    """What is left of a budget while a value is frozen, and what to do with other types."""

    __slots__ = ("bytes", "extension", "int_bits", "nodes")

    def __init__(self, budget: Budget, extension: Extension) -> None:
        self.nodes, self.bytes, self.int_bits = budget
        self.extension = extension

    def spend(self, size: int) -> None:
        self.nodes -= 1
        self.bytes -= size
        if self.nodes < 0 or self.bytes < 0:
            raise OverBudgetError


def freeze(value: object, extension: Extension = _NO_EXTENSION, budget: Budget = ANSWER) -> Plain:
    """Plain data for `value`, as it is now. Never raises for a hostile object.

    What is too large for the budget becomes an object with the text "too large".
    """
    return _freeze(value, MAX_DEPTH, _Purse(budget, extension))


def _freeze(value: object, depth: int, purse: _Purse) -> Plain:
    kind = type(value)
    try:
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value, purse)
        if kind is Frozen:
            return cast(Frozen, value).plain
        if depth == 0:
            return _opaque(value, purse)
        container = _CONTAINERS.get(kind)
        if container is not None:
            return container(value, depth - 1, purse)
        return _freeze_other(value, kind, depth, purse)
    except OverBudgetError:
        raise
    except (Exception, RecursionError):  # noqa: BLE001  a hostile object may raise anything
        return _opaque(value, purse)


def _constant(plain: Plain) -> Callable[[object, _Purse], Plain]:
    def freeze_constant(value: object, purse: _Purse) -> Plain:
        purse.spend(1)
        return plain

    return freeze_constant


def _bool(value: object, purse: _Purse) -> Plain:
    purse.spend(1)
    return ("bool", value)


def _int(value: object, purse: _Purse) -> Plain:
    bits = cast(int, value).bit_length()
    if bits > purse.int_bits:
        return _object("builtins.int", f"an integer of {bits} bits", purse)
    purse.spend(6 + bits // 8)
    return ("int", value)


def _float(value: object, purse: _Purse) -> Plain:
    purse.spend(9)
    return ("float", value)


def _complex(value: object, purse: _Purse) -> Plain:
    purse.spend(17)
    return ("complex", value)


def _str(value: object, purse: _Purse) -> Plain:
    text = cast(str, value)
    size = len(text)
    if not text.isascii() and size <= purse.bytes:
        size = len(text.encode("utf-8", "surrogatepass"))
    if size + 5 > purse.bytes:
        return _object("builtins.str", "too large", purse)
    purse.spend(size + 5)
    return ("str", text)


def _bytes(value: object, purse: _Purse) -> Plain:
    size = len(cast(bytes, value)) + 5
    if size > purse.bytes:
        return _object("builtins.bytes", "too large", purse)
    purse.spend(size)
    return ("bytes", value)


_SCALARS: dict[type, Callable[[object, _Purse], Plain]] = {
    type(None): _constant(NONE),
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
}


Container = Callable[[object, int, _Purse], Plain]


def _bounded(freeze_items: Container, length: Callable[[Any], int]) -> Container:
    """A container that does not fit becomes an object, and costs no more than one."""

    def freeze_bounded(value: object, depth: int, purse: _Purse) -> Plain:
        before = purse.nodes, purse.bytes
        try:
            purse.spend(5)
            if length(value) > purse.nodes:
                raise OverBudgetError
            return freeze_items(value, depth, purse)
        except OverBudgetError:
            purse.nodes, purse.bytes = before
            return _object(type_name(type(value)), "too large", purse)

    return freeze_bounded


def _items(tag: str, base: type) -> Container:
    iterate = cast("Callable[[object], Iterator[object]]", base.__dict__["__iter__"])

    def freeze_items(value: object, depth: int, purse: _Purse) -> Plain:
        return (tag, tuple([_freeze(item, depth, purse) for item in iterate(value)]))

    return _bounded(freeze_items, base.__dict__["__len__"])


def _dict(value: object, depth: int, purse: _Purse) -> Plain:
    pairs = dict.items(cast("dict[object, object]", value))
    return (
        "dict",
        tuple([(_freeze(k, depth, purse), _freeze(v, depth, purse)) for k, v in pairs]),
    )


_CONTAINERS: dict[type, Container] = {
    list: _items("list", list),
    tuple: _items("tuple", tuple),
    set: _items("set", set),
    frozenset: _items("frozenset", frozenset),
    dict: _bounded(_dict, dict.__len__),
}

# Subclasses become their base, with the value that the base sees.
_BASES: tuple[tuple[type, Callable[[object], object]], ...] = (
    (int, lambda value: int.__add__(cast(int, value), 0)),
    (float, lambda value: float.__add__(cast(float, value), 0.0)),
    (complex, lambda value: complex.__add__(cast(complex, value), 0j)),
    (str, lambda value: str.__str__(cast(str, value))),
    (bytes, lambda value: bytes.__add__(cast(bytes, value), b"")),
)


def _freeze_other(value: object, kind: type, depth: int, purse: _Purse) -> Plain:
    def freeze_part(part: object) -> Plain:
        return _freeze(part, depth - 1, purse)

    extended = purse.extension.standard(value, freeze_part)
    if extended is not None:
        return _paid(extended, purse)
    bases = type.__dict__["__mro__"].__get__(kind)
    numpy = _library("numpy")
    if numpy is not None:
        if numpy.generic in bases and str not in bases and bytes not in bases:
            return _freeze_scalar(numpy.generic.item(value), value, depth, purse)
        if numpy.ndarray in bases:
            return _freeze_array(numpy, value, depth, purse)
    for base, plain in _BASES:
        if base in bases:
            return _freeze(plain(value), depth, purse)
    for base, container in _CONTAINERS.items():
        if base in bases:
            return container(value, depth - 1, purse)
    series = getattr(_library("pandas"), "Series", None)
    if series is not None and series in bases:
        frozen = cast("tuple[str, object]", _freeze(series.tolist(value), depth, purse))
        return ("series", frozen[1]) if frozen[0] == "list" else cast(Plain, frozen)
    extended = purse.extension.other(value, freeze_part)
    return _opaque(value, purse) if extended is None else _paid(extended, purse)


def _paid(plain: Plain, purse: _Purse) -> Plain:
    """What an extension made, its own node paid for; its parts have been."""
    purse.spend(9 + sum(len(_text(part)) for part in plain[1:] if isinstance(part, str)))
    return plain


def _library(name: str) -> Any:
    """A library, if it has been imported and not only what stands for it."""
    module = sys.modules.get(name)
    return module if type(module) is types.ModuleType else None


def _freeze_scalar(item: object, value: object, depth: int, purse: _Purse) -> Plain:
    # a long double's item() is itself; dates become objects
    return _opaque(value, purse) if type(item) is type(value) else _freeze(item, depth, purse)


def _freeze_array(numpy: Any, value: object, depth: int, purse: _Purse) -> Plain:
    array: Any = numpy.ndarray
    base = array.view(value, array)
    if base.size > purse.nodes:
        return _object(type_name(type(value)), "too large", purse)
    purse.spend(4 * base.ndim)
    frozen = cast("tuple[str, object]", _freeze(base.reshape(-1).tolist(), depth, purse))
    if frozen[0] != "list":
        return cast(Plain, frozen)
    return ("array", tuple(int(n) for n in base.shape), frozen[1])


def type_name(kind: type) -> str:
    """`module.Name` of a class, whatever its metaclass says."""
    try:
        module = type.__dict__["__module__"].__get__(kind)
        name = type.__dict__["__qualname__"].__get__(kind)
        return f"{module}.{name}"[:REPR_CHARS] if isinstance(module, str) else str(name)
    except Exception:  # noqa: BLE001
        return "object"


def _opaque(value: object, purse: _Purse) -> Plain:
    try:
        text = repr(value) if _SCALARS.get(type(value)) is None else "too large"
        text = str.__str__(text)[:REPR_CHARS]
    except BaseException as error:
        if not isinstance(error, (Exception, RecursionError)):
            raise
        text = "<unprintable>"
    return _object(type_name(type(value)), text, purse)


def _object(name: str, text: str, purse: _Purse) -> Plain:
    purse.spend(9 + len(_text(name)) + len(_text(text)))
    return ("object", name, text)


# --- bytes ---------------------------------------------------------------------------

_LENGTH = struct.Struct("<I")
_DOUBLE = struct.Struct("<d")
_PAIR = struct.Struct("<dd")
_SEQUENCES = {"list": b"l", "tuple": b"t", "set": b"S", "frozenset": b"Z", "series": b"R"}
_SEQUENCE_TAGS = {code[0]: tag for tag, code in _SEQUENCES.items()}
# every code: what `decode` knows, and what a fuzzer makes its values of
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


def _text(text: object) -> bytes:
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
        put(b"s" + _text(plain[1]))
    elif tag == "bytes":
        data = cast(bytes, plain[1])
        put(b"b" + _LENGTH.pack(len(data)) + data)
    elif tag == "object":
        put(b"o" + _text(plain[1]) + _text(plain[2]))
    elif tag == "remote":  # an object that stays with the program: handle, type
        put(b"r" + _LENGTH.pack(plain[1]) + _text(plain[2]))
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
        put(b"m" + _text(plain[1]))
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


# --- back to objects -----------------------------------------------------------------


Rebuild = Callable[[Plain, Callable[[Plain], object]], object]


def _refuse(plain: Plain, thaw: Callable[[Plain], object]) -> object:
    raise PlainError(f"{plain[1]} is no plain value: {plain[-1]}")


def thaw(plain: Plain, rebuild: Rebuild = _refuse) -> object:
    """The exact builtin value that plain data stand for.

    `rebuild(plain, thaw)` makes values of what is not plain; by default that is a PlainError.
    Sets and dicts with many members of one hash are refused: they would take quadratic time.
    """

    def again(plain: Plain) -> object:
        tag = plain[0]
        if tag in _SCALAR_TAGS:
            return plain[1]
        if tag == "none":
            return None
        if tag == "dict":
            pairs = cast("tuple[tuple[Plain, Plain], ...]", plain[1])
            keys = members([again(key) for key, _ in pairs])
            return dict(zip(keys, [again(value) for _, value in pairs], strict=True))
        if tag == "array":
            return _array(
                cast("tuple[int, ...]", plain[1]), [again(item) for item in _plains(plain[2])]
            )
        build = _BUILDERS.get(cast(str, tag))
        if build is None:
            return rebuild(plain, again)
        items = [again(item) for item in _plains(plain[1])]
        return build(members(items) if tag in _HASHING else items)

    return again(plain)


def _plains(value: object) -> tuple[Plain, ...]:
    return cast("tuple[Plain, ...]", value)


def _array(shape: tuple[int, ...], items: list[object]) -> object:
    import numpy

    if all(type(item) is str for item in items) and items:
        longest = max(len(cast(str, item)) for item in items)
        if longest * len(items) > ANSWER.bytes // 4:  # every item takes the room of the longest
            raise PlainError("an array of text is too large")
    try:
        return numpy.array(items).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise PlainError(f"no array can be made of its items: {error}") from error


def members(items: list[object]) -> list[object]:
    """The same items, if a hash table of them is sound and takes linear time."""
    try:
        most = Counter(map(hash, items)).most_common(1)
    except TypeError as error:  # a forged set or dict with unhashable members
        raise PlainError("plain data hold an unhashable member") from error
    if most and most[0][1] > MAX_SAME_HASH:
        raise PlainError(f"{most[0][1]:,} members of a set or dict have the same hash")
    return items


_SCALAR_TAGS = frozenset({"bool", "int", "float", "complex", "str", "bytes"})
_HASHING = frozenset({"set", "frozenset"})
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

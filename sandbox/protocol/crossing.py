"""Values between a test and the program that it calls.

To the program, whose process need not be protected from its test, they go as pickles. From
the program they come as plain data, and more than that: ranges, decimals, arrays, dates and
their like are rebuilt from their parts. Any other object stays where it is, and the other
side holds a handle to it. Through a handle an object of the program's can be iterated,
indexed, measured, called and shown, but never compared: what a program's object says of
its own equality is worth nothing. A function or iterator of the test's can be called and
advanced by the program.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import functools
import io
import math
import pickle
import re
import struct
import sys
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, cast

from sandbox.protocol.freezing import Extension, type_name
from sandbox.protocol.plain import Plain, PlainError
from sandbox.protocol.thawing import members

LONGEST_NUMBER = 1 << 16  # digits of a decimal, bits of a fraction's parts
PICKLED_HERE = __name__
_NAMED_HERE = PICKLED_HERE.encode()  # part of every pickle that has a handle

Freeze = Callable[[object], Plain]
Thaw = Callable[[Plain], object]


# --- standard types, by their parts ---------------------------------------------------

_DICT_VIEWS: dict[type, str] = {
    type({}.keys()): "dict_keys",
    type({}.values()): "dict_values",
    type({}.items()): "dict_items",
}


def _time_parts(value: datetime.time | datetime.datetime) -> tuple[object, ...]:
    return (value.hour, value.minute, value.second, value.microsecond, value.tzinfo, value.fold)


_PARTS: dict[type, Callable[[Any], object]] = {
    range: lambda r: (r.start, r.stop, r.step),
    slice: lambda s: (s.start, s.stop, s.step),
    bytearray: bytes,
    decimal.Decimal: str,
    fractions.Fraction: lambda f: (f.numerator, f.denominator),
    collections.deque: lambda d: (list(d), d.maxlen),
    datetime.date: lambda d: (d.year, d.month, d.day),
    datetime.time: _time_parts,
    datetime.datetime: lambda d: (d.year, d.month, d.day, *_time_parts(d)),
    datetime.timedelta: lambda d: (d.days, d.seconds, d.microseconds),
    datetime.timezone: lambda z: (z.utcoffset(None), z.tzname(None)),
    type(Ellipsis): lambda e: None,
    type(NotImplemented): lambda n: None,
}


def _short(value: Any) -> Any:
    size = len(value) if isinstance(value, str) else value.bit_length()
    if size > LONGEST_NUMBER:
        raise ValueError("a number of too many digits")
    return value


def _dict_items(pairs: Any) -> object:
    members([key for key, _ in pairs])
    return dict(pairs).items()


_MAKERS: dict[str, Callable[[Any], object]] = {
    "range": lambda parts: range(*parts),
    "slice": lambda parts: slice(*parts),
    "bytearray": bytearray,
    "Decimal": lambda text: decimal.Decimal(_short(text)),
    "Fraction": lambda parts: fractions.Fraction(*map(_short, parts)),
    "deque": lambda parts: collections.deque(*parts),
    "date": lambda parts: datetime.date(*parts),
    "time": lambda parts: datetime.time(*parts[:-1], fold=parts[-1]),
    "datetime": lambda parts: datetime.datetime(*parts[:-1], fold=parts[-1]),
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "timezone": lambda parts: datetime.timezone(*parts),
    "ellipsis": lambda parts: ...,
    "NotImplementedType": lambda parts: NotImplemented,
    "dict_keys": lambda keys: dict.fromkeys(members(keys)).keys(),
    "dict_values": lambda values: dict(enumerate(values)).values(),
    "dict_items": _dict_items,
    "ndarray": lambda parts: _array(*parts),
    "generic": lambda parts: _array(*parts)[()],
}
_DTYPE = re.compile(r"[<>|=][biufcSUMm]\d{1,8}(\[\w{1,8}\])?")


class Standard(Extension):
    """Values of standard types as their parts, and NumPy's as their bytes."""

    def standard(self, value: object, freeze: Freeze) -> Plain | None:
        kind = type(value)
        parts = _PARTS.get(kind)
        if parts is not None:
            if isinstance(value, (datetime.datetime, datetime.time)) and not _plain_zone(value):
                return None
            return ("made", kind.__name__, freeze(parts(value)))
        view = _DICT_VIEWS.get(kind)
        if view is not None:
            return ("made", view, freeze(list(cast("Any", value))))
        numpy = sys.modules.get("numpy")
        if numpy is None or type.__dict__["__module__"].__get__(kind) != "numpy":
            return None
        return _numpy_parts(numpy, value, kind, freeze)


def _plain_zone(value: datetime.datetime | datetime.time) -> bool:
    return type(value.tzinfo) in (type(None), datetime.timezone)


def _numpy_parts(numpy: Any, value: Any, kind: type, freeze: Freeze) -> Plain | None:
    if kind is not numpy.ndarray and not issubclass(kind, numpy.generic):
        return None
    if _DTYPE.fullmatch(value.dtype.str) is None:  # objects and records are not their bytes
        return None
    name = "ndarray" if kind is numpy.ndarray else "generic"
    return ("made", name, freeze((value.dtype.str, tuple(map(int, value.shape)), value.tobytes())))


def _array(dtype: object, shape: Any, data: object) -> Any:
    import numpy

    if not isinstance(dtype, str) or _DTYPE.fullmatch(dtype) is None:
        raise ValueError(f"{dtype!r} is no type of array elements")
    if not isinstance(data, bytes) or len(data) != math.prod(shape) * numpy.dtype(dtype).itemsize:
        raise ValueError("an array's shape does not fit its bytes")
    return numpy.ndarray(shape, numpy.dtype(dtype), bytearray(data))


def make(plain: Plain, thaw: Thaw) -> object:
    """The value of a standard type; PlainError where the parts do not fit."""
    try:
        return _MAKERS[cast(str, plain[1])](thaw(cast(Plain, plain[2])))
    except PlainError:
        raise
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        ImportError,
    ) as error:
        raise PlainError(f"no {plain[1]} can be made of its parts: {error}") from error


# --- long lists of numbers ------------------------------------------------------------

_COUNTS = struct.Struct("<II")
_KINDS: dict[type, int] = {int: 0, float: 1, bool: 2, type(None): 3}
_INT, _FLOAT, _BOOL, _NONE = range(4)


def pack_numbers(values: list[Any]) -> bytes | None:
    """Integers of 64 bits, floats, booleans and None, by columns; None for anything else."""
    try:
        kinds = bytes(map(_KINDS.__getitem__, map(type, values)))
        ints = array.array("q", [value for value in values if type(value) is int])
    except (KeyError, OverflowError):
        return None
    floats = array.array("d", [value for value in values if type(value) is float])
    truths = bytes([value for value in values if type(value) is bool])
    head = _COUNTS.pack(len(kinds), len(truths))
    return b"".join((head, kinds, truths, ints.tobytes(), floats.tobytes()))


def unpack_numbers(body: bytes) -> list[object]:
    """The list, from bytes of any origin; PlainError where they are none."""
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


# --- from the program -----------------------------------------------------------------


class Handles(Standard):
    """On the program's side: the objects that a test holds handles to, and the other way."""

    LIMIT = 100_000

    def __init__(self, ask: Callable[..., object]) -> None:
        self._ask = ask  # has the test do something with an object of its own
        self._objects: list[object] = []
        self._given: dict[int, tuple[int, object]] = {}  # by identity: what stands for them here

    def other(self, value: object, freeze: Freeze) -> Plain | None:
        given = self._given.get(id(value))
        if given is not None:
            return ("given", given[0])
        if len(self._objects) >= self.LIMIT:
            return None
        self._objects.append(value)
        return ("remote", len(self._objects) - 1, type_name(type(value)))

    def load(self, pickled: bytes) -> Any:
        """What the test sent, its objects with stand-ins and ours as themselves."""
        if _NAMED_HERE not in pickled:  # as in most calls
            return pickle.loads(pickled)
        here: dict[str, Callable[..., object]]
        here = {"remote": self.__getitem__, "given": self._stand_in, "view": view}
        return _Unpickler(pickled, here).load()

    def __getitem__(self, handle: int) -> object:
        return self._objects[handle]

    def _stand_in(self, handle: int, name: str, advances: bool) -> object:
        ask = self._ask

        def function(*args: object, **kwargs: object) -> object:
            return ask("call", handle, args, kwargs)

        function.__name__ = function.__qualname__ = name
        stand_in = _GivenIterator(ask, handle) if advances else function
        self._given[id(stand_in)] = (handle, stand_in)
        return stand_in


class _GivenIterator:
    """Stands for an iterator of the test's."""

    def __init__(self, ask: Callable[..., object], handle: int) -> None:
        self._next = functools.partial(ask, "next", handle, (), {})

    def __iter__(self) -> _GivenIterator:
        return self

    def __next__(self) -> object:
        return self._next()


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickled: bytes, here: dict[str, Callable[..., object]]) -> None:
        super().__init__(io.BytesIO(pickled))
        self._here = here

    def find_class(self, module: str, name: str) -> Any:
        return self._here[name] if module == PICKLED_HERE else super().find_class(module, name)


# --- from the test --------------------------------------------------------------------


class TestFaultError(BaseException):
    """The test does what no program can answer. Not for tests to catch."""

    __test__ = False


class ProgramFaultError(BaseException):
    """The program wrote what is no answer. Not for tests to catch."""


def remote(handle: int) -> None:
    """In a pickle: the program's own object of this handle."""


def given(handle: int, name: str, advances: bool) -> None:
    """In a pickle: what stands for an object of the test's, a function or an iterator."""


def view(kind: str, items: list[object]) -> object:
    """In a pickle: a view of a dictionary."""
    return _MAKERS[kind](items)


class Opaque:
    """An object of the program that cannot cross; equal to nothing but itself."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self._text = text or kind

    def __repr__(self) -> str:
        return self._text


class Sender:
    """On the test's side: pickles what goes to the program, keeping what only goes as a handle.

    `handle_of` tells the handle of an object that stands for one of the program's.
    """

    def __init__(self, handle_of: Callable[[object], int | None]) -> None:
        self.handle_of = handle_of
        self._given: list[object] = []
        self._handles: dict[int, int] = {}

    def pickled(self, value: object) -> bytes:
        """Bytes for `Handles.load`; TestFaultError names a type that cannot cross."""
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, self)
        try:
            pickler.dump(value)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise cannot_cross(pickler.latest, str(error)) from error
        return buffer.getvalue()

    def give(self, value: object) -> int:
        """The handle of an object of the test's."""
        if id(value) not in self._handles:
            self._handles[id(value)] = len(self._given)
            self._given.append(value)
        return self._handles[id(value)]

    def taken(self, handle: int) -> object:
        """The object of a handle that came back; PlainError where none was given."""
        if handle >= len(self._given):
            raise PlainError(f"no object {handle} was given to the program")
        return self._given[handle]


def cannot_cross(value: object, why: str) -> TestFaultError:
    return TestFaultError(
        f"it passes a value of type {type_name(type(value))}, which cannot cross to a program"
        + (f": {why}" if why else "")
    )


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, sender: Sender) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._sender = sender
        self.latest: object = None

    def reducer_override(self, value: Any) -> Any:
        """Asked about everything but plain values and containers."""
        self.latest = value
        handle = self._sender.handle_of(value)
        if handle is not None:
            return remote, (handle,)
        if isinstance(value, Opaque):
            raise ProgramFaultError(f"a value of type {value.kind} was too much to cross")
        if _importable(value):
            return NotImplemented
        if isinstance(value, type):
            raise cannot_cross(value, f"class {value.__qualname__} is the test's own")
        if _stays(value):
            name = str(getattr(value, "__name__", type(value).__name__))
            return given, (self._sender.give(value), name, hasattr(value, "__next__"))
        if type(value) in _DICT_VIEWS:
            return view, (_DICT_VIEWS[type(value)], list(value))
        if type(value).__module__ != "builtins" and not _importable(type(value)):
            raise cannot_cross(value, "")
        return NotImplemented


def _importable(value: Any) -> bool:
    """Whether the program finds the same class or function under the same name."""
    names = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    module = sys.modules.get(names[0]) if isinstance(names[0], str) else None
    if module is None or not isinstance(names[1], str):
        return False
    found: object = module
    for name in names[1].split("."):
        found = getattr(found, name, None)
    return found is value


def _stays(value: Any) -> bool:
    """Whether a copy of it would not do: it has a state or a namespace of its own."""
    return hasattr(value, "__next__") or (callable(value) and not _is_partial(value))


def _is_partial(value: object) -> bool:
    return type_name(type(value)) == "functools.partial"


def update(old: Any, new: Any) -> Any:
    """Make containers in `old` what the program made of them, in place where they are one."""
    if isinstance(old, dict) and isinstance(new, dict):
        fresh = {key: update(old[key], new[key]) if key in old else new[key] for key in new}
        old.clear()
        dict.update(old, fresh)
    elif type(old) is not type(new):
        return new
    elif isinstance(old, list):
        if len(old) == len(new):
            old[:] = map(update, old, new)
        else:
            old[:] = new
    elif isinstance(old, (set, collections.deque)):
        _refill(old, new)
    elif isinstance(old, bytearray):
        old[:] = new
    elif isinstance(old, tuple) and len(old) == len(new):
        return tuple(map(update, old, new))
    elif type_name(type(old)) == "numpy.ndarray" and (old.shape, old.dtype) == (
        new.shape,
        new.dtype,
    ):
        old[...] = new
    else:
        return new
    return old


def _refill(old: Any, new: Iterable[object]) -> None:
    old.clear()
    (old.extend if isinstance(old, collections.deque) else old.update)(new)

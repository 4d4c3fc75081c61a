"""Values of standard types, as parts and rebuilt: how they cross from a program to its test.

A test sends pickles, because a program need not be protected from its test. A program sends plain
data; ranges, decimals, arrays, dates and the like are sent as their parts and rebuilt in the
tester. Any other object stays where it is, and the other side holds a handle to it. Through a
handle, a test can iterate, index, measure, call and print an object of the program, but not
compare it: a program could define any equality. A program can call a function of the test and
advance an iterator of it.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import math
import re
import sys
from collections.abc import Callable
from typing import Any, cast

from sandbox.protocol.freezing import Extension
from sandbox.protocol.plain import Plain, PlainError
from sandbox.protocol.thawing import members

LONGEST_NUMBER = 1 << 16  # digits of a decimal, bits of a fraction's parts

Freeze = Callable[[object], Plain]
Thaw = Callable[[Plain], object]


DICT_VIEWS: dict[type, str] = {
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


MAKERS: dict[str, Callable[[Any], object]] = {
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
        view = DICT_VIEWS.get(kind)
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
    if _DTYPE.fullmatch(value.dtype.str) is None:  # objects and records cannot be sent as bytes
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
        return MAKERS[cast(str, plain[1])](thaw(cast(Plain, plain[2])))
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

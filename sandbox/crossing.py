"""Values between a test and the program that it calls.

More than plain data: ranges, decimals, deques and their like are rebuilt from their
parts; any other object stays where it is, and the test holds a handle to it, through
which it can be iterated, indexed, measured, called and shown, but never compared: what a
program's object says of its own equality is worth nothing.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any, cast

from sandbox.plain import Plain, PlainError, type_name

MOST_JSON = 1 << 16  # bytes of a simple answer

Freeze = Callable[[object], Plain]
Thaw = Callable[[Plain], object]

_DICT_VIEWS: dict[type, str] = {
    type({}.keys()): "dict_keys",
    type({}.values()): "dict_values",
    type({}.items()): "dict_items",
}
_PARTS: dict[type, Callable[[Any], object]] = {
    range: lambda r: (r.start, r.stop, r.step),
    bytearray: bytes,
    decimal.Decimal: str,
    fractions.Fraction: lambda f: (f.numerator, f.denominator),
    collections.deque: lambda d: (list(d), d.maxlen),
    datetime.date: lambda d: (d.year, d.month, d.day),
    datetime.timedelta: lambda d: (d.days, d.seconds, d.microseconds),
    type(Ellipsis): lambda e: None,
}
_MAKERS: dict[str, Callable[[Any], object]] = {
    "range": lambda parts: range(*parts),
    "bytearray": bytearray,
    "Decimal": decimal.Decimal,
    "Fraction": lambda parts: fractions.Fraction(*parts),
    "deque": lambda parts: collections.deque(*parts),
    "date": lambda parts: datetime.date(*parts),
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "ellipsis": lambda parts: ...,
    "dict_keys": lambda keys: dict.fromkeys(keys).keys(),
    "dict_values": lambda values: dict(enumerate(values)).values(),
    "dict_items": lambda pairs: dict(pairs).items(),
}


def freeze_standard(value: object, freeze: Freeze) -> Plain | None:
    """A value of a known standard type as its parts; None for other types."""
    kind = type(value)
    parts = _PARTS.get(kind)
    if parts is not None:
        return ("made", kind.__name__, freeze(parts(value)))
    view = _DICT_VIEWS.get(kind)
    if view is not None:
        return ("made", view, freeze(list(cast("Any", value))))
    return None


def make(plain: Plain, thaw: Thaw) -> object:
    """The value of a standard type; PlainError where the parts do not fit."""
    try:
        return _MAKERS[cast(str, plain[1])](thaw(cast(Plain, plain[2])))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise PlainError(f"no {plain[1]} can be made of {plain[2]}") from error


class Handles:
    """On the program's side: the objects that a test holds handles to."""

    LIMIT = 100_000

    def __init__(self) -> None:
        self._objects: list[object] = []

    def freeze_other(self, value: object, freeze: Freeze) -> Plain | None:
        standard = freeze_standard(value, freeze)
        if standard is not None or len(self._objects) >= self.LIMIT:
            return standard
        self._objects.append(value)
        return ("remote", len(self._objects) - 1, type_name(type(value)), "")

    def thaw_other(self, plain: Plain, thaw: Thaw) -> object:
        """An argument: a value of a standard type, or the object of a handle that comes back."""
        return self[cast(int, plain[1])] if plain[0] == "remote" else make(plain, thaw)

    def __getitem__(self, handle: int) -> object:
        return self._objects[handle]

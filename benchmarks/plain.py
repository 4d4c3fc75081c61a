"""Reading the plain data that comes out of a program's process.

A value is a nested tagged tuple: ("int", 3), ("list", (("int", 1), …)), ("dict",
((key, value), …)), ("array", shape, flat values), ("series", values), ("object", type name,
text), and so on. It was made next to an untrusted program, and says what that one made it say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeAlias

Plain: TypeAlias = tuple[Any, ...]

NUMBERS = ("bool", "int", "float", "complex")
_SCALARS = (*NUMBERS, "str", "bytes")
_BRACKETS = {"list": "[]", "tuple": "()", "set": "{}", "frozenset": "{}", "series": "[]"}
_NUMBER_TEXT = re.compile(r"(Decimal|Fraction)\((?:'([^']*)'|(-?\d+), (\d+))\)")
_SHOWN = 200


def report(value: Plain | None) -> tuple[str, Plain]:
    """Kind and payload of what a scorer's harness reported; "none" where nothing sound came."""
    match value:
        case ("tuple", (("str", str(kind)), payload)):
            return kind, payload
        case _:
            return "none", ("none",)


def rows(plain: Plain) -> tuple[Plain, ...] | None:
    """The elements of a list, tuple, Series or array; None for anything else, scalar arrays too."""
    match plain:
        case ("list" | "tuple" | "series", tuple(values)):
            return values
        case ("array", (int(length), *inner), tuple(flat)) if length >= 0:
            if not inner:
                return flat if len(flat) == length else None
            step = len(flat) // length if length else 0
            return tuple(
                ("array", tuple(inner), flat[i * step : (i + 1) * step]) for i in range(length)
            )
        case _:
            return None


def number(plain: Plain) -> int | float | complex | None:
    """The number that `plain` is (not a bool), Decimal and Fraction included; None if none."""
    match plain:
        case ("int" | "float" | "complex", (int() | float() | complex()) as value):
            return value
        case ("object", "decimal.Decimal" | "fractions.Fraction", str(text)):
            return _number_from_text(text)
        case _:
            return None


def _number_from_text(text: str) -> int | float | None:
    found = _NUMBER_TEXT.fullmatch(text[:_SHOWN])
    try:
        if found and found[1] == "Decimal" and found[2]:
            exact = Fraction(Decimal(found[2]))
        elif found and found[1] == "Fraction" and found[3]:
            exact = Fraction(int(found[3]), int(found[4]))
        else:
            return None
        return int(exact) if exact.denominator == 1 else float(exact)
    except (InvalidOperation, ValueError, ZeroDivisionError, OverflowError):
        return None


def show(plain: Plain) -> str:
    """Text for people, as Python writes the value, at most some 200 characters."""
    text = _text(plain, _SHOWN)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _text(plain: Plain, room: int) -> str:
    match plain:
        case ("none",):
            return "None"
        case (tag, value) if tag in _SCALARS:
            return repr(value)
        case (tag, tuple(values)) if tag in _BRACKETS:
            opening, closing = _BRACKETS[tag]
            inner = _joined([lambda left, v=v: _text(v, left) for v in values], room)
            comma = "," if tag == "tuple" and len(values) == 1 else ""
            return ("Series" if tag == "series" else "") + opening + inner + comma + closing
        case ("dict", tuple(pairs)):
            entries = [
                lambda left, k=k, v=v: f"{_text(k, left)}: {_text(v, left)}" for k, v in pairs
            ]
            return "{" + _joined(entries, room) + "}"
        case ("array", shape, tuple(values)):
            inner = _joined([lambda left, v=v: _text(v, left) for v in values], room)
            return f"array{tuple(shape)}[{inner}]"
        case ("object", name, text):
            return f"{text} ({name})"
        case _:
            return "something unreadable"


def _joined(texts: list[Callable[[int], str]], room: int) -> str:
    """The texts with commas between them, none asked for beyond the room there is."""
    parts: list[str] = []
    for text in texts:
        if room <= 0:
            parts.append("…")
            break
        parts.append(text(room))
        room -= len(parts[-1]) + 2
    return ", ".join(parts)

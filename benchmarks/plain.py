"""Reads the plain data that a program's process reports.

A value is a nested tagged tuple: ("int", 3), ("list", (("int", 1), …)), ("dict",
((key, value), …)), ("array", shape, flat values), ("series", values), ("object", type name,
text), and so on. It was written by the untrusted process: a claim, not a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeAlias

Plain: TypeAlias = tuple[Any, ...]

NUMBERS = ("bool", "int", "float", "complex")
_SCALARS = (*NUMBERS, "str", "bytes")
_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
    "series": ("Series[", "]"),
}
_NUMBER_TEXT = re.compile(r"(Decimal|Fraction)\((?:'([^']*)'|(-?\d+), (\d+))\)")
_SHOWN = 200
_MOST_DIGITS = 1000
_MOST_EMPTY = 1000  # rows without elements, of which a report may claim any number


def report(value: Plain | None) -> tuple[str, Plain]:
    """Kind and payload of what a scorer's harness reported; "none" for no or malformed data."""
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
        case ("array", (int(length), *inner), tuple(flat)) if length <= max(len(flat), _MOST_EMPTY):
            if not inner:
                return flat if len(flat) == length else None
            step = len(flat) // length if length else 0
            return tuple(
                ("array", tuple(inner), flat[i * step : (i + 1) * step]) for i in range(length)
            )
        case _:
            return None


def number(plain: Plain) -> int | float | complex | None:
    """The number that `plain` holds, Decimal and Fraction included; None for bools and others."""
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
            decimal = Decimal(found[2])
            if abs(decimal.adjusted()) > _MOST_DIGITS:  # its digits would take too long to compute
                return None
            exact = Fraction(decimal)
        elif found and found[1] == "Fraction" and found[3]:
            exact = Fraction(int(found[3]), int(found[4]))
        else:
            return None
        return int(exact) if exact.denominator == 1 else float(exact)
    except (InvalidOperation, ValueError, ZeroDivisionError, OverflowError):
        return None


def show(plain: Plain) -> str:
    """The value much as Python writes it, cut after some 200 characters."""
    text = ""
    for piece in _pieces(plain):
        text += piece
        if len(text) > _SHOWN:
            return text[:_SHOWN] + "…"
    return text


def _pieces(plain: Plain) -> Iterator[str]:
    match plain:
        case ("none",):
            yield "None"
        case ("int", value) if value.bit_length() > _MOST_DIGITS:
            yield f"a whole number of {value.bit_length()} bits"
        case (tag, value) if tag in _SCALARS:
            yield repr(value)
        case (tag, tuple(values)) if tag in _BRACKETS:
            opening, closing = _BRACKETS[tag]
            yield opening
            yield from _separated(values)
            yield f",{closing}" if tag == "tuple" and len(values) == 1 else closing
        case ("dict", tuple(pairs)):
            yield "{"
            for index, pair in enumerate(pairs):
                yield ", " if index else ""
                yield from _pieces(pair[0])
                yield ": "
                yield from _pieces(pair[1])
            yield "}"
        case ("array", tuple(shape), tuple(values)):
            yield f"array of shape {shape} ["
            yield from _separated(values)
            yield "]"
        case ("object", name, text):
            yield f"{text} of type {name}"
        case _:
            yield "something unreadable"


def _separated(values: tuple[Plain, ...]) -> Iterator[str]:
    for index, value in enumerate(values):
        yield ", " if index else ""
        yield from _pieces(value)

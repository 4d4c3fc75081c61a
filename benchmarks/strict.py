"""The strict scorer: the last print must be exactly one value equal to the expected one.

The last thing printed, as it was when it was printed, must be one single value that equals the
expected one: numbers within 1e-6 or 1e-12 relative; lists, tuples, arrays and Series element by
element at any depth; dicts by key; bool only bool, text only text, None only None. A set, a
generator or a map is not a list. A bare last expression counts as printed unless it is None.

The caller checks that the program ended by itself and without an uncaught exception; `sys.exit(0)`
counts as such an end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from benchmarks.plain import Plain, number, report, rows, show

HARNESS = Path(__file__).with_name("strict_harness.py").read_text(encoding="utf-8")

_ABSOLUTE, _RELATIVE = 1e-6, 1e-12


def arguments(expected: object) -> Mapping[str, object]:
    """The harness gets nothing of the expected value."""
    return {}


def mismatch(value: Plain | None, expected: object) -> str | None:
    """None if the reported value equals the expected one, else how they differ."""
    kind, payload = report(value)
    if kind == "arguments":
        return f"the last print has {show(payload)} arguments, expected one value: {expected!r}"
    if kind != "value":
        return "nothing was printed"
    if _equal(payload, expected):
        return None
    return f"printed {show(payload)} ({_kind(payload)}), expected {expected!r}"


def _kind(plain: Plain) -> str:
    return str(plain[1]) if plain[0] == "object" else str(plain[0])


def _equal(plain: Plain, expected: object) -> bool:
    match plain:
        case ("array", (), (only,)):  # an array without dimensions is printed as its value
            return _equal(only, expected)
        case ("none",):
            return expected is None
        case ("bool", value):
            return isinstance(expected, bool) and bool(value == expected)
        case ("str", text):
            return isinstance(expected, str) and bool(text == expected)
        case ("dict", pairs):
            return isinstance(expected, dict) and _dict_equal(pairs, expected)
    if isinstance(expected, list):
        elements = rows(plain)
        return elements is not None and _all_equal(elements, expected)
    value = number(plain)
    return value is not None and _is_number(expected) and _close(value, expected)  # type: ignore[arg-type]


def _all_equal(elements: tuple[Plain, ...], expected: list[object]) -> bool:
    return len(elements) == len(expected) and all(map(_equal, elements, expected))


def _dict_equal(pairs: tuple[tuple[Plain, Plain], ...], expected: dict[str, object]) -> bool:
    found = {key[1]: value for key, value in pairs if key[0] == "str"}
    return len(pairs) == len(expected) and all(
        key in found and _equal(found[key], value) for key, value in expected.items()
    )


def _is_number(expected: object) -> bool:
    return isinstance(expected, int | float) and not isinstance(expected, bool)


def _close(value: int | float | complex, expected: int | float) -> bool:
    if value == expected:
        return True
    if isinstance(value, float) and math.isnan(value):
        return math.isnan(expected)
    try:
        return abs(value - expected) <= max(_ABSOLUTE, _RELATIVE * abs(expected))
    except OverflowError:  # an int beyond the range of floats
        return False

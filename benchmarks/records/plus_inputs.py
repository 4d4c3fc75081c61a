"""Types of MBPP+'s arguments, which EvalPlus' own form leaves out: JSON has no tuples.

Source: `mbpp_deserialize_inputs` of EvalPlus 0.3.1, evalplus/data/mbpp.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Arguments: TypeAlias = list[Any]


def _each(arguments: Arguments) -> Arguments:
    return [tuple(value) for value in arguments]


def _inner(arguments: Arguments) -> Arguments:
    return [[tuple(value) for value in values] for values in arguments]


def _first_inner(arguments: Arguments) -> Arguments:
    return [[tuple(value) for value in arguments[0]], arguments[1]]


def _second(arguments: Arguments) -> Arguments:
    return [arguments[0], tuple(arguments[1])]


def _first(arguments: Arguments) -> Arguments:
    return [tuple(arguments[0]), *arguments[1:]]


def _sets(arguments: Arguments) -> Arguments:
    return [[set(item) if isinstance(item, list) and item else {} for item in arguments[0]]]


def _nested(arguments: Arguments) -> Arguments:
    return [tuple(tuple(value) for value in values) for values in arguments]


def _mixed(arguments: Arguments) -> Arguments:
    return [tuple(tuple(i) if isinstance(i, list) else i for i in arguments[0])]


def _values(arguments: Arguments) -> Arguments:
    return [{key: tuple(value) for key, value in arguments[0].items()}, *arguments[1:]]


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


_TUPLES = (
    *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596),
    *(616, 630, 726, 740, 744, 809),
)
_RULES: tuple[tuple[Callable[[Arguments], Arguments], tuple[int, ...]], ...] = (
    (_each, _TUPLES),
    (_inner, (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_first_inner, (75, 413, 444, 753)),
    (_second, (106, 750)),
    (_sets, (115,)),
    (lambda a: [float(a[0]), complex(a[1])], (124,)),
    (_first, (250, 405, 446, 617, 720, 763, 808, 307)),
    (_nested, (259, 401, 445)),
    (_mixed, (278,)),
    (_values, (722,)),
    (lambda a: [complex(a[0])], (252,)),
    (lambda a: list(_deep(a)), (580, 615, 791)),
)
_BY_PROBLEM = {problem: rule for rule, problems in _RULES for problem in problems}


def typed(problem: int, inputs: list[Arguments]) -> list[Arguments]:
    """Lists of arguments as the problem's function takes them."""
    rule = _BY_PROBLEM.get(problem)
    return inputs if rule is None else [rule(arguments) for arguments in inputs]

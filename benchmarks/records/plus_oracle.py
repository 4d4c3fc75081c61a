"""How answers to the plus suites are judged; executed in the tester, apart from the program.

Not imported: its text is the setup of every test of these suites. Source of the rules: EvalPlus
0.3.1, evalplus/eval/__init__.py and _special_oracle.py. Two accidents of `find_zero` (HumanEval/32)
are left out: there no answer to it passes, since the loop does not count its inputs as done; and a
zero of a polynomial with huge coefficients need not be one to within `atol` where `sum` rounds
otherwise (Python 3.12 and later). So the published zero passes.
"""

import copy
import hashlib
import itertools
import marshal
import math
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from math import inf, nan  # noqa: F401  lists of results name them
from typing import Any, cast

import numpy as np

DIGEST_CHARS = 12
MOST_TOGETHER = 64  # calls
SET_EQUAL = {
    "similar_elements",
    "find_char_long",
    "common_in_nested_lists",
    "extract_singly",
    "larg_nnum",
    "intersection_array",
    "find_dissimilar",
    "Diff",
}
NOT_NONE = {"check_str", "text_match_three", "text_starta_endb"}


def judge(
    function: Callable[..., Any],
    name: str,
    inputs: list[Any],
    answers: Sequence[Any],
    atol: float,
    numbers: Iterable[int],
    known: Set[str] = frozenset(),
) -> None:
    """Raises AssertionError for the first of these inputs whose answer is not accepted.

    `known` has digests of inputs with their right answers: such an answer need not be compared,
    which spares asking a slow reference.
    """
    for group in together(numbers, inputs, answers):
        results = _results(function, [inputs[number] for number in group])
        for number, answer in zip(group, results, strict=True):
            _judge(name, number, inputs[number], answer, answers, atol, known)


def asked(inputs: list[Any], left_out: Set[str], first: int, end: int | None) -> list[int]:
    """The numbers of inputs[first:end], without those whose digests are among `left_out`."""
    numbers = range(len(inputs))[first:end]
    return [n for n in numbers if not left_out or digest(inputs[n]) not in left_out]


def _judge(
    name: str,
    number: int,
    arguments: list[Any],
    answer: Any,
    answers: Sequence[Any],
    atol: float,
    known: Set[str],
) -> None:
    if known and digest((arguments, answer)) in known:
        return
    expected = answers[number]
    if type(answer) is type(expected) and answer == expected and name != "find_zero":
        return
    if not accepted(name, arguments, answer, expected, atol):
        raise AssertionError(
            f"input {number}, {_short(arguments)}: {_short(answer)}, expected {_short(expected)}"
        )


def together(
    numbers: Iterable[int], inputs: list[Any], answers: Sequence[Any]
) -> Iterator[list[int]]:
    """The numbers of inputs, in groups whose calls the program may know at once.

    No right answer to one of a group is in the arguments of a later one, where a program could read
    it. Where answers are not known before they are asked for, each input is a group.
    """
    group: list[int] = []
    right: set[Any] = set()
    for number in numbers:
        try:
            parts, answer = _parts(inputs[number]), _marks(answers, number)
        except (TypeError, ValueError, RecursionError):  # they cannot be compared like this
            parts, answer = set(), set()
        full = not answer or len(group) == MOST_TOGETHER
        if group and (full or _tells(parts, right)):
            yield group
            group, right = [], set()
        group.append(number)
        right |= answer
        if not answer:
            yield group
            group = []
    if group:
        yield group


def _tells(parts: set[Any], right: set[Any]) -> bool:
    """Whether one of the right answers is among the parts of an input, or in a text there."""
    texts = [mark for mark in right if type(mark) is str]
    return not right.isdisjoint(parts) or any(
        text in part for part in parts if type(part) is str for text in texts
    )


def _marks(answers: Sequence[Any], number: int) -> set[Any]:
    """The forms in which the right answer may stand in an input; none where it is not known yet."""
    if isinstance(answers, ReferenceAnswers):
        return set()
    answer = answers[number]
    mark = _form(answer, set())
    return {mark, str(answer)} if type(answer) in (int, float) else {mark}


def _parts(arguments: list[Any]) -> set[Any]:
    parts: set[Any] = set()
    _form(arguments, parts)
    return parts


def _form(value: Any, parts: set[Any]) -> Any:
    """The value in a form that is equal for lists and tuples, and can be in a set; it and those of
    its parts are added to `parts`."""
    if isinstance(value, (list, tuple)):
        value = tuple([_form(each, parts) for each in value])
    elif isinstance(value, (set, frozenset)):
        value = frozenset([_form(each, parts) for each in value])
    elif isinstance(value, dict):
        value = tuple([_form(each, parts) for each in value.items()])
    elif isinstance(value, bool):
        value = (bool, value)  # not equal to 0 or 1
    parts.add(value)
    return value


def _results(function: Callable[..., Any], inputs: list[Any]) -> Iterable[Any]:
    """The function's results with copies of its arguments; in a tester, calls are sent ahead."""
    if hasattr(function, "starmap"):
        return cast("Iterable[Any]", function.starmap(inputs))
    return itertools.starmap(function, map(copy.deepcopy, inputs))


def digest(value: Any) -> str:
    """A hash of plain data and its types; empty for a value of another type."""
    try:
        return hashlib.sha256(marshal.dumps(value, 2)).hexdigest()[:DIGEST_CHARS]
    except ValueError:
        return ""


def accepted(name: str, arguments: list[Any], answer: Any, expected: Any, atol: float) -> bool:
    """Whether EvalPlus takes the answer."""
    if name == "find_zero":
        published = math.isclose(answer, expected, rel_tol=1e-12)
        return published or abs(_polynomial(arguments[0], answer)) <= atol
    if name in SET_EQUAL:
        equal = set(answer) == set(expected)
    elif name in NOT_NONE:
        expected = expected if isinstance(expected, bool) else expected is not None
        equal = expected == (answer if isinstance(answer, bool) else answer is not None)
    else:
        equal = answer == expected or _excused(name, arguments, answer, atol)
    if atol == 0 and _floats(expected):
        atol = 1e-6
    if equal or atol == 0:
        return bool(equal)
    if type(answer) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)) and len(answer) != len(expected):
        return False
    return bool(np.allclose(answer, expected, rtol=1e-07, atol=atol))


def _excused(name: str, arguments: list[Any], answer: Any, atol: float) -> bool:
    """Other answers that some problems of MBPP+ allow."""
    if name == "are_equivalent":
        return True
    if name == "sum_div":
        return bool(answer == 0)
    if name == "surface_Area":
        return bool(abs(answer - _surface_area(*arguments)) <= atol)
    if name == "digit_distance_nums":
        return bool(answer == _digit_distance(*arguments))
    return False


def _floats(value: object) -> bool:
    if isinstance(value, float):
        return True
    if isinstance(value, (list, tuple)) and value:
        return all(isinstance(each, float) for each in value)
    return isinstance(value, np.ndarray) and value.dtype in (np.float64, np.float32)


def _surface_area(base: float, height: float) -> int:
    """Of a square pyramid, `height` being perpendicular."""
    slant = math.sqrt((base / 2) ** 2 + height**2)
    return round(base**2 + 4 * (base * slant) / 2)


def _digit_distance(number: object, second: object) -> int:
    """The sum of the differences of digits, the shorter number padded with zeros."""
    one, other = str(number), str(second)
    width = max(len(one), len(other))
    pairs = zip(one.zfill(width), other.zfill(width), strict=True)
    return sum(abs(int(a) - int(b)) for a, b in pairs)


def _polynomial(coefficients: list[float], x: float) -> float:
    """Its value, rounded after each addition, as `sum` did before Python 3.12."""
    value = 0.0
    for power, factor in enumerate(coefficients):
        value += factor * math.pow(x, power)
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:99] + "…"


class ReferenceAnswers(Sequence[Any]):
    """What a trusted solution answers to each of the inputs.

    An answer is asked for when it is first needed, and kept for the tester's life.
    """

    def __init__(self, code: str, name: str, inputs: list[Any]) -> None:
        self._inputs = inputs
        all_kept = vars(sys.modules.setdefault("kept_answers", types.ModuleType("kept_answers")))
        key = f"{len(inputs)} {code}"
        if key not in all_kept:
            names: dict[str, Any] = {}
            exec(code, names)
            all_kept[key] = names[name], {}
        self._function: Callable[..., Any] = all_kept[key][0]
        self._kept: dict[int, Any] = all_kept[key][1]

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, number: Any) -> Any:
        if number not in self._kept:
            self._kept[number] = self._function(*copy.deepcopy(self._inputs[number]))
        return self._kept[number]

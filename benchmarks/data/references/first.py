"""Reference solutions of MTPB's problems: `pN` answers problem N from the values of a case.

A parameter of type `str` takes the text of the input; any other takes the value that the text has
as Python code, as it stands in the filled prompt. Each solution is alone in its program, with the
imports of this file. Written apart from second.py.
"""

import math
from collections import Counter
from typing import Any


def p9(a1: list[int], a2: list[int], a3: list[int], a4: list[int]) -> str:
    notes = {"Kevin": a1, "John": a2, "Mike": a3, "Mitch": a4}
    top = {name: max(values) for name, values in notes.items()}
    return max(top, key=lambda name: top[name])


def p17(a1: int) -> list[Any]:
    return [str(a1), int(str(a1))]


def p31(a: int, b: int) -> tuple[int, int]:
    return (a + b - 1, abs(a - b) + 1)


def p41(lst: list[int]) -> int | None:
    counts = Counter(lst)
    for value, count in counts.items():
        if 2 * count > len(lst):
            return value
    return None


def p45(input: str) -> str:
    stack: list[str] = []
    for character in input:
        if character == "@" and stack:
            stack.pop()
        else:
            stack.append(character)
    return "".join(stack)


def p55(A: list[int], Val: int) -> str:
    return "True" if sum(A) == Val else "False"


def p56(A: list[int], B: list[int]) -> list[int]:
    return sorted(A + B)


def p66(A: list[list[float]], K: int) -> list[list[float]]:
    return sorted(A, key=lambda point: math.hypot(*point))[:K]


def p77(l1: list[float], l2: list[float]) -> float:
    def std(values: list[float]) -> float:
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))

    return min(std(l1), std(l2))


def p81(lst1: list[float]) -> float:
    n = len(lst1)
    mean = sum(lst1) / n
    deviation = math.sqrt(sum((value - mean) ** 2 for value in lst1) / (n - 1))
    return mean / (deviation / math.sqrt(n))


def p87(x: list[float]) -> list[float]:
    mean = sum(x) / len(x)
    std = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x))
    return sorted(value for value in x if not mean - 2 * std <= value <= mean + 2 * std)


def p89(fun: Any, x: list[Any]) -> dict[str, list[Any]]:
    results: dict[str, list[Any]] = {}
    for value in x:
        results.setdefault(str(fun(value)), []).append(value)
    return results


def p91(target: Any, nums: list[Any]) -> int:
    return sum(index for index, value in enumerate(nums) if value == target)


def p94(start: int) -> int:
    total = start
    while start != 1:
        start = 3 * start + 1 if start % 2 else start // 2
        total += start
    return total

"""Second reference solutions of MTPB's problems, written apart from first.py and another way.

Parameters are as there.
"""

import statistics
from bisect import insort
from itertools import compress, count
from typing import Any

import numpy as np


def p9(a1: list[int], a2: list[int], a3: list[int], a4: list[int]) -> str:
    best, name = sorted(a1)[-1], "Kevin"
    for other, notes in (("John", a2), ("Mike", a3), ("Mitch", a4)):
        if sorted(notes)[-1] > best:
            best, name = sorted(notes)[-1], other
    return name


def p17(a1: int) -> list[Any]:
    digits = f"{a1:d}"
    value = 0
    for digit in digits.lstrip("-"):
        value = 10 * value + "0123456789".index(digit)
    return [digits, -value if digits.startswith("-") else value]


def p31(a: int, b: int) -> tuple[int, ...]:
    third = [c for c in range(1, a + b) if c + min(a, b) > max(a, b)]
    return (third[-1], third[0])


def p41(lst: list[int]) -> int | None:
    if not lst:
        return None
    middle = sorted(lst)[len(lst) // 2]
    return middle if lst.count(middle) > len(lst) / 2 else None


def p45(input: str) -> str:
    kept = ""
    for character in input:
        kept = kept[:-1] if character == "@" and kept else kept + character
    return kept


def p55(A: list[int], Val: int) -> str:
    for number in A:
        Val -= number
    return str(Val == 0)


def p56(A: list[int], B: list[int]) -> list[int]:
    merged = list(A)
    for number in B:
        insort(merged, number)
    return merged


def p66(A: list[list[float]], K: int) -> list[list[float]]:
    points = np.array(A, dtype=float)
    order = np.argsort((points**2).sum(axis=1), kind="stable")[:K]
    return [A[index] for index in order]


def p77(l1: list[float], l2: list[float]) -> float:
    return float(min(np.std(l1), np.std(l2)))


def p81(lst1: list[float]) -> float:
    return statistics.fmean(lst1) * len(lst1) ** 0.5 / statistics.stdev(lst1)


def p87(x: list[float]) -> list[float]:
    values = np.array(x)
    away = np.abs(values - np.mean(values)) > 2 * np.std(values)
    return sorted(compress(x, away.tolist()))


def p89(fun: Any, x: list[Any]) -> dict[str, list[Any]]:
    mapped = [f"{fun(value)}" for value in x]
    return {key: [x[i] for i, other in enumerate(mapped) if other == key] for key in mapped}


def p91(target: Any, nums: list[Any]) -> int:
    where, total = -1, 0
    for _ in range(nums.count(target)):
        where = nums.index(target, where + 1)
        total += where
    return total


def p94(start: int) -> int:
    seen = [start]
    for _ in count():
        if seen[-1] == 1:
            return sum(seen)
        half, odd = divmod(seen[-1], 2)
        seen.append(seen[-1] * 3 + 1 if odd else half)
    raise AssertionError

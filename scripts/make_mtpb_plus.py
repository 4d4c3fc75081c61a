"""Makes benchmarks/data/mtpb-plus.jsonl: further inputs of MTPB's problems and their right answers.

    python scripts/make_mtpb_plus.py mtpb.jsonl

Inputs have the types and about the bounds of the published ones, edge cases first, and are none of
them. Where the prompts can be read in two ways, inputs are kept on which both readings agree
(`AGREED`). An input is dropped unless both references give the same answer. The published file is
read for its inputs only; nothing of it is written.
"""

import argparse
import datetime
import json
import math
import statistics
import string
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.derived.references import templates

WANTED = 16
TRIES = 4000
MOST_EQUAL = {32: WANTED - 1}  # answers; the factorials from 5 on end in 0
TARGET = Path("benchmarks/data/mtpb-plus.jsonl")
Input = dict[str, Any]

_WORDS = """
amber basin candle drift ember fable garnet hollow island jungle kettle lantern meadow nectar
orchid pebble quartz ribbon saddle timber umbrella velvet willow yonder zephyr apple bread cloud
dune echo fig grape hat ink jar
"""
WORDS = _WORDS.split()  # none ends in s
NAMES = ("Ada Moor", "Ben Ito", "Cleo Park", "Dan van Dyke", "Eva Lind", "Finn O Hara", "Gus Roy")


def ints(r: Random, low: int, high: int, least: int = 1, most: int = 8) -> list[int]:
    return [r.randint(low, high) for _ in range(r.randint(least, most))]


def floats(r: Random, low: float, high: float, least: int = 1, most: int = 8) -> list[float]:
    return [round(r.uniform(low, high), 2) for _ in range(r.randint(least, most))]


def words(r: Random, least: int = 1, most: int = 6) -> list[str]:
    return [r.choice(WORDS) for _ in range(r.randint(least, most))]


def text(r: Random, letters: str, least: int = 1, most: int = 12) -> str:
    return "".join(r.choice(letters) for _ in range(r.randint(least, most)))


def matrix(r: Random, rows: int, columns: int, low: int = -9, high: int = 9) -> list[list[int]]:
    return [[r.randint(low, high) for _ in range(columns)] for _ in range(rows)]


def sentence(r: Random, least: int = 2, most: int = 9) -> str:
    return " ".join(words(r, least, most))


def punctuated(r: Random) -> str:
    parts = [word + r.choice(("", "", "", ",", ".")) for word in words(r, 2, 8)]
    return " ".join(parts).capitalize() + "."


def mixed_case(r: Random, least: int = 1, most: int = 14) -> str:
    return text(r, string.ascii_letters, least, most)


def mapped(r: Random) -> Input:
    keys = r.sample(WORDS, r.randint(1, 4))
    values = r.sample(range(-9, 30), len(keys))
    return {"a1": json.dumps(keys), "a2": json.dumps(values), "a3": r.choice(("", "inverted"))}


def pair_of(r: Random) -> Input:
    numbers = r.sample(range(-50, 90), r.randint(2, 7))
    one, other = r.sample(numbers, 2)
    return {"a1": json.dumps(numbers), "a2": str(one + other)}


def single(r: Random) -> list[int]:
    one, *others = r.sample(range(-99, 99), r.randint(2, 4))
    numbers = [one, *(other for other in others for _ in range(r.randint(2, 4)))]
    r.shuffle(numbers)
    return numbers


def camel(r: Random) -> str:
    return "".join(word.capitalize() if r.random() < 0.7 else word for word in words(r, 1, 4))


def all_but_one(r: Random) -> Input:
    n = r.randint(2, 25)
    numbers = list(range(1, n + 1))
    r.shuffle(numbers)
    return {"nums": numbers[1:], "N": n}


def grouped(r: Random) -> Input:
    values: list[Any] = ints(r, 0, 40, 1, 4) + words(r, 1, 4)
    r.shuffle(values)
    fun = r.choice(("len", "type", "str"))
    return {"fun": fun, "x": words(r, 2, 7) if fun == "len" else values}


def email(r: Random) -> str:
    local = r.choice((".", "_", "")).join(words(r, 1, 3)) + text(r, "0123456789", 0, 2)
    address = f"{local}@{r.choice(WORDS)}.{r.choice(('com', 'org', 'io'))}"
    return f"{sentence(r, 1, 3)} {address} {sentence(r, 1, 2)}."


def binaries(r: Random) -> Input:
    n = r.randint(3, 10)
    return {key: [r.randint(0, 1) for _ in range(n)] for key in ("pred", "y")}


def vectors(r: Random, *keys: str) -> Input:
    n = r.randint(2, 5)
    return {key: floats(r, -9, 9, n, n) for key in keys}


def products(r: Random) -> Input:
    rows, inner, columns = (r.randint(1, 4) for _ in range(3))
    return {"A": matrix(r, rows, inner), "B": matrix(r, inner, columns)}


def squares(r: Random) -> Input:
    one, other = r.randint(1, 4), r.randint(1, 3)
    return {"A": matrix(r, one, one), "B": matrix(r, other, other)}


def majority(r: Random) -> list[int]:
    numbers = [r.randint(0, 4) for _ in range(r.randint(1, 9))]
    return numbers + [r.choice(numbers)] * r.randint(0, 6)


def anagram(r: Random) -> Input:
    word = r.choice(WORDS)
    other = "".join(r.sample(word, len(word)))
    return {"w1": word, "w2": r.choice((other, other.capitalize(), r.choice(WORDS)))}


def date(r: Random) -> Input:
    day = datetime.date(1600, 1, 1) + datetime.timedelta(days=r.randint(0, 180_000))
    return {"year": day.year, "month": day.month, "day": day.day}


def pads(r: Random, prefix: str) -> list[str]:
    return [prefix + text(r, string.ascii_lowercase, 0, 5) for _ in range(r.randint(2, 5))]


def colour(r: Random) -> str:
    digits = text(r, "0123456789abcdefABCDEF", 6, 6)
    short = r.choice((f"#{digits[:3]}", f"#{digits[:2]}", f"#g{digits[:2]}"))
    return r.choice((f"#{digits}", digits, f"#h{digits[1:]}", short, short))


MAKERS: dict[int, Callable[[Random], Input]] = {
    1: lambda r: {"A": text(r, "abcdeABCDE xyz", 1, 16)},
    2: lambda r: {"numbers": ints(r, 1, 99)},
    3: lambda r: {"a1": r.randint(0, 60), "a2": r.randint(0, 120)},
    4: lambda r: {"a1": r.randint(5, 25)},
    5: lambda r: {"A": str(ints(r, -9, 9))},
    6: lambda r: {key: str(r.randint(-99, 99)) for key in ("a1", "a2", "a3", "a4")},
    7: lambda r: dict(
        zip(
            ("a1", "a2", "a3", "a4"),
            (r.randint(2, 6), r.randint(2, 6), s := r.randint(0, 20), s + r.randint(0, 12)),
            strict=True,
        )
    ),
    8: lambda r: {"a1": sentence(r)},
    9: lambda r: {key: ints(r, -5, 40, 1, 4) for key in ("a1", "a2", "a3", "a4")},
    10: lambda r: {"a1": f"0x{r.randint(0, 1 << r.randint(1, 16)):X}"},
    11: mapped,
    12: lambda r: {
        "a1": r.choice(NAMES),
        "a2": r.randint(5, 90),
        "a3": r.randint(120, 210),
        "a4": r.randint(30, 120),
        "a5": r.choice(("age", "height", "weight")),
    },
    13: lambda r: {"a1": str([r.randint(0, 10 ** r.randint(1, 6)) for _ in range(4)])},
    15: lambda r: {"a1": text(r, "abcdefghijklmnopqrstuvwxyz xyz", 1, 20).strip() or "z"},
    16: lambda r: {
        "a1": r.choice(("id", "name")),
        "a2": ", ".join(str(r.randint(1, 4)) for _ in range(3)),
        "a3": r.choice("ABC"),
    },
    17: lambda r: {"a1": str(r.randint(-(10 ** r.randint(1, 6)), 10 ** r.randint(1, 6)))},
    18: lambda r: {"a1": sentence(r, 1, 4).title()},
    19: pair_of,
    20: lambda r: {"a1": r.randint(8, 400)},
    21: lambda r: {"numbers": ints(r, -60, 90)},
    22: lambda r: {"lst": [r.choice((0, 0, 1, 7, -3, 0.5, "a", "b")) for _ in range(8)]},
    24: lambda r: {"a": r.randint(1, 14), "b": r.randint(1, 14)},
    25: lambda r: {"A": ints(r, -50, 90)},
    27: lambda r: {"A": mixed_case(r), "B": mixed_case(r)},
    28: lambda r: {"A": round(r.uniform(0, 300), r.randint(1, 4))},
    29: lambda r: {"s": mixed_case(r)},
    30: lambda r: {"n": r.randint(1, 22)},
    31: lambda r: {"a": r.randint(1, 60), "b": r.randint(1, 60)},
    32: lambda r: {"n": r.randint(1, 25)},
    33: lambda r: {"n": r.randint(3, 2000)},
    34: lambda r: {"s1": str(r.randint(0, 9999)), "s2": str(r.randint(0, 99))},
    35: lambda r: {"l": ints(r, -20, 60)},
    36: lambda r: {"s1": r.choice(WORDS), "s2": r.choice(WORDS)},
    37: lambda r: {"l": ints(r, -50, 50)},
    39: lambda r: {"s": punctuated(r)},
    40: lambda r: {"s": colour(r)},
    41: lambda r: {"lst": majority(r)},
    42: date,
    43: lambda r: {"words": words(r, 2, 3)},
    44: lambda r: {"n": r.randint(10, 10 ** r.choice((2, 4, 6, 8)))},
    45: lambda r: {"input": text(r, "abcdef @@@", 1, 16)},
    47: lambda r: {"l": ints(r, -30, 60, 2, 8)},
    48: lambda r: {"l": [text(r, "abcdxyz01", 1, 4) for _ in range(r.randint(1, 6))]},
    49: lambda r: {key: str(r.randint(-9, 9)) for key in ("a1", "a2", "a3", "a4")},
    50: lambda r: {"a1": json.dumps([r.choice(WORDS[:6]) for _ in range(r.randint(1, 4))])},
    51: lambda r: {"A": str(ints(r, -9, 9))},
    52: lambda r: {"A": (w := words(r)), "K": r.randint(0, len(w))},
    53: lambda r: {"A": single(r)},
    54: lambda r: {"A": (a := [r.randint(-4, 4) for _ in range(7)]), "Val": r.choice(a)},
    55: lambda r: {"A": (a := ints(r, -9, 9)), "Val": sum(a) + r.choice((0, 0, 1, -2))},
    56: lambda r: {"A": sorted(ints(r, -20, 40)), "B": sorted(ints(r, -20, 40))},
    57: lambda r: {"A": ints(r, -9, 9)},
    58: lambda r: {"A": r.randint(1, 10 ** r.randint(1, 6))},
    59: lambda r: {"A": words(r, 1, 5)},
    60: lambda r: {"A": str([r.randint(-5, 5) for _ in range(r.randint(1, 9))])},
    61: lambda r: {"A": matrix(r, r.randint(1, 4), r.randint(1, 4))},
    62: lambda r: {
        "A": matrix(r, r.randint(1, 3), r.randint(1, 3)),
        "T": r.choice((0.5, 1, 2, 3, 5, 8, 20, 100)),
    },
    63: products,
    64: squares,
    65: lambda r: {"A": floats(r, -3, 9)},
    66: lambda r: {"A": (p := matrix(r, r.randint(1, 6), 2)), "K": r.randint(1, len(p))},
    67: lambda r: {"l1": pads(r, r.choice(("", "in", "pre", "sta")))},
    68: lambda r: {"lst1": [r.randint(0, 6) for _ in range(r.randint(1, 9))]},
    69: lambda r: {"w": text(r, "abcdefg", 1, 9)},
    70: lambda r: {"s1": sentence(r), "s2": sentence(r)},
    71: lambda r: {"s1": punctuated(r)},
    72: anagram,
    73: lambda r: {"w": text(r, string.ascii_lowercase)},
    74: lambda r: {"n": r.randint(1, 300)},
    75: lambda r: vectors(r, "lst1", "lst2"),
    76: lambda r: vectors(r, "lst1", "lst2", "lst3"),
    77: lambda r: {"l1": ints(r, -50, 50), "l2": ints(r, -50, 50)},
    78: lambda r: {"l1": ints(r, -50, 50), "l2": ints(r, -50, 50)},
    79: lambda r: {"l1": ints(r, -10, 40, 2, 8)},
    80: lambda r: {"l1": ints(r, -90, 90)},
    81: lambda r: {"lst1": floats(r, -9, 12, 3, 8)},
    82: lambda r: {"lst": [x or 1 for x in ints(r, -20, 20)]},
    83: lambda r: {"w": text(r, "abcXYZ0123456789", 1, 9)},
    84: lambda r: {"X": matrix(r, r.randint(2, 5), r.randint(1, 3))},
    85: binaries,
    86: lambda r: {"x": camel(r)},
    87: lambda r: {"x": ints(r, -5, 5, 6, 14) + ints(r, -60, 60, 1, 2)},
    88: lambda r: {"x": [r.randint(0, 5) for _ in range(r.randint(1, 7))]},
    89: grouped,
    90: lambda r: {"array": ints(r, 0, 30, 2, 9)},
    91: lambda r: {"target": r.randint(0, 3), "nums": [r.randint(0, 3) for _ in range(7)]},
    92: all_but_one,
    93: lambda r: {"x": [[r.randint(0, 6) for _ in range(6)] for _ in range(r.randint(1, 3))]},
    94: lambda r: {"start": r.randint(2, 10 ** r.randint(1, 5))},
    95: lambda r: {
        "start": r.choice("ABC"),
        "swap": ["".join(r.sample("ABC", 2)) for _ in range(r.randint(1, 8))],
    },
    96: lambda r: {"x": r.randint(0, 10 ** r.randint(1, 9))},
    97: lambda r: {"x": [r.choice("<>") * r.randint(1, 4) for _ in range(r.randint(1, 5))]},
    98: lambda r: {"x": ints(r, 0, 9, 1, 5)},
    99: lambda r: {"x": text(r, "abcdz", 1, 12)},
    100: lambda r: {"x": email(r)},
    101: lambda r: {"A": [r.choice((0, 1, 2, 3, -1, 0.5, 7)) for _ in range(r.randint(1, 6))]},
    102: lambda r: {"A": ints(r, -9, 9)},
    103: lambda r: {"A": [r.choice((-1, 1)) * x for x in floats(r, 0, 9)]},
    104: lambda r: {"A": text(r, "abcdefg", 1, 14)},
    105: lambda r: {"A": text(r, "abcdefg", 1, 10)},
    106: lambda r: {"A": (t := text(r, "abc", 1, 7)) + r.choice(("", t[::-1], t[-2::-1]))},
    107: lambda r: {"A": r.randint(2, 10 ** r.randint(1, 3))},
    108: lambda r: {"A": ints(r, -9, 40), "K": r.randint(0, 12)},
    109: lambda r: {"A": ints(r, 0, 15, 2, 8)},
    110: lambda r: {"A": r.randint(0, 10 ** r.randint(1, 6))},
    111: lambda r: {"A": r.randint(0, 10 ** r.randint(1, 7))},
    112: lambda r: {"A": r.randint(0, 400)},
    113: lambda r: {"A": r.choice((ints(r, 0, 3, 2, 8), floats(r, -3, 3, 2, 6)))},
    114: lambda r: {"A": matrix(r, r.randint(1, 6), r.randint(1, 6))},
    115: lambda r: {"A": ints(r, -30, 60)},
}

EDGES: dict[int, list[Input]] = {
    1: [{"A": "Z"}, {"A": "zZyYxX"}, {"A": "   "}],
    2: [{"numbers": [3, 3, 3]}, {"numbers": [0, 7]}, {"numbers": [-1, 5]}],
    3: [{"a1": 0, "a2": 0}, {"a1": 1, "a2": 90}],
    5: [{"A": "[0, 0]"}, {"A": "[0]"}, {"A": "[-0.5, 0, 0.5]"}],
    6: [{"a1": "0", "a2": "0", "a3": "0", "a4": "1"}],
    7: [{"a1": 3, "a2": 3, "a3": 1, "a4": 6}, {"a1": 2, "a2": 3, "a3": 6, "a4": 6}],
    8: [{"a1": "one"}, {"a1": "so so so"}],
    10: [{"a1": "0x0"}, {"a1": "0x1"}, {"a1": "0x80"}, {"a1": "0xFFFF"}],
    11: [{"a1": "[1, 2]", "a2": "[2, 1]", "a3": ""}, {"a1": "[7]", "a2": "[7]", "a3": ""}],
    13: [{"a1": "[0, 10]"}, {"a1": "[100000, 9, 99]"}, {"a1": "[-1000, 99, 5]"}],
    15: [{"a1": "xyz"}, {"a1": "a"}, {"a1": "abcdefghijklmnopqrstuvwxyz"}],
    17: [{"a1": "0"}, {"a1": "-10"}, {"a1": "1000000"}],
    18: [{"a1": "e"}, {"a1": "Route 66"}, {"a1": "0123456789"}],
    19: [{"a1": "[1, 2]", "a2": "3"}, {"a1": "[5, 1, 5]", "a2": "10"}],
    21: [{"numbers": [0]}, {"numbers": [-1, -3]}, {"numbers": [2, 4]}],
    22: [{"lst": []}, {"lst": [0, 0, 0]}, {"lst": [0, "0", 0]}, {"lst": [None, 0, 1]}],
    24: [{"a": 4, "b": 4}, {"a": 9, "b": 1}, {"a": 10, "b": 20}],
    25: [{"A": [7, 7, 7]}, {"A": [-5, -2]}],
    28: [{"A": 3.0}, {"A": 0.001}, {"A": 9.09}],
    29: [{"s": "AEIOU"}, {"s": "xyz"}, {"s": "aaaa"}],
    31: [{"a": 7, "b": 7}, {"a": 1, "b": 50}],
    35: [{"l": [-3, 3]}, {"l": [5, 5]}, {"l": [-7]}],
    37: [{"l": []}, {"l": [0]}, {"l": [-7]}],
    39: [{"s": "One"}, {"s": "a.b,c"}],
    40: [{"s": ""}, {"s": "#"}, {"s": "#000"}, {"s": "#GGG"}, {"s": "abc"}],
    41: [{"lst": [5]}, {"lst": [1, 2]}, {"lst": [3, 3, 4, 4]}, {"lst": [-1, -1, 2]}],
    42: [{"year": 2024, "month": 2, "day": 25}, {"year": 2023, "month": 2, "day": 25}],
    43: [{"words": []}, {"words": ["a"]}, {"words": ["b", "a"]}, {"words": ["ab", "ba"]}],
    45: [{"input": "@a"}, {"input": "a@"}, {"input": "ab@@@c"}],
    47: [{"l": [4]}, {"l": [1, 2, 3]}, {"l": [-2, 2, -2]}],
    48: [{"l": []}, {"l": ["a", "b"]}, {"l": ["7"]}],
    49: [{"a1": "0", "a2": "5", "a3": "5", "a4": "5"}],
    51: [{"A": "[0]"}, {"A": "[5, -5, 6]"}],
    52: [{"A": ["a", "b"], "K": 2}, {"A": ["a", "b"], "K": 0}, {"A": ["a"], "K": 5}],
    54: [{"A": [1, 2, 3], "Val": 9}, {"A": [4, 4], "Val": 4}, {"A": [], "Val": 1}],
    55: [{"A": [], "Val": 0}, {"A": [0], "Val": 0}],
    56: [{"A": [], "B": [1, 2]}, {"A": [5], "B": []}, {"A": [2, 2], "B": [2]}],
    57: [{"A": [-3, -1, -2]}, {"A": [5, -9, 6]}, {"A": [2, -1, 2]}],
    58: [{"A": 99}, {"A": 999999}, {"A": 3}],
    60: [{"A": "[]"}, {"A": "[0, 0, 5]"}],
    65: [{"A": [0]}, {"A": [800, 1]}, {"A": [-5, -5]}],
    67: [{"l1": ["same", "same"]}, {"l1": ["alone"]}, {"l1": ["ab", "abc"]}],
    68: [{"lst1": []}, {"lst1": [1, 1, 1]}, {"lst1": ["x", "y", "x"]}],
    69: [{"w": "z"}, {"w": "aab"}, {"w": "abab" + "c"}],
    72: [{"w1": "Tea", "w2": "eat"}, {"w1": "aab", "w2": "abb"}, {"w1": "aa", "w2": "a"}],
    73: [{"w": "x"}, {"w": "level"}],
    77: [{"l1": [3], "l2": [1, 9]}],
    80: [{"l1": []}, {"l1": [-7]}],
    82: [{"lst": [-1, -2]}, {"lst": [1, 2]}, {"lst": [-1, 1]}],
    83: [{"w": "abc"}, {"w": "XYZ"}, {"w": "007"}],
    84: [{"X": [[1], [-1]]}, {"X": [[9, 0], [0, 9]]}, {"X": [[100, 0], [1, 1]]}],
    86: [{"x": "Z"}, {"x": "abc"}, {"x": "aBcD"}],
    88: [{"x": [9]}, {"x": [5, 3, 5]}, {"x": [-1, 1]}],
    90: [{"array": [5, 4, 3]}, {"array": [3, 3]}, {"array": [9, 1, 2]}],
    91: [{"target": 5, "nums": []}, {"target": 0, "nums": [0]}, {"target": 2, "nums": [2, 2]}],
    93: [{"x": [[1, 2]]}, {"x": [[1], [2]]}],
    94: [{"start": 2}, {"start": 3}, {"start": 1024}],
    96: [{"x": 7}, {"x": 1000}, {"x": 909}],
    97: [{"x": []}, {"x": ["<>"]}, {"x": ["<"]}],
    98: [{"x": [5, 5, 0]}, {"x": [0]}, {"x": [-4, 4, 8]}],
    99: [{"x": "a"}, {"x": "abab"}],
    101: [{"A": [5]}, {"A": [2, 2, 1]}, {"A": [-1, -2, -3]}],
    102: [{"A": [5, -5]}, {"A": [1]}, {"A": [-1, 3]}],
    103: [{"A": [-3, 5]}, {"A": [-0.5]}, {"A": [-2, 2]}],
    104: [{"A": "a"}, {"A": "abab"}, {"A": "dvdf"}, {"A": "abba"}],
    106: [{"A": "ab"}, {"A": "abba"}, {"A": "xabay"}, {"A": "aa"}],
    107: [{"A": 2}, {"A": 3}, {"A": 11}],
    108: [{"A": [1], "K": 5}, {"A": [1, 2, 3], "K": 3}, {"A": [1, 2, 3], "K": 7}],
    109: [{"A": [1, 1]}, {"A": [2, 1, 1, 4, 4]}, {"A": [100, 1]}, {"A": [3, 1, 2]}],
    110: [{"A": 0}, {"A": 1}, {"A": 99}, {"A": 10000}],
    111: [{"A": 0}, {"A": 9}, {"A": 999}, {"A": 1099}],
    113: [{"A": [5, 5]}, {"A": [0, 10]}],
    114: [{"A": [[7, 8, 9]]}, {"A": [[1], [2], [3]]}],
    115: [{"A": [1, 2]}, {"A": [0, 0, 9]}],
}


def unique_longest(sizes: list[int]) -> bool:
    return sizes.count(max(sizes)) == 1


def descents(n: int) -> set[bool]:
    """The answers to problem 44 under each way to pair the digits."""
    pairings: list[Callable[[str], Iterator[str]]] = [
        lambda d: (d[i : i + 2] for i in range(0, len(d), 2)),
        lambda d: (d[i : i + 2] for i in range(0, len(d) - 1, 2)),
        lambda d: (d[i : i + 2] for i in range(len(d) - 1)),
    ]
    answers = set()
    for pairing in pairings:
        digits = str(n)
        for _ in range(50):
            if len(digits) == 1 or len(digits) > 99 or digits == digits[::-1]:
                break
            digits = str(int("".join(str(sum(map(int, p))) for p in pairing(digits))))
        answers.add(len(digits) > 1)
    return answers


def spread(x: list[float]) -> list[float]:
    """How far each value is from the bounds of problem 87."""
    middle, width = statistics.fmean(x), 2 * statistics.pstdev(x)
    return [abs(abs(value - middle) - width) for value in x]


def shares(numbers: list[int]) -> list[float]:
    return [(n / sum(numbers) * 1000) % 1 for n in numbers] if sum(numbers) else [0.5]


def condition(A: list[list[int]]) -> float:
    return float(np.linalg.cond(np.array(A))) if np.any(A) else math.inf


def sums(n: int, least: int) -> bool:
    return any(i * i + j * j == n for i in range(least, 21) for j in range(least, 21))


AGREED: dict[int, Callable[..., bool]] = {
    2: lambda numbers: all(abs(share - 0.5) > 1e-6 for share in shares(numbers)),
    9: lambda **notes: unique_longest([max(values) for values in notes.values()]),
    13: lambda a1: (
        unique_longest([len(str(abs(n))) for n in json.loads(a1)])
        and unique_longest([len(str(n)) for n in json.loads(a1)])
    ),
    19: lambda a1, a2: sum(sum(both) == int(a2) for both in combinations(json.loads(a1), 2)) == 1,
    27: lambda A, B: len(A) != len(B),
    28: lambda A: "e" not in repr(A),
    44: lambda n: len(descents(n)) == 1,
    59: lambda A: unique_longest([len(word) for word in A]),
    62: lambda A, T: (c := condition(A)) < 1e6 and abs(c - T) > 0.01,
    66: lambda A, K: unique_distances(A),
    69: lambda w: 1 in Counter(w).values(),
    75: lambda lst1, lst2: math.hypot(*lst1) > 0 and math.hypot(*lst2) > 0,
    76: lambda lst1, lst2, lst3: abs(math.dist(lst1, lst2) - math.dist(lst1, lst3)) > 1e-3,
    79: lambda l1: abs(statistics.fmean(l1)) > 0.5,
    81: lambda lst1: len(set(lst1)) > 1,
    85: lambda pred, y: any(p == t == 1 for p, t in zip(pred, y, strict=True)),
    87: lambda x: min(spread(x)) > 1e-6,
    102: lambda A: max(sum(A[: i + 1]) for i in range(len(A))) > 0,
    112: lambda A: sums(A, 0) == sums(A, 1),
    113: lambda A: (
        (statistics.pstdev(A) < 1) == (statistics.stdev(A) < 1)
        and all(
            abs(deviation - 1) > 1e-3 for deviation in (statistics.pstdev(A), statistics.stdev(A))
        )
    ),
}


def unique_distances(points: list[list[int]]) -> bool:
    return len({x * x + y * y for x, y in points}) == len(points)


def answer(template: str, given: Input) -> tuple[Any, ...]:
    """What a reference prints, as JSON has it; nothing where it raises."""
    printed: list[Any] = []
    try:
        exec(template.format(**given), {"print": printed.append})
    except Exception:  # noqa: BLE001  an input that the problem does not allow
        return ()
    return (json.loads(json.dumps(printed[0])),)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and one == other


def cases(problem: int, published: list[Input]) -> Iterator[tuple[Input, Any]]:
    """Inputs that are not published, and their answers; none for more than `MOST_EQUAL` of them."""
    r = Random(problem)
    first, second = (templates(name)[str(problem)] for name in ("first", "second"))
    seen = {json.dumps(given, sort_keys=True) for given in published}
    answers: Counter[str] = Counter()
    made = (MAKERS[problem](r) for _ in range(TRIES))
    for given in (*EDGES.get(problem, []), *made):
        agreed = AGREED.get(problem)
        if (key := json.dumps(given, sort_keys=True)) in seen or (agreed and not agreed(**given)):
            continue
        right, other = answer(first, given), answer(second, given)
        if not right or not other or not equal(right[0], other[0]):
            continue
        if answers[json.dumps(right)] >= MOST_EQUAL.get(problem, WANTED // 2):
            continue
        seen.add(key)
        answers[json.dumps(right)] += 1
        yield given, right[0]
        if sum(answers.values()) == WANTED:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("published", type=Path, help="the published mtpb.jsonl")
    records = map(json.loads, parser.parse_args().published.read_text().splitlines())
    known = {int(record["id"]): record["inputs"] for record in records}
    lines = []
    for problem in MAKERS:
        pairs = list(cases(problem, known[problem]))
        if len(pairs) < WANTED:
            print(f"problem {problem}: {len(pairs)} cases only")
        inputs, outputs = zip(*pairs, strict=True)
        lines.append(json.dumps({"problem": str(problem), "inputs": inputs, "outputs": outputs}))
    TARGET.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} problems, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""Reference solutions of MTPB's problems: `pN` answers problem N from the values of a case.

A parameter of type `str` takes the text of the input; any other takes the value that the text has
as Python code, as it stands in the filled prompt. Each solution is alone in its program, with the
imports of this file. Written apart from second.py.
"""

import datetime
import math
import re
import string
from collections import Counter
from typing import Any

import numpy as np


def p1(A: str) -> list[str]:
    return sorted(set(A.lower()))


def p2(numbers: list[int]) -> list[str]:
    total = sum(numbers)
    return [f"{number / total * 100:.1f}" for number in numbers]


def p3(a1: int, a2: int) -> int:
    return a1 * 3600 + a2 * 60


def p4(a1: int) -> int:
    one, other = 0, 1
    for _ in range(a1):
        one, other = other, one + other
    return one**2


def p5(A: list[float]) -> int:
    return max(sum(x < 0 for x in A), sum(x > 0 for x in A))


def p6(a1: float, a2: float, a3: float, a4: float) -> list[float]:
    return [(a1 + a2) / 2, (a3 + a4) / 2]


def p7(a1: int, a2: int, a3: int, a4: int) -> list[Any]:
    def said(number: int) -> Any:
        return "fizz" * (number % a1 == 0) + "buzz" * (number % a2 == 0) or number

    return [said(number) for number in range(a3, a4 + 1)]


def p8(a1: str) -> list[list[str]]:
    words = a1.split()
    return [[words[i], words[i + 1]] for i in range(len(words) - 1)]


def p9(a1: list[int], a2: list[int], a3: list[int], a4: list[int]) -> str:
    notes = {"Kevin": a1, "John": a2, "Mike": a3, "Mitch": a4}
    top = {name: max(values) for name, values in notes.items()}
    return max(top, key=lambda name: top[name])


def p10(a1: int) -> int:
    return int(bin(a1)[2:], 2)


def p11(a1: list[Any], a2: list[Any], a3: str) -> bool:
    mine = dict(zip(a1, a2, strict=True))
    inverted = {value: key for key, value in mine.items()}
    return (inverted if a3 else mine) == inverted


def p12(a1: str, a2: int, a3: int, a4: int, a5: str) -> str:
    said = {
        "age": f"{a1} is age {a2}",
        "height": f"{a1} is {a3} cm",
        "weight": f"{a1} weighs {a4} kg",
    }
    return said[a5]


def p13(a1: list[int]) -> int:
    return max(a1, key=lambda number: len(str(abs(number))))


def p14(a1: int) -> int:
    return 2 * a1


def p15(a1: str) -> list[str]:
    def rotated(character: str) -> str:
        if not "a" <= character <= "z":
            return character
        return chr((ord(character) - 97 + 2) % 26 + 97)

    return [a1, "".join(map(rotated, a1))]


def p16(a1: str, a2: str, a3: str) -> int:
    if a1 == "id":
        return len({part.strip() for part in a2.split(",")})
    return len({"A", "B", a3})


def p17(a1: int) -> list[Any]:
    return [str(a1), int(str(a1))]


def p18(a1: str) -> str:
    return a1.upper()


def p19(a1: list[int], a2: int) -> list[int]:
    for i in range(len(a1)):
        for j in range(i + 1, len(a1)):
            if a1[i] + a1[j] == a2:
                return [i, j]
    raise ValueError


def p20(a1: int) -> str:
    return f"({-a1}, {-a1}), ({a1}, {a1})"


def p21(numbers: list[int]) -> list[int]:
    return [sum(n for n in numbers if n % 2 == 0), sum(n for n in numbers if n % 2 == 1)]


def p22(lst: list[Any]) -> list[Any]:
    kept = [value for value in lst if value is False or value != 0]
    return kept + [0] * (len(lst) - len(kept))


def p24(a: int, b: int) -> int:
    low, high = min(a, b), max(a, b)
    return sum(digit for digit in (2, 4, 6, 8) if low <= digit <= high)


def p25(A: list[float]) -> float:
    return max(A) - min(A)


def p27(A: str, B: str) -> str:
    return A if len(A) > len(B) else B


def p28(A: float) -> int:
    whole, fraction = str(A).split(".")
    return int(whole) + int(fraction)


def p29(s: str) -> int:
    return sum(character in "aeiou" for character in s.lower())


def p30(n: int) -> int:
    return math.factorial(n)


def p31(a: int, b: int) -> tuple[int, int]:
    return (a + b - 1, abs(a - b) + 1)


def p32(n: int) -> int:
    return math.factorial(n) % 10


def p33(n: int) -> float:
    return round(math.radians((n - 2) * 180), 2)


def p34(s1: str, s2: str) -> int:
    return int(s1) + int(s2)


def p35(l: list[int]) -> int:  # noqa: E741
    return sum(range(min(l), max(l) + 1))


def p36(s1: str, s2: str) -> int:
    return len(set(s1) & set(s2) & set("aeiou"))


def p37(l: list[int]) -> int:  # noqa: E741
    return sum(x for x in l if x < 0)


def p39(s: str) -> list[int]:
    return [len(word) for word in s.replace(",", "").replace(".", "").split()]


def p40(s: str) -> bool:
    digits = s[1:].lower()
    return s[:1] == "#" and len(digits) in (3, 6) and all(c in "0123456789abcdef" for c in digits)


def p41(lst: list[int]) -> int | None:
    counts = Counter(lst)
    for value, count in counts.items():
        if 2 * count > len(lst):
            return value
    return None


def p42(year: int, month: int, day: int) -> str:
    later = datetime.date(year, month, day) + datetime.timedelta(days=7)
    return f"{later.month:02}/{later.day:02}/{later.year:04}"


def p43(words: list[str]) -> bool:
    weights = [sum(ord(c) for c in word if c.isalpha()) for word in words]
    return all(weights[i - 1] <= weights[i] for i in range(1, len(weights)))


def p44(n: int) -> bool:
    digits = str(n)
    while len(digits) > 1:
        if digits == digits[::-1]:
            return True
        pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
        digits = str(int("".join(str(sum(map(int, pair))) for pair in pairs)))
    return False


def p45(input: str) -> str:
    stack: list[str] = []
    for character in input:
        if character == "@" and stack:
            stack.pop()
        else:
            stack.append(character)
    return "".join(stack)


def p47(l: list[int]) -> int:  # noqa: E741
    return sum(set(range(min(l), max(l) + 1)) - set(l))


def p48(l: list[str]) -> list[str]:  # noqa: E741
    return [text for text in l if any(c.isdigit() for c in text)]


def p49(a1: int, a2: int, a3: int, a4: int) -> int:
    return a1 * a2 * a3 * a4


def p50(a1: list[str]) -> bool:
    return any(count > 1 for count in Counter(a1).values())


def p51(A: list[int]) -> int:
    height = top = 0
    for change in A:
        height += change
        top = max(top, height)
    return top


def p52(A: list[str], K: int) -> list[str]:
    return A[:K]


def p53(A: list[int]) -> int:
    (single,) = (value for value, count in Counter(A).items() if count == 1)
    return single


def p54(A: list[int], Val: int) -> list[int]:
    return [value for value in A if value != Val]


def p55(A: list[int], Val: int) -> str:
    return "True" if sum(A) == Val else "False"


def p56(A: list[int], B: list[int]) -> list[int]:
    return sorted(A + B)


def p57(A: list[int]) -> int:
    return max(sum(A[i:j]) for i in range(len(A)) for j in range(i + 1, len(A) + 1))


def p58(A: int) -> int:
    return math.isqrt(A)


def p59(A: list[str]) -> str:
    return max(A, key=len)


def p60(A: list[int]) -> int:
    return sum(value for value, count in Counter(A).items() if count == 1)


def p61(A: list[Any]) -> float:
    if not isinstance(A[0], list):
        return A[0]
    return sum(row[i] for i, row in enumerate(A) if i < len(row))


def p62(A: list[list[float]], T: float) -> str:
    return str(bool(np.linalg.cond(np.array(A)) < T))


def p63(A: list[list[int]], B: list[list[int]]) -> int:
    return int((np.array(A) @ np.array(B)).sum())


def p64(A: list[list[int]], B: list[list[int]]) -> str:
    def determinant(m: list[list[int]]) -> int:
        if len(m) == 1:
            return m[0][0]
        minors = ([row[:j] + row[j + 1 :] for row in m[1:]] for j in range(len(m)))
        return sum((-1) ** j * m[0][j] * determinant(minor) for j, minor in enumerate(minors))

    return str(determinant(A) > determinant(B))


def p65(A: list[float]) -> float:
    top = max(A)
    return top + math.log(sum(math.exp(value - top) for value in A))


def p66(A: list[list[float]], K: int) -> list[list[float]]:
    return sorted(A, key=lambda point: math.hypot(*point))[:K]


def p67(l1: list[str]) -> str:
    prefix = l1[0]
    while not all(word.startswith(prefix) for word in l1):
        prefix = prefix[:-1]
    return prefix


def p68(lst1: list[Any]) -> list[Any]:
    return [value for value, count in Counter(lst1).items() if count > 1]


def p69(w: str) -> int:
    return next(i for i, c in enumerate(w) if w.count(c) == 1)


def p70(s1: str, s2: str) -> list[str]:
    counts = Counter(word.rstrip(".,") for word in s1.split() + s2.split())
    return [word for word, count in counts.items() if count == 1]


def p71(s1: str) -> float:
    words = [word.strip(string.punctuation) for word in s1.split()]
    return sum(map(len, words)) / len(words)


def p72(w1: str, w2: str) -> bool:
    return Counter(w1.lower()) == Counter(w2.lower())


def p73(w: str) -> str:
    return w[::-1]


def p74(n: int) -> int:
    return sum(i * i for i in range(1, n + 1)) - sum(range(1, n + 1)) ** 2


def p75(lst1: list[float], lst2: list[float]) -> float:
    dot = sum(x * y for x, y in zip(lst1, lst2, strict=True))
    return dot / math.hypot(*lst1) / math.hypot(*lst2)


def p76(lst1: list[float], lst2: list[float], lst3: list[float]) -> bool:
    return math.dist(lst1, lst2) > math.dist(lst1, lst3)


def p77(l1: list[float], l2: list[float]) -> float:
    def std(values: list[float]) -> float:
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))

    return min(std(l1), std(l2))


def p78(l1: list[float], l2: list[float]) -> float:
    return min(sum(l1) / len(l1), sum(l2) / len(l2))


def p79(l1: list[float]) -> float:
    mean = sum(l1) / len(l1)
    return math.sqrt(sum((value - mean) ** 2 for value in l1) / len(l1)) / mean


def p80(l1: list[int]) -> int:
    return sum(abs(value) for value in l1)


def p81(lst1: list[float]) -> float:
    n = len(lst1)
    mean = sum(lst1) / n
    deviation = math.sqrt(sum((value - mean) ** 2 for value in lst1) / (n - 1))
    return mean / (deviation / math.sqrt(n))


def p82(lst: list[int]) -> list[int]:
    return [value for value in lst if value > 0] + [value for value in lst if value < 0]


def p83(w: str) -> str:
    return "".join(c for c in w if not c.isalpha())


def p84(X: list[list[float]]) -> float:
    n = len(X)
    products = [
        sum(x * y for x, y in zip(X[i], X[j], strict=True)) if i != j else 0.0
        for i in range(n)
        for j in range(n)
    ]
    return float(max(products))


def p85(pred: list[int], y: list[int]) -> float:
    correct = sum(p == t and t > 0 for p, t in zip(pred, y, strict=True))
    precision, recall = correct / sum(pred), correct / sum(t > 0 for t in y)
    return 2 * precision * recall / (precision + recall)


def p86(x: str) -> str:
    return "".join(f" {c}" if "A" <= c <= "Z" else c for c in x)


def p87(x: list[float]) -> list[float]:
    mean = sum(x) / len(x)
    std = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x))
    return sorted(value for value in x if not mean - 2 * std <= value <= mean + 2 * std)


def p88(x: list[int]) -> list[list[int]]:
    vocabulary = sorted(set(x))
    return [[int(value == other) for other in vocabulary] for value in x]


def p89(fun: Any, x: list[Any]) -> dict[str, list[Any]]:
    results: dict[str, list[Any]] = {}
    for value in x:
        results.setdefault(str(fun(value)), []).append(value)
    return results


def p90(array: list[int]) -> int:
    best, minimum = -1, array[0]
    for element in array[1:]:
        best = max(best, element - minimum)
        minimum = min(minimum, element)
    return best


def p91(target: Any, nums: list[Any]) -> int:
    return sum(index for index, value in enumerate(nums) if value == target)


def p92(nums: list[int], N: int) -> int:
    return sum(range(1, N + 1)) - sum(nums)


def p93(x: list[list[int]]) -> list[int]:
    return sorted(set(x[0]).intersection(*x[1:]))


def p94(start: int) -> int:
    total = start
    while start != 1:
        start = 3 * start + 1 if start % 2 else start // 2
        total += start
    return total


def p95(start: str, swap: list[str]) -> str:
    for pair in swap:
        if start in pair:
            start = pair.replace(start, "")
    return start


def p96(x: int) -> int:
    return int(str(x)[::-1])


def p97(x: list[str]) -> str:
    arrows = "".join(x)
    difference = arrows.count(">") - arrows.count("<")
    return ">" * difference if difference > 0 else "<" * -difference


def p98(x: list[int]) -> bool:
    return max(x) - min(x) in x


def p99(x: str) -> str:
    return "".join(f"{c}{count}" for c, count in Counter(x).items())


def p100(x: str) -> str:
    found = re.search(r"[\w.+-]+@[\w-]+\.[\w.-]+", x)
    assert found
    return re.sub("[^A-Za-z]", " ", found.group().split("@")[0])


def p101(A: list[float]) -> float:
    ordered = sorted(set(A))
    return ordered[-2] if len(ordered) > 1 else ordered[-1]


def p102(A: list[float]) -> float:
    return max(sum(A[: i + 1]) for i in range(len(A)))


def p103(A: list[float]) -> float:
    return min(abs(value) for value in A)


def p104(A: str) -> int:
    n = len(A)
    ends = ((i, j) for i in range(n) for j in range(i + 1, n + 1))
    return max(j - i for i, j in ends if len(set(A[i:j])) == j - i)


def p105(A: str) -> int:
    return max((count for count in Counter(A).values() if count > 1), default=0)


def p106(A: str) -> int:
    n = len(A)
    pieces = (A[i:j] for i in range(n) for j in range(i + 1, n + 1))
    return max(len(piece) for piece in pieces if piece == piece[::-1])


def p107(A: int) -> int:
    return sum(all(n % d for d in range(2, math.isqrt(n) + 1)) for n in range(2, A))


def p108(A: list[int], K: int) -> list[int]:
    for _ in range(K):
        A = A[-1:] + A[:-1]
    return A


def p109(A: list[int]) -> str:
    sums = {0}
    for value in A:
        sums |= {value + other for other in sums}
    return str(sum(A) % 2 == 0 and sum(A) // 2 in sums)


def p110(A: int) -> int:
    return int(math.sqrt(A))


def p111(A: int) -> list[int]:
    return [int(digit) for digit in str(A + 1)]


def p112(A: int) -> str:
    top = math.isqrt(A) + 1
    return str(any(i * i + j * j == A for i in range(top) for j in range(top)))


def p113(A: list[float]) -> str:
    mean = sum(A) / len(A)
    return str(sum((value - mean) ** 2 for value in A) / len(A) < 1)


def p114(A: list[list[int]]) -> int:
    return len(A) + len(A[0])


def p115(A: list[float]) -> float:
    ordered, n = sorted(A), len(A)
    return sum(A) / n - (ordered[n // 2] + ordered[(n - 1) // 2]) / 2

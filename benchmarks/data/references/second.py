"""Second reference solutions of MTPB's problems, written apart from first.py and another way.

Parameters are as there.
"""

import datetime
import re
import statistics
from bisect import insort
from fractions import Fraction
from itertools import accumulate, combinations, compress, count
from typing import Any

import numpy as np


def p1(A: str) -> list[str]:
    found: list[str] = []
    for character in A:
        lower = character.lower()
        if lower not in found:
            insort(found, lower)
    return found


def p2(numbers: list[int]) -> list[str]:
    if not numbers:
        return []
    values = np.array(numbers, dtype=float)
    return [f"{share:.1f}" for share in (100 * values / values.sum()).tolist()]


def p3(a1: int, a2: int) -> int:
    return round(datetime.timedelta(hours=a1, minutes=a2).total_seconds())


def p4(a1: int) -> int:
    matrix = np.array([[1, 1], [1, 0]], dtype=object)
    power = np.array([[1, 0], [0, 1]], dtype=object)
    for _ in range(a1):
        power = power.dot(matrix)
    return int(power[0, 1]) * int(power[0, 1])


def p5(A: list[float]) -> int:
    signs = np.sign(np.array(A, dtype=float)).tolist()
    return max(signs.count(-1.0), signs.count(1.0))


def p6(a1: float, a2: float, a3: float, a4: float) -> list[float]:
    return [float(mean) for mean in np.array([[a1, a3], [a2, a4]]).mean(axis=0)]


def p7(a1: int, a2: int, a3: int, a4: int) -> list[Any]:
    said: list[Any] = []
    number = a3
    while number <= a4:
        if number % a1 == 0 and number % a2 == 0:
            said.append("fizzbuzz")
        elif number % a1 == 0:
            said.append("fizz")
        elif number % a2 == 0:
            said.append("buzz")
        else:
            said.append(number)
        number += 1
    return said


def p8(a1: str) -> list[list[str]]:
    words = re.findall(r"\S+", a1)
    return [words[i - 1 : i + 1] for i in range(1, len(words))]


def p9(a1: list[int], a2: list[int], a3: list[int], a4: list[int]) -> str:
    best, name = sorted(a1)[-1], "Kevin"
    for other, notes in (("John", a2), ("Mike", a3), ("Mitch", a4)):
        if sorted(notes)[-1] > best:
            best, name = sorted(notes)[-1], other
    return name


def p10(a1: int) -> int:
    return sum(1 << bit for bit in range(a1.bit_length()) if a1 & (1 << bit))


def p11(a1: list[Any], a2: list[Any], a3: str) -> bool:
    pairs = set(zip(a1, a2, strict=True))
    inverted = {(value, key) for key, value in pairs}
    return True if a3 == "inverted" else pairs == inverted


def p12(a1: str, a2: int, a3: int, a4: int, a5: str) -> str:
    if a5 == "age":
        return " ".join([a1, "is", "age", str(a2)])
    if a5 == "height":
        return " ".join([a1, "is", str(a3), "cm"])
    return " ".join([a1, "weighs", str(a4), "kg"])


def p13(a1: list[int]) -> int:
    return sorted(a1, key=abs)[-1]


def p14(a1: int) -> int:
    x = np.arange(11)
    slope, intercept = np.polyfit(x, 2 * x, 1)
    return int(np.ceil(np.round(slope * a1 + intercept, 9)))


def p15(a1: str) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [a1, a1.translate(str.maketrans(letters, letters[2:] + letters[:2]))]


def p16(a1: str, a2: str, a3: str) -> int:
    class Person:
        def __init__(self, name: str, id: int) -> None:
            self.name, self.id = name, id

        def __hash__(self) -> int:
            return hash(getattr(self, a1))

        def __eq__(self, other: object) -> bool:
            return hash(self) == hash(other)

    names = ["Person A", "Person B", f"Person {a3}"]
    return len({Person(*both) for both in zip(names, map(int, a2.split(",")), strict=True)})


def p17(a1: int) -> list[Any]:
    digits = f"{a1:d}"
    value = 0
    for digit in digits.lstrip("-"):
        value = 10 * value + "0123456789".index(digit)
    return [digits, -value if digits.startswith("-") else value]


def p18(a1: str) -> str:
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in a1)


def p19(a1: list[int], a2: int) -> list[int]:
    seen: dict[int, int] = {}
    for index, value in enumerate(a1):
        if a2 - value in seen:
            return [seen[a2 - value], index]
        seen[value] = index
    raise ValueError


def p20(a1: int) -> str:
    random = np.random.default_rng(0)
    middle = np.array([a1, a1])
    points = np.concatenate([random.normal(side * middle, 1, (100, 2)) for side in (1, -1)])
    centroids = np.array([points[0], points[-1]])
    for _ in range(100):
        nearest = ((points[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
        centroids = np.array([points[nearest == k].mean(axis=0) for k in (0, 1)])
    one, other = sorted(tuple(int(v) for v in np.round(c)) for c in centroids)
    return f"{one}, {other}"


def p21(numbers: list[int]) -> list[int]:
    even = odd = 0
    for number in numbers:
        if number % 2:
            odd += number
        else:
            even += number
    return [even, odd]


def p22(lst: list[Any]) -> list[Any]:
    return sorted(lst, key=lambda value: value is not False and value == 0)


def p24(a: int, b: int) -> int:
    return sum(n for n in range(*sorted((a, b))) if n < 10 and n % 2 == 0) + (
        max(a, b) if max(a, b) < 10 and max(a, b) % 2 == 0 else 0
    )


def p25(A: list[float]) -> float:
    ordered = sorted(A)
    return ordered[-1] - ordered[0]


def p27(A: str, B: str) -> str:
    return max(B, A, key=len)


def p28(A: float) -> int:
    found = re.fullmatch(r"(\d+)\.(\d+)", repr(A))
    assert found
    return sum(int(part) for part in found.groups())


def p29(s: str) -> int:
    return len(re.findall("[aeiou]", s, re.IGNORECASE))


def p30(n: int) -> int:
    product = 1
    while n > 1:
        product, n = product * n, n - 1
    return product


def p31(a: int, b: int) -> tuple[int, ...]:
    third = [c for c in range(1, a + b) if c + min(a, b) > max(a, b)]
    return (third[-1], third[0])


def p32(n: int) -> int:
    return [1, 1, 2, 6, 4][n] if n < 5 else 0


def p33(n: int) -> float:
    return float(np.round((n - 2) * np.pi, 2))


def p34(s1: str, s2: str) -> int:
    return sum(map(int, (s1, s2)))


def p35(l: list[int]) -> int:  # noqa: E741
    low, *_, high = sorted([*l, *l])
    return (low + high) * (high - low + 1) // 2


def p36(s1: str, s2: str) -> int:
    return sum(1 for vowel in "aeiou" if vowel in s1 and vowel in s2)


def p37(l: list[int]) -> int:  # noqa: E741
    return -sum(max(0, -value) for value in l)


def p39(s: str) -> list[int]:
    return list(map(len, re.findall(r"\S+", re.sub("[,.]", "", s))))


def p40(s: str) -> bool:
    return re.fullmatch("#([0-9a-f]{3}){1,2}", s.lower()) is not None


def p41(lst: list[int]) -> int | None:
    if not lst:
        return None
    middle = sorted(lst)[len(lst) // 2]
    return middle if lst.count(middle) > len(lst) / 2 else None


def p42(year: int, month: int, day: int) -> str:
    later = datetime.date.fromordinal(datetime.date(year, month, day).toordinal() + 7)
    return later.strftime("%m/%d/") + str(later.year).zfill(4)


def p43(words: list[str]) -> bool:
    weights = [sum(re.sub("[^A-Za-z]", "", word).encode()) for word in words]
    return weights == sorted(weights)


def p44(n: int) -> bool:
    while n > 9:
        digits = list(map(int, str(n)))
        if digits == digits[::-1]:
            return True
        n = int("".join(str(sum(digits[i : i + 2])) for i in range(0, len(digits), 2)))
    return False


def p45(input: str) -> str:
    kept = ""
    for character in input:
        kept = kept[:-1] if character == "@" and kept else kept + character
    return kept


def p47(l: list[int]) -> int:  # noqa: E741
    return sum(n for n in range(min(l), max(l)) if n not in l)


def p48(l: list[str]) -> list[str]:  # noqa: E741
    return list(filter(re.compile(r"\d").search, l))


def p49(a1: int, a2: int, a3: int, a4: int) -> int:
    result = a4
    for factor in (a1, a2, a3):
        result *= factor
    return result


def p50(a1: list[str]) -> bool:
    return len(set(a1)) < len(a1)


def p51(A: list[int]) -> int:
    return max(accumulate(A, initial=0))


def p52(A: list[str], K: int) -> list[str]:
    return [word for index, word in enumerate(A) if index < K]


def p53(A: list[int]) -> int:
    return next(value for value in A if A.count(value) == 1)


def p54(A: list[int], Val: int) -> list[int]:
    rest = list(A)
    while Val in rest:
        rest.remove(Val)
    return rest


def p55(A: list[int], Val: int) -> str:
    for number in A:
        Val -= number
    return str(Val == 0)


def p56(A: list[int], B: list[int]) -> list[int]:
    merged = list(A)
    for number in B:
        insort(merged, number)
    return merged


def p57(A: list[int]) -> int:
    best = here = A[0]
    for value in A[1:]:
        here = max(value, here + value)
        best = max(best, here)
    return best


def p58(A: int) -> int:
    root = 0
    while (root + 1) ** 2 <= A:
        root += 1
    return root


def p59(A: list[str]) -> str:
    return sorted(A, key=len)[-1]


def p60(A: list[int]) -> int:
    return sum(value for value in A if A.count(value) == 1)


def p61(A: list[Any]) -> float:
    return np.trace(np.atleast_2d(A)).item()


def p62(A: list[list[float]], T: float) -> str:
    singular = np.linalg.svd(np.array(A, dtype=float), compute_uv=False)
    with np.errstate(divide="ignore"):
        return "True" if singular.max() / singular.min() < T else "False"


def p63(A: list[list[int]], B: list[list[int]]) -> int:
    columns = [sum(column) for column in zip(*A, strict=True)]
    return sum(weight * sum(row) for weight, row in zip(columns, B, strict=True))


def p64(A: list[list[int]], B: list[list[int]]) -> str:
    def determinant(m: list[list[int]]) -> Fraction:
        rows, sign = [[Fraction(value) for value in row] for row in m], 1
        product = Fraction(1)
        while rows:
            pivot = next((i for i, row in enumerate(rows) if row[0]), None)
            if pivot is None:
                return Fraction(0)
            sign *= -1 if pivot % 2 else 1
            first = rows.pop(pivot)
            product *= first[0]
            rows = [
                [x - row[0] / first[0] * y for x, y in zip(row[1:], first[1:], strict=True)]
                for row in rows
            ]
        return sign * product

    return "True" if determinant(A) > determinant(B) else "False"


def p65(A: list[float]) -> float:
    return float(np.logaddexp.reduce(np.array(A, dtype=float)))


def p66(A: list[list[float]], K: int) -> list[list[float]]:
    points = np.array(A, dtype=float)
    order = np.argsort((points**2).sum(axis=1), kind="stable")[:K]
    return [A[index] for index in order]


def p67(l1: list[str]) -> str:
    low, high = min(l1), max(l1)
    size = 0
    while size < len(low) and low[size] == high[size]:
        size += 1
    return low[:size]


def p68(lst1: list[Any]) -> list[Any]:
    return [v for i, v in enumerate(lst1) if v in lst1[i + 1 :] and v not in lst1[:i]]


def p69(w: str) -> int:
    return min(w.index(c) for c in w if w.index(c) == w.rindex(c))


def p70(s1: str, s2: str) -> list[str]:
    words = re.findall(r"\S*[^\s.,]", f"{s1} {s2}")
    return [word for word in words if words.count(word) == 1]


def p71(s1: str) -> float:
    words = re.findall(r"[^\s]+", s1)
    return statistics.fmean(len(re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", w)) for w in words)


def p72(w1: str, w2: str) -> bool:
    return sorted(w1.lower()) == sorted(w2.lower())


def p73(w: str) -> str:
    turned = ""
    for character in w:
        turned = character + turned
    return turned


def p74(n: int) -> int:
    return n * (n + 1) * (2 * n + 1) // 6 - (n * (n + 1) // 2) ** 2


def p75(lst1: list[float], lst2: list[float]) -> float:
    one, other = np.array(lst1), np.array(lst2)
    return float((one / np.linalg.norm(one)) @ (other / np.linalg.norm(other)))


def p76(lst1: list[float], lst2: list[float], lst3: list[float]) -> bool:
    first, second, third = map(np.array, (lst1, lst2, lst3))
    return bool(((first - second) ** 2).sum() > ((first - third) ** 2).sum())


def p77(l1: list[float], l2: list[float]) -> float:
    return float(min(np.std(l1), np.std(l2)))


def p78(l1: list[float], l2: list[float]) -> float:
    return min(statistics.fmean(l1), statistics.fmean(l2))


def p79(l1: list[float]) -> float:
    return float(np.std(l1) / np.mean(l1))


def p80(l1: list[int]) -> int:
    return int(np.linalg.norm(l1, 1))


def p81(lst1: list[float]) -> float:
    return statistics.fmean(lst1) * len(lst1) ** 0.5 / statistics.stdev(lst1)


def p82(lst: list[int]) -> list[int]:
    return sorted(lst, key=lambda value: value < 0)


def p83(w: str) -> str:
    return re.sub("[a-z]", "", w.lower())


def p84(X: list[list[float]]) -> float:
    products = np.array(X) @ np.array(X).T
    np.fill_diagonal(products, 0)
    return float(products.max())


def p85(pred: list[int], y: list[int]) -> float:
    both = sum(1 for pair in zip(pred, y, strict=True) if pair == (1, 1))
    return 2 * both / (pred.count(1) + y.count(1))


def p86(x: str) -> str:
    return re.sub("([A-Z])", r" \1", x)


def p87(x: list[float]) -> list[float]:
    values = np.array(x)
    away = np.abs(values - np.mean(values)) > 2 * np.std(values)
    return sorted(compress(x, away.tolist()))


def p88(x: list[int]) -> list[list[int]]:
    vocabulary, places = np.unique(x, return_inverse=True)
    return np.eye(len(vocabulary), dtype=int)[places].tolist()


def p89(fun: Any, x: list[Any]) -> dict[str, list[Any]]:
    mapped = [f"{fun(value)}" for value in x]
    return {key: [x[i] for i, other in enumerate(mapped) if other == key] for key in mapped}


def p90(array: list[int]) -> int:
    later = [array[j] - array[i] for i in range(len(array)) for j in range(i + 1, len(array))]
    return max([-1, *later])


def p91(target: Any, nums: list[Any]) -> int:
    where, total = -1, 0
    for _ in range(nums.count(target)):
        where = nums.index(target, where + 1)
        total += where
    return total


def p92(nums: list[int], N: int) -> int:
    return next(number for number in range(1, N + 1) if number not in nums)


def p93(x: list[list[int]]) -> list[int]:
    return [v for v in range(min(x[0]), max(x[0]) + 1) if all(v in row for row in x)]


def p94(start: int) -> int:
    seen = [start]
    for _ in count():
        if seen[-1] == 1:
            return sum(seen)
        half, odd = divmod(seen[-1], 2)
        seen.append(seen[-1] * 3 + 1 if odd else half)
    raise AssertionError


def p95(start: str, swap: list[str]) -> str:
    places = start
    for one, other in swap:
        places = {one: other, other: one}.get(places, places)
    return places


def p96(x: int) -> int:
    result = 0
    while x:
        x, digit = divmod(x, 10)
        result = 10 * result + digit
    return result


def p97(x: list[str]) -> str:
    balance = sum(1 if arrow == ">" else -1 for text in x for arrow in text)
    return (">" if balance > 0 else "<") * abs(balance)


def p98(x: list[int]) -> bool:
    ordered = sorted(x)
    return any(value == ordered[-1] - ordered[0] for value in ordered)


def p99(x: str) -> str:
    text, rest = "", x
    while rest:
        text += rest[0] + str(rest.count(rest[0]))
        rest = rest.replace(rest[0], "")
    return text


def p100(x: str) -> str:
    for word in x.split():
        before, _, after = word.rpartition("@")
        local = re.search(r"[\w.+-]*$", before)
        if local and local.group() and re.match(r"[\w-]+\.\w", after):
            return "".join(c if c.isascii() and c.isalpha() else " " for c in local.group())
    raise ValueError


def p101(A: list[float]) -> float:
    top = max(A)
    return max((value for value in A if value != top), default=top)


def p102(A: list[float]) -> float:
    return float(np.cumsum(A).max())


def p103(A: list[float]) -> float:
    closest = sorted(A, key=lambda value: value * value)[0]
    return closest if closest > 0 else -closest


def p104(A: str) -> int:
    start, best, last = 0, 0, {}
    for index, character in enumerate(A):
        if last.get(character, -1) >= start:
            start = last[character] + 1
        last[character] = index
        best = max(best, index + 1 - start)
    return best


def p105(A: str) -> int:
    top = max(A.count(character) for character in A)
    return top if top > 1 else 0


def p106(A: str) -> int:
    best = 0
    for middle in range(2 * len(A)):
        low, high = (middle - 1) // 2, (middle + 2) // 2
        low, high = (low, high) if middle % 2 else (middle // 2, middle // 2)
        while low >= 0 and high < len(A) and A[low] == A[high]:
            best = max(best, high - low + 1)
            low, high = low - 1, high + 1
    return best


def p107(A: int) -> int:
    sieve = [True] * max(A, 2)
    sieve[0] = sieve[1] = False
    for n in range(2, len(sieve)):
        if sieve[n]:
            for multiple in range(2 * n, len(sieve), n):
                sieve[multiple] = False
    return sum(sieve)


def p108(A: list[int], K: int) -> list[int]:
    return np.roll(np.array(A), K).tolist()


def p109(A: list[int]) -> str:
    half = [
        1 for size in range(len(A) + 1) for part in combinations(A, size) if 2 * sum(part) == sum(A)
    ]
    return "True" if half else "False"


def p110(A: int) -> int:
    return next(root for root in count() if (root + 1) ** 2 > A)


def p111(A: int) -> list[int]:
    digits, rest = [], A + 1
    while rest:
        rest, digit = divmod(rest, 10)
        digits.insert(0, digit)
    return digits


def p112(A: int) -> str:
    low, high = 0, A
    squares = {n * n for n in range(A + 1) if n * n <= A}
    while low <= high:
        if low in squares and high in squares:
            return "True"
        low, high = low + 1, high - 1
    return "False"


def p113(A: list[float]) -> str:
    return "True" if statistics.pstdev(A) < 1 else "False"


def p114(A: list[list[int]]) -> int:
    return sum(np.array(A).shape)


def p115(A: list[float]) -> float:
    return statistics.fmean(A) - statistics.median(A)

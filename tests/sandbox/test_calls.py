"""Values cross between a test and a program so that verdicts are those of one process."""

from __future__ import annotations

import random
import textwrap

import pytest

from sandbox import Limits, Outcome, Pool, Program, Status, Test

# (program, test): the test passes in one process, and must pass across two
SAME = {
    "plain_values": (
        "def f(x): return x",
        """
        for v in (None, True, 1, -10**50, 1.5, 1j, 'é\\ud800', b'\\0', [1], (1,), {1}, {1: (2,)}):
            assert f(v) == v and type(f(v)) is type(v)
        assert f(frozenset([1])) == frozenset([1])
        """,
    ),
    "not_a_number": ("def f(): return float('nan')", "assert f() != f()"),
    "keywords": ("def f(a, *b, c=1): return a, b, c", "assert f(1, 2, c=3) == (1, (2,), 3)"),
    "mutated_list": ("def f(x): x.sort()", "a = [3, 1]; f(a); assert a == [1, 3]"),
    "mutated_deep": (
        "def f(x): x['a'][0].append(1); x['b'] = 2",
        "inner = []; d = {'a': (inner,)}; f(d); assert inner == [1] and d['b'] == 2",
    ),
    "grown_list": ("def f(x): x.append(1)", "a = []; f(a); assert a == [1]"),
    "set_mutated": ("def f(x): x.add(1)", "a = set(); f(a); assert a == {1}"),
    "unchanged_list": ("def f(x): return sorted(x)", "a = [3, 1]; f(a); assert a == [3, 1]"),
    "shared_rows": (
        "def f(m): m[0][0] = 1; return m",
        "assert f([[0] * 2] * 2) == [[1, 0], [1, 0]]",
    ),
    "generator": (
        "def f(n):\n    yield from range(n)",
        "assert list(f(3)) == [0, 1, 2]; assert sum(f(4)) == 6; assert f(1) != [0]",
    ),
    "map_and_zip": (
        "def f(x): return map(str, x), zip(x, x)",
        "a, b = f([1]); assert list(a) == ['1'] and list(b) == [(1, 1)]",
    ),
    "iterator_given_back": (
        "def f(x): return iter(x)\ndef g(i): return next(i)",
        "i = f('ab'); assert g(i) == 'a' and next(i) == 'b'",
    ),
    "half_used_iterator": (
        "def f(): return iter('abc')",
        "i = f(); assert next(i) == 'a' and list(i) == ['b', 'c'] and list(i) == []",
    ),
    "range": ("def f(): return range(3)", "assert f() == range(3) and f() != [0, 1, 2]"),
    "dictionary_views": (
        "def f(): return {1: 2}.keys(), {1: 2}.items(), {1: 2}.values()",
        "k, i, v = f(); assert k == {1} and list(i) == [(1, 2)] and 2 in v and k != [1]",
    ),
    "decimal_and_fraction": (
        """
        from decimal import Decimal
        from fractions import Fraction
        def f(): return Decimal('0.5'), Fraction(1, 2)
        """,
        "assert f() == (0.5, 0.5)",
    ),
    "deque_and_bytearray": (
        "import collections\ndef f(): return collections.deque([1]), bytearray(b'x')",
        "import collections\nassert f() == (collections.deque([1]), b'x')",
    ),
    "named_tuple": (
        "import collections\ndef f(): return collections.namedtuple('P', 'x y')(1, 2)",
        "assert f() == (1, 2)",
    ),
    "counter_and_ordered": (
        "from collections import Counter, OrderedDict as O\ndef f(): return Counter('aab'), O(a=1)",
        "assert f() == ({'a': 2, 'b': 1}, {'a': 1})",
    ),
    "enumeration": (
        "import enum\nclass E(enum.IntEnum): A = 1\ndef f(): return E.A",
        "assert f() == 1",
    ),
    "numpy_scalars": (
        "import numpy as np\ndef f(): return np.int64(3), np.float64(.5), np.bool_(True)",
        "assert f() == (3, .5, True)",
    ),
    "numpy_array": (
        "import numpy as np\ndef f(): return np.arange(4).reshape(2, 2)",
        "assert (f() == [[0, 1], [2, 3]]).all() and f().shape == (2, 2)",
    ),
    "function": ("def f(n): return lambda x: x + n", "assert f(1)(2) == 3"),
    "object_with_items": (
        "class A:\n    def __getitem__(self, k): return k * 2\n    def __len__(self): return 2\n"
        "def f(): return A()",
        "a = f(); assert a[2] == 4 and len(a) == 2",
    ),
    "object_as_text": (
        "class A:\n    def __str__(self): return 'me'\ndef f(): return A()",
        "assert str(f()) == 'me' and f() != 'me'",
    ),
    "empty_object_is_false": (
        "class A:\n    def __len__(self): return 0\ndef f(): return A()",
        "assert not f()",
    ),
    "exception": (
        "def f(x): raise ValueError('no', x)",
        """
        try: f(1)
        except ValueError as e: assert e.args == ('no', 1)
        else: raise AssertionError
        """,
    ),
    "own_exception": (
        "class Mine(KeyError): pass\ndef f(): raise Mine(1)",
        """
        try: f()
        except KeyError: pass
        """,
    ),
    "name_of_the_function": ("def f(): pass", "assert f.__name__ == 'f'"),
    "several_functions": (
        "n = 0\ndef f():\n    global n; n += 1\ndef g(): return n",
        "f(); f(); assert g() == 2",
    ),
    "output": ("def f(): print('x')", "assert f() is None"),
    "not_run_as_script": (
        "def f(): return 1\nif __name__ == '__main__': f = None",
        "assert f() == 1",
    ),
    "seeded_randomness": (
        "def f(x): return x",
        "import random\na = [random.random() for _ in range(3)]\nassert f(a) == a",
    ),
}


def verdict(pool: Pool, source: str, test: str, setup: str = "") -> Outcome:
    trial = Test(setup, textwrap.dedent(test), ("f", "g"))
    return pool.run(Program(textwrap.dedent(source), test=trial))


@pytest.mark.parametrize("name", SAME)
def test_verdict_is_that_of_one_process(name: str, pool: Pool) -> None:
    source, test = SAME[name]
    together: dict[str, object] = {"__name__": "program"}
    exec(textwrap.dedent(source) + "\n" + textwrap.dedent(test), together)
    for _ in range(4):  # the first is asked call by call, others are sent what is known by then
        outcome = verdict(pool, source, test)
        assert outcome.status is Status.passed, outcome


# tests, and programs for each whose calls, states and ends differ
SCRIPTS = {
    "calls_depend_on_answers": (
        "x = f(1)\nassert f(x) == x + 1\nif f(2) == 3: assert f(7) == 8\nassert f(3) == 4",
        [
            "def f(x): return x + 1",
            "def f(x): return x",
            "def f(x): return x + 2",
            "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n + 1",
            "def f(x):\n    if x == 7: raise KeyError(x)\n    return x + 1",
            "def f(x): return x + 1 if x < 3 else 4",
        ],
    ),
    "calls_depend_on_chance": (
        "import random\nassert f(0) == 0\nfor _ in range(3):\n    x = random.random()\n"
        "    assert f(x) == x",
        ["def f(x): return x", "def f(x): return 0", "seen = []\ndef f(x):\n    seen.append(x)\n"
         "    return x if len(seen) < 3 else len(seen)"],
    ),
    "wrong_and_worse_later": (
        "assert f(1) == 1\nassert f(2) == 2\nassert f(3) == 3",
        [
            "def f(x): return x",
            "def f(x):\n    while x == 3: pass\n    return x",
            "def f(x):\n    while x == 3: pass\n    return 0",
            "import os\ndef f(x): return x if x < 3 else os._exit(0)",
            "import os\ndef f(x): return 0 if x < 3 else os._exit(0)",
            "def f(x): return x if x < 3 else [0] * 10**10",
            "def f(x): return 0 if x < 3 else 7 ** 10**9",
            "import time\ndef f(x): time.sleep(0.05); return 0",
            "def f(x:",
            "f = None",
        ],
    ),
    "fewer_calls": (
        "if f(1) == 1: f(2)",
        ["def f(x): return x", "def f(x):\n    while x == 2: pass\n    return 0"],
    ),
    "swallowed_exceptions": (
        "seen = []\nfor x in (1, 2, 3):\n    try:\n        seen.append(f(x))\n"
        "        if seen[-1] > 1: f(10 * x)\n    except BaseException: pass\n"
        "assert len(seen) == 3",
        [
            "def f(x): return x",
            "def f(x): return 4 if x == 4 else 0",
            "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
            "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n if x == 4 else 0",
        ],
    ),
    "handles_and_swallowed_exceptions": (
        "a = f(1)\ntry:\n    b = list(f(a))\nexcept BaseException:\n    b = [1]\n"
        "assert b == [1]\nassert f(2) == 2",
        ["def f(x): return [x] if isinstance(x, list) else x",
         "def f(x): return iter([x])",
         "def f(x): return x",
         "def f(x):\n    if x == 2: return 2\n    return (n for n in range(1, 2))"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_verdict_does_not_depend_on_what_was_tested_before(name: str) -> None:
    test, programs = SCRIPTS[name]

    def told(pool: Pool, number: int, setup: str = "") -> object:
        trial = Test(setup, test, ("f",))
        outcome = pool.run(Program(programs[number], seed=number, test=trial))
        assert not outcome.stderr, outcome
        return outcome.status, outcome.detail.split(":")[0], outcome.line

    with Pool(Limits(cpu_s=0.5, wall_s=5, memory_mb=256), workers=1) as pool:
        # a setup of its own makes the test a new one
        alone = [told(pool, n, f"# {n}") for n in range(len(programs))]
        numbers = list(range(len(programs))) * 3
        random.Random(0).shuffle(numbers)
        for n in numbers:
            assert told(pool, n) == alone[n], programs[n]


def test_setup_defines_what_the_program_does_not_replace(pool: Pool) -> None:
    setup = "def helper(x): return x + 1\ndef f(x): ..."
    source = "def helper(x): return 0\ndef f(x): return x + 1"
    assert verdict(pool, source, "assert f(1) == helper(1)", setup).status is Status.passed


def test_failed_assertion_is_a_wrong_answer(pool: Pool) -> None:
    outcome = verdict(pool, "def f(): return 1", "x = 1\nassert f() == 2, 'one is not two'")
    assert outcome.status is Status.wrong_answer
    assert outcome.detail == "AssertionError: one is not two (line 2 of the test)"


def test_exception_in_a_call_has_the_programs_line(pool: Pool) -> None:
    outcome = verdict(pool, "def f():\n    return [][1]", "f()")
    assert (outcome.status, outcome.line) == (Status.exception, 2)
    assert outcome.detail == "IndexError: list index out of range"


def test_exception_before_the_test_is_the_programs(pool: Pool) -> None:
    outcome = verdict(pool, "x = 1\nprint(y)", "pass")
    assert (outcome.status, outcome.line) == (Status.exception, 2)


def test_syntax_error_is_told_with_its_line(pool: Pool) -> None:
    outcome = verdict(pool, "x = 1\ndef f(:", "pass")
    assert (outcome.status, outcome.line) == (Status.syntax_error, 2)


def test_missing_function_is_a_name_error(pool: Pool) -> None:
    outcome = verdict(pool, "x = 1", "f()")
    assert (outcome.status, outcome.detail) == (
        Status.exception,
        "NameError: name 'f' is not defined",
    )


def test_object_of_the_test_cannot_be_given_to_the_program(pool: Pool) -> None:
    outcome = verdict(pool, "def f(x): return 1", "class C: pass\nf(C())")
    assert outcome.status is Status.broken_test
    assert "test.C" in outcome.detail
    assert not outcome.stderr


def test_refused_call_is_blocked(pool: Pool) -> None:
    if not pool.layers["full"]:
        pytest.skip("nothing is refused here")
    outcome = verdict(pool, "import os\ndef f(): os.fork()", "f()")
    assert outcome.status is Status.blocked
    assert "os.fork()" in outcome.detail


def test_same_seed_same_randomness(pool: Pool) -> None:
    source = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    first, again, other = (pool.run(Program(source, seed=seed)).stdout for seed in (1, 1, 2))
    assert first == again != other


def test_test_that_never_ends_is_stopped(pool: Pool) -> None:
    source = "def f(): return [0] * 10**6"
    test = "x = f()\nfor a in x:\n    for b in x: pass"
    outcome = verdict(pool, source, test)
    assert outcome.status is Status.timeout
    assert verdict(pool, "def f(): return 1", "assert f() == 1").status is Status.passed

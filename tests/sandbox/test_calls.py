"""Values cross between a test and a program so that verdicts are those of one process."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Limits, Outcome, Pool, Program, Status, Test, place_in_test

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
    "array_arguments": (
        "import numpy as np\ndef f(x): return type(x) is np.ndarray, x.dtype.str, x.shape, x.sum()",
        """
        import numpy as np
        assert f(np.eye(2)) == (True, '<f8', (2, 2), 2.0)
        assert f(np.arange(6, dtype=np.int8).reshape(2, 3)) == (True, '|i1', (2, 3), 15)
        assert f(np.array([[1, None]], dtype=object)[:, :1]) == (True, '|O', (1, 1), 1)
        """,
    ),
    "array_results": (
        "import numpy as np\ndef f(*n): return np.zeros(n, np.float32), np.array(['a', 'bc'])",
        """
        import numpy as np
        zeros, texts = f(0, 3)
        assert zeros.shape == (0, 3) and zeros.dtype == np.float32 and texts.tolist() == ['a', 'bc']
        zeros = f(2)[0]; zeros[1] = 5; assert zeros.tolist() == [0, 5]
        """,
    ),
    "scalar_arguments_of_arrays": (
        "def f(x): return type(x).__name__, x + 1",
        "import numpy as np\nassert f(np.int64(3)) == ('int64', 4) and f(np.float32(3))[1] == 4",
    ),
    "scalar_results_of_arrays": (
        "import numpy as np\ndef f(): return [np.float32(.5), np.int8(3), np.bool_(False)]",
        "import numpy as np\nassert [type(x).__name__ for x in f()] == ['float32', 'int8', 'bool']",
    ),
    "bytearray_argument": (
        "def f(x): x += b'c'; return type(x)(x)",
        "a = bytearray(b'ab'); assert f(a) == bytearray(b'abc') and a == b'abc'",
    ),
    "standard_arguments": (
        """
        def f(*values): return [(type(v).__name__, v) for v in values]
        def g(x): return type(x) is f.__class__
        """,
        """
        import collections, datetime, decimal, fractions
        values = [
            collections.deque([1, 2], 3), decimal.Decimal('0.10'), fractions.Fraction(1, 3), 1 + 2j,
            frozenset([1]), range(3), datetime.date(2020, 1, 2), datetime.timedelta(1, 2),
            datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.time(1, 2), bytearray(b'x'), ...,
            datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), b'x', {1: {2}},
            slice(1, 2), {1: 2}.keys(), {1: 2}.items(), NotImplemented,
        ]
        assert f(*values) == [(type(v).__name__, v) for v in values]
        """,
    ),
    "keyword_argument_mutated": (
        "def f(*, rows): rows.sort(); rows[0].append(9)",
        "r = [[2], [1]]; f(rows=r); assert r == [[1, 9], [2]]",
    ),
    "deque_mutated": (
        "def f(x): x.rotate(1)",
        "import collections\nd = collections.deque([1, 2, 3]); f(d); assert list(d) == [3, 1, 2]",
    ),
    "decimals_mutated": (
        "def f(x): x.reverse(); x.append(x[0] + x[1])",
        "from decimal import Decimal as D\nx = [D('.1'), D('.2')]; f(x)\n"
        "assert x == [D('.2'), D('.1'), D('.3')]",
    ),
    "array_mutated": (
        "def f(x): x[0] = 7",
        "import numpy as np\na = np.zeros(3); b = a[:2]; f(a); assert a[0] == 7 == b[0]",
    ),
    "counter_mutated": (
        "def f(c): c['a'] += 1",
        "import collections\nc = collections.Counter('ab'); f(c)\n"
        "assert c['a'] == 2 and type(c) is collections.Counter and c['z'] == 0",
    ),
    "date_results": (
        "import datetime as d\ndef f(): return d.datetime(2020, 1, 2), d.time(1), d.timezone.utc",
        "import datetime as d\nassert f() == (d.datetime(2020, 1, 2), d.time(1), d.timezone.utc)",
    ),
    "callback": (
        "def f(function, x): return function(x) + function(x=2)",
        "seen = []\ndef g_(x): seen.append(x); return x * 10\n"
        "assert f(g_, 1) == 30 and seen == [1, 2] and f(lambda x: [x], 1) == [1, 2]",
    ),
    "callback_as_a_key": (
        "def f(x, key): return sorted(x, key=key), key.__name__",
        "assert f([3, -4], lambda x: -x) == ([3, -4], '<lambda>')\n"
        "assert f([3, -4], abs)[0] == [3, -4] and f(['b', 'A'], str.lower)[0] == ['A', 'b']",
    ),
    "callback_that_raises": (
        "def f(function):\n    try: return function()\n    except KeyError as e: return e.args[0]",
        "def raises(): raise KeyError('key')\nassert f(raises) == 'key'",
    ),
    "callback_that_calls_back": (
        "def f(function, n): return function(n) if n else 'end'",
        "assert f(lambda n: f(lambda m: ('in', n, m), n - 1), 2) == ('in', 2, 1)",
    ),
    "callback_that_comes_back": (
        "def f(function): return [function, len]",
        "mine = lambda: 1\nassert f(mine)[0] is mine",
    ),
    "bound_method": (
        "def f(add):\n    for n in range(3): add(n)",
        "x = []; f(x.append); assert x == [0, 1, 2]",
    ),
    "partial": (
        "def f(function): return function(2)",
        "import functools\nassert f(functools.partial(pow, 3)) == 9\n"
        "assert f(functools.partial(lambda a, b: a - b, 3)) == 1",
    ),
    "iterator_argument": (
        "def f(x): return next(x), next(x)\ndef g(x): return list(x)",
        "i = iter([1, 2, 3]); assert f(i) == (1, 2) and next(i) == 3\n"
        "assert g(n * n for n in range(4)) == [0, 1, 4, 9] and g(map(str, [1])) == ['1']\n"
        "assert g(zip([1], [2])) == [(1, 2)] and g(iter([])) == []",
    ),
    "types_as_arguments": (
        "def f(kind, x): return kind(x), kind",
        "import fractions\nassert f(int, '3') == (3, int) or f(int, '3')[0] == 3\n"
        "assert f(fractions.Fraction, 2)[0] == 2",
    ),
    "shared_argument": (
        "def f(a, b): return a is b",
        "x = []; assert f(x, x) and not f([], [])",
    ),
    "name_that_only_the_program_has": (
        "class Node:\n    def __init__(self, value): self.value, self.next = value, None\n"
        "LIMIT = [1]\ndef helper(n): return n.value\n"
        "def f(n):\n    LIMIT.append(2)\n    return n.value + n.next.value",
        "root = Node(1)\nroot.next = Node(2)\n"
        "def inside(): return f(root) + helper(root.next)\n"
        "assert inside() == 5 and LIMIT == [1, 2] and root.next.value == 2",
    ),
    "many_numbers": (
        "def f(n, *more): return [*range(n), *more]",
        """
        assert f(1_200_000) == list(range(1_200_000))
        mixed = [True, None, 1.5, -2**63, 2**63 - 1, float('-inf'), False] * 9
        for more in (mixed, [2**63], [2**99, None], ['x'], [1j], [(1,)], [[1]], [1.5], [True]):
            back = f(300, *more)
            assert back == [*range(300), *more]
            assert [type(a) for a in back] == [int] * 300 + [type(a) for a in more]
        """,
    ),
    "many_floats": (
        "def f(n): return [x / 7 for x in range(n)] + [float('nan')]",
        "a = f(5000); assert a[:-1] == [x / 7 for x in range(5000)] and a[-1] != a[-1]",
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


@pytest.mark.parametrize("text", ["'x' * 5000", "chr(0xd800) * 300", "'(line 9 of the test)' * 30"])
def test_a_long_message_does_not_hide_the_line_of_the_test(pool: Pool, text: str) -> None:
    outcome = verdict(pool, f"def f(): return {text}", "x = 1\nassert f() == 2, f()")
    headline, line = place_in_test(outcome.detail)
    assert line == 2
    assert headline.startswith("AssertionError: ")


def test_details_without_a_place_are_left_as_they_are() -> None:
    assert place_in_test("AssertionError: one is not two") == (
        "AssertionError: one is not two",
        None,
    )


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


# the test, and what its outcome says
BROKEN_TESTS = {
    "object": ("class C: pass\nf(C())", "test.C"),
    "object_inside": ("class C: pass\nf([{1: (C(),)}])", "test.C"),
    "class": ("class C: pass\nf(C)", "class C"),
    "file": ("import threading\nf(threading.Lock())", "_thread.lock"),
    "object_after_an_answer": ("assert f(1) == 1\nclass C: pass\nf(C())", "test.C"),
    "no_python": ("assert f(1) ==", "does not compile: SyntaxError"),
    "null_byte": ("assert f(1)\0", "does not compile"),
    "huge_call": ("f('x' * 45_000_000)", "45,000,"),
    "too_much_memory": ("x = 'x' * 10**10", "MemoryError"),
}


@pytest.mark.parametrize("name", BROKEN_TESTS)
def test_fault_of_a_test_is_never_the_programs(name: str, pool: Pool) -> None:
    test, message = BROKEN_TESTS[name]
    outcome = verdict(pool, "def f(x): return 1", test)
    assert outcome.status is Status.broken_test, outcome
    assert message in outcome.detail
    assert not outcome.stderr
    assert verdict(pool, "def f(x): return 1", "assert f(1) == 1").status is Status.passed


@pytest.mark.parametrize("setup", ["x = [", "1 / 0", "import no_such_module", "raise SystemExit"])
def test_setup_that_fails_is_never_the_programs(setup: str, pool: Pool) -> None:
    outcome = verdict(pool, "def f(x): return 1", "assert f(1) == 1", setup)
    assert outcome.status is Status.broken_test, outcome
    assert "setup" in outcome.detail


def test_setup_may_use_the_program(pool: Pool) -> None:
    setup = "root = Node(1)\nroot.left = Node(2)"
    node = "class Node:\n    def __init__(self, x): self.x, self.left = x, None\n"
    right = node + "def f(n): return n.x + n.left.x"
    assert verdict(pool, right, "assert f(root) == 3", setup).status is Status.passed
    outcome = verdict(pool, "def f(n): return 3", "assert f(root) == 3", setup)
    assert outcome.status is Status.exception
    assert outcome.detail == "NameError: name 'Node' is not defined"


def test_names_of_the_test_and_builtins_are_not_the_programs(pool: Pool) -> None:
    source = "def helper(): return 1\ndef len(x): return 1\ndef f(): return helper() + len('ab')"
    test = "def helper(): return 2\nassert (f(), helper(), len('ab')) == (2, 2, 2)"
    assert verdict(pool, source, test).status is Status.passed


def test_value_that_is_too_much_is_the_programs_fault() -> None:
    source = "def f(x): return [object() for _ in range(100_001)] if x == 1 else x"
    with Pool(Limits(cpu_s=20, wall_s=60)) as pool:  # freezing so many takes about a second
        outcome = verdict(pool, source, "f(f(1)[-1])")
    assert outcome.status is Status.exception, outcome
    assert "builtins.object" in outcome.detail


@pytest.fixture
def hasty_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool that gives a test a second, not the usual ten and thirty."""
    monkeypatch.setattr("sandbox.connection.TEST_CPU_S", 1.0)
    monkeypatch.setattr("sandbox.runs.TESTER_S", 2.0)
    with Pool(Limits(cpu_s=1, wall_s=3)) as own:
        yield own


def test_test_that_is_stuck_in_one_call_is_ended(hasty_pool: Pool) -> None:
    """A set of integers with one hash takes quadratic time, in one call of the test's own."""
    source = "def f(): return [n * (2**61 - 1) for n in range(700_000)]"
    outcome = verdict(hasty_pool, source, "assert len(set(f())) == 1")
    assert outcome.status is Status.timeout, outcome
    assert verdict(hasty_pool, "def f(): return 1", "assert f() == 1").status is Status.passed


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


def test_test_that_never_ends_is_stopped(hasty_pool: Pool) -> None:
    source = "def f(): return [0] * 10**6"
    test = "x = f()\nfor a in x:\n    for b in x: pass"
    outcome = verdict(hasty_pool, source, test)
    assert outcome.status is Status.timeout
    assert verdict(hasty_pool, "def f(): return 1", "assert f() == 1").status is Status.passed


# (program, arguments, results that f.starmap gives; an exception's name ends them)
SIZES = "(1, 90_000, 5, 3_000_000, 20_000, 20_000, 1)"
MANY = {
    "in_order": ("def f(a, b): return a - b", "[(n, 1) for n in range(300)]", "range(-1, 299)"),
    "to_an_exception": ("def f(x): return 6 // x", "[(3,), (2,), (0,), (1,)]", "(2, 3, 'ZeroDiv')"),
    "state_stays": (
        "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)",
        "[(0,)] * 200",
        "range(1, 201)",
    ),
    "none": ("def f(): return 1", "[]", "[]"),
    "large_both_ways": (
        "def f(x): return x + x",
        f"[('a' * size,) for size in {SIZES}]",
        f"['aa' * size for size in {SIZES}]",
    ),
    "answers_larger_than_any_buffer": (
        "def f(n): return [0.5] * n",
        "[(200_000,)] * 20",
        "[[0.5] * 200_000] * 20",
    ),
    "mixed_numbers": (
        "def f(n): return [1, None, True] + [n] * 300 + [2]",
        "[(0.5,)] * 3",
        "[[1, None, True] + [0.5] * 300 + [2]] * 3",
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_calls_sent_ahead_have_the_results_of_calls(name: str, pool: Pool) -> None:
    source, arguments, results = MANY[name]
    test = f"""
        found = []
        try:
            for result in f.starmap({arguments}):
                found.append(result)
        except Exception as error:
            found.append(type(error).__name__[:7])
        assert found == list({results})
    """
    assert verdict(pool, source, textwrap.dedent(test)).status is Status.passed


def test_exception_among_calls_sent_ahead_is_the_programs(pool: Pool) -> None:
    """Also StopIteration, which a generator of the test would turn into another."""
    for source in ("def f(x): return next(iter([]))", "def f(x): return {}[x]"):
        outcomes = [
            verdict(pool, source, test) for test in ("f(1)", "for x in f.starmap([(1,)]): pass")
        ]
        assert [(o.status, o.detail, o.line) for o in outcomes[:1]] == [
            (o.status, o.detail, o.line) for o in outcomes[1:]
        ]
        assert outcomes[0].status is Status.exception


def test_a_program_may_replace_the_clock_and_the_limit_of_digits(pool: Pool) -> None:
    source = "import sys, time\ntime.perf_counter = lambda: None\n"
    source += "sys.set_int_max_str_digits(0)\ndef f(x): return 10 ** x"
    assert verdict(pool, source, "assert f(9) == 10**9 and f(20_000) == 10**20_000").status is (
        Status.passed
    )


def test_tests_do_not_follow_the_evaluators_interpreter(tmp_path: Path) -> None:
    """Its options say whether assertions count, and what a warning is."""
    script = tmp_path / "judge.py"
    script.write_text(
        "from sandbox import Pool, Program, Test\n"
        "if __name__ == '__main__':\n"
        "    with Pool() as pool:\n"
        "        for wanted in (2, 3):\n"
        "            test = Test('', f'assert f(\"\\\\d\") == {wanted}', ['f'])\n"
        "            print(pool.run(Program('def f(x): return 3', test=test)).status.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-W", "error", str(script)], capture_output=True, text=True
    )
    assert done.stdout.split() == ["wrong_answer", "passed"], done.stderr


def test_calls_sent_ahead_get_copies(pool: Pool) -> None:
    test = "rows = [[[2, 1]], [[4, 3]]]\nassert list(f.starmap(rows)) == [1, 3]\n"
    test += "assert rows == [[[2, 1]], [[4, 3]]]"
    assert verdict(pool, "def f(x): x.sort(); return x[0]", test).status is Status.passed


def test_first_wrong_result_decides_whatever_later_calls_do(pool: Pool) -> None:
    """All calls are known to the program at once; the one after the wrong result never ends."""
    source = "def f(x):\n    while x == 3: pass\n    return x"
    test = "for n, x in enumerate(f.starmap([(0,), (5,), (3,), (2,)])): assert x == n, x"
    outcome = verdict(pool, source, test)
    assert (outcome.status, outcome.detail) == (
        Status.wrong_answer,
        "AssertionError: 5 (line 1 of the test)",
    )
    assert verdict(pool, source, test.replace("(5,)", "(1,)")).status is Status.timeout


def test_a_program_that_dies_in_a_later_call_fails(pool: Pool) -> None:
    source = "import os\ndef f(x):\n    if x == 3: os._exit(0)\n    return x"
    test = "for n, x in enumerate(f.starmap([(0,), (1,), (2,), (3,)])): assert x == n, x"
    assert verdict(pool, source, test).status is Status.exception


def test_slow_results_are_seen_as_they_come(pool: Pool) -> None:
    """The first wrong result ends a test though many slow calls would follow."""
    source = "import time\ndef f(x):\n    time.sleep(0.05); print(x)\n    return x"
    test = "for n, x in enumerate(f.starmap([(1,)] * 60)): assert x == n, x"
    outcome = verdict(pool, source, test)
    assert outcome.status is Status.wrong_answer
    assert outcome.stdout.count("1") < 60


def test_objects_of_the_program_can_be_used_between_calls_sent_ahead(pool: Pool) -> None:
    source = "def f(n):\n    yield from range(n)"
    test = "assert [list(x) for x in f.starmap([(n % 4,) for n in range(150)])] == [\n"
    test += "    list(range(n % 4)) for n in range(150)]\nassert next(f(2)) == 0"
    assert verdict(pool, source, test).status is Status.passed


def test_functions_of_the_test_can_be_called_in_calls_sent_ahead(pool: Pool) -> None:
    source = "def f(g, x): return g(x) + 1 if x % 2 else x"
    test = (
        "double = lambda x: 2 * x\nassert list(f.starmap([(double, x) for x in range(100)])) == [\n"
    )
    test += "    2 * x + 1 if x % 2 else x for x in range(100)]"
    assert verdict(pool, source, test).status is Status.passed


def test_calls_after_one_that_failed_are_not_made(pool: Pool) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return 1 // x\n"
    source += "def g(): return seen"
    test = "try:\n    list(f.starmap([(1,), (0,), (2,), (3,)]))\nexcept ZeroDivisionError: pass\n"
    test += "assert g() == [1, 0] and list(f.starmap([(2,), (1,)])) == [0, 1]\n"
    test += "assert g() == [1, 0, 2, 1]"
    assert verdict(pool, source, test).status is Status.passed


def test_a_loop_that_was_left_disturbs_no_later_call(pool: Pool) -> None:
    test = "for x in f.starmap([(n,) for n in range(100)]):\n    if x == 3: break\n"
    test += "assert f(7) == 7 and list(f.starmap([(1,), (2,)])) == [1, 2]"
    assert verdict(pool, "def f(x): return x", test).status is Status.passed

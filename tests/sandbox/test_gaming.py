"""Programs that try to be judged right without being right."""

from __future__ import annotations

import textwrap

import pytest

from sandbox import Harness, Outcome, Pool, Program, Status, Test

SECRET = 271828

# a test of HumanEval's form: what is to be found out is in the test alone
CHECK = f"""
import random

METADATA = {{"author": "x"}}

def check(candidate):
    assert candidate(2) == {SECRET} + 2
    assert candidate([1, 2]) == [{SECRET}, 1, 2]
    assert abs(candidate(0.5) - {SECRET}.5) < 1e-6
    assert all(candidate(n) == {SECRET} + n for n in range(3))
    assert tuple(sorted(candidate("b"))) == ("a", "b")

check(f)
"""
TEST = Test(setup="def f(x):\n    ...\n", source=CHECK, proxies=("f",))

LAST_PRINT = Harness(
    """
printed = None

def on_print(args):
    global printed
    printed = freeze(args[0]) if args else None

def report():
    return printed
"""
)

LIAR = """
class Liar{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __contains__ = __lt__
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __abs__ = __sub__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __repr__(self): return "271828"
    __str__ = __repr__
    @property
    def __class__(self): return int
"""

CHEATS = {
    "leave_at_once": "import os; os._exit(0)",
    "leave_politely": "import sys; sys.exit(0)",
    "leave_in_the_call": "def f(x): raise SystemExit(0)",
    "leave_at_once_in_the_call": "import os\ndef f(x): os._exit(0)",
    "close_the_link_in_the_call": "import os\ndef f(x): os.closerange(3, 256)",
    "stop_iteration": "def f(x): raise StopIteration",
    "keyboard_interrupt": "def f(x): raise KeyboardInterrupt",
    "define_nothing": "pass",
    "no_function": "f = 5",
    "forge_every_descriptor": """
        import os
        for body in (b'passed', b'{"passed": true}', b'V\\4\\0\\0\\0Tpas', b'D\\1\\0\\0\\0N'):
            for fd in range(256):
                try: os.write(fd, body)
                except OSError: pass
        def f(x): return None
    """,
    "forge_answers": """
        import os
        def f(x):
            for _ in range(50): os.write(4, b'V\\7\\0\\0\\0t\\2\\0\\0\\0TN')
            return True
    """,
    "forge_a_verdict": """
        import os
        def f(x):
            os.write(3, b'E\\40\\0\\0\\0t\\4\\0\\0\\0s\\6\\0\\0\\0passeds\\0\\0\\0\\0NN')
            os._exit(0)
    """,
    "garbage_for_an_answer": """
        import os
        def f(x): os.write(4, bytes(range(256)) * 1000); os._exit(0)
    """,
    "replaced_builtins": """
        import builtins
        for name in ('abs', 'all', 'any', 'len', 'sorted', 'tuple', 'print', 'AssertionError'):
            setattr(builtins, name, lambda *a, **k: True)
        def f(x): return True
    """,
    "replaced_check": """
        def check(candidate): pass
        def f(x): return None
        __builtins__.check = check
    """,
    "fake_modules": """
        import sys, types
        for name in ('random', 'json', 'pickle', 'marshal', 'struct', 'math', 'builtins'):
            sys.modules[name] = types.ModuleType(name)
        def f(x): return None
    """,
    "patched_library": """
        import struct, marshal, json
        marshal.loads = json.loads = lambda *a: None
        marshal.dumps = json.dumps = lambda *a: b''
        def f(x): return None
    """,
    "trace_function": """
        import sys
        found = []
        def trace(frame, event, arg):
            found.extend(v for v in frame.f_locals.values() if type(v) is int and v > 10**5)
            return trace
        sys.settrace(trace)
        def f(x): return (found or [0])[0]
    """,
    "walk_frames": """
        import sys
        def f(x):
            frame = sys._getframe()
            while frame:
                for names in (frame.f_locals, frame.f_globals):
                    for value in list(names.values()):
                        if '271828' in repr(value)[:10000]: return 271828 + x
                frame = frame.f_back
            return x
    """,
    "walk_all_objects": """
        import gc
        def f(x):
            for found in gc.get_objects():
                names = getattr(found, 'co_consts', None)
                if type(found) is dict: names = list(found.values())
                if names and 271827 + 1 in [n for n in names if type(n) is int]:
                    return x + 271828
            return x
    """,
    "read_the_callers_constants": """
        import sys
        def f(x):
            frame = sys._getframe(1)
            big = [c for c in frame.f_code.co_consts if type(c) is int and c > 10**5]
            return big[0] + x
    """,
    "exit_hook": """
        import atexit, os
        atexit.register(os._exit, 0)
        def f(x): return None
    """,
    "always_equal": LIAR.format(base="") + "\ndef f(x): return Liar()",
    "lying_int": LIAR.format(base="(int)") + "\ndef f(x): return Liar(7)",
    "lying_float": LIAR.format(base="(float)") + "\ndef f(x): return Liar(7)",
    "lying_text": LIAR.format(base="(str)") + "\ndef f(x): return Liar('7')",
    "lying_list": LIAR.format(base="(list)") + "\ndef f(x): return Liar([7])",
    "lying_tuple": LIAR.format(base="(tuple)") + "\ndef f(x): return Liar((7,))",
    "lying_dict": LIAR.format(base="(dict)") + "\ndef f(x): return Liar({7: 7})",
    "lying_exception": LIAR.format(base="(Exception)") + "\ndef f(x): raise Liar(7)",
    "lying_iterator": "def f(x):\n    while True: yield x",
    "reduce": """
        import os
        class R:
            def __reduce__(self): return (os._exit, (0,))
            __reduce_ex__ = lambda self, n: self.__reduce__()
        def f(x): return R()
    """,
    "not_a_number": "def f(x): return float('nan')",
    "infinite": "def f(x): return float('inf')",
    "recursive_list": "def f(x):\n    a = []; a.append(a); return a",
    "deep_list": "def f(x):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a",
    "huge_list": "def f(x): return [0] * 10**7",
    "huge_text": "def f(x): return 'x' * 10**9",
    "huge_int": "def f(x): return 1 << 10**9",
    "lone_surrogate": "def f(x): return '\\ud800'",
    "assertion_of_its_own": "def f(x): raise AssertionError",
    "assertion_swallowed": """
        import sys
        sys.excepthook = lambda *a: None
        def f(x):
            try: raise AssertionError
            finally: return None
    """,
    "silent_for_ever": "import time\ndef f(x): time.sleep(1000)",
    "busy_for_ever": """
        def f(x):
            while True:
                try: f(x)
                except BaseException: pass
    """,
    "argument_mutated": "def f(x):\n    if type(x) is list: x[:] = []\n    return x",
    "spoilt_collector": """
        import gc
        gc.callbacks.append(lambda *a: 1 / 0)
        def f(x): gc.collect(); return None
    """,
    "patched_sandbox": """
        import gc, types
        for found in gc.get_objects():
            if type(found) is types.FunctionType and 'sandbox' in str(found.__module__):
                try: found.__code__ = (lambda *a, **k: b'').__code__
                except ValueError: pass
        def f(x): return None
    """,
}


@pytest.mark.parametrize("name", CHEATS)
def test_cheat_does_not_pass_a_test(name: str, pool: Pool) -> None:
    outcome = pool.run(Program(textwrap.dedent(CHEATS[name]), test=TEST))
    assert outcome.status not in (Status.passed, Status.sandbox_error), outcome


def test_right_program_passes_the_same_test(pool: Pool) -> None:
    source = f"""
def f(x):
    if isinstance(x, list): return [{SECRET}] + x
    return "ab" if isinstance(x, str) else {SECRET} + x
"""
    assert pool.run(Program(source, test=TEST)).status is Status.passed


def report(pool: Pool, source: str) -> Outcome:
    return pool.run(Program(textwrap.dedent(source), LAST_PRINT))


def test_forged_report_is_only_a_value(pool: Pool) -> None:
    outcome = report(pool, "import os; os.write(3, b'V\\1\\0\\0\\0T'); os._exit(0)")
    assert outcome.status is Status.exception
    assert outcome.value in (None, ("bool", True))


def test_forged_status_is_not_believed(pool: Pool) -> None:
    source = """
    import os
    os.write(3, b'E\\44\\0\\0\\0t\\4\\0\\0\\0s\\15\\0\\0\\0sandbox_errors\\0\\0\\0\\0NN')
    os._exit(0)
    """
    assert report(pool, source).status is Status.exception


@pytest.mark.parametrize("junk", ["b'V'", "b'V\\xff\\xff\\xff\\x7f'", "bytes(range(256)) * 99"])
def test_junk_on_the_channel_is_the_programs_fault(junk: str, pool: Pool) -> None:
    outcome = report(pool, f"import os; os.write(3, {junk}); os._exit(0)")
    assert (outcome.status, outcome.value) == (Status.exception, None)


@pytest.mark.parametrize(
    ("base", "frozen"),
    [
        ("(int)", ("int", 7)),
        ("(float)", ("float", 7.0)),
        ("(str)", ("str", "7")),
    ],
)
def test_lying_subclass_is_reported_as_its_base(
    base: str, frozen: tuple[object, ...], pool: Pool
) -> None:
    assert report(pool, LIAR.format(base=base) + "\nprint(Liar(7))").value == frozen


def test_liar_is_reported_as_an_object(pool: Pool) -> None:
    outcome = report(pool, LIAR.format(base="") + "\nprint(Liar())")
    assert outcome.value == ("object", "__main__.Liar", "271828")


def test_harness_keeps_its_builtins(pool: Pool) -> None:
    harness = Harness("def report(): return len([1, 2]), abs(-1), sorted([2, 1])")
    source = "import builtins\nfor n in ('len', 'abs', 'sorted'): setattr(builtins, n, None)"
    value = pool.run(Program(source, harness)).value
    assert value == ("tuple", (("int", 2), ("int", 1), ("list", (("int", 1), ("int", 2)))))


def test_value_survives_whatever_comes_after_the_print(pool: Pool) -> None:
    for end in ("1 / 0", "import sys; sys.exit(1)", "f = 7 ** 10**9"):
        harness = Harness(LAST_PRINT.source + "interim = report\n")
        outcome = pool.run(Program(f"print(42)\n{end}", harness))
        assert outcome.value == ("int", 42), outcome


def test_program_never_sees_its_test(pool: Pool) -> None:
    source = """
import gc, sys
NEEDLE = "METADATX"[:-1] + chr(65)
def f(x):
    kinds = (str, dict, tuple, list)
    own = [o for o in gc.get_objects() if type(o) in kinds and NEEDLE in repr(o)[:5000]]
    return [repr(o)[:200] for o in own if "NEEDLE" not in repr(o)]
"""
    test = Test("", "METADATA = 1\nassert f(1) == [], f(1)", ("f",))
    outcome = pool.run(Program(source, test=test))
    assert outcome.status is Status.passed, outcome

"""Tiers: a program runs where its libraries are, and nothing but its speed tells where it ran."""

from __future__ import annotations

import dataclasses
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from benchmarks import official, strict
from sandbox import Harness, Isolation, Limits, Outcome, Pool, Program, Status, Test, tiers
from sandbox.protocol import messages
from tests.benchmarks.programs import ALL
from tests.sandbox.test_lifecycle import descendants, ends, linux_only

pytest.importorskip("pandas")
LIBRARIES = ("numpy", "pandas")
LIMITS = Limits(cpu_s=5.0, wall_s=20.0, memory_mb=256)


@pytest.fixture
def fresh_pool() -> Iterator[Pool]:
    with Pool(LIMITS, workers=1, libraries=LIBRARIES) as pool:
        yield pool


@pytest.fixture(scope="module")
def shared_pool(full_pool: Pool) -> Iterator[Pool]:
    """In complete isolation."""
    with Pool(LIMITS, isolation=Isolation.full, libraries=LIBRARIES) as pool:
        yield pool


def started(pool: Pool) -> set[int]:
    return {tier for worker in pool._workers for tier in worker.servers}


SCANNED = {
    "print(1)": 0,
    "import math, random\nprint(numbers)": 0,
    "import numpy as np\n\nprint(1)": 0,
    "import numpy\nprint(1)": 0,
    "# Import libraries.\n\nimport numpy as np\n\n# Print np.pi, from numpy.\nprint(3)": 0,
    "def f():\n    import numpy as np\n    return 1": 0,
    "import numpy as np\nimport pandas as pd\nprint(1)": 0,
    "import numpy as np\nprint(np.pi)": 1,
    "import numpy\nprint(numpy.pi)": 1,
    "import numpy as n\nx = n": 1,
    "import numpy as np, math\nprint(1)": 1,
    "import numpy as np; np.pi": 1,
    "import numpy.linalg as la": 1,
    "from numpy import *": 1,
    "from numpy.random import rand": 1,
    "import importlib\nimportlib.import_module('numpy')": 1,
    "__import__('numpy')": 1,
    "import numpy as np\nimport pandas as pd\nprint(np.pi)": 1,
    "import pandas as pd\npd.Series([1])": 2,
    "import numpy as np\nfrom pandas import Series": 2,
    "x" * tiers.MOST_SCANNED + "\nimport numpy as np\nprint(np.pi)": 0,
}


@pytest.mark.parametrize("source", SCANNED)
def test_a_text_is_sent_where_the_libraries_are_that_it_uses(source: str) -> None:
    assert tiers.tier_of(source, LIBRARIES) == SCANNED[source]


def test_parts_of_a_library_are_one_tier() -> None:
    libraries = ("numpy", "scipy.stats", "scipy.linalg", "pandas")
    assert tiers.tier_of("from scipy import stats", libraries) == 3
    assert tiers.tier_with("scipy", libraries) == 3
    assert tiers.tier_with("sklearn", libraries) == 0


def passes(source: str) -> int:
    """How often a regular expression is taken over the text, or over part of it, in a scan."""
    count = 0

    def note(frame: FrameType, event: str, function: object) -> None:
        nonlocal count
        count += event == "c_call" and isinstance(getattr(function, "__self__", None), re.Pattern)

    sys.setprofile(note)
    try:
        assert tiers.tier_of(source, LIBRARIES) == 0
    finally:
        sys.setprofile(None)
    return count


def test_the_scan_is_linear_in_the_text_however_many_names_it_gives() -> None:
    def text(names: int) -> str:
        return "".join(f"import numpy as n{number}\n" for number in range(names))

    assert 0 < passes(text(2)) == passes(text(2_000))


def test_a_server_starts_when_a_program_needs_it(fresh_pool: Pool) -> None:
    assert started(fresh_pool) == {0}
    needs = {
        "print(1)": {0},
        "import numpy as np\nimport numpy as np\nprint(1)": {0},
        "import pandas as pd\nprint(pd.Series([1]).sum())": {0, 2},
        "import numpy as np\nprint(np.int64(1))": {0, 1, 2},
    }
    for source, tiers_by_then in needs.items():
        assert fresh_pool.run(Program(source)).stdout == "1\n"
        assert started(fresh_pool) == tiers_by_then


def test_text_that_is_too_clever_for_the_scan_starts_nothing_for_nothing(fresh_pool: Pool) -> None:
    unused = "import numpy as np\nmodule = globals()['n' 'p']\nprint(module.__spec__.name)"
    repeated = "for _ in range(3): exec('import num' 'py')\nprint('num' 'py')"
    for source in (unused, repeated):
        assert fresh_pool.run(Program(source)).stdout == "numpy\n"
    assert started(fresh_pool) == {0}


def test_looking_at_all_modules_uses_none_of_them(fresh_pool: Pool) -> None:
    source = "import inspect\ndef f(): return inspect.stack()\nprint(f()[0].function)"
    assert fresh_pool.run(Program(source)).stdout == "f\n"
    assert started(fresh_pool) == {0}


HIDDEN = {
    "built name": "np = __import__('num' + 'py')\nprint(np.arange(3).sum())",
    "importlib": "from importlib import import_module as i\nprint(i('num' 'py').arange(3).sum())",
    "exec": "exec('import num' 'py as np; print(np.arange(3).sum())')",
    "globals": "import numpy as np\nprint(globals()['n' 'p'].arange(3).sum())",
    "from": "exec('from num' 'py import arange')\nprint(arange(3).sum())",
    "star": "exec('from num' 'py import *')\nprint(arange(3).sum())",
    "submodule": "m = __import__('num' 'py.linalg')\nprint(m.arange(3).sum())",
    "dir": "import numpy as x\nd = dir(globals()['nx'[1]])\nprint(3 if 'arange' in d else d)",
    "set": "import numpy as x\nm = globals()['nx'[1]]\nm.y = 3\nprint(m.y)",
    "another library": "m = __import__('pan' 'das')\nprint(m.Series([1, 2]).sum())",
    "guarded": "try:\n    print(__import__('num' 'py').arange(3).sum())\nexcept BaseException: 1",
    "second thread": (
        "import threading\n"
        "t = threading.Thread(target=lambda: print(__import__('num' 'py').arange(3).sum()))\n"
        "t.start()"
    ),
    "exit hook": "import atexit\natexit.register(lambda: print(__import__('num' 'py').int64(3)))",
    "after output": "print(3, flush=True)\n__import__('num' 'py').pi",
    "much memory": "np = __import__('num' 'py')\nprint(np.ones(25_000_000)[:3].sum().astype(int))",
    "late": "#" * tiers.MOST_SCANNED + "\nimport numpy as np\nprint(np.arange(3).sum())",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_library_reached_in_any_way_is_there(shared_pool: Pool, name: str) -> None:
    outcome = shared_pool.run(Program(HIDDEN[name]))
    assert (outcome.status, outcome.stdout) == (Status.passed, "3\n"), outcome


def test_a_library_reached_in_a_call_of_a_test_is_there(shared_pool: Pool) -> None:
    source = "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls), g(x)\n"
    source += "def g(x): return float(__import__('num' 'py').sqrt(x))"
    test = Test("", "assert [f(4.0), f(9.0)] == [(1, 2.0), (2, 3.0)]", ("f",))
    assert shared_pool.run(Program(source, test=test)).status is Status.passed


def test_a_library_that_is_not_installed_is_missed_as_ever() -> None:
    with Pool(LIMITS, workers=1, libraries=("no_such_library", "numpy")) as pool:
        outcome = pool.run(Program("import no_such_library as x\nimport numpy\nx.y"))
        assert outcome.detail == "ModuleNotFoundError: No module named 'no_such_library'"
        assert pool.run(Program("import numpy\nprint(numpy.int64(1))")).stdout == "1\n"
        assert started(pool) == {0, 1}


def test_a_library_that_another_one_brings_along_is_there() -> None:
    with Pool(LIMITS, workers=1, libraries=("pandas", "numpy")) as pool:
        source = "import pandas as pd\nprint(pd.Series([1]).to_num" + "py())"
        assert pool.run(Program(source)).stdout == "[1]\n"
        assert started(pool) == {0, 1}


@pytest.mark.parametrize("names", [("pandas", "numpy"), ("numpy", "pandas"), ("nonsense", "")])
def test_requests_that_a_program_makes_up_change_nothing(
    fresh_pool: Pool, names: tuple[str, ...]
) -> None:
    forged = "import os\n"
    for frame in [messages.NEEDS.frame(name.encode()) for name in names]:
        forged += f"os.write(3, {frame!r})\n"
    assert fresh_pool.run(Program(f"{forged}1 / 0")).detail.startswith("ZeroDivisionError")
    assert fresh_pool.run(Program(f"{forged}print(2)")).stdout == "2\n"
    assert fresh_pool.run(Program("print(1)")).stdout == "1\n"


GUESSES = """
import os, struct, sys
tier = [type(sys.modules[n]).__name__ for n in ("num" "py", "pan" "das")].count("module")
calls = 0
def f(x):
    global calls
    calls += 1
    return x * (tier + 1)
class Out:
    def write(self, text): pass
    def flush(self):
        name = (b"num" b"py", b"pan" b"das", b"")[tier]
        if calls < 2: os.write(3, struct.pack("<cI", b"l", len(name)) + name)
sys.stdout = Out()
"""


def test_after_a_verdict_there_is_no_other_try(fresh_pool: Pool) -> None:
    test = Test("", "assert f(2) == 4\nassert f(3) == 6", ("f",))
    assert fresh_pool.run(Program(GUESSES, test=test)).status is Status.wrong_answer
    assert started(fresh_pool) == {0}


def test_a_library_that_is_used_after_the_end_is_not_needed(fresh_pool: Pool) -> None:
    """As by a thread that nobody waits for."""
    forged = (messages.ENDING.frame(bytes(10)), messages.NEEDS.frame(b"numpy"))
    for frames in (forged, forged[::-1]):
        late = f"import os\nos.write(3, {b''.join(frames)!r})\nos._exit(0)"
        assert fresh_pool.run(Program(late)).status is Status.passed
    assert started(fresh_pool) == {0}


@linux_only
def test_closing_ends_the_servers_of_all_tiers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Pool(LIMITS, workers=2, libraries=LIBRARIES) as pool:
        for future in [pool.submit(Program(f"import {name}\n{name}.x")) for name in LIBRARIES * 4]:
            assert future.result().detail.startswith("AttributeError")
        pids = descendants(str(tmp_path))
        assert len(pids) >= 6  # a keeper, a server and a process that waits for each tier
    assert ends(pids)
    assert list(tmp_path.iterdir()) == []


def seen(outcome: Outcome) -> str:
    """All of an outcome but times and addresses."""
    told = dataclasses.asdict(outcome) | {"cpu_s": None, "wall_s": None}
    return re.sub("0x[0-9a-f]+", "0x", repr(told))


RANDOM = [
    "import random\nprint(random.random())",
    "import numpy as np\nprint(np.random.rand())",
    "r = __import__('num' 'py').random\nprint(r.rand())",
    "from statistics import NormalDist\nprint(NormalDist().samples(1))",
    "print(getattr(__import__('num' 'py'), 'ran' 'dom').rand())",
    "import pandas as pd\nprint(list(pd.Series(range(1000)).sample(3)))",
]


def test_outcomes_do_not_depend_on_the_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = [
        Program(judged.program, Harness(scorer.HARNESS, scorer.arguments(judged.expected)))
        for judged in ALL
        for scorer in (official, strict)
    ]
    programs += [Program(source, seed=3) for source in RANDOM]
    outcomes = []
    for forced in (None, 0, len(LIBRARIES)):  # the one that fits, the smallest, the largest
        with monkeypatch.context() as patch, Pool(LIMITS, libraries=LIBRARIES) as pool:
            if forced is not None:
                patch.setattr("sandbox.worker.tier_of", lambda source, libraries, t=forced: t)
            outcomes.append([seen(f.result()) for f in [pool.submit(p) for p in programs]])
    for program, *ways in zip(programs, *outcomes, strict=True):
        assert ways[0] == ways[1] == ways[2], program.source

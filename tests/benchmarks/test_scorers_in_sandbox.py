"""Both scorers in the real sandbox, where the program has a process and limits."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from benchmarks import official, strict
from sandbox import Harness, Isolation, Limits, Outcome, Pool, Program, Status
from tests.benchmarks.programs import ALL

SCORERS = {"official": official, "strict": strict}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    limits = Limits(cpu_s=1.0, wall_s=2.0, memory_mb=512)
    libraries = ("numpy", "pandas")
    with Pool(limits, workers=2, isolation=Isolation.basic, libraries=libraries) as pool:
        yield pool


def program(scorer: ModuleType, source: str, expected: object) -> Program:
    return Program(source, harness=Harness(scorer.HARNESS, scorer.arguments(expected)))


def accepted(scorer: ModuleType, outcome: Outcome, expected: object) -> bool:
    ended_right = outcome.status is Status.passed if scorer is strict else outcome.exit_code is None
    return ended_right and scorer.mismatch(outcome.value, expected) is None


def test_verdicts_are_the_same_as_in_this_process(pool: Pool) -> None:
    running = [
        (name, judged, pool.submit(program(scorer, judged.program, judged.expected)))
        for judged in ALL
        for name, scorer in SCORERS.items()
    ]
    for name, judged, future in running:
        verdict = accepted(SCORERS[name], future.result(), judged.expected)
        assert verdict == getattr(judged, name), (name, judged.shows)


@pytest.mark.parametrize("rest", ["while True: pass", "import time; time.sleep(60)"])
def test_right_print_before_a_time_limit_passes_officially_alone(pool: Pool, rest: str) -> None:
    source = f"print([1, 2])\n{rest}\n"
    running = {name: pool.submit(program(SCORERS[name], source, [1, 2])) for name in SCORERS}
    for name, future in running.items():
        assert future.result().status is not Status.passed
        assert accepted(SCORERS[name], future.result(), [1, 2]) == (name == "official")


def test_endless_generator_is_no_list(pool: Pool) -> None:
    source = "import itertools\nprint(itertools.count())"
    for scorer in SCORERS.values():
        assert not accepted(scorer, pool.run(program(scorer, source, [0])), [0])


def test_program_finds_no_trace_of_the_expected_value(pool: Pool) -> None:
    source = (
        "import gc\n"
        "wanted = int('715' + '37')\n"
        "print([o for o in gc.get_objects() if type(o) in (list, tuple) and wanted in o])\n"
    )
    outcome = pool.run(program(official, source, [71537]))
    assert outcome.stdout == "[]\n"

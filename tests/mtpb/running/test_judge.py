"""Verdicts of real programs in the real sandbox, by both scorers."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import ClassVar

import pytest

from benchmarks import Benchmark, Case, FunctionTest, Problem
from benchmarks.protocol import HUMANEVAL, HUMANEVAL_PLUS, MTPB
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample, Turn, Verdict, VerdictStatus
from mtpb.running.judge import Judge, ended
from sandbox import Isolation, Limits, Outcome, Pool, Program
from sandbox import Status as Ending

LIMITS = Limits(cpu_s=1.0, wall_s=20.0)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(LIMITS, workers=1, isolation=Isolation.auto) as pool:
        yield pool


def benchmark_of(expected: object) -> Benchmark:
    problem = Problem("1", "p", "math", ("Print it.",), (Case({}, expected),))
    return Benchmark("toy", "toy", (problem,), "0", MTPB, "here", {})


def judged(pool: Pool, text: str, expected: object, scorer: str = "strict") -> Verdict:
    program = f"{MTPB.preamble}{MTPB.wrap('Print it.')}{text}{MTPB.closing}"
    sample = Sample("1", 0, 0, (Turn("Print it.", text, text, 9, "stop"),), program)
    (verdict,) = Judge(benchmark_of(expected), pool, scorer).verdicts([sample])
    return verdict


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("print(3)", True, True),
        ("3", True, True),
        ("x = 3", True, False),
        ("print(3)\n1 / 0", True, False),
        ("print(3)\nwhile True: pass", True, False),
        ("print(3)\nraise SystemExit(0)", False, True),
        ("print('3')", True, False),
        ("print(np.int64(3))", True, True),
        ("print(4)", False, False),
        ("print(3, 4)", True, False),
        ("pass", False, False),
    ],
)
def test_scorers_differ_as_defined(pool: Pool, text: str, official: bool, strict: bool) -> None:
    verdict = judged(pool, text, 3)
    assert verdict.scores == {"official": official, "strict": strict}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("print(3)", VerdictStatus.passed),
        ("print(4)", VerdictStatus.wrong_answer),
        ("pass", VerdictStatus.no_output),
        ("print(", VerdictStatus.syntax_error),
        ("1 / 0", VerdictStatus.exception),
        ("while True: pass", VerdictStatus.timeout),
        ("x = bytearray(8 << 30)", VerdictStatus.memory),
    ],
)
def test_status_says_how_it_ended(pool: Pool, text: str, status: VerdictStatus) -> None:
    assert judged(pool, text, 3).status is status


def test_chosen_scorer_decides_what_passed_says(pool: Pool) -> None:
    assert judged(pool, "x = 3", 3, "official").passed
    assert not judged(pool, "x = 3", 3, "strict").passed


def test_failing_line_and_turn_are_told(pool: Pool) -> None:
    verdict = judged(pool, "x = 1\ny = x / 0", 3)
    assert (verdict.turn, verdict.line) == (0, 7)
    assert "ZeroDivisionError" in verdict.detail


def test_wrong_answer_tells_both_values(pool: Pool) -> None:
    detail = judged(pool, "print([1, 2])", [1, 3]).detail
    assert "2" in detail
    assert "3" in detail


def test_function_suite_is_judged_by_its_test(pool: Pool) -> None:
    prompt = "def double(x):\n"
    test = FunctionTest(prompt + "    pass\n", ("double",), {"test": "assert double(2) == 4"})
    problem = Problem("f", "double", "function", (prompt,), (Case({}, None),), test=test)
    suite = Benchmark("toy", "toy", (problem,), "0", HUMANEVAL, "here", {})
    samples = [
        Sample("f", 0, number, (Turn(prompt, text, text, 9, "stop"),), prompt + text)
        for number, text in enumerate(["    return 2 * x\n", "    return x\n"])
    ]
    right, wrong = Judge(suite, pool, "test").verdicts(samples)
    assert (right.status, wrong.status) == (VerdictStatus.passed, VerdictStatus.wrong_answer)
    assert right.scores == {}


@pytest.mark.parametrize("source", ["assert f(1) ==", "class C: ...\nf(C())"])
def test_test_that_is_at_fault_makes_no_verdict(pool: Pool, source: str) -> None:
    test = FunctionTest("", ("f",), {"test": source})
    problem = Problem("3", "f", "math", ("def f",), (Case({}, None),), test=test)
    benchmark = Benchmark("toy", "toy", (problem,), "0", HUMANEVAL, "here", {})
    sample = Sample("3", 0, 0, (Turn("def f", "", "", 1, "stop"),), "def f(x): return 1\n")
    with pytest.raises(UsageError, match="problem '3' of toy: its test is broken"):
        list(Judge(benchmark, pool, "test").verdicts([sample]))


def test_verdicts_come_in_the_order_of_the_samples(pool: Pool) -> None:
    slow = "import time; time.sleep(0.2); print(3)"
    texts = [slow, "print(3)", slow, "print(4)"]
    samples = [Sample("1", 0, i, (), text) for i, text in enumerate(texts)]
    verdicts = list(Judge(benchmark_of(3), pool, "strict").verdicts(samples))
    assert [v.sample for v in verdicts] == [0, 1, 2, 3]
    assert [v.passed for v in verdicts] == [True, True, True, False]


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending.name != "broken_test"])
def test_every_ending_of_a_program_is_a_status_of_verdicts(ending: Ending) -> None:
    assert ended(Outcome(ending)).value == ending.value


@pytest.mark.parametrize(
    ("answer", "scores", "programs"),
    [("x", (True, True), 2), ("min(x, 1)", (True, False), 2), ("max(x, 2)", (False, False), 1)],
)
def test_further_inputs_are_for_programs_that_pass_the_first(
    pool: Pool, answer: str, scores: tuple[bool, bool], programs: int
) -> None:
    sources = {"base": "assert f(1) == 1\n", "plus": "assert f(2) == 2\n"}
    problem = Problem(
        "1", "f", "math", ("",), (Case({}, None),), test=FunctionTest("", ("f",), sources)
    )
    suite = Benchmark("toy", "humanevalplus", (problem,), "0", HUMANEVAL_PLUS, "here", {})
    judge = Judge(suite, pool, "plus")
    (verdict,) = judge.verdicts([Sample("1", 0, 0, (), f"def f(x): return {answer}\n")])
    assert verdict.scores == dict(zip(("base", "plus"), scores, strict=True))
    assert judge.clock.programs == programs


def test_samples_with_the_same_program_are_run_once(pool: Pool) -> None:
    texts = ["print(3)", "print(4)", "print(3)"] * 20
    samples = [Sample("1", 0, i, (), text) for i, text in enumerate(texts)]
    judge = Judge(benchmark_of(3), pool, "strict")
    alone = Judge(benchmark_of(3), pool, "strict")
    list(alone.verdicts(samples[:2]))
    verdicts = list(judge.verdicts(samples))
    assert judge.clock.programs == alone.clock.programs
    assert [v.passed for v in verdicts] == [text == "print(3)" for text in texts]
    assert [v.sample for v in verdicts] == list(range(60))


class FailingPool:
    """Runs nothing: the first programs end because the sandbox failed, all once `end` is called."""

    layers: ClassVar[dict[str, object]] = {}

    def __init__(self, failures: int) -> None:
        self._left = failures
        self._waiting: list[Future[Outcome]] = []
        self._ended = False

    def submit(self, program: Program) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        self._waiting.append(future)
        if self._ended:
            self.end()
        return future

    def end(self) -> None:
        self._ended = True
        for future in self._waiting:
            self._left -= 1
            future.set_result(Outcome(Ending.passed if self._left < 0 else Ending.sandbox_error))
        self._waiting.clear()


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_failure_of_the_sandbox_is_the_verdict_on_one_sample(failures: int) -> None:
    """Those with the same program, which waited for the same outcome, are run."""
    test = FunctionTest("", ("f",), {"test": "assert f(1) == 1\n"})
    problem = Problem("1", "f", "math", ("",), (Case({}, None),), test=test)
    suite = Benchmark("toy", "toy", (problem,), "0", HUMANEVAL, "here", {})
    pool = FailingPool(failures)
    judge = Judge(suite, pool, "test")
    pending = [judge.submit(Sample("1", 0, number, (), "f = int")) for number in range(9)]
    pool.end()
    passed = [one.result().passed for one in pending]
    assert passed == [False] * failures + [True] * (9 - failures)
    assert [one.result().passed for one in pending] == passed

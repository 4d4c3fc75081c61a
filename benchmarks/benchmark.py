"""The type of a loaded benchmark: problems, protocol, hash and known faults."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.errata import SPOILING, Errata
from benchmarks.problem import BenchmarkError, Format, Problem
from benchmarks.protocol import MBPP_THREE_SHOT, Protocol

_LIBRARIES = ("numpy", "pandas", "scipy", "sklearn")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A suite that is ready to run.

    Attributes:
        name: the content's name: the suite's for the published content, else another.
        suite: the suite whose format and protocol are used.
        sha256: hash of the normalised records of the whole suite, even if `problems` is a part.
        source: the file or address that the records came from.
        known_errata: kinds of known faults by (problem, case); empty for other content than
            the published one.
        id_prefix: what other tools may write before an id.
        base: the suite that this one is made of, if it is made of one.
        left_out: cases of `base` that are not asked here; the others have the same numbers.
        note: what readers of figures must know of the suite.
    """

    name: str
    suite: str
    problems: tuple[Problem, ...]
    sha256: str
    protocol: Protocol
    source: str
    known_errata: Errata
    id_prefix: str = ""
    base: str = ""
    left_out: frozenset[tuple[str, int]] = frozenset()
    note: str = ""

    def problem(self, id: str) -> Problem:
        """The problem with this id. Raises BenchmarkError if there is none."""
        name = self.identity(id)
        for problem in self.problems:
            if problem.id == name:
                return problem
        raise BenchmarkError(
            f"{self.name} has no problem {id!r}; its {len(self.problems)} problems have ids "
            f"like {self.problems[0].id!r}"
        )

    def identity(self, id: object) -> str:
        """The id as the suite writes it: for MBPP and MBPP+, 11 and "Mbpp/11" are "11"."""
        return str(id).removeprefix(self.id_prefix)

    def errata(self, problem: str, case: int) -> frozenset[str]:
        """The kinds of known faults of the case (see `benchmarks.errata`)."""
        return self.known_errata.get((problem, case), frozenset())

    def clean(self, problem: str, case: int) -> bool:
        """Whether the case has no known fault that spoils it."""
        return not self.errata(problem, case) & SPOILING

    @property
    def cases(self) -> int:
        """How many (problem, case) pairs there are."""
        return sum(len(problem.cases) for problem in self.problems)

    @property
    def scorer(self) -> str:
        """The scorer whose verdict counts unless another is chosen."""
        return self.protocol.scorer

    @property
    def scorers(self) -> tuple[str, ...]:
        """Whose verdicts a program gets; see `Protocol.scorers`."""
        return self.protocol.scorers

    @property
    def has_tests(self) -> bool:
        """Whether this is a function suite: one turn a problem, judged by the problem's test."""
        return "official" not in self.scorers

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries that the suite's prompts name, which most programs import."""
        turns = (turn for problem in self.problems for turn in problem.turns)
        text = "\n".join((self.protocol.preamble, *turns))
        named = tuple(name for name in _LIBRARIES if name in text)
        return (*named, *(name for name in self.protocol.libraries if name not in named))


def in_format(benchmark: Benchmark, format: Format) -> Benchmark:
    """The benchmark with the prompts and the protocol of a format.

    Raises:
        BenchmarkError: the suite does not have the format, or not the examples for it.
    """
    if format is Format.multi_turn:
        return benchmark
    if format is Format.single_turn:
        if benchmark.has_tests:
            raise BenchmarkError(
                f"benchmark.format=single_turn: {benchmark.name} has one turn anyway; leave the "
                "key out"
            )
        return benchmark
    if benchmark.suite != "mbpp":
        raise BenchmarkError(f"benchmark.format=three_shot: only mbpp has it, not {benchmark.name}")
    problems = tuple(
        replace(problem, turns=(problem.few_shot,))
        for problem in benchmark.problems
        if problem.few_shot is not None
    )
    if not problems:
        raise BenchmarkError(
            f"benchmark.format=three_shot: {benchmark.source} does not have the examples, problems "
            "2, 3 and 4 of MBPP; give the whole data set"
        )
    return replace(benchmark, problems=problems, protocol=MBPP_THREE_SHOT)

"""A suite as the rest of the project sees it: problems, protocol, hash and known faults."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.errata import SPOILING, Errata
from benchmarks.problem import BenchmarkError, Problem
from benchmarks.protocol import Protocol

_LIBRARIES = ("numpy", "pandas", "scipy", "sklearn")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A suite that is ready to run.

    Attributes:
        name: of the content: the suite's own for what was published, else another.
        suite: whose format and protocol these are.
        sha256: of the normalised records of the whole suite, even where `problems` is a part.
        source: the file or address that the records came from.
        known_errata: kinds of known faults by (problem, case); empty for other content than
            the published one.
    """

    name: str
    suite: str
    problems: tuple[Problem, ...]
    sha256: str
    protocol: Protocol
    source: str
    known_errata: Errata

    def problem(self, id: str) -> Problem:
        """The problem with this id. Raises BenchmarkError if there is none."""
        for problem in self.problems:
            if problem.id == id:
                return problem
        raise BenchmarkError(
            f"{self.name} has no problem {id!r}; its {len(self.problems)} problems have ids "
            f"like {self.problems[0].id!r}"
        )

    def errata(self, problem: str, case: int) -> frozenset[str]:
        """The kinds of known faults of the case (see `benchmarks.errata`)."""
        return self.known_errata.get((problem, case), frozenset())

    def clean(self, problem: str, case: int) -> bool:
        """Whether nothing is known that spoils the case."""
        return not self.errata(problem, case) & SPOILING

    @property
    def cases(self) -> int:
        """How many (problem, case) pairs there are."""
        return sum(len(problem.cases) for problem in self.problems)

    @property
    def scorer(self) -> str:
        """The scorer whose verdict counts unless another is chosen."""
        return self.protocol.scorer or "test"

    @property
    def scorers(self) -> tuple[str, ...]:
        """Whose verdicts a program gets; `test` stands for the problem's own test."""
        return ("test",) if self.has_tests else ("official", "strict")

    @property
    def has_tests(self) -> bool:
        """Whether this is a function suite: one turn a problem, judged by the problem's test."""
        return self.protocol.scorer is None

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries that the suite's texts name, so that most programs will import them."""
        turns = (turn for problem in self.problems for turn in problem.turns)
        text = "\n".join((self.protocol.preamble, *turns))
        return tuple(name for name in _LIBRARIES if name in text)

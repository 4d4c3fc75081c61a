"""The types of problems: turns with places to fill in, cases that fill them, expected values.

A problem of a multi-turn suite has templates for its turns and several cases; each case fills
the templates and has one expected value. A problem of a function suite has one turn, whose text is
used unchanged, and a test instead of an expected value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class BenchmarkError(Exception):
    """A benchmark cannot be loaded or has a fault; the message says what to do."""


class Format(Enum):
    """How a problem is asked: turn by turn, or all turns in one prompt."""

    multi_turn = "multi_turn"
    single_turn = "single_turn"
    three_shot = "three_shot"


@dataclass(frozen=True, slots=True)
class Mended:
    """What a verified suite makes of a faulty case: the right answers, the rule that compares them
    (`official` or `strict`), and why."""

    answers: tuple[object, ...]
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Case:
    """The values that fill the templates, and the value that the program must print.

    `mended` is what the scorer `verified` takes instead of the published value. `example`: a model
    that is told why its program failed may see actual and expected value.
    """

    input: Mapping[str, object]
    expected: object
    mended: Mended | None = None
    example: bool = False

    def rule(self, scorer: str) -> str:
        """The rule by which a scorer compares what this case's program prints."""
        if scorer != "verified":
            return scorer
        return self.mended.rule if self.mended else "official"

    def answers(self, scorer: str) -> tuple[object, ...]:
        """The values that a scorer accepts; all have one type."""
        return self.mended.answers if scorer == "verified" and self.mended else (self.expected,)


@dataclass(frozen=True, slots=True)
class FunctionTest:
    """Trusted code that tests functions of the program.

    `setup` is executed first (HumanEval: the prompt, whose helpers a test may use), then each of
    `names` stands for the program's function of that name, then one of `sources` is executed; it
    raises `AssertionError` where a function is wrong. Any other name that neither of them defines
    is the program's too.

    `sources` has a text for each scorer: `test` alone, or `base` and `plus`. A program passes one
    if it passes that text and those before it. A call may take `call_cpu_s` seconds of CPU time;
    None: as long as the program.

    `example` is the line of the source `test` that has an assertion which the prompt shows: a model
    may be told what it found. None where there is no such line.
    """

    setup: str
    names: tuple[str, ...]
    sources: Mapping[str, str]
    call_cpu_s: float | None = None
    example: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `max_new_tokens` is per turn; None if the problem does not state it.

    `reference` is a solution turn by turn (as templates, filled like the turns), known for our
    own suites and, as one turn, for the public function suites. `few_shot` is the prompt of
    MBPP's three-shot form, where its examples are known.
    """

    id: str
    name: str
    category: str
    turns: tuple[str, ...]
    cases: tuple[Case, ...]
    difficulty: str | None = None
    max_new_tokens: int | None = None
    test: FunctionTest | None = None
    reference: tuple[str, ...] | None = None
    few_shot: str | None = None

    def prompts(self, case: Case, format: Format = Format.multi_turn) -> tuple[str, ...]:
        """The prompts of the conversation about `case`, filled in and not stripped.

        A function suite's prompt is code that may hold braces, so it is not filled. In
        `single_turn` the filled turns are joined by spaces into one prompt.
        """
        filled = self.turns if self.test else self._filled(self.turns, case)
        return (" ".join(filled),) if format is Format.single_turn else filled

    def token_budget(self, default: int, format: Format = Format.multi_turn) -> int:
        """The most tokens of a completion; in `single_turn`, of all turns together."""
        turns = len(self.turns) if format is Format.single_turn else 1
        return turns * (self.max_new_tokens or default)

    def solution(self, case: Case) -> tuple[str, ...]:
        """The reference's completions for `case`, one for each turn."""
        if self.reference is None:
            raise BenchmarkError(f"problem {self.id!r} has no reference solution")
        return self.reference if self.test else self._filled(self.reference, case)

    @staticmethod
    def _filled(templates: tuple[str, ...], case: Case) -> tuple[str, ...]:
        return tuple(template.format(**case.input) for template in templates)

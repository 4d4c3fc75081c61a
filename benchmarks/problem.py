"""Problems as every suite states them: turns to fill in, cases to fill them with, answers.

A problem of a multi-turn suite has templates for its turns and several cases; each case fills
the templates and has one expected value. A problem of a function suite has one turn, which is
the prompt as it stands, and a test instead of an expected value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class BenchmarkError(Exception):
    """A benchmark cannot be had or is not what it should be; the message says what to do."""


class Format(Enum):
    """How a problem's turns reach the model."""

    multi_turn = "multi_turn"
    single_turn = "single_turn"


@dataclass(frozen=True, slots=True)
class Case:
    """What fills the templates, and the value that the finished program has to print."""

    input: Mapping[str, object]
    expected: object


@dataclass(frozen=True, slots=True)
class FunctionTest:
    """Trusted code that tests the program's function `entry_point`.

    `setup` is executed first (the prompt, whose helpers a test may use), then the name
    `entry_point` stands for the program's function, then `source` is executed; it raises
    `AssertionError` where the function is wrong.
    """

    setup: str
    source: str
    entry_point: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `max_new_tokens` is per turn, None where the problem does not say.

    `reference` is a solution turn by turn (as templates, filled like the turns), known for our
    own suites and, as one turn, for HumanEval.
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

    def prompts(self, case: Case, format: Format = Format.multi_turn) -> tuple[str, ...]:
        """The prompts of the conversation about `case`, filled in and never stripped.

        A function suite's prompt holds code, braces included, and is used as it is. In
        `single_turn` the filled turns become one prompt, joined by spaces.
        """
        filled = self.turns if self.test else self._filled(self.turns, case)
        return filled if format is Format.multi_turn else (" ".join(filled),)

    def token_budget(self, default: int, format: Format = Format.multi_turn) -> int:
        """How many tokens a completion may have; one that answers all turns gets all their room."""
        turns = len(self.turns) if format is Format.single_turn else 1
        return turns * (self.max_new_tokens or default)

    def solution(self, case: Case) -> tuple[str, ...]:
        """The reference's completions for `case`, one a turn (all in one for a function suite)."""
        if self.reference is None:
            raise BenchmarkError(f"problem {self.id!r} has no reference solution")
        return self.reference if self.test else self._filled(self.reference, case)

    @staticmethod
    def _filled(templates: tuple[str, ...], case: Case) -> tuple[str, ...]:
        return tuple(template.format(**case.input) for template in templates)

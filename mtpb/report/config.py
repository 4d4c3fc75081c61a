"""What a report may be told, with the defaults.

Apart from what makes the report, which studies and start-up must not wait for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from mtpb.errors import UsageError


@dataclass(frozen=True)
class Thresholds:
    """Pass rates from which a problem is easy, and below which it is hard."""

    easy: float = 0.7
    hard: float = 0.3


@dataclass(frozen=True)
class PageLimits:
    """How many conversations a page may hold, and how many million bytes it may be long."""

    samples: int = 20_000
    megabytes: float = 24.0


@dataclass
class DifficultyConfig:
    """Problems are easy from pass rate `easy` on and hard below `hard`, by the best run of the
    model `reference` (or by the run in that directory); without one by the best of all."""

    easy: float = Thresholds.easy
    hard: float = Thresholds.hard
    reference: str | None = None


@dataclass
class HtmlConfig:
    """`max_samples`: how many conversations are embedded, the first ones of each run and problem;
    fewer where the page would be longer than `max_mb` million bytes."""

    enabled: bool = True
    max_samples: int = PageLimits.samples
    max_mb: float = PageLimits.megabytes


@dataclass
class ReportConfig:
    """`runs`: a glob, or several, of run directories or of folders that hold some; `partial` shows
    unfinished runs, with their numbers marked, which are left out otherwise."""

    runs: Any = MISSING
    output: str = MISSING
    published: str | None = None
    figures: bool = True
    partial: bool = False
    html: HtmlConfig = field(default_factory=HtmlConfig)
    difficulty: DifficultyConfig = field(default_factory=DifficultyConfig)


def check_thresholds(difficulty: DifficultyConfig, where: str = "difficulty") -> None:
    """Raises UsageError unless 1 >= easy >= hard >= 0."""
    easy, hard = difficulty.easy, difficulty.hard
    if not 0 <= hard <= easy <= 1:
        raise UsageError(
            f"{where}.easy={easy}, {where}.hard={hard}: must be 1 >= easy >= hard >= 0"
        )

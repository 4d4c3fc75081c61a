"""The configuration of a report, with its defaults. Imports nothing that makes reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from mtpb.errors import UsageError


@dataclass(frozen=True)
class Thresholds:
    """The pass rates from which a problem is easy and below which it is hard."""

    easy: float = 0.7
    hard: float = 0.3


@dataclass(frozen=True)
class PageLimits:
    """Bounds of the HTML page: its number of conversations, and its size in million bytes."""

    samples: int = 20_000
    megabytes: float = 24.0


@dataclass
class DifficultyConfig:
    """Problems are easy from pass rate `easy` on and hard below `hard`, in the best run of the
    model `reference` (or in the run of that directory); null is the best run of all models."""

    easy: float = Thresholds.easy
    hard: float = Thresholds.hard
    reference: str | None = None


@dataclass
class HtmlConfig:
    """`max_samples` conversations are embedded, the first ones of each run and problem; fewer if
    the page would exceed `max_mb` million bytes."""

    enabled: bool = True
    max_samples: int = PageLimits.samples
    max_mb: float = PageLimits.megabytes


@dataclass
class ReportConfig:
    """`runs` is a glob, or a list of them, of run directories or of folders that hold some;
    `partial` includes unfinished runs, with their numbers marked."""

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

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
    """How problems are sorted by difficulty."""

    easy: float = Thresholds.easy
    """The pass rate from which a problem is easy."""
    hard: float = Thresholds.hard
    """The pass rate below which a problem is hard."""
    reference: str | None = None
    """The model, or the run directory, whose pass rates count; null: the best run of all models.
    Example: codegen-16B-mono"""


@dataclass
class HtmlConfig:
    """The HTML page."""

    enabled: bool = True
    """Make the HTML page."""
    max_samples: int = PageLimits.samples
    """Conversations in the page, the first ones of each run and problem."""
    max_mb: float = PageLimits.megabytes
    """Size of the page in million bytes; it has fewer conversations then."""


@dataclass
class ReportConfig:
    """Which runs are reported, and how."""

    runs: Any = MISSING
    """A glob, or a list of them, of run directories or folders that hold some.
    Example: results/starter/*"""
    before: Any = None
    """A glob, or a list of them, of earlier runs: the report says what changed since them.
    Example: last/*"""
    output: str = MISSING
    """The folder for the report."""
    published: str | None = None
    """A file of published figures to stand beside the runs; null: the package's.
    Example: published.json"""
    figures: bool = True
    """Draw figures."""
    partial: bool = False
    """Include unfinished runs, with their numbers marked."""
    html: HtmlConfig = field(default_factory=HtmlConfig)
    difficulty: DifficultyConfig = field(default_factory=DifficultyConfig)
    quiet: bool = False
    """Print the leaderboard, the page's place, warnings and errors only."""


def check_thresholds(difficulty: DifficultyConfig, where: str = "difficulty") -> None:
    """Raises UsageError unless 1 >= easy >= hard >= 0."""
    easy, hard = difficulty.easy, difficulty.hard
    if not 0 <= hard <= easy <= 1:
        raise UsageError(
            f"{where}.easy={easy}, {where}.hard={hard}: must be 1 >= easy >= hard >= 0"
        )

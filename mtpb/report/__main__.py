"""Tables, figures and HTML from run directories.

python -m mtpb.report runs=results output=report
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from mtpb.cli import application
from mtpb.errors import UsageError
from mtpb.report.settings import Limits, Thresholds
from mtpb.rundir.store import output_directory


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
    max_samples: int = Limits.samples
    max_mb: float = Limits.megabytes


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


@application("report", ReportConfig)
def main(config: ReportConfig) -> int:
    make(config)
    return 0


def check_thresholds(difficulty: DifficultyConfig, where: str = "difficulty") -> None:
    """Raises UsageError unless 1 >= easy >= hard >= 0."""
    easy, hard = difficulty.easy, difficulty.hard
    if not 0 <= hard <= easy <= 1:
        raise UsageError(
            f"{where}.easy={easy}, {where}.hard={hard}: must be 1 >= easy >= hard >= 0"
        )


def make(config: ReportConfig) -> None:
    """Writes the report and says where it is."""
    from mtpb.report.build import Options, write_report
    from mtpb.report.published import SHIPPED, Published

    patterns = config.runs if isinstance(config.runs, list) else [config.runs]
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise UsageError(f"runs={config.runs}: must be a glob or a list of such; put it in quotes")
    output = output_directory(config.output)
    assert output is not None
    check_thresholds(config.difficulty)
    if config.html.max_samples < 1:
        raise UsageError(f"html.max_samples={config.html.max_samples}: must be at least 1")
    if not config.html.max_mb > 0:
        raise UsageError(f"html.max_mb={config.html.max_mb}: must be more than 0")
    published = SHIPPED if config.published is None else Path(config.published)
    options = Options(
        published=Published.read(published),
        thresholds=Thresholds(config.difficulty.easy, config.difficulty.hard),
        reference=config.difficulty.reference,
        html=config.html.enabled,
        figures=config.figures,
        limits=Limits(config.html.max_samples, config.html.max_mb),
        partial=config.partial,
    )
    made = write_report(patterns, output, options)
    for table in made.tables:
        print(f"{table.text()}\n")
    if made.left_out:
        print(made.left_out, file=sys.stderr)
    print(output / "index.html" if config.html.enabled else output)


if __name__ == "__main__":
    main()

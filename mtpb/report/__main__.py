"""Writes tables, figures and HTML from run directories.

mtpb report results
mtpb report 'results/mtpb/*' results/humaneval/RUN output=page
mtpb report results output=tables html.enabled=false figures=false
"""

from __future__ import annotations

from pathlib import Path

from mtpb.cli.application import application
from mtpb.cli.ending import say
from mtpb.config import check_patterns
from mtpb.config.report import PageLimits, ReportConfig, Thresholds, check_thresholds
from mtpb.errors import UsageError
from mtpb.report.build import Options, write_report
from mtpb.report.published import SHIPPED, Published
from mtpb.report.runs import find_runs
from mtpb.rundir.store import output_directory


@application("report", ReportConfig)
def main(config: ReportConfig) -> int:
    make(config)
    return 0


def make(config: ReportConfig) -> None:
    """Writes the report and prints its leaderboard and its place."""
    patterns = check_patterns(config.runs)
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
        limits=PageLimits(config.html.max_samples, config.html.max_mb),
        partial=config.partial,
        before=() if config.before is None else tuple(find_runs(check_patterns(config.before))),
    )
    made = write_report(patterns, output, options)
    for table in made.headline:
        print(f"{table.text()}\n")
    if not config.quiet:
        figures = f" and {len(made.figures)} figures" if config.figures else ""
        print(f"{len(made.tables)} tables{figures}, in {output}")
    if made.omission:
        say(made.omission)
    print(output / "index.html" if config.html.enabled else output)


if __name__ == "__main__":
    main()

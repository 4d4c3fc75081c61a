"""A report in memory: its runs, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass

from mtpb.report.figures import Figure
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.run import Run
from mtpb.tables import Table

FRONT = ("leaderboard", "leaderboard-parts", "changes", "runs")  # the tables that come first


@dataclass(frozen=True, slots=True)
class Report:
    """`runs` are all that were found, also those that no figure is of; the tables of `FRONT` come
    first; `omission` says what the page leaves out."""

    runs: tuple[Run, ...]
    suites: tuple[SuiteRuns, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    omission: str = ""

    @property
    def headline(self) -> list[Table]:
        """The tables that say the most: leaderboards, changes, and which runs are unfinished."""
        return [t for t in self.tables if t.name in (*FRONT, "unfinished") and t.name != "runs"]

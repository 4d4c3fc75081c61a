"""Numbers that papers report, to stand beside measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtpb.errors import UsageError
from mtpb.report.runs import Run
from mtpb.store import read_json
from mtpb.tables import Cell, Estimate

SHIPPED = Path(__file__).with_name("published.json")  # results/published links to it


@dataclass(frozen=True, slots=True)
class Published:
    """Figures of a file, or of a folder's, each with the source that its file names."""

    figures: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, place: Path) -> Published:
        """Reads a file, or all .json files of a folder.

        Raises UsageError where there is none, and for one that does not hold a source and figures.
        """
        figures: list[Mapping[str, Any]] = []
        paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
        if not paths:
            raise UsageError(f"published={place}: no .json file in this folder")
        for path in paths:
            content = read_json(path, _EXPECTED)
            try:
                source = content["source"]
                figures += [{"source": source, **_checked(figure)} for figure in content["figures"]]
            except (KeyError, TypeError) as error:
                raise UsageError(f"published={path}: {_EXPECTED} ({error!r})") from error
        return cls(tuple(figures))

    def value(self, run: Run, figure: str) -> float | None:
        """The published counterpart of a run's figure: by benchmark, format, size and data.

        A part of a suite has none.
        """
        if not run.whole:
            return None
        for row in self.of(str(run.benchmark["name"]), run.format):
            if (row.get("size"), row.get("data")) == (run.size, run.data) and figure in row:
                return float(row[figure])
        return None

    def of(self, benchmark: str, format: str | None = None) -> list[Mapping[str, Any]]:
        """All rows of a benchmark; those that name another format are left out."""
        return [
            row
            for row in self.figures
            if row["benchmark"] == benchmark and row.get("format", format) == format
        ]

    def source(self, benchmark: str) -> tuple[str, ...]:
        """Notes that name where a benchmark's figures are from."""
        sources = dict.fromkeys(str(row["source"]) for row in self.of_any_format(benchmark))
        return tuple(f"Published: {source}" for source in sources)

    def of_any_format(self, benchmark: str) -> Iterable[Mapping[str, Any]]:
        return (row for row in self.figures if row["benchmark"] == benchmark)


_EXPECTED = "expected an object with source, and figures that each name their benchmark"


def _checked(figure: Mapping[str, Any]) -> Mapping[str, Any]:
    _ = figure["benchmark"]
    return figure


def beside(ours: Estimate, published: float | None) -> tuple[Cell, Cell, Cell]:
    """The published value, ours minus it, and whether it lies within our interval."""
    if published is None or ours.value is None or ours.low is None or ours.high is None:
        return published, None, None
    # both are rounded as they are shown: a figure that reads the same is not outside
    within = round(ours.low, 3) <= round(published, 3) <= round(ours.high, 3)
    return published, ours.value - published, within

"""The page of runs as they are now, and what tells that they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mtpb.report.build import Options, report
from mtpb.report.page.write import page_of, waiting_page
from mtpb.report.runs import find_runs
from mtpb.rundir.events import FILE
from mtpb.rundir.run import matching
from mtpb.rundir.store import RunDirectory


def stamp(run: str) -> str:
    """The sizes and times of the files that a page is made of; none of them is read."""
    return repr([(str(one.path), _times(one)) for one in matching([run])])


def _times(directory: RunDirectory) -> Sequence[tuple[int, int]]:
    paths = (
        directory.manifest_path,
        directory.samples_path,
        directory.verdicts_path,
        directory.path / FILE,
    )
    stats = [path.stat() for path in paths if path.exists()]
    return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


def page(run: str, options: Options, state: str) -> str:
    """The page of the runs as they are now; one that says so while nothing is judged yet."""
    runs = find_runs(run)
    if not any(one.judged for one in runs):
        return waiting_page(runs[0].extent)
    made = report(runs, options)
    made = made if options.figures else replace(made, figures=())
    return page_of(made, options.limits, state)[0]

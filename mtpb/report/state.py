"""The table of `mtpb.status`: how far each run is, how fast, and whether it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mtpb.errors import UsageError
from mtpb.report.estimates import of_summary
from mtpb.rundir.events import (
    ENDED,
    INTERRUPTED,
    PROGRESS,
    RESUMED,
    STARTED,
    Event,
    is_alive,
    read_events,
)
from mtpb.rundir.manifest import Manifest
from mtpb.rundir.run import Run, read_run
from mtpb.rundir.store import RunDirectory
from mtpb.statistics.summary import summarise
from mtpb.tables import Column, Estimate, Kind, Table

SILENT_S = 120.0  # after which a run on another machine may have stopped


@dataclass(frozen=True, slots=True)
class State:
    """What becomes of a run: `words` for people; `under_way` until nothing more will happen."""

    words: str
    under_way: bool


def state_table(directories: Sequence[RunDirectory]) -> tuple[Table, bool]:
    """A row for each run, and whether any is still under way.

    Of several directories one that cannot be read has a row that says so; a single one raises
    UsageError.
    """
    rows, any_under_way = [], False
    for directory in directories:
        try:
            row, under_way = _row(directory)
        except UsageError as error:
            if len(directories) == 1:
                raise
            row, under_way = (str(directory.path), "", None, None, "", "", str(error)), False
        rows.append(row)
        any_under_way |= under_way
    columns = (
        Column("run", "run"),
        Column("samples", "samples"),
        Column("judged", "judged", Kind.count),
        Column("pass_rate", "pass rate so far", Kind.rate),
        Column("tokens_per_s", "tokens/s"),
        Column("left", "time left"),
        Column("state", "state"),
    )
    return Table("status", "Runs, % [95 % interval]", columns, tuple(rows)), any_under_way


def _row(directory: RunDirectory) -> tuple[tuple[Any, ...], bool]:
    run, events = read_run(directory), list(read_events(directory.path))
    samples = sum(1 for _ in directory.samples())
    state = run_state(run, events)
    rate, left = speed(run.manifest, samples, events) if state.under_way else ("", "")
    done = f"{samples:,} of {run.manifest.planned_here:,}"
    row = (str(directory.path), done, run.judged, _pass_rate(run), rate, left, state.words)
    return row, state.under_way


def run_state(run: Run, events: Sequence[Event]) -> State:
    """How a run stands by its counts and its log."""
    if run.judged >= run.manifest.planned_here:
        return State("finished", False)
    if not events:
        return State("unfinished, without a log", False)
    last = events[-1]
    if last.event == ENDED:
        return State("ended, but some samples have no verdict; repeat its command", False)
    if last.event == INTERRUPTED:
        return State("interrupted; repeat its command to go on", False)
    if last.is_last:
        return State(f"failed: {last.facts.get('error', 'see error.log')}", False)
    where = f"{last.host}, process {last.process}"
    doing = "".join(f", {value}" for key, value in last.facts.items() if key == "activity")
    alive = is_alive(last)
    if alive:
        return State(f"running on {where}{doing}", True)
    if alive is False:
        return State(
            f"stopped without ending, as when killed (was {where}); repeat its command to go on",
            False,
        )
    silent = f", silent for {_duration(last.age)}" if last.age > SILENT_S else ""
    return State(f"running on {where}{doing}{silent}", True)


def speed(manifest: Manifest, samples: int, events: Sequence[Event]) -> tuple[str, str]:
    """Tokens a second and the time left, by this start of the run; empty where not known yet."""
    began = max((at for at, e in enumerate(events) if e.event in (STARTED, RESUMED)), default=0)
    progress = [event for event in events[began:] if event.event == PROGRESS]
    if not progress:
        return "", ""
    last = progress[-1]
    made = last.samples - events[began].samples
    rate = f"{last.tokens / last.seconds:,.0f}" if last.seconds > 0 else ""
    if made <= 0:
        return rate, ""
    return rate, _duration((manifest.planned_here - samples) * last.seconds / made)


def _pass_rate(run: Run) -> Estimate | None:
    if not run.judged:
        return None
    (entry,) = (
        entry
        for entry in summarise(run)["results"]
        if (entry["scorer"], entry["subset"]) == (run.scorer, "all")
    )
    return of_summary(entry["overall"], "pass_rate")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

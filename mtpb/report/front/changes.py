"""What changed against the run before: of the same model, suite, format and temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mtpb.comparing.comparison import Comparison, Question, compare, is_greedy
from mtpb.comparing.gate import Gate
from mtpb.errors import UsageError
from mtpb.report.front.settings import KIND, kind_cells, started
from mtpb.rundir.run import Run
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked

_NAMED = 5  # problems of each kind that a row names


def changes_table(shown: Sequence[Run], others: Sequence[Run]) -> Table:
    """A row for each of the runs that has one before it among `others`; no row if none has."""
    columns = (
        *KIND,
        Column("since", "run before"),
        Column("before", "before", Kind.rate),
        Column("now", "now", Kind.rate),
        Column("difference", "difference", Kind.difference),
        Column("p", "p of a drop"),
        Column("better", "better problems"),
        Column("worse", "worse problems"),
        Column("changed", "what else changed"),
    )
    begun = [_Begun(started(run) or "", run) for run in others]
    pairs = ((run, _before(run, begun)) for run in shown)
    rows = tuple(_row(before, run) for run, before in pairs if before is not None)
    title = "What changed against the run before: pass rates, % [95 % interval]"
    note = (
        "Paired by problem; p by the sign-flip test over problems. The run before is the latest "
        "that began earlier."
    )
    return Table("changes", title, columns, rows, (note,)).trimmed()


class _Begun(NamedTuple):
    """A run and when it began, "" where its log does not say."""

    time: str
    run: Run


def _before(run: Run, others: Sequence[_Begun]) -> _Begun | None:
    """The latest of the runs of the same kind that began before this one, which is one of those
    that are shown: its model may have been given another name there, to tell it from others."""
    itself = next((other for other in others if other.run.source == run.source), None)
    if itself is None:
        return None
    earlier = [
        other
        for other in others
        if "" < other.time < itself.time and _kind(other.run) == _kind(itself.run)
    ]
    return max(earlier, key=lambda other: other.time, default=None)


def _kind(run: Run) -> tuple[Any, ...]:
    return run.model, run.benchmark.name, run.format, run.temperature, run.manifest.form


def _row(begun: _Begun, run: Run) -> tuple[Cell, ...]:
    before, head = begun.run, (*kind_cells(run), begun.time)
    question = Question(
        Gate(greedy=is_greedy(run) and is_greedy(before)), ("pass_rate",), partial=True
    )
    try:
        found = compare(before, run, question)
    except UsageError as error:
        reason = str(error).partition("\n")[0]
        return (*head, None, None, None, None, None, None, f"not comparable: {reason}")
    (figure,) = found.figures
    numbers = marked(
        (
            figure.baseline,
            figure.candidate,
            Estimate(figure.difference, figure.low, figure.high),
        ),
        *found.unfinished,
    )
    better = [problem.id for problem in reversed(found.problems) if problem.difference > 0]
    worse = [problem.id for problem in found.problems if problem.difference < 0]
    chance = f"{figure.p_drop:.3f}"
    return (*head, *numbers, chance, _named(better), _named(worse), _changed(found))


def _named(problems: Sequence[str]) -> str:
    """How many, and the first of them."""
    if not problems:
        return "none"
    more = ", …" if len(problems) > _NAMED else ""
    return f"{len(problems)}: {', '.join(problems[:_NAMED])}{more}"


def _changed(found: Comparison) -> str:
    """The keys of the identity that differ, versions and commit."""
    one, other = found.baseline.manifest.environment, found.candidate.manifest.environment
    names = [difference.key for difference in found.changed]
    names += sorted(
        name for name, version in other.packages.items() if one.packages.get(name) != version
    )
    if one.git_commit != other.git_commit:
        names.append(f"commit {_short(one.git_commit)} → {_short(other.git_commit)}")
    return ", ".join(names) or "nothing"


def _short(commit: str | None) -> str:
    return (commit or "unknown")[:10]

"""The tables that `run` and `score` print: a run's own figures, and those of several runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mtpb.errors import UsageError
from mtpb.report.estimates import of_summary
from mtpb.report.runs import warn_left_out
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import Manifest, data_order
from mtpb.rundir.run import count_of_problems, read_run
from mtpb.rundir.store import METRICS, RunDirectory, differing_keys
from mtpb.statistics.summary import summarise
from mtpb.tables import Column, Estimate, Kind, Table

# what reading a metrics.json with another structure raises
_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, StopIteration)


def run_table(manifest: Manifest, summary: Mapping[str, Any]) -> Table:
    """One run's figures, a row for each scorer and subset; a note counts the statuses."""
    entries = summary["results"]
    names = [name for name in entries[0]["overall"]["intervals"] if name != "pass@1"]
    rows = [
        (
            entry["scorer"],
            entry["subset"],
            entry["overall"]["samples"],
            *(of_summary(entry["overall"], name) for name in names),
        )
        for entry in entries
    ]
    figures = (Column(name, name.replace("_", " "), Kind.rate) for name in names)
    columns = (
        Column("scorer", "scorer"),
        Column("subset", "cases"),
        Column("samples", "samples", Kind.count),
        *figures,
    )
    model, benchmark = manifest.model.name or "imported samples", manifest.benchmark
    asked, answered = len(benchmark.problems), len(entries[0]["by_problem"])
    part = ""
    if manifest.identity.get("benchmark.problems") or answered < asked:
        part = f" ({count_of_problems(answered, asked)})"
    part += f", {manifest.form}" if manifest.form else ""
    return Table(
        "run",
        f"{model} on {benchmark.name}{part}, % [95 % interval]",
        columns,
        tuple(rows),
        (
            *filter(None, [benchmark.note]),
            _statuses(entries, benchmark.scorer),
            *_repeatable(manifest),
        ),
    )


def _repeatable(manifest: Manifest) -> Iterator[str]:
    """What another run of the same would give, where that is not the same bytes."""
    if manifest.sampling is None or manifest.guarantee is Guarantee.bytes:
        return
    if manifest.guarantee is Guarantee.seed:
        yield "the same command draws by the same seed, but may round differently"
    else:
        yield "the same command may give other samples: the server guarantees nothing"


def _statuses(entries: Iterable[Mapping[str, Any]], scorer: str) -> str:
    counts = next(e["overall"]["status"] for e in entries if e["scorer"] == scorer)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


_LONGEST_VALUE = 12  # characters; enough of a hash


class Place(NamedTuple):
    """A row of the results table; `parameters` sorts the sizes."""

    setting: str
    parameters: int
    size: str


def results_table(directories: Iterable[RunDirectory]) -> Table:
    """Pass rates of the finished ones of these runs: a row for each suite, setting and size, a
    column for each data variant. Runs that would share a cell have the keys in which they differ in
    their settings; of those that differ in none the newest is shown. Notes name the unfinished
    runs. A directory that cannot be read is left out with a warning.
    """
    finished: list[tuple[Manifest, Estimate]] = []
    unfinished = []
    for directory in sorted(directories, key=_age):
        try:
            manifest = directory.manifest()
            found = _pass_rate(directory, manifest)
        except UsageError as error:
            warn_left_out(directory, str(error))
            continue
        except _MISSHAPEN as error:
            warn_left_out(directory, f"its metrics.json is not as runs write it ({error!r})")
            continue
        if isinstance(found, str):
            unfinished.append(f"Unfinished, left out: {directory.path}, {found}.")
        else:
            finished.append((manifest, found))
    places: dict[Place, dict[str, Estimate]] = {}
    for manifest, rate in finished:
        place, data = _place(manifest, [other for other, _ in finished])
        places.setdefault(place, {})[data] = rate
    older = len(finished) - sum(map(len, places.values()))
    variants = sorted({data for row in places.values() for data in row}, key=data_order)
    return Table(
        "results",
        "Pass rates, % [95 % interval]",
        (
            Column("setting", "suite"),
            Column("size", "size"),
            *(Column(data, data, Kind.rate) for data in variants),
        ),
        tuple(
            (place.setting, place.size, *(row.get(data) for data in variants))
            for place, row in sorted(places.items())
        ),
        (*_left_out(older), *unfinished),
    )


def _left_out(older: int) -> tuple[str, ...]:
    if not older:
        return ()
    runs = f"{older} older run{'s' * (older != 1)}"
    return (f"{runs} of the same settings left out; mtpb report tells all apart that differ.",)


def _age(directory: RunDirectory) -> int:
    return directory.manifest_path.stat().st_mtime_ns


def _pass_rate(directory: RunDirectory, manifest: Manifest) -> Estimate | str:
    """The pass rate by the run's own scorer over all cases; for an unfinished run, its extent.

    Taken from metrics.json if it covers all planned samples, since verdicts take longer to read.
    """
    if (directory.path / METRICS).exists():
        overall = _overall(directory.metrics(), manifest)
        if overall["samples"] - overall["status"]["sandbox_error"] >= manifest.planned:
            return of_summary(overall, "pass_rate")
    run = read_run(directory)
    if not run.finished or not run.judged:
        return run.extent
    return of_summary(_overall(summarise(run, ()), manifest), "pass_rate")


def _overall(summary: Mapping[str, Any], manifest: Manifest) -> Mapping[str, Any]:
    """The overall figures by the run's own scorer over all cases."""
    wanted = (manifest.benchmark.scorer, "all")
    overall: Mapping[str, Any] = next(
        e["overall"] for e in summary["results"] if (e["scorer"], e["subset"]) == wanted
    )
    return overall


def _place(manifest: Manifest, all_runs: Iterable[Manifest]) -> tuple[Place, str]:
    """Row and column of a run, where no run of another identity is."""
    place, data = _first_place(manifest)
    identity = manifest.identity
    others = [other.identity for other in all_runs if _first_place(other) == (place, data)]
    differing = sorted({key for other in others for key in differing_keys(identity, other)})
    told = [f"{key}={str(identity.get(key))[:_LONGEST_VALUE]}" for key in differing]
    return place._replace(setting=", ".join([place.setting, *told])), data


def _first_place(manifest: Manifest) -> tuple[Place, str]:
    """Row and column of a run. The row of a model of unknown data has its name too."""
    model = manifest.model
    size = model.size or ""
    if model.data is None:
        size = f"{size} {model.name or 'imported'}".strip()
    return Place(_setting(manifest), model.parameters or 0, size), model.data or "other"


def _setting(manifest: Manifest) -> str:
    """The benchmark, scorer, format and sampling of a run, in few words."""
    benchmark, sampling = manifest.benchmark, manifest.sampling
    words = [benchmark.name]
    if not benchmark.has_tests:
        words += [benchmark.scorer, benchmark.format.replace("_", "-")]
    if manifest.identity.get("benchmark.problems"):
        count = len(benchmark.problems)
        words.append(count_of_problems(count, count))
    if manifest.form:
        words.append(manifest.form)
    if sampling is not None:
        words += [f"T={sampling.temperature:g}", f"n={sampling.n}"]
    return ", ".join(words)

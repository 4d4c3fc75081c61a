"""The end of `run` and `score`: metrics.json, the tables, the directory's path, the exit status."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from mtpb.cli.ending import Exit, say
from mtpb.cli.sweep import is_sweep
from mtpb.cli.volume import notice
from mtpb.errors import nothing_lost, program
from mtpb.report.attempts import attempts
from mtpb.report.results import results_table, run_table
from mtpb.rundir.records import Verdict, VerdictStatus
from mtpb.rundir.run import Run, extent, read_run
from mtpb.rundir.store import METRICS, RunDirectory, write_json
from mtpb.statistics.summary import summarise


def conclude(directory: RunDirectory, ks: tuple[int, ...] | None) -> int:
    """Writes metrics.json, prints the run's table and what to do next, returns the status.

    A job of a sweep prints its directory only; the sweep has one table at its end.

    If the sandbox itself failed on a program, no figures are written, since they would leave that
    sample out. The status is then that of an internal error; the same command judges it again.
    """
    run = read_run(directory)
    if _sandbox_failed(run, directory):
        # of an earlier start, with fewer samples
        (directory.path / METRICS).unlink(missing_ok=True)
        return Exit.internal
    summary = summarise(run, ks)
    write_json(directory.path / METRICS, summary)
    if is_sweep():
        print(directory.path)
        return Exit.done
    print(run_table(run.manifest, summary).text())
    if run.manifest.max_turns > 1:
        print(f"\n{attempts('run', run.benchmark.name, [run]).text()}")
    print(f"\n{directory.path}", flush=True)
    place = shlex.quote(str(directory.path))
    show, report = f"{program()} show {place}", f"{program()} report {place} output=report"
    notice(f"next: {show} (why samples failed), {report} (a page)")
    return Exit.done


def conclude_sweep(runs: Iterable[Path]) -> None:
    """Prints the table of a sweep's runs, without those that ended before there was a manifest."""
    directories = [one for one in map(RunDirectory, runs) if one.manifest_path.exists()]
    if directories:
        print(f"\n{results_table(directories).text()}")


def conclude_shard(directory: RunDirectory) -> int:
    """Prints how far a shard is and what to do next, returns the status; a shard has no figures."""
    run = read_run(directory)
    if _sandbox_failed(run, directory):
        return Exit.internal
    shard = run.manifest.shard
    assert shard is not None
    print(
        f"shard {shard.number}/{shard.of}: {extent(run.judged, shard.planned)} are judged; when "
        f"all shards are there: {program()} merge GLOB output=DIR\n\n{directory.path}"
    )
    return Exit.done


def _sandbox_failed(run: Run, directory: RunDirectory) -> bool:
    """Whether the sandbox itself failed on some program; says so."""
    failed = [one for one in directory.verdicts() if one.status is VerdictStatus.sandbox_error]
    if failed:
        say(_broken_sandbox(run, failed))
    return bool(failed)


def _broken_sandbox(run: Run, failed: list[Verdict]) -> str:
    first = failed[0]
    return (
        f"error: {run.source}: the sandbox itself failed on {len(failed)} samples (first: problem "
        f"{first.problem}, case {first.case}, sample {first.sample}: {first.detail}); {run.extent} "
        f"are judged, so there are no figures; python -m sandbox shows its state; {nothing_lost()}"
    )

"""Makes a sweep of runs, then their report.

    mtpb study experiment=starter
    mtpb study experiment=paper dry_run=true
    mtpb study experiment=starter overrides='["seed=1"]' output=studies/second

Every run is a process of its own, `python -m mtpb.run`, so that a failure does not affect other
runs and memory is freed. Finished runs are kept and unfinished ones resumed, so the same command
continues a study. Failed runs are listed at the end; the exit status is then 1, or 3 if a run ended
by an internal error, a broken sandbox or a signal.
"""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mtpb.cli.application import application
from mtpb.cli.ending import Exit, say
from mtpb.cli.volume import TERMINAL, is_terminal, notice
from mtpb.config import StudyConfig
from mtpb.config.report import DifficultyConfig, ReportConfig
from mtpb.report.__main__ import make
from mtpb.rundir.prompt_scores import FILE as PERPLEXITY
from mtpb.rundir.store import RunDirectory, output_directory
from mtpb.study.experiment import PlannedRun, plan_table, planned_runs, quoted

_TAIL = 40  # the last lines of a run's error output, which say why it failed


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed; `status` is the one that the study has because of it."""

    label: str
    why: str
    status: Exit


@application("study", StudyConfig)
def main(config: StudyConfig) -> int:
    name = config.experiment.name
    folder = output_directory(config.output) or Path(config.results) / name
    runs = planned_runs(config.experiment, folder, tuple(config.overrides))
    if config.dry_run or not config.quiet:
        print(plan_table(name, runs).text(), flush=True)
    if config.dry_run:
        return 0
    volume = [f"{key}=true" for key in ("quiet", "verbose") if getattr(config, key)]
    failures = [failure for run in runs for failure in finish(run, folder, volume)]
    if config.report:
        _report(config, runs, folder)
    for failure in failures:
        say(f"failed: {failure.label}: {failure.why}")
    return max((failure.status for failure in failures), default=Exit.done)


def finish(run: PlannedRun, folder: Path, volume: Sequence[str]) -> list[Failure]:
    """Executes what is left of a run, which gets the keys `volume` too; returns its failures."""
    if not run.done:
        notice(f"▸ {run.label}")
        arguments = [*run.overrides, *_keys(output=run.output, results=folder), *volume]
        if failure := _command(run.label, "mtpb.run", arguments):
            return [failure]
    if run.perplexity and not (run.output / PERPLEXITY).exists():
        label = f"{run.label}, perplexity"
        if failure := _command(label, "mtpb.perplexity", _keys(run=run.output)):
            return [failure]
    return []


def _keys(**values: Path) -> list[str]:
    return [f"{key}={quoted(str(value))}" for key, value in values.items()]


def _command(label: str, module: str, arguments: list[str]) -> Failure | None:
    """Runs one of the harness's commands and passes on its error output; None if it succeeded.

    Its standard output is dropped, since the study prints tables of its own.
    """
    command = [sys.executable, "-m", module, *arguments]
    # `cli` sets it for this process; the run must not inherit it
    environment = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    if os.getcwd() not in sys.path:  # as in the command `mtpb`: no file there hides a module
        environment["PYTHONSAFEPATH"] = "1"
    if is_terminal(sys.stderr):
        environment[TERMINAL] = "1"
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    assert process.stderr is not None
    tail = bytearray()
    try:
        while piece := process.stderr.read1():  # type: ignore[attr-defined]
            # the stream may be full, closed or missing
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.buffer.write(piece)
                sys.stderr.flush()
            tail = (tail + piece)[-4000:]
        status = process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    finally:
        process.stderr.close()
    return failure(label, status, tail.decode(errors="replace"))


def failure(label: str, status: int, errors: str) -> Failure | None:
    """The failure of a command with this exit status (or minus the signal that ended it) and this
    error output; None for status 0. The study's status is 1 only for what a user can correct."""
    if status == Exit.done:
        return None
    correctable = status in (Exit.usage, Exit.interrupted)
    return Failure(label, _why(status, errors), Exit.failed if correctable else Exit.internal)


def _why(status: int, errors: str) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    lines = deque((line.strip() for line in errors.splitlines() if line.strip()), _TAIL)
    said = [line for line in lines if line.startswith(("error:", "internal error:"))]
    return (
        said[-1].removeprefix("error: ") if said else (lines[-1] if lines else f"status {status}")
    )


def _report(config: StudyConfig, runs: list[PlannedRun], folder: Path) -> None:
    """Makes the report of the runs that have verdicts; none if none of them is to be shown."""
    there = [run for run in runs if RunDirectory(run.output).manifest_path.exists() and run.judged]
    shown = [run for run in there if config.partial or run.finished]
    if not shown:
        if there:
            say("no report: no run is finished; partial=true shows them as they are")
        return
    make(
        ReportConfig(
            runs=[glob.escape(str(run.output)) for run in there],
            output=str(folder / "report"),
            partial=config.partial,
            html=config.html,
            difficulty=_difficulty(config.experiment.difficulty, shown),
            quiet=config.quiet,
        )
    )


def _difficulty(asked: DifficultyConfig, runs: list[PlannedRun]) -> DifficultyConfig:
    """The options with the reference's name as its runs have it; without one if it has no run."""
    if asked.reference is None:
        return asked
    for run in runs:
        if run.model == asked.reference:
            return replace(asked, reference=RunDirectory(run.output).manifest().model.name)
    say(
        f"warning: experiment.difficulty.reference={asked.reference} has no run to go by; "
        "difficulty is told by the best model that has"
    )
    return replace(asked, reference=None)


if __name__ == "__main__":
    main()

"""What a report says of the run before."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mtpb.report.build import Options, report
from mtpb.rundir.events import FILE, STARTED, Event
from mtpb.rundir.manifest import RunEnvironment
from mtpb.rundir.run import Run, read_run
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call
from tests.mtpb.runs import Outcomes, manifest_of, passes, verdicts_of, write_run

OLD: Outcomes = {"1": [passes(4, 4)], "2": [passes(0, 4)], "3": [passes(2, 4)]}
NEW: Outcomes = {"1": [passes(4, 4)], "2": [passes(3, 4)], "3": [passes(0, 4)]}


def begun(path: Path, outcomes: Outcomes, day: int, **changed: Any) -> Run:
    """A run that began on a day of November, at a commit of that day."""
    commit = RunEnvironment(git_commit=f"{day:02}" * 20, packages={"mtpb": "0.1.0"})
    manifest = replace(manifest_of(outcomes, **changed), environment=commit)
    write_run(path, verdicts_of(outcomes), manifest)
    event = Event(STARTED, f"2026-11-{day:02}T12:00:00+00:00", "host", 1, 0, 0)
    (path / FILE).write_text(json.dumps(asdict(event)) + "\n")
    return read_run(RunDirectory(path))


def row(runs: list[Run], before: tuple[Run, ...] = ()) -> dict[str, Any] | None:
    """The only row of the table of changes, by column; None without a table."""
    made = report(runs, Options(before=before, html=False, figures=False))
    for table in made.tables:
        if table.name == "changes":
            (found,) = table.rows
            return {c.key: cell for c, cell in zip(table.columns, found, strict=True)}
    return None


def test_the_latest_run_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    runs = [
        begun(tmp_path / "b", NEW, 20),
        begun(tmp_path / "oldest", NEW, 1),
        begun(tmp_path / "a", OLD, 10),
    ]
    found = row(runs)
    assert found is not None
    assert found["since"] == "2026-11-10 12:00"
    assert (found["before"], found["now"]) == (0.5, 7 / 12)
    assert round(found["difference"].value, 6) == round(1 / 12, 6)
    assert (found["better"], found["worse"]) == ("1: 2", "1: 3")
    assert found["changed"] == f"commit {'10' * 5} → {'20' * 5}"


def test_runs_of_an_earlier_report_are_compared_with_and_not_shown(tmp_path: Path) -> None:
    now, before = begun(tmp_path / "b", NEW, 20), begun(tmp_path / "a", OLD, 10)
    found = row([now], (before,))
    assert found is not None
    assert found["since"] == "2026-11-10 12:00"
    made = report([now], Options(before=(before,), html=False, figures=False))
    assert made.runs == (now,)


def test_other_weights_of_one_name_are_compared(tmp_path: Path) -> None:
    """A model that was trained again: both runs are shown, told apart by a piece of their hash."""
    weights = "model__weights_sha256"
    runs = [
        begun(tmp_path / "b", NEW, 20, **{weights: "b" * 64}),
        begun(tmp_path / "a", OLD, 10, **{weights: "a" * 64}),
    ]
    found = row(runs)
    assert found is not None
    assert found["model"] == "codegen-toy-mono (bbbbbb)"
    assert (found["since"], found["now"]) == ("2026-11-10 12:00", 7 / 12)
    assert found["changed"].startswith("model.weights_sha256, commit")


def test_nothing_is_said_where_there_is_no_run_before(tmp_path: Path) -> None:
    assert row([begun(tmp_path / "a", OLD, 10)]) is None
    later = begun(tmp_path / "later", NEW, 20)
    assert row([begun(tmp_path / "b", OLD, 15)], (later,)) is None


def test_a_run_of_other_settings_is_named_and_not_compared(tmp_path: Path) -> None:
    now = begun(tmp_path / "b", NEW, 20)
    before = begun(tmp_path / "a", OLD, 10, **{"sampling.top_p": 0.5})
    found = row([now], (before,))
    assert found is not None
    assert found["changed"].startswith("not comparable:")
    assert "now" not in found


def test_the_terminal_says_what_changed(tmp_path: Path) -> None:
    begun(tmp_path / "last" / "a", OLD, 10)
    begun(tmp_path / "now" / "a", NEW, 20)
    done = call(
        "report", "runs=now", "before=last", "output=out", "html.enabled=false", "figures=false",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What changed against the run before" in done.stdout
    assert "50.0" in done.stdout
    assert "58.3" in done.stdout

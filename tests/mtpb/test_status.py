"""mtpb.status and its log: real runs that go on, are killed, interrupted and finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mtpb.report.state import run_state, speed
from mtpb.rundir.events import ENDED, PROGRESS, STARTED, EventLog, read_events
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call
from tests.mtpb.runs import passes, run_of

LONG_RUN = (
    *("model=codegen-300K-mono", "benchmark.limit=20", "sampling.n=20"),
    *("sampling.temperature=0.8", "output=run"),
)


def status(folder: Path, *overrides: str) -> str:
    done = call("status", *overrides, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("nothing happened in a minute")


def test_a_run_that_goes_on_is_killed_resumed_and_interrupted(tmp_path: Path) -> None:
    samples = tmp_path / "run" / "samples.jsonl"

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mtpb.run", *LONG_RUN], cwd=tmp_path, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    running = start()
    wait_until(lambda: samples.exists() and samples.stat().st_size > 0)
    assert f"running on {os.uname().nodename}, process {running.pid}" in status(tmp_path, "run=run")
    running.kill()
    running.wait()
    assert "killed (" in status(tmp_path, "run=run")
    size = samples.stat().st_size
    running = start()
    wait_until(lambda: samples.stat().st_size > size)
    running.send_signal(signal.SIGINT)
    running.wait()
    assert "interrupted; repeat its command" in status(tmp_path, "run=run")
    events = [event.event for event in read_events(tmp_path / "run") if event.event != PROGRESS]
    assert events == ["started", "resumed", "interrupted"]


def test_finished_runs_are_found_by_folder_and_by_pattern(tmp_path: Path) -> None:
    run_of(tmp_path / "runs" / "a", {"1": [passes(1, 2)]})
    run_of(tmp_path / "runs" / "b", {"1": [passes(2, 2)]})
    for place in ("runs", "runs/*"):
        said = status(tmp_path, f"run='{place}'", "follow=true")
        assert said.count("finished") == 2
    (tmp_path / "runs" / "b" / "verdicts.jsonl").write_text("[]\n")
    assert "b/verdicts.jsonl:1" in status(tmp_path, "run=runs")


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    run_of(tmp_path, {"1": [passes(1, 2)]})
    (tmp_path / "events.jsonl").unlink()
    log = EventLog(tmp_path)
    log.write(STARTED, 0, 0)
    kept = (tmp_path / "events.jsonl").read_bytes()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": 1}\n\xff\xfe\n[]\n{"event": "progress", "ti\n' + b"[" * 100_000)
        file.write(b"\n" + kept.replace(b'"samples": 0', b'"samples": "no"'))
    log.write(ENDED, 1, 1)
    assert [event.event for event in read_events(tmp_path)] == [STARTED, ENDED]


def test_a_run_on_another_machine_is_believed_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(tmp_path, {"1": [passes(1, 2)]})
    (tmp_path / "verdicts.jsonl").write_text("")
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    EventLog(tmp_path).write(PROGRESS, 1, 0, activity="3 in flight")
    monkeypatch.undo()
    state = run_state(read_run(RunDirectory(tmp_path)), list(read_events(tmp_path)))
    assert state.under_way
    assert state.words == f"running on elsewhere, process {os.getpid()}, 3 in flight"


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    run_of(tmp_path, {"1": [passes(1, 4)]})
    run, log = read_run(RunDirectory(tmp_path)), EventLog(tmp_path)
    (tmp_path / "events.jsonl").unlink()
    log.write(STARTED, 0, 0)
    log.write(PROGRESS, 2, 2, tokens=100, seconds=10.0)
    steady = list(read_events(tmp_path))
    shown = run_state(run, steady), speed(run.manifest, 2, steady)
    assert shown[1] == ("10", "10 s")
    for times in (("2101-01-01", "1970-01-01"), ("1970-01-01", "2101-01-01")):
        moved = [
            replace(event, time=f"{day}T00:00:00+00:00")
            for event, day in zip(steady, times, strict=True)
        ]
        assert all(event.age >= 0 for event in moved)
        assert (run_state(run, moved), speed(run.manifest, 2, moved)) == shown


def test_no_run_is_one_message(tmp_path: Path) -> None:
    done = call("status", "run=nowhere", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "run=nowhere: no run directory" in done.stderr

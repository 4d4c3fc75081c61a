"""Jobs of a sweep in processes of submitit, by its local executor: they end as Slurm's do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtpb.rundir.events import RESUMED, read_events
from tests.mtpb.commands import call

pytest.importorskip("submitit")
pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
pytestmark = pytest.mark.skipif(not os.environ.get("MTPB_LONG"), reason="takes a minute")

RUN = (
    *("model=codegen-300K-mono", "benchmark.limit=4", "sampling.n=12", "sampling.temperature=0.8"),
    *("sampling.max_new_tokens=48", "sandbox.workers=1"),
)
SWEEP = ("--multirun", "hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1")


def process_of(samples: Path) -> int:
    """The process that writes to a run, once there is a sample."""
    for _ in range(1200):
        if samples.exists() and samples.stat().st_size:
            return list(read_events(samples.parent))[-1].process
        time.sleep(0.05)
    pytest.fail("no sample in a minute")


def test_a_preempted_job_is_queued_again_and_resumes(tmp_path: Path) -> None:
    """Shards by jobs, of which one is preempted, merge into the bytes of a run by itself."""
    command = [sys.executable, "-m", "mtpb.run", *SWEEP, *RUN, "shard=1/2,2/2"]
    launcher = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    runs = tmp_path / "results" / "starter"
    while launcher.poll() is None and not (shards := sorted(runs.glob("*-shard-*"))):
        time.sleep(0.05)
    os.kill(process_of(shards[0] / "samples.jsonl"), signal.SIGUSR2)
    assert launcher.wait(timeout=240) == 0
    assert RESUMED in [event.event for event in read_events(shards[0])]
    assert call("merge", f"runs={runs}/*-shard-*", "output=merged", cwd=tmp_path).returncode == 0
    assert call("run", *RUN, "output=whole", cwd=tmp_path).returncode == 0
    samples = [(tmp_path / run / "samples.jsonl").read_bytes() for run in ("merged", "whole")]
    assert samples[0] == samples[1]


def test_a_sweep_prints_one_table_of_all_its_runs(tmp_path: Path) -> None:
    models = "model=codegen-300K-mono,codegen-300K-nl"
    done = call("run", *SWEEP, *RUN, models, "benchmark.limit=2", "sampling.n=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    heading, *_, row, _ = done.stdout.strip().splitlines()
    assert heading.startswith("Pass rates")
    assert row.startswith("starter, strict, multi-turn, 2 problems, T=0.8, n=1  300K  ")
    assert row.count("[") == 2  # of nl and mono


def test_a_job_that_fails_is_named_and_the_others_run(tmp_path: Path) -> None:
    done = call(
        "run", *SWEEP, *RUN, "benchmark.limit=1", "sampling.n=1", "output=a,/proc/self/b",
        cwd=tmp_path, PYTHONWARNINGS="default",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "output=/proc/self/b: cannot be made" in done.stderr
    assert (tmp_path / "a" / "metrics.json").exists()
    assert "T=0.8, n=1" in done.stdout  # the table has the run that was made

"""`mtpb.run` through `models.serve`: the bytes of the engine in the run's own process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("openai")

from tests.models.serving.process import MODEL, serving
from tests.processes import run_module

SAMPLING = ("benchmark.limit=4", "sampling.n=6", "sampling.temperature=0.8", "sandbox.workers=1")
LOCAL = f"model={MODEL}"


def command(output: Path, *model: str) -> list[str]:
    return [sys.executable, "-m", "mtpb.run", *model, *SAMPLING, f"output={output}"]


def through(url: str) -> tuple[str, ...]:
    return ("model=openai", f"model.name={MODEL}", f"model.base_url={url}", "model.max_retries=0")


def run(output: Path, *model: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return run_module(
        "mtpb.run", *model, *SAMPLING, f"output={output}", cwd=output.parent, env=ours
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The samples of a run with its own engine."""
    output = tmp_path_factory.mktemp("local") / "run"
    done = run(output, LOCAL)
    assert done.returncode == 0, done.stderr
    return (output / "samples.jsonl").read_bytes()


def test_a_run_through_the_server_has_the_bytes_of_a_run_without(
    expected: bytes, tmp_path: Path
) -> None:
    with serving() as server:
        done = run(tmp_path / "run", *through(server.url))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "samples.jsonl").read_bytes() == expected


def test_a_server_that_is_killed_and_started_again_changes_nothing(
    expected: bytes, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    samples = output / "samples.jsonl"
    with serving() as server:
        running = subprocess.Popen(
            command(output, *through(server.url), "model.max_connections=2"),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while running.poll() is None and not (samples.exists() and samples.stat().st_size):
            time.sleep(0.02)
        server.process.kill()
        _, told = running.communicate(timeout=60)
    assert running.returncode == 2, told
    assert 0 < samples.read_bytes().count(b"\n") < expected.count(b"\n")
    with serving() as server:
        done = run(output, *through(server.url))
    assert done.returncode == 0, done.stderr
    assert samples.read_bytes() == expected

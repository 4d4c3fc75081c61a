"""The real benchmarks, whole, through the main command: every problem, with default slots and with
a cache that is far too small for them. `MTPB_LONG=1` asks for more samples."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import benchmarks
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call

LONG = bool(os.environ.get("MTPB_LONG"))
SAMPLING = (f"sampling.n={4 if LONG else 1}", "sampling.temperature=0.8")


def complete(directory: Path, suite: benchmarks.Benchmark, n: int) -> bytes:
    """A run's samples, once all of them are there, in order and judged."""
    keys = [
        (problem.id, case, sample)
        for problem in suite.problems
        for case in range(len(problem.cases))
        for sample in range(n)
    ]
    run = RunDirectory(directory)
    assert [sample.key for sample in run.samples()] == keys
    assert [verdict.key for verdict in run.verdicts()] == keys
    return run.samples_path.read_bytes()


@pytest.mark.parametrize("name", ["starter", "mtpb.jsonl", "HumanEval.jsonl.gz"])
def test_a_whole_benchmark_with_plenty_of_cache_and_with_little(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chosen = [f"benchmark={name.partition('.')[0].lower()}", *SAMPLING]
    path = None
    if name != "starter":
        path = request.getfixturevalue("data_dir") / name
        chosen.append(f"benchmark.path={path}")
    suite = benchmarks.load(name.partition(".")[0].lower(), path)
    samples = []
    caches = {"plenty": "null", "little": "1"}  # 1 is raised to what one conversation may need
    for output, tokens in caches.items():
        overrides = (*chosen, f"engine.cache_tokens={tokens}", f"output={output}")
        done = call("run", "model=codegen-1M-mono", *overrides, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        samples.append(complete(tmp_path / output, suite, 4 if LONG else 1))
    assert samples[0] == samples[1]

"""The real benchmarks, whole, through the main command: every problem, with a cache that is far too
small for the slots. `MTPB_LONG=1` asks for more samples, for all of them with plenty too, and for
the starter suite, which other tests run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import benchmarks
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call

LONG = bool(os.environ.get("MTPB_LONG"))
SAMPLING = (
    *(f"sampling.n={4 if LONG else 1}", "sampling.temperature=0.8"),
    *(() if LONG else ("sampling.max_new_tokens=64",)),  # five turns fill the small cache
)


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


@pytest.mark.parametrize("name", ["mtpb.jsonl", "HumanEval.jsonl.gz", *["starter"] * LONG])
def test_a_whole_benchmark_with_little_cache_and_with_plenty(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chosen = [f"benchmark={name.partition('.')[0].lower()}", *SAMPLING]
    path = None
    if name != "starter":
        path = request.getfixturevalue("data_dir") / name
        chosen.append(f"benchmark.path={path}")
    suite = benchmarks.load(name.partition(".")[0].lower(), path)
    compared = len(suite.problems) if LONG else 20
    caches = {  # 1 token is raised to what one conversation may need
        "little": ("engine.cache_tokens=1",),
        "plenty": (f"benchmark.limit={min(compared, len(suite.problems))}",),
    }
    for output, overrides in caches.items():
        done = call(
            "run", "model=codegen-300K-mono", *chosen, *overrides, f"output={output}", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    samples = complete(tmp_path / "little", suite, 4 if LONG else 1)
    with_plenty = RunDirectory(tmp_path / "plenty").samples_path.read_bytes()
    assert samples.startswith(with_plenty)

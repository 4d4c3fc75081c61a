"""mtpb.rescore: the same samples, judged again as a run of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import QUICK, call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run directory."""
    folder = tmp_path_factory.mktemp("rescored")
    done = call("run", *QUICK, "output=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def judged(directory: Path) -> list[tuple[object, ...]]:
    return [(one.key, one.passed, one.status) for one in RunDirectory(directory).verdicts()]


def test_samples_stay_and_the_origin_is_named(run: Path) -> None:
    done = call("rescore", "run=run", "output=again", "sandbox.timeout=4", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    again = run.parent / "again"
    assert (again / "samples.jsonl").read_bytes() == (run / "samples.jsonl").read_bytes()
    assert judged(again) == judged(run)
    before, after = (json.loads((one / "manifest.json").read_text()) for one in (run, again))
    assert after["origin"] == {
        "command": "rescore",
        "runs": ["run"],
        "hosts": [before["host"]],
    }
    changed = {key for key, value in after["identity"].items() if before["identity"][key] != value}
    assert changed == {"sandbox.timeout", "sandbox.wall_timeout"}


def test_a_limit_that_is_the_default_is_followed_too(run: Path) -> None:
    for source, output, memory in (("run", "small", 2048), ("small", "usual", 4096)):
        done = call(
            "rescore", f"run={source}", f"output={output}", f"sandbox.memory_mb={memory}",
            cwd=run.parent,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        manifest = json.loads((run.parent / output / "manifest.json").read_text())
        assert manifest["identity"]["sandbox.memory_mb"] == memory


def test_another_scorer_and_corrected_values_change_verdicts(run: Path) -> None:
    """A suite of the same problems whose expected values nothing can meet."""
    folder = run.parent
    source = Path("benchmarks/data/starter.jsonl").read_text().splitlines()[0]
    record = json.loads(source)
    record["outputs"] = ["nothing prints this" for _ in record["outputs"]]
    (folder / "corrected.jsonl").write_text(json.dumps(record) + "\n")
    done = call(
        "rescore", "run=run", "output=other", "benchmark.path=corrected.jsonl",
        "benchmark.scorer=official", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not any(passed for _, passed, _ in judged(folder / "other"))
    assert json.loads((folder / "other" / "manifest.json").read_text())["benchmark"]["scorer"] == (
        "official"
    )


def test_a_resumed_run_may_grow_from_what_was_judged_again(run: Path) -> None:
    done = call("rescore", "run=run", "output=grown", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    more = [key for key in QUICK if not key.startswith("sampling.n=")]
    done = call("run", *more, "sampling.n=2", "output=grown", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    kept = RunDirectory(run).samples_path.read_bytes().splitlines()
    assert set(kept) < set(
        RunDirectory(run.parent / "grown").samples_path.read_bytes().splitlines()
    )


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("output=run",), "output=run: is the run itself"),
        (("run=nowhere", "output=x"), "nowhere/manifest.json"),
        (("output=x", "benchmark=starter-function"), "is not a problem of benchmark"),
        (("output=x", "benchmark.limit=1"), "benchmark.limit"),
        (("output=x", "benchmark.max_turns=3"), "benchmark.max_turns"),
    ],
)
def test_bad_input_is_one_message(overrides: tuple[str, ...], named: str, run: Path) -> None:
    given = overrides if overrides[0].startswith("run=") else ("run=run", *overrides)
    done = call("rescore", *given, cwd=run.parent)
    assert done.returncode == 2
    assert named in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr

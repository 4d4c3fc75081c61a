"""`python -m mtpb.score` as its users call it."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from mtpb.rundir.store import RunDirectory
from tests.processes import run_module


def score(*overrides: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_module("mtpb.score", *overrides, cwd=cwd)


@pytest.fixture
def canonical(data_dir: Path, tmp_path: Path) -> tuple[str, str, str]:
    """Overrides that judge HumanEval's canonical solutions, every third one spoilt."""
    lines = gzip.decompress((data_dir / "HumanEval.jsonl.gz").read_bytes()).splitlines()
    path = tmp_path / "canonical.jsonl"
    with path.open("w") as file:
        for number, line in enumerate(lines):
            problem = json.loads(line)
            completion = problem["canonical_solution"] if number % 3 else "    return 'spoilt'\n"
            file.write(json.dumps({"task_id": problem["task_id"], "completion": completion}) + "\n")
    return (
        f"samples={path}",
        "benchmark=humaneval",
        f"benchmark.path={data_dir.resolve() / 'HumanEval.jsonl.gz'}",
    )


def test_canonical_solutions_pass_and_spoilt_ones_fail(
    canonical: tuple[str, ...], tmp_path: Path
) -> None:
    done = score(*canonical, "output=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = list(RunDirectory(tmp_path / "run").verdicts())
    assert [v.passed for v in verdicts] == [number % 3 != 0 for number in range(164)]
    assert [v.problem for v in verdicts] == [f"HumanEval/{number}" for number in range(164)]
    assert done.stdout.rstrip().endswith("run")


def test_second_call_judges_nothing_again(canonical: tuple[str, ...], tmp_path: Path) -> None:
    score(*canonical, "output=run", cwd=tmp_path)
    before = (tmp_path / "run" / "verdicts.jsonl").read_bytes()
    score(*canonical, "output=run", cwd=tmp_path)
    assert (tmp_path / "run" / "verdicts.jsonl").read_bytes() == before


def test_official_samplers_lines_are_judged(data_dir: Path, tmp_path: Path) -> None:
    problem = json.loads((data_dir / "mtpb.jsonl").read_text().splitlines()[2])
    with (tmp_path / "3.jsonl").open("w") as file:
        for given, gold in zip(problem["inputs"], problem["outputs"], strict=True):
            for value in (gold, "wrong"):
                line = {"id": "3", "input": given, "gold_output": gold}
                file.write(json.dumps({**line, "completions": f"print({value!r})\n"}) + "\n")
    data = f"benchmark.path={data_dir.resolve() / 'mtpb.jsonl'}"
    done = score("samples=3.jsonl", "benchmark=mtpb", data, "output=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = list(RunDirectory(tmp_path / "run").verdicts())
    assert [(v.case, v.sample) for v in verdicts] == [(c, s) for c in range(5) for s in range(2)]
    assert all(v.scores == dict.fromkeys(("official", "strict"), v.sample == 0) for v in verdicts)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "samples"),
        (("samples=nowhere.jsonl",), "nowhere.jsonl"),
        (("samples=broken.jsonl",), "broken.jsonl:2"),
        (("samples=ok.jsonl", "benchmark=nothing"), "benchmark/nothing"),
        (("samples=ok.jsonl", "sandbox.timeout=-1"), "sandbox.timeout=-1.0"),
        (("samples=ok.jsonl", "sandbox.timeout=soon"), "sandbox.timeout"),
        (("samples=ok.jsonl", "benchmark.problems=[nobody]"), "nobody"),
        (("samples=ok.jsonl", "benchmark.path=nowhere.jsonl"), "nowhere.jsonl"),
        (("samples=ok.jsonl", "output=ok.jsonl"), "output=ok.jsonl"),
        (("samples=ok.jsonl", "unheard=of"), "unheard"),
        (("samples=ok.jsonl", "sampling.k=[3]"), "sampling.k=3"),
        (("samples=ok.jsonl", "benchmark.max_turns=2"), "benchmark.max_turns"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    overrides: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    line = {"task_id": "starter-function/0", "completion": "    pass\n"}
    (tmp_path / "ok.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "broken.jsonl").write_text(json.dumps(line) + "\n{]\n")
    done = score("benchmark=starter-function", *overrides, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr

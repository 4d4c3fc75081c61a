"""mtpb.study as its users call it: planned, done once, resumed, failures told at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtpb.cli.ending import Exit
from mtpb.rundir.prompt_scores import prompt_scores
from mtpb.rundir.store import RunDirectory
from mtpb.study.__main__ import Failure, failure
from tests.processes import run_module

MODEL = "codegen-300K-mono"
SMALL = (
    "experiment.suites=[{benchmark: starter, n: 1, perplexity: true},"
    "{benchmark: starter-function, n: 2}]",
    "experiment.difficulty.reference=null",
    "overrides=['benchmark.limit=1','sampling.max_new_tokens=8','sandbox.workers=1']",
)


def study(*arguments: str, models: str = MODEL) -> subprocess.CompletedProcess[str]:
    chosen = f"experiment.models=[{models}]"
    return run_module("mtpb.study", chosen, *SMALL, *arguments)


def test_plan_of_the_paper_names_all_its_runs(tmp_path: Path) -> None:
    """Also on a machine that has neither checkpoints nor suites."""
    suites = [f"experiment.suites.{number}.path=nowhere.jsonl" for number in range(2)]
    plan = ("experiment=paper", "dry_run=true", f"results={tmp_path}")
    done = run_module("mtpb.study", *plan, *suites)
    assert done.returncode == 0, done.stderr
    assert "60 runs: 60 to do" in done.stdout
    assert "humaneval: 36 runs, of unknown size" in done.stdout
    assert "experiment.suites.N.path" in done.stdout
    for size in ("350M", "2B", "6B", "16B"):
        for data in ("nl", "multi", "mono"):
            lines = [line for line in done.stdout.splitlines() if f"codegen-{size}-{data} " in line]
            assert len(lines) == 5
    assert not any(tmp_path.iterdir())


def test_plan_counts_samples_and_tokens(tmp_path: Path) -> None:
    done = study("dry_run=true", f"output={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "2 runs: 2 to do" in done.stdout
    assert "all: 2 runs, 7 samples (0 judged), about 720 tokens" in done.stdout


def test_a_study_is_done_once_and_reported(tmp_path: Path) -> None:
    """One model fails, the others' runs are kept and reported; the next call redoes nothing."""
    models = f"{MODEL},/nowhere/at/all"
    done = study(f"output={tmp_path}", models=models)
    assert done.returncode == 1, done.stderr
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2
    assert all("/nowhere/at/all" in line for line in failed)
    assert "Traceback" not in done.stderr
    for name in ("index.html", "tables/starter-pass-rate.tex", "figures/starter-by-turns.svg"):
        assert (tmp_path / "report" / name).exists()
    (scores,) = tmp_path.rglob("perplexity.jsonl")
    assert [score.key[1:] for score in prompt_scores(RunDirectory(scores.parent))] == [
        (case, 0) for case in range(5)
    ]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("manifest.json")}
    again = study(f"output={tmp_path}")
    assert again.returncode == 0, again.stderr
    assert "2 runs: 2 done" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("experiment=nothing",), "nothing"),
        (("experiment.models=[]",), "experiment.models"),
        (("experiment.difficulty.reference=me",), "experiment.difficulty.reference=me"),
        (("experiment.models=[me]",), "experiment.difficulty.reference=codegen-3M-mono"),
        (("experiment.difficulty.easy=0.1",), "experiment.difficulty.easy=0.1"),
        (("experiment.suites=[]",), "experiment.suites"),
        (("experiment.suites=[{benchmark: mtbp}]",), "mtbp"),
        (("experiment.suites=[{benchmark: starter, temperatures: [-1]}]",), "temperature"),
        (("experiment.suites=[{benchmark: starter, formats: [both]}]",), "both"),
        (("overrides=['no.such.key=1']",), "no.such.key"),
    ],
)
def test_bad_experiments_are_one_message_and_status_2(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "mtpb.study", f"output={tmp_path}", "dry_run=true"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("status", "errors", "why", "becomes"),
    [
        (2, "50%|…\nerror: model=x: no such model\n", "model=x: no such model", Exit.failed),
        (3, "Trace\ninternal error: MemoryError\n", "internal error: MemoryError", Exit.internal),
        (1, "", "status 1", Exit.internal),
        (-9, "", "ended by SIGKILL", Exit.internal),
        (130, "interrupted\n", "interrupted", Exit.failed),
    ],
)
def test_why_a_run_failed_and_what_the_study_makes_of_it(
    status: int, errors: str, why: str, becomes: Exit
) -> None:
    assert failure("run", status, errors) == Failure("run", why, becomes)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="PYTHONSAFEPATH is new in 3.11")
def test_files_of_the_user_hide_no_module_from_a_studys_runs(tmp_path: Path) -> None:
    """As they hide none from the command `mtpb`, which has no folder of the user on its path."""
    (tmp_path / "random.py").write_text("raise SystemExit('a file of the user')")
    (tmp_path / "command.py").write_text(
        "import sys\ndel sys.path[0]\nfrom mtpb.__main__ import main\nmain()\n"
    )
    chosen = (f"experiment.models=[{MODEL}]", *SMALL, f"output={tmp_path}/study", "report=false")
    done = subprocess.run(
        [sys.executable, tmp_path / "command.py", "study", *chosen],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_study_goes_on_where_its_error_output_cannot_be_written(
    redirection: str, tmp_path: Path
) -> None:
    models = "experiment.models=[/nowhere/at/all]"
    command = [sys.executable, "-m", "mtpb.study", models, *SMALL, f"output={tmp_path}"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command], stdout=subprocess.DEVNULL
    )
    assert done.returncode == Exit.failed


def test_a_run_that_is_done_is_no_failure() -> None:
    assert failure("run", 0, "warning\n") is None

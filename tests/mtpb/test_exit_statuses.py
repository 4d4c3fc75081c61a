"""How commands end: 2 for what a user can mend, 3 for a fault of ours, 130 after Ctrl-C.

A fault is put into a command by replacing one function that it calls, in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtpb.cli.ending import Exit
from mtpb.cli.subcommands import commands
from mtpb.rundir.prompt_scores import prompt_scores
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import QUICK, RAISES, call, call_with
from tests.mtpb.runs import manifest_of, passes, run_of, verdicts_of, write_run

OVERRIDES = {
    "baseline": ["action=save", "name=main", "run=run"],
    "compare": ["baseline=run", "candidate=run"],
    "exchange": ["run=run", "output=samples.jsonl"],
    "merge": ["runs=run", "output=merged"],
    "perplexity": ["run=run"],
    "rescore": ["run=run", "output=again"],
    "score": ["samples=run/samples.jsonl"],
    "show": ["run=run"],
    "status": ["run=run"],
    "view": ["run=run"],
}
COMMANDS = {  # a function that each command calls, wherever it is used
    "baseline": "mtpb.comparing.baselines.write_baseline",
    "benchmarks": "benchmarks.loader.kept_copy",
    "check": "mtpb.checking.soundness.findings",
    "compare": "mtpb.comparing.baselines.run_or_baseline",
    "doctor": "mtpb.checking.preflight.interpreter",
    "exchange": "mtpb.rundir.store.RunDirectory.manifest",
    "golden": "models.embedded.names",
    "merge": "mtpb.rundir.merging.find_parts",
    "models": "models.cache.cached_models",
    "perplexity": "mtpb.running.plan.make_plan",
    "report": "mtpb.report.build.write_report",
    "rescore": "mtpb.running.imported.read_samples",
    "run": "mtpb.running.plan.make_plan",
    "score": "mtpb.running.imported.read_samples",
    "show": "mtpb.rundir.run.read_verdicts",
    "status": "mtpb.rundir.run.read_verdicts",
    "study": "mtpb.study.experiment.planned_runs",
    "view": "mtpb.rundir.run.read_verdicts",
}
RUN = (*QUICK, "output=run")
WAITS = "import os, signal, time\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a run directory in it."""
    run_of(tmp_path / "run", {"1": [passes(1, 2)]})
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of mtpb.run."""
    folder = tmp_path_factory.mktemp("finished")
    done = call("run", *RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_every_command_is_tried_here() -> None:
    ours = {name for name, module in commands().items() if module.startswith("mtpb.")}
    assert ours == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_key_is_status_2(command: str, tmp_path: Path) -> None:
    done = call(command, "no_such_key=1", cwd=tmp_path)
    assert done.returncode == Exit.usage, done.stderr
    assert done.stderr.count("error:") == 1
    assert "no_such_key" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_crash_is_status_3_and_one_line(command: str, folder: Path) -> None:
    _copy_config(folder, command)
    done = call_with(RAISES, COMMANDS[command], command, *OVERRIDES.get(command, ()), cwd=folder)
    assert done.returncode == Exit.internal, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("internal error:")]
    assert "KeyError: 'cases'; nothing that was written is lost, to go on repeat: " in line
    log = folder / "run" / "error.log"
    trace = log.read_text() if log.exists() else done.stderr
    assert "Traceback" in trace
    assert trace.count("KeyError: 'cases'\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_is_status_130(command: str, folder: Path) -> None:
    _copy_config(folder, command)
    done = call_with(WAITS, COMMANDS[command], command, *OVERRIDES.get(command, ()), cwd=folder)
    assert done.returncode == Exit.interrupted, done.stderr
    assert done.stderr.startswith("interrupted; nothing that was written is lost")
    assert "Traceback" not in done.stderr


def _copy_config(folder: Path, command: str) -> None:
    """The configuration that mtpb.perplexity looks for in a run directory."""
    if command in ("perplexity", "rescore"):
        (folder / "run" / "config.yaml").write_text(
            "model: {path: codegen-1M-mono}\nbenchmark: {name: starter}\n"
        )


@pytest.mark.parametrize("module", ["omegaconf", "numpy"])
def test_a_crash_while_a_command_is_imported_is_status_3(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(RAISES)
    done = call("compare", "baseline=a", "candidate=b", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == Exit.internal, done.stderr
    assert "internal error: KeyError: 'cases'" in done.stderr


@pytest.mark.parametrize("fault", ["raise MemoryError", "fault()", "assert not 1", "raise OSError"])
def test_other_crashes(fault: str, tmp_path: Path) -> None:
    done = call_with(fault, "mtpb.running.plan.make_plan", "run", cwd=tmp_path)
    assert done.returncode == (Exit.usage if fault == "raise OSError" else Exit.internal)


def test_a_crash_in_the_composition_is_status_3(tmp_path: Path) -> None:
    done = call_with(RAISES, "omegaconf.OmegaConf.to_object", "show", "run=run", cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr
    composed = "hydra._internal.config_loader_impl.ConfigLoaderImpl.load_configuration"
    done = call_with(RAISES, composed, "show", "run=run", cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr


def test_a_crash_of_a_thread_is_a_crash_of_the_command(tmp_path: Path) -> None:
    """Also where the main thread would have waited for it forever."""
    fault = (
        "import threading; lock = threading.Lock(); lock.acquire()\n"
        "    threading.Thread(target=lambda: {}['cases']).start(); lock.acquire()"
    )
    done = call_with(fault, "mtpb.running.plan.make_plan", "run", cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr
    assert "internal error: KeyError: 'cases'" in done.stderr


def test_a_pipe_of_ours_that_breaks_is_a_crash(tmp_path: Path) -> None:
    done = call_with("raise BrokenPipeError", "mtpb.running.plan.make_plan", "run", cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr


def test_the_worst_status_of_a_sweep_counts(tmp_path: Path) -> None:
    """A job that crashes stops no other."""
    fault = (
        "from mtpb.errors import UsageError\n"
        "    raise KeyError if arguments[0].seed == 1 else UsageError('seed')"
    )
    jobs = ("--multirun", "seed=0,1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    done = call_with(fault, "mtpb.running.plan.make_plan", "run", *jobs, cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr
    assert done.stderr.count("internal error: KeyError") == 1
    assert done.stderr.count("error: seed") == 2


def test_asked_for_full_errors_a_usage_error_stays_status_2(tmp_path: Path) -> None:
    done = call("show", "run=nowhere", cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert done.returncode == Exit.usage
    assert "Traceback" in done.stderr
    assert "error: nowhere/manifest.json" in done.stderr


@pytest.mark.parametrize(
    "options", [("--cfg", "job", "--package", "nowhere"), ("--resolve",), ("--run", "--multirun")]
)
def test_hydras_own_refusals_are_status_2(options: tuple[str, ...], tmp_path: Path) -> None:
    done = call("show", *options, cwd=tmp_path)
    assert done.returncode == Exit.usage, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [(), ("-u",)])
@pytest.mark.parametrize("argument", ["run=run", "--help"])
def test_a_full_disk_behind_standard_output_is_status_2(
    options: tuple[str, ...], argument: str, folder: Path
) -> None:
    """Whether standard output is buffered or not."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, *options, "-m", "mtpb.show", argument]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder)
    assert done.returncode == Exit.usage, done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("ask", [("mtpb.show", "problem=1"), ("mtpb.status", "follow=true")])
def test_commands_work_without_standard_output(ask: tuple[str, ...], tmp_path: Path) -> None:
    outcomes = {"1": [passes(1, 2)]}
    write_run(tmp_path / "run", verdicts_of(outcomes), manifest_of(outcomes), samples=True)
    command = [sys.executable, "-m", *ask, "run=run"]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (Exit.done, "")


def test_messages_without_standard_error_are_not_on_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mtpb.show", "run=nowhere", "problem=1"]
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(closed, stdout=subprocess.PIPE, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (Exit.usage, b"")


@pytest.mark.parametrize(("full", "status"), [(True, Exit.usage), (False, Exit.unread)])
def test_the_table_of_a_sweep_that_cannot_be_written_is_no_crash(
    full: bool, status: Exit, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    if full:
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, output = os.pipe()
        os.close(reading)
    command = [sys.executable, "-u", "-m", "mtpb.run", "--multirun", *RUN, "hydra.sweep.dir=sweep"]
    done = subprocess.run(
        command, stdout=output, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False
    )
    os.close(output)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("run", ["run", "nowhere"])
def test_a_full_disk_behind_standard_error_changes_no_status(run: str, folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mtpb.show", f"run={run}"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=full, cwd=folder)
    assert done.returncode == (Exit.done if run == "run" else Exit.usage)


def test_a_crash_leaves_its_traceback_in_the_run_directory(finished: Path, tmp_path: Path) -> None:
    """Twice, both are kept; the same command then finishes the run."""
    shutil.copytree(finished, tmp_path / "run")
    samples = (finished / "samples.jsonl").read_bytes()
    for times in (1, 2):
        done = call_with(RAISES, "mtpb.statistics.summary.summarise", "run", *RUN, cwd=tmp_path)
        assert done.returncode == Exit.internal, done.stderr
        assert done.stderr.rstrip().endswith("the traceback is in run/error.log")
        assert "Traceback" not in done.stderr
        trace = (tmp_path / "run" / "error.log").read_text()
        assert trace.count("KeyError: 'cases'\n") == times
    assert call("run", *RUN, cwd=tmp_path).returncode == Exit.done
    assert (tmp_path / "run" / "samples.jsonl").read_bytes() == samples


def test_where_the_log_cannot_be_written_the_traceback_is_shown(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "error.log").symlink_to("/dev/full")
    done = call_with(RAISES, "mtpb.statistics.summary.summarise", "run", *RUN, cwd=tmp_path)
    assert done.returncode == Exit.internal
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().endswith("the traceback is above")


def test_scoring_prompts_goes_on_after_half_a_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "perplexity.jsonl").write_text('{"problem": "1", "ca')
    done = call("perplexity", "run=run", cwd=tmp_path)
    assert done.returncode == Exit.done, done.stderr
    assert len(list(prompt_scores(RunDirectory(tmp_path / "run")))) == 5


BROKEN_SANDBOX = """import sandbox
    return sandbox.Outcome(sandbox.Status.sandbox_error, 'no more processes')"""


def test_a_broken_sandbox_is_status_3_and_no_figure(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "verdicts.jsonl").unlink()
    worker = "sandbox.pool.Worker._outcome"
    done = call_with(BROKEN_SANDBOX, worker, "run", *RUN, cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr
    assert done.stdout == ""
    assert "the sandbox itself failed on 5 samples (first: problem" in done.stderr
    assert "no more processes" in done.stderr
    assert not (tmp_path / "run" / "metrics.json").exists()
    again = call("run", *RUN, cwd=tmp_path)
    assert again.returncode == Exit.done, again.stderr
    verdicts = [verdict.to_json() for verdict in RunDirectory(tmp_path / "run").verdicts()]
    assert len(verdicts) == 5
    assert not any("sandbox_error" in verdict for verdict in verdicts)


def test_a_broken_sandbox_while_scoring_is_status_3(tmp_path: Path) -> None:
    line = {"task_id": "starter-function/0", "completion": "    pass\n"}
    (tmp_path / "samples.jsonl").write_text(json.dumps(line) + "\n")
    asked = ("samples=samples.jsonl", "benchmark=starter-function", "sandbox.workers=1")
    done = call_with(BROKEN_SANDBOX, "sandbox.pool.Worker._outcome", "score", *asked, cwd=tmp_path)
    assert done.returncode == Exit.internal, done.stderr
    assert done.stdout == ""

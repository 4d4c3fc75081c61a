"""mtpb.show and load_run: one conversation, and all of them as a table."""

import subprocess
from pathlib import Path

import pytest

from mtpb.rundir.frames import load_run
from mtpb.rundir.records import Sample, Turn
from mtpb.rundir.store import RunDirectory
from mtpb.show import Colour, find_problem, painter, transcript
from tests.mtpb.report.fixtures import Spec, make_run
from tests.processes import run_module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("show") / "run", Spec())


def show(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("mtpb.show", *arguments)


def test_a_conversation_is_printed_with_its_outcome(run: Path) -> None:
    done = show(f"run={run}", "problem=3", "case=1", "sample=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 Problem <b>2</b>, case 1, sample 2" in done.stdout
    assert done.stdout.count("# Do step") == 5
    assert "expected: [1, 2, {'a': '</script>'}]" in done.stdout
    assert "\x1b" not in done.stdout


def test_without_a_problem_they_are_listed(run: Path) -> None:
    done = show(f"run={run}")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5 + 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("problem=99",), "problem=99: the run has no such problem"),
        (("problem=1", "sample=77"), "sample=77"),
        (("run=nowhere",), "nowhere/manifest.json"),
        (("problem=1", "sample=many"), "sample"),
    ],
)
def test_what_is_not_there_is_one_message(run: Path, arguments: tuple[str, ...], says: str) -> None:
    done = show(*(() if "run=nowhere" in arguments else (f"run={run}",)), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_completions_cannot_steer_the_terminal(run: Path) -> None:
    text = "x = '\x1b]0;owned\x07\u202e'\n"
    sample = Sample("1", 0, 0, (Turn("do \x1b[2J", text + "\x9b31m", text, 3, "stop"),), text)
    problem = find_problem(RunDirectory(run).manifest(), "1")
    plain = "\n".join(transcript(problem, sample, None, painter(Colour.never)))
    assert all(line.isprintable() for line in plain.split("\n"))
    assert "\\x1b]0;owned\\x07" in plain


def test_colours_leave_the_text_as_it_is(run: Path) -> None:
    import re

    problem = find_problem(RunDirectory(run).manifest(), "1")
    sample = next(RunDirectory(run).samples())
    verdict = next(RunDirectory(run).verdicts())
    plain = "\n".join(transcript(problem, sample, verdict, painter(Colour.never)))
    coloured = "\n".join(transcript(problem, sample, verdict, painter(Colour.always)))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_load_run_has_a_row_a_verdict(run: Path) -> None:
    frame = load_run(run)
    assert len(frame) == 6 * 2 * 4
    assert frame.groupby("problem")["passed"].mean().between(0, 1).all()
    assert frame["program"].notna().all()
    assert set(frame.loc[~frame["clean"], "problem"]) == {"4"}

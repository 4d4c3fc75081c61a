"""Every warning reaches standard error. Those of the loaders are in test_names.py."""

from pathlib import Path

import pytest

from mtpb.config.report import DifficultyConfig
from mtpb.study.__main__ import _difficulty
from tests.mtpb.commands import QUICK, call, call_with
from tests.mtpb.report.fixtures import Spec, make_run
from tests.mtpb.runs import passes, run_of


def test_little_room_on_the_disk(tmp_path: Path) -> None:
    """It is said before the model is loaded."""
    little = "from types import SimpleNamespace; return SimpleNamespace(free=12_000_000)"
    done = call_with(little, "shutil.disk_usage", "run", *QUICK, "output=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nwarning: disk space: 12 MB free at " in f"\n{done.stderr}"


def test_a_suite_without_the_reference_in_a_report(tmp_path: Path) -> None:
    make_run(tmp_path / "a", Spec(model="one"))
    make_run(tmp_path / "b", Spec(model="two", benchmark="other"))
    asked = ("runs=.", "output=report", "difficulty.reference=one", "html.enabled=false")
    done = call("report", *asked, "figures=false", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: other has no tables by difficulty: no run of one" in done.stderr


def test_a_broken_run_in_a_report(tmp_path: Path) -> None:
    make_run(tmp_path / "good", Spec())
    (make_run(tmp_path / "bad", Spec(seed=1)) / "manifest.json").write_text("{")
    done = call("report", "runs=.", "output=report", "html.enabled=false", "figures=false",
                cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: bad is left out: ")


def test_a_study_without_a_run_of_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert _difficulty(DifficultyConfig(reference="me"), []).reference is None
    assert capsys.readouterr().err.startswith("warning: experiment.difficulty.reference=me has no")


def test_logging_of_libraries_is_a_line_each_and_no_chatter(tmp_path: Path) -> None:
    run_of(tmp_path / "run", {"1": [passes(1, 2)]})
    logs = (
        "import logging; log = logging.getLogger('of.a.library')\n"
        "    log.info('chatter'); log.warning('look out'); raise OSError(2, 'gone', 'it')"
    )
    done = call_with(logs, "mtpb.rundir.run.read_verdicts", "show", "run=run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "warning: look out\nerror: it: gone\n"

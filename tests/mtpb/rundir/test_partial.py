"""Runs that are not finished: never shown as whole, and marked where they are shown."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from mtpb.comparing.comparison import Question, compare
from mtpb.comparing.gate import Gate
from mtpb.comparing.report import decision, markdown, terminal, to_json
from mtpb.config import RunConfig
from mtpb.errors import UsageError
from mtpb.report.build import Options, Report, report, write_report
from mtpb.report.results import results_table
from mtpb.report.runs import find_runs, suites_of
from mtpb.rundir.frames import UnfinishedRunError, UnfinishedRunWarning, load_run
from mtpb.rundir.records import Verdict, VerdictStatus
from mtpb.rundir.run import read_run, run_directories
from mtpb.rundir.store import RunDirectory, write_json
from mtpb.show import problems_table
from mtpb.statistics.summary import summarise
from mtpb.study.__main__ import StudyConfig, _report
from mtpb.study.experiment import PlannedRun, Workload
from mtpb.tables import Column, Estimate, Kind, Table, partial
from tests.mtpb.report.fixtures import Spec, make_run
from tests.mtpb.runs import manifest_of, passes, run_of, verdict, verdicts_of, write_run
from tests.processes import run_module

OUTCOMES = {str(i): [passes(i % 5, 4), passes(1, 4)] for i in range(6)}  # 48 samples
BROKEN = verdict("0", False, VerdictStatus.sandbox_error)


def unfinished(path: Path, verdicts: int = 20) -> RunDirectory:
    return write_run(path, verdicts_of(OUTCOMES)[:verdicts], manifest_of(OUTCOMES), samples=True)


def with_model(run: RunDirectory, **facts: object) -> None:
    manifest = replace(run.manifest(), model=replace(run.manifest().model, **facts))
    write_json(run.manifest_path, manifest.to_json())


def append(run: RunDirectory, verdicts: Iterable[Verdict]) -> None:
    with run.verdicts_path.open("a") as file:
        file.writelines(one.to_json() + "\n" for one in verdicts)


def made(folder: Path, show_partial: bool = False) -> Report:
    return report(find_runs(str(folder)), Options(partial=show_partial))


def command(*overrides: str) -> subprocess.CompletedProcess[str]:
    return run_module(*overrides)


# finished or not


def test_a_sample_that_the_sandbox_failed_on_is_not_judged(tmp_path: Path) -> None:
    run = write_run(tmp_path, [BROKEN, *verdicts_of(OUTCOMES)[1:]], manifest_of(OUTCOMES))
    assert read_run(run).extent == "47 of 48 samples"
    append(run, verdicts_of(OUTCOMES)[:1])
    assert read_run(run).finished


def test_lines_that_are_there_twice_do_not_finish_a_run(tmp_path: Path) -> None:
    run = unfinished(tmp_path, 30)
    append(run, verdicts_of(OUTCOMES)[:30])
    assert read_run(run).extent == "30 of 48 samples"


def test_a_run_without_samples_is_told_of_but_has_no_figures(tmp_path: Path) -> None:
    run_of(tmp_path / "good", OUTCOMES)
    unfinished(tmp_path / "begun", 0)
    row = (str(tmp_path / "begun"), "codegen-toy-mono", "toy", 0, 48)
    for show_partial in (False, True):
        found = made(tmp_path, show_partial)
        assert found.tables[-1].rows == (row,)
        assert not any(table.partial for table in found.tables)
    with pytest.raises(UsageError, match="0 of 48 samples"):
        made(tmp_path / "begun", show_partial=True)
    with pytest.raises(UnfinishedRunError, match="0 of 48 samples"):
        load_run(tmp_path / "begun")


# reports


def test_a_report_leaves_an_unfinished_run_out_and_says_how_far_it_is(tmp_path: Path) -> None:
    run_of(tmp_path / "good", OUTCOMES)
    with_model(unfinished(tmp_path / "bad"), name="other")
    found = made(tmp_path)
    *tables, last = [table for table in found.tables if table.name != "runs"]
    assert last.rows == ((str(tmp_path / "bad"), "other", "toy", 20, 48),)
    assert "partial=true" in last.title
    assert "other" not in "".join(table.markdown() for table in tables)
    assert [run.model for suite in found.suites for run in suite.runs] == ["codegen-toy-mono"]


def test_the_list_of_runs_has_unfinished_ones_without_figures(tmp_path: Path) -> None:
    run_of(tmp_path / "good", OUTCOMES)
    with_model(unfinished(tmp_path / "bad"), name="other")
    (runs,) = [table for table in made(tmp_path).tables if table.name == "runs"]
    rows = {row["model"]: row for row in json.loads(runs.json())["rows"]}
    assert rows["other"]["complete"] is False
    assert (rows["other"]["judged"], rows["other"]["planned"]) == (20, 48)
    assert not any(isinstance(value, dict) for row in rows.values() for value in row.values())


def test_a_report_of_unfinished_runs_alone_is_status_2(tmp_path: Path) -> None:
    unfinished(tmp_path / "run")
    done = command("mtpb.report", f"runs={tmp_path}", f"output={tmp_path}/report")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path}/run: 20 of 48 samples" in done.stderr
    assert "partial=true" in done.stderr


def test_partial_marks_every_number_of_an_unfinished_run_and_no_other(tmp_path: Path) -> None:
    with_model(run_of(tmp_path / "good", OUTCOMES), name="good")
    with_model(unfinished(tmp_path / "bad"), name="bad")
    *tables, _ = [t for t in made(tmp_path, show_partial=True).tables if t.name != "runs"]
    seen = set()
    for table in tables:
        for row in json.loads(table.json())["rows"]:
            settings = {"model", "data", "size", "temperature", "suite", "status", "device"}
            numbers = {key for key, value in row.items() if _is_number(value)} - settings
            name = row.get("model") or row["run"]
            assert set(row.get("partial", ())) == (numbers if name == "bad" else set())
            seen.add(name)
        assert "† Unfinished: bad, multi-turn, T=0.2 (20 of 48 samples)." in table.notes
    assert seen == {"good", "bad"}


def _is_number(value: object) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, int | float) and value is not None


def test_groups_that_an_unfinished_run_made_are_marked_for_all(tmp_path: Path) -> None:
    with_model(run_of(tmp_path / "good", OUTCOMES), name="good")
    with_model(unfinished(tmp_path / "bad"), name="bad")
    runs = find_runs(str(tmp_path))
    for reference, all_marked in (("good", False), ("bad", True), (None, False)):
        options = Options(partial=True, reference=reference)
        tables = {table.name: table for table in report(runs, options).tables}
        rows = json.loads(tables["toy-by-difficulty"].json())["rows"]
        assert [("partial" in row) for row in rows if row["model"] == "good"] == [all_marked]


def test_figures_and_page_mark_unfinished_runs(tmp_path: Path) -> None:
    with_model(unfinished(tmp_path / "runs" / "bad"), parameters=10**6)
    found = write_report(str(tmp_path / "runs"), tmp_path / "report", Options(partial=True))
    for figure in found.figures:
        assert figure.svg(themed=True).count("†") >= 3  # the point, its series, the legend's note
    with_model(run_of(tmp_path / "whole" / "good", OUTCOMES), parameters=10**6)
    for figure in made(tmp_path / "whole").figures:
        assert "†" not in figure.svg(themed=True)
    assert "(20 of 48 samples)" in (tmp_path / "report" / "index.html").read_text()


def test_reading_a_run_writes_nothing_into_it(tmp_path: Path) -> None:
    run_of(tmp_path / "runs" / "good", OUTCOMES)
    unfinished(tmp_path / "runs" / "bad")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*")}
    write_report(str(tmp_path / "runs"), tmp_path / "report", Options(partial=True))
    results_table(run_directories(tmp_path / "runs"))
    load_run(tmp_path / "runs" / "good")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*")} == before


# verdicts and manifest that do not belong together


@pytest.mark.parametrize("foreign", [verdict("z"), verdict("1", case=2)])
def test_verdicts_that_the_manifest_does_not_list_are_one_error(
    tmp_path: Path, foreign: Verdict
) -> None:
    run = run_of(tmp_path / "run", OUTCOMES, dirty=[("1", 0)])
    append(run, [foreign])
    says = f"verdict on problem '{foreign.problem}', case {foreign.case}"
    for line in (
        ("mtpb.report", f"runs={tmp_path}", f"output={tmp_path}/report"),
        ("mtpb.show", f"run={run.path}"),
    ):
        done = command(*line)
        assert done.returncode == 2
        assert f"{run.verdicts_path}: a {says}, but key 'benchmark.problems'" in done.stderr
        assert "Traceback" not in done.stderr
    with pytest.raises(UsageError, match=says):
        load_run(run.path)


def test_a_run_with_foreign_verdicts_is_left_out_of_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_of(tmp_path / "good", OUTCOMES)
    append(run_of(tmp_path / "bad", OUTCOMES, dirty=[("1", 0)]), [verdict("1", case=9)])
    assert len(made(tmp_path).suites[0].runs) == 1
    assert f"warning: {tmp_path}/bad is left out: " in capsys.readouterr().err


def test_verdicts_without_samples_are_shown(tmp_path: Path) -> None:
    run = run_of(tmp_path, OUTCOMES)
    run.samples_path.unlink()
    assert len(made(tmp_path).suites) == 1
    frame = load_run(tmp_path)
    assert len(frame) == 48
    assert frame["program"].isna().all()


# runs of one name


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for weights in ("abcdef12", "12345678"):
        run_of(tmp_path / weights, OUTCOMES, model__weights_sha256=weights)
    (suite,) = suites_of(find_runs(str(tmp_path)))
    names = {run.model for run in suite.best}
    assert names == {"codegen-toy-mono (abcdef)", "codegen-toy-mono (123456)"}


def test_of_twins_the_finished_one_is_shown_and_the_other_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_of(tmp_path / "small", {"0": [passes(1, 2)]}, seed=1)
    larger = {"0": [passes(1, 8)]}
    write_run(tmp_path / "large", verdicts_of(larger)[:7], manifest_of(larger))
    (suite,) = suites_of(find_runs(str(tmp_path)))
    assert [run.source for run in suite.runs] == [str(tmp_path / "small")]
    assert f"warning: {tmp_path}/large is left out: " in capsys.readouterr().err


# the terminal


def test_the_results_table_leaves_unfinished_runs_out_with_a_note(tmp_path: Path) -> None:
    run_of(tmp_path / "good", OUTCOMES)
    unfinished(tmp_path / "bad")
    table = results_table(run_directories(tmp_path))
    assert table.notes == (f"Unfinished, left out: {tmp_path}/bad, 20 of 48 samples.",)
    assert len(table.rows) == 1


def test_of_two_runs_of_the_same_the_results_table_has_one(tmp_path: Path) -> None:
    for name in ("first", "second"):
        run_of(tmp_path / name, OUTCOMES)
    table = results_table(run_directories(tmp_path))
    assert len(table.rows) == 1
    assert table.notes[0].startswith("1 older run of the same settings left out")


def test_metrics_of_fewer_samples_than_planned_are_no_result(tmp_path: Path) -> None:
    """They are of the run before it was asked for more samples."""
    directory = run_of(tmp_path / "run", OUTCOMES)
    run = read_run(directory)
    write_json(directory.path / "metrics.json", summarise(run))
    write_json(directory.manifest_path, replace(run.manifest, planned=96).to_json())
    table = results_table(run_directories(tmp_path))
    assert table.rows == ()
    assert "48 of 96 samples" in table.notes[0]


def test_a_finished_run_without_metrics_is_a_result(tmp_path: Path) -> None:
    run_of(tmp_path / "run", OUTCOMES)
    assert len(results_table(run_directories(tmp_path)).rows) == 1


def test_show_says_how_far_a_run_is(tmp_path: Path) -> None:
    run = read_run(unfinished(tmp_path))
    plain, marked = problems_table(run, False), problems_table(run, True)
    assert "20 of 48 samples" in plain.text()
    assert "rate" not in {column.key for column in plain.columns}
    assert "62.5†" not in plain.text()
    assert json.loads(marked.json())["rows"][2]["partial"] == ["judged", "rate"]
    assert "partial" not in problems_table(read_run(run_of(tmp_path / "w", OUTCOMES)), False).json()
    done = command("mtpb.show", f"run={tmp_path}", "problem=1")
    assert done.stdout.startswith("unfinished run: 20 of 48 samples are judged\n")


def test_a_comparison_with_an_unfinished_run_is_marked(tmp_path: Path) -> None:
    whole = read_run(run_of(tmp_path / "whole", OUTCOMES))
    part = read_run(unfinished(tmp_path / "part"))
    with pytest.raises(UsageError, match=r"part: 20 of 48 samples(?s:.)*partial=true"):
        compare(whole, part, Question(Gate()))
    comparison = compare(whole, part, Question(Gate(), partial=True))
    for text in (terminal(comparison, 5), markdown(comparison, 5), decision(comparison)):
        assert f"† Unfinished: {tmp_path}/part, 20 of 48 samples" in text
    assert "†" in terminal(comparison, 5).splitlines()[4]
    sides = to_json(comparison)
    assert (sides["baseline"]["finished"], sides["candidate"]["finished"]) == (True, False)
    assert "†" not in terminal(compare(whole, whole, Question(Gate())), 5)


def test_other_settings_are_refused_for_unfinished_runs_too(tmp_path: Path) -> None:
    whole = run_of(tmp_path / "whole", OUTCOMES, sampling__temperature=0.8)
    sides = (read_run(whole), read_run(unfinished(tmp_path / "part")))
    with pytest.raises(UsageError, match="force=true"):
        compare(*sides, Question(Gate(), partial=True))


def test_a_study_without_a_finished_run_has_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = unfinished(tmp_path / "run").path
    run = PlannedRun("m", "toy", "m", (), output, RunConfig(), Workload("toy", None, None), False)
    config = StudyConfig()
    config.experiment.difficulty.reference = None
    _report(config, [run], tmp_path)
    assert "no report: no run is finished; partial=true" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
    _report(replace(config, partial=True), [run], tmp_path)
    assert "†" in (tmp_path / "report" / "tables" / "toy-pass-rate.md").read_text()


# data frames


def test_load_run_refuses_an_unfinished_run_unless_asked(tmp_path: Path) -> None:
    unfinished(tmp_path)
    with pytest.raises(UnfinishedRunError, match=r"20 of 48 samples.*partial=True"):
        load_run(tmp_path)
    with pytest.warns(UnfinishedRunWarning, match="20 of 48 samples"):
        frame = load_run(tmp_path, partial=True)
    assert (len(frame), frame.attrs) == (20, {"judged": 20, "planned": 48})


def test_load_run_has_one_row_a_sample_whatever_is_there_twice(tmp_path: Path) -> None:
    first, *rest = verdicts_of(OUTCOMES)
    run = write_run(tmp_path, [BROKEN, *rest], manifest_of(OUTCOMES), samples=True)
    append(run, [first])
    shutil.copy(run.samples_path, tmp_path / "twice")
    with run.samples_path.open("a") as file:
        file.write((tmp_path / "twice").read_text())
    frame = load_run(tmp_path)
    assert len(frame) == 48
    assert not (frame["status"] == "sandbox_error").any()


# tables


def test_every_form_of_a_table_has_the_mark() -> None:
    columns = (Column("a", "a"), Column("b", "b", Kind.rate), Column("c", "c", Kind.count))
    cells = (Estimate(0.5, 0.4, 0.6), 1000)
    table = Table("t", "T", columns, (("x", *cells), ("y", *partial(cells)), ("z", None, None)))
    assert table.text().splitlines()[4:7] == [
        "x  50.0  [40.0, 60.0]  1,000",
        "y  50.0† [40.0, 60.0]  1,000†",
        "z     –                    –",
    ]
    assert "| y | 50.0† \\[40.0, 60.0\\] | 1,000† |" in table.markdown()
    assert r"y & 50.0\textdagger{} " in table.latex()
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert [row["partial"] for row in rows] == ["", "b c", ""]
    assert [row["b"] for row in rows] == ["0.5", "0.5", ""]
    assert [row.get("partial") for row in json.loads(table.json())["rows"]] == [
        None,
        ["b", "c"],
        None,
    ]


def test_a_function_suite_marks_what_comes_from_unfinished_temperatures(tmp_path: Path) -> None:
    spec = Spec(functions=True, problems=8, n=4, temperature=0.2, skill=2.0)
    make_run(tmp_path / "whole", spec)
    part = make_run(tmp_path / "part", replace(spec, temperature=0.8, skill=0.2))
    lines = (part / "verdicts.jsonl").read_text().splitlines(keepends=True)
    (part / "verdicts.jsonl").write_text("".join(lines[:-1]))
    tables = {table.name: table for table in made(tmp_path, show_partial=True).tables}
    row = json.loads(tables["toy-temperatures"].json())["rows"][0]
    assert row["temperature"] == 0.2
    assert row["partial"] == ["honest"]

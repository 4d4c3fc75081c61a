"""Reports: the figures in the tables, the files, and what bad input does."""

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtpb.config.report import PageLimits
from mtpb.errors import UsageError
from mtpb.report import formats, passk, passrate
from mtpb.report.build import Options, report, suite_tables, write_report
from mtpb.report.page.data import first_lines, samples_a_problem
from mtpb.report.published import SHIPPED, Published, PublishedFigure, beside
from mtpb.report.results import results_table
from mtpb.report.runs import SuiteRuns, find_runs, suites_of
from mtpb.rundir.manifest import ModelFacts
from mtpb.rundir.prompt_scores import FILE, PromptScore
from mtpb.rundir.records import Sample, Turn
from mtpb.rundir.run import run_directories
from mtpb.rundir.store import RunDirectory
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import Estimate, Table
from tests.mtpb.report.fixtures import Spec, family, make_run
from tests.mtpb.runs import passes, run_of
from tests.processes import run_module


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    family(folder, problems=8)
    return folder


def cell(table: Table, row: int, key: str) -> Estimate:
    number = [column.key for column in table.columns].index(key)
    found = table.rows[row][number]
    assert isinstance(found, Estimate)
    return found


def suite_of(*paths: Path) -> SuiteRuns:
    (suite,) = suites_of(find_runs([str(path) for path in paths]))
    return suite


def test_report_writes_every_table_in_every_form(runs: Path, tmp_path: Path) -> None:
    made = write_report(str(runs), tmp_path, Options(html=False))
    names = {table.name for table in made.tables}
    assert names >= {
        "functions-pass-at-k",
        "functions-temperatures",
        "toy-pass-rate",
        "toy-formats",
        "toy-gain-by-difficulty",
        "toy-by-difficulty",
        "toy-by-category",
        "toy-by-turns",
        "toy-failures",
        "cost",
    }
    for name in names:
        for form in ("md", "tex", "csv", "json"):
            assert (tmp_path / "tables" / f"{name}.{form}").stat().st_size
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".png"}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_all_tables_compile_in_one_document(runs: Path, tmp_path: Path) -> None:
    write_report(str(runs), tmp_path, Options(html=False, figures=False))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(
        command, cwd=tmp_path / "tables", capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_figures_are_the_same_for_the_same_runs(runs: Path) -> None:
    one, other = (report(find_runs(f"{runs}/multi*"), Options()).figures for _ in range(2))
    assert one[0].svg() == other[0].svg()


def test_pass_rates_are_means_over_problems(tmp_path: Path) -> None:
    outcomes = {"a": [passes(4, 4), passes(0, 4)], "b": [passes(1, 4)]}
    run_of(tmp_path / "run", outcomes)
    table = passrate.scorers(suite_of(tmp_path), Published())
    assert cell(table, 0, "strict_all").value == pytest.approx((0.5 + 0.25) / 2)


def test_difficulty_follows_the_reference_and_the_thresholds(tmp_path: Path) -> None:
    outcomes = {"easy": [passes(4, 4)], "medium": [passes(2, 4)], "hard": [passes(0, 4)]}
    run_of(tmp_path / "run", outcomes)
    suite = suite_of(tmp_path)
    found = passrate.by_difficulty(suite, suite.runs[0], passrate.Thresholds(0.7, 0.3))
    assert found.of == {name: name for name in outcomes}
    table = passrate.groups(suite, found)
    assert [column.label for column in table.columns[1:]] == ["easy (1)", "medium (1)", "hard (1)"]
    assert "pass rate of codegen-toy-mono" in " ".join(table.notes)


def renamed(run: RunDirectory, model: str) -> None:
    manifest = replace(run.manifest(), model=ModelFacts(model))
    run.manifest_path.write_text(json.dumps(manifest.to_json()))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=6), st.integers(0, 3), st.booleans())
def test_models_that_solve_nothing_do_not_change_what_is_easy(
    passed: list[int], weak: int, named: bool
) -> None:
    """However many there are, and whether the reference is named or found."""
    with TemporaryDirectory() as folder:
        outcomes = {str(i): [passes(count, 4)] for i, count in enumerate(passed)}
        renamed(run_of(Path(folder) / "good", outcomes), "good")
        for number in range(weak):
            nothing = {problem: [passes(0, 4)] for problem in outcomes}
            renamed(run_of(Path(folder) / f"weak-{number}", nothing), f"weak-{number}")
        suite = suite_of(Path(folder))
        options = Options(reference="good" if named else None)
        table = {t.name: t for t in suite_tables(suite, options)}[f"{suite.name}-by-difficulty"]
    expected = Counter("easy" if c >= 3 else "hard" if c < 2 else "medium" for c in passed)
    assert {column.label for column in table.columns[1:]} == {
        f"{level} ({count})" for level, count in expected.items()
    }


def test_gains_and_pass_rates_have_the_same_groups(runs: Path) -> None:
    made = report(find_runs(str(runs)), Options(reference="codegen-4M-mono"))
    tables = {table.name: table for table in made.tables}
    rates, gains = (tables[f"toy-{what}-difficulty"] for what in ("by", "gain-by"))
    assert [c.label for c in rates.columns] == [c.label for c in gains.columns]
    assert rates.notes == gains.notes
    assert "codegen-4M-mono" in rates.title


def test_stated_difficulty_has_a_table_of_its_own(tmp_path: Path) -> None:
    make_run(tmp_path / "run", Spec(difficulty=("easy", "hard")))
    tables = {table.name: table for table in suite_tables(suite_of(tmp_path), Options())}
    stated = tables["toy-by-stated-difficulty"]
    assert [column.label for column in stated.columns[1:]] == ["easy (3)", "hard (3)"]
    assert "toy-by-difficulty" in tables


def test_the_reference_may_be_a_run(runs: Path) -> None:
    (suite,) = (suite for suite in suites_of(find_runs(str(runs))) if not suite.has_tests)
    found = suite.reference(str(runs / "single-1M-nl"))
    assert found is not None
    assert (found.model, found.format) == ("codegen-1M-nl", "single_turn")
    assert suite.reference("nobody") is None


def test_a_suite_without_the_reference_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "a", Spec(model="mine"))
    make_run(tmp_path / "b", Spec(model="yours", benchmark="other"))
    write_report(str(tmp_path), tmp_path, Options(html=False, figures=False, reference="mine"))
    assert "other has no tables by difficulty" in capsys.readouterr().err


def test_honest_temperature_is_not_better_than_the_best(runs: Path) -> None:
    (suite,) = (suite for suite in suites_of(find_runs(str(runs))) if suite.has_tests)
    for models in passk.models_of(suite.runs):
        best, honest = passk.best(models, 1)[1], passk.honest(models, 1)
        assert best.value is not None
        assert None not in honest
        low, value, high = sorted(honest)  # type: ignore[type-var]
        assert Estimate(value, low, high) == honest
        assert value <= best.value + 1e-9


def test_honest_temperature_equals_the_best_where_one_dominates(tmp_path: Path) -> None:
    for temperature, skill in ((0.2, 0.0), (0.8, 2.5)):
        spec = Spec(functions=True, problems=8, n=4, temperature=temperature, skill=skill)
        make_run(tmp_path / str(temperature), spec)
    suite = suite_of(tmp_path)
    (models,) = passk.models_of(suite.runs)
    chosen, best = passk.best(models, 1)
    assert [run.temperature for run in models if run is chosen] == [0.8]
    assert passk.honest(models, 1).value == pytest.approx(best.value, abs=1e-9)


MTPB = Published.read(SHIPPED).sources[0].settings["mtpb"]


def mtpb_run(path: Path, n: int = 40, cases: int = 1, **spec: Any) -> Path:
    """A run of what passes for the published MTPB, in the published setting unless asked."""
    spec = {"benchmark": "mtpb", "sha256": MTPB.sha256, "size": "350M", "parameters": 1} | spec
    made = make_run(path, Spec(**spec, n=n, cases=cases))
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["sampling"]["top_k"] = 50
    (made / "manifest.json").write_text(json.dumps(manifest))
    return made


def published_row(table: Table, row: int = 0) -> dict[str, Any]:
    """The published cells of a row, by key."""
    keys = [column.key for column in table.columns]
    found = dict(zip(keys, table.rows[row], strict=True))
    return {key: found[key] for key in ("model", "published", "within", "differing")}


def test_published_figures_stand_beside_ours(tmp_path: Path) -> None:
    suite = suite_of(mtpb_run(tmp_path / "run", problems=8))
    table = passrate.scorers(suite, Published.read(SHIPPED))
    assert published_row(table)["published"] == 0.1698
    assert published_row(table)["differing"] is None
    assert published_row(table, 1)["model"] == "code-davinci-002"
    assert "arXiv 2203.13474" in " ".join(table.notes)


def test_both_formats_have_their_published_figures(tmp_path: Path) -> None:
    for format in ("multi_turn", "single_turn"):
        mtpb_run(tmp_path / format, size="16B", format=format)
    table = formats.formats(suite_of(tmp_path), Published.read(SHIPPED))
    keys = [column.key for column in table.columns]
    row = dict(zip(keys, table.rows[0], strict=True))
    assert (row["multi-turn_published"], row["single-turn_published"]) == (0.4734, 0.3874)


@pytest.mark.parametrize(
    "change",
    [
        {"identity": {"benchmark.problems": ["1", "2"]}},
        {"benchmark": {"sha256": "my own"}},
        {"benchmark": {"name": "own"}},
        {"benchmark": {"scorers": ["strict"]}},
        {"planned": 10_000},
    ],
)
def test_other_content_or_a_part_of_it_has_no_published_figure(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = mtpb_run(tmp_path / "run", n=4)
    manifest = json.loads((path / "manifest.json").read_text())
    for key, value in change.items():
        manifest[key] = {**manifest[key], **value} if isinstance(value, dict) else value
    (path / "manifest.json").write_text(json.dumps(manifest))
    made = report(find_runs(str(path)), Options(published=Published.read(SHIPPED), partial=True))
    written = "".join(table.markdown() for table in made.tables)
    assert "published" not in written
    assert "code-davinci-002" not in written
    assert "arXiv" not in written


def test_imported_samples_of_some_problems_have_no_published_figure(tmp_path: Path) -> None:
    path = mtpb_run(tmp_path / "run", n=4)
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["sampling"]
    (path / "manifest.json").write_text(json.dumps(manifest))
    published = Published.read(SHIPPED)
    row = published_row(passrate.scorers(suite_of(path), published))
    assert row["differing"] == (
        "n 4, theirs 40; T unknown, theirs 0.2; top-p unknown, theirs 0.95; "
        "top-k unknown, theirs 50"
    )
    for name in ("samples.jsonl", "verdicts.jsonl"):  # without the last problem's four
        lines = (path / name).read_text().splitlines(keepends=True)
        (path / name).write_text("".join(lines[:-4]))
    assert "published" not in passrate.scorers(suite_of(path), published).trimmed().markdown()


def test_settings_that_differ_from_the_published_ones_are_named(tmp_path: Path) -> None:
    suite = suite_of(mtpb_run(tmp_path / "run", n=4, temperature=0.8))
    row = published_row(passrate.scorers(suite, Published.read(SHIPPED)))
    assert row["published"] == 0.1698
    assert row["differing"] == "n 4, theirs 40; T 0.8, theirs 0.2"


def test_a_published_best_of_three_temperatures_stands_beside_a_best_of_three(
    tmp_path: Path,
) -> None:
    published = Published.read(SHIPPED)
    setting = published.sources[0].settings["humaneval"]
    spec = Spec(functions=True, benchmark="humaneval", sha256=setting.sha256, size="350M", n=200)
    differing = []
    for t in (0.2, 0.6, 0.8):
        make_run(tmp_path / str(t), replace(spec, temperature=t))
        table = passk.temperatures(suite_of(tmp_path), published)
        differing.append(published_row(table)["differing"])
    assert differing == ["T 0.2, theirs 0.2, 0.6, 0.8", "T 0.2, 0.6, theirs 0.2, 0.6, 0.8", None]


@pytest.mark.parametrize("content", ["{}", '{"source": "x", "figures": [{"pass_rate": 1}]}', "[]"])
def test_published_figures_of_another_shape_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "theirs.json").write_text(content)
    with pytest.raises(UsageError, match=r"theirs\.json"):
        Published.read(tmp_path)


def test_within_says_whether_the_published_value_is_in_our_interval() -> None:
    ours = Estimate(0.17, 0.12, 0.22)
    close, far = PublishedFigure(0.1698, "official", None), PublishedFigure(0.25, "official", "n")
    assert beside(ours, close) == (
        0.1698,
        pytest.approx(0.0002),
        True,
        None,
    )
    assert beside(ours, far) == (
        0.25,
        pytest.approx(-0.08),
        False,
        "n",
    )
    assert beside(ours, None) == (None, None, None, None)


def test_gain_is_paired_by_problem(tmp_path: Path) -> None:
    names = [str(i) for i in range(12)]
    multi = {name: [passes(i % 4 + 1, 5)] for i, name in enumerate(names)}
    single = {name: [passes(i % 4, 5)] for i, name in enumerate(names)}
    run_of(tmp_path / "multi", multi)
    run_of(tmp_path / "single", single, benchmark__format="single_turn")
    path = tmp_path / "single" / "manifest.json"
    path.write_text(path.read_text().replace('"format": "multi_turn"', '"format": "single_turn"'))
    table = formats.formats(suite_of(tmp_path), Published())
    gain = cell(table, 0, "gain")
    assert gain.value == pytest.approx(0.2)
    assert gain.low == pytest.approx(0.2, abs=0.25)
    assert cell(table, 0, "multi_turn").value == pytest.approx(0.5)


def test_perplexity_is_averaged_over_problems_and_split_by_success(tmp_path: Path) -> None:
    for format in ("multi_turn", "single_turn"):
        make_run(tmp_path / format, Spec(problems=6, skill=0.4, format=format))
        scores = [PromptScore(str(i + 1), 0, 0, 10, 10 * np.log(i + 2)) for i in range(6)]
        lines = "".join(f"{score.to_json()}\n" for score in scores)
        (tmp_path / format / FILE).write_text(lines)
    suite = suite_of(tmp_path)
    table = formats.formats(suite, Published())
    assert cell(table, 0, "multi-turn_all").value == pytest.approx(np.mean(range(2, 8)))
    (pair,) = formats.pairs(suite)
    solved = problem_rates(pair.multi)[:, 0] > 0
    assert cell(table, 0, "multi-turn_solved").value == pytest.approx(
        np.arange(2, 8)[solved].mean()
    )


def test_failures_and_passes_make_a_whole(tmp_path: Path) -> None:
    suite = suite_of(make_run(tmp_path / "run", Spec(problems=8)))
    table = passrate.failures(suite)
    failed = sum(cell(table, row, "all").value or 0 for row in range(len(table.rows)))
    passed = passrate.scorers(suite, Published())
    assert failed + (cell(passed, 0, "strict_all").value or 0) == pytest.approx(1)
    for row in table.rows:
        parts = [part.value or 0 for part in row[3:] if isinstance(part, Estimate)]
        assert sum(parts) == pytest.approx(row[2].value)  # type: ignore[union-attr]


def test_runs_on_other_problems_do_not_share_a_table(tmp_path: Path) -> None:
    make_run(tmp_path / "six", Spec(problems=6))
    make_run(tmp_path / "five", Spec(problems=5))
    labels = [suite.label for suite in suites_of(find_runs(str(tmp_path)))]
    assert sorted(labels) == ["toy (5 problems)", "toy (6 problems)"]


def test_of_equal_runs_the_one_with_most_samples_is_shown(tmp_path: Path) -> None:
    for n in (2, 3):
        make_run(tmp_path / str(n), Spec(n=n))
    assert len(suite_of(tmp_path).runs) == 1
    assert suite_of(tmp_path).runs[0].samples_per_case == 3


def test_turn_texts_are_found_where_they_belong() -> None:
    turns = tuple(Turn(p, t, t, 1, "stop") for p, t in (("one", "x\n"), ("two", "x\n"), ("3", "")))
    program = "import x\n# one\nx\n\n# two\nx\n\n# 3\n"
    assert first_lines(Sample("1", 0, 0, turns, program)) == [3, 6, 8]
    assert first_lines(Sample("1", 0, 0, turns, "something else")) == [1, 1, 1]


def test_embedded_samples_are_spread_evenly(tmp_path: Path) -> None:
    suite = suite_of(make_run(tmp_path / "run", Spec(problems=5, cases=2, n=4)))
    assert [samples_a_problem([suite], most) for most in (1, 9, 10, 39, 40, 99)] == [
        1,
        1,
        2,
        7,
        8,
        8,
    ]


@pytest.mark.parametrize(
    ("megabytes", "says"), [(0.01, "none can"), (0.2, "one can"), (1, "the first ")]
)
def test_a_page_is_no_longer_than_its_limit(tmp_path: Path, megabytes: float, says: str) -> None:
    """But for what it needs without any conversation; and it says what it left out."""
    make_run(tmp_path / "run", Spec(problems=20, n=20, lines=20, random_text=True))
    sizes = []
    for limit in (0.0, megabytes):
        options = Options(figures=False, limits=PageLimits(megabytes=limit))
        made = write_report(str(tmp_path / "run"), tmp_path, options)
        sizes.append((tmp_path / "index.html").stat().st_size)
    assert sizes[1] <= max(sizes[0], megabytes * 1e6)
    assert says in made.omission
    assert made.omission in (tmp_path / "index.html").read_text()


def test_results_table_has_sizes_and_data_variants(tmp_path: Path) -> None:
    for data in ("nl", "mono"):
        path = make_run(tmp_path / data, Spec(data=data, model=f"codegen-4M-{data}"))
        with_metrics(path, 0.5)
    table = results_table(run_directories(tmp_path))
    assert [column.key for column in table.columns] == ["setting", "size", "nl", "mono"]
    assert table.rows == (
        (
            "toy, strict, multi-turn, T=0.2, n=4",
            "4M",
            Estimate(0.5, 0.4, 0.6),
            Estimate(0.5, 0.4, 0.6),
        ),
    )


def with_metrics(path: Path, rate: float) -> None:
    counts = {"samples": 10**6, "status": {"sandbox_error": 0}}
    overall = {"pass_rate": rate, "intervals": {"pass_rate": [0.4, 0.6]}, **counts}
    results = [{"scorer": "strict", "subset": "all", "overall": overall}]
    (path / "metrics.json").write_text(json.dumps({"results": results}))


def test_results_table_keeps_models_of_unknown_data_apart(tmp_path: Path) -> None:
    for name in ("mine", "yours"):
        path = make_run(tmp_path / name, Spec(model=name))
        manifest = json.loads((path / "manifest.json").read_text())
        manifest["model"]["data"] = None
        (path / "manifest.json").write_text(json.dumps(manifest))
        with_metrics(path, 0.5)
    assert [row[1] for row in results_table(run_directories(tmp_path)).rows] == [
        "4M mine",
        "4M yours",
    ]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("manifest.json", "{}"),
        ("manifest.json", "{broken"),
        ("manifest.json", '{"model": 1, "benchmark": []}'),
        ("metrics.json", '{"results": 3}'),
        ("metrics.json", "[]"),
    ],
)
def test_a_broken_neighbour_is_left_out_with_a_warning(
    file: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", "bad"):
        with_metrics(make_run(tmp_path / name, Spec(model=f"codegen-4M-{name}")), 0.5)
    (tmp_path / "bad" / file).write_text(content)
    assert len(results_table(run_directories(tmp_path)).rows) == 1
    assert capsys.readouterr().err.startswith(f"warning: {tmp_path / 'bad'} is left out: ")
    if file == "manifest.json":
        assert [run.model for run in find_runs(str(tmp_path))] == ["codegen-4M-good"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("runs=nowhere/*",), "nowhere/*"),
        (("difficulty.easy=0.1",), "difficulty.easy=0.1"),
        (("difficulty.reference=nowhere",), "difficulty.reference=nowhere"),
        (("html.max_samples=0",), "html.max_samples=0"),
        (("html.max_mb=0",), "html.max_mb=0"),
        (("published=nowhere",), "nowhere"),
        (("colour=blue",), "colour"),
    ],
)
def test_bad_configuration_is_one_message_and_status_2(
    runs: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    given = [] if arguments[0].startswith("runs=") else [f"runs={runs}"]
    done = run_module("mtpb.report", *given, f"output={tmp_path}", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_without_a_verdict_is_no_report(tmp_path: Path) -> None:
    run_of(tmp_path / "run", {})
    with pytest.raises(UsageError, match="no run directory with verdicts"):
        find_runs(str(tmp_path))


def test_servers_models_of_one_name_and_both_forms_of_a_model_are_told_apart(
    tmp_path: Path,
) -> None:
    outcomes = {"a": [passes(1, 4)]}
    named = {"model__weights_sha256": None}
    for place, served, form in (("1", "m@1", None), ("2", "m@2", None), ("3", "m@2", "chat")):
        form_key = {} if form is None else {"benchmark__conversation": form}
        run_of(tmp_path / place, outcomes, **named, model__served=served, **form_key)
    suite = suite_of(tmp_path)
    names = [run.model for run in suite.runs]
    assert len(set(names)) == 3
    assert sorted("chat" in name for name in names) == [False, False, True]


def test_cost_says_what_repeats(tmp_path: Path) -> None:
    run_of(tmp_path / "run", {"a": [passes(1, 4)]})
    (row,) = passrate.cost([suite_of(tmp_path)]).rows
    assert row[-1] == "bytes"

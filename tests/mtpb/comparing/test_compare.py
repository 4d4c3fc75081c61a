"""Two runs side by side: comparability, what changed, the reports and the command."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mtpb.compare import CompareConfig, check
from mtpb.comparing.baselines import run_or_baseline
from mtpb.comparing.comparison import Comparison, Question, compare, is_greedy
from mtpb.comparing.gate import Gate
from mtpb.comparing.report import decision, junit, markdown, terminal, to_json
from mtpb.errors import UsageError
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import SandboxFacts
from mtpb.rundir.records import Key, VerdictStatus
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory
from tests.mtpb.runs import manifest_of, passes, run_of, verdict, verdicts_of, write_run
from tests.processes import run_module

STEADY = {str(i): [passes(i % 5, 4), passes(4 - i % 3, 4)] for i in range(24)}
WEAKER = {
    problem: [[good and not (i == 0 and j % 2) for j, good in enumerate(samples)]
              for i, samples in enumerate(cases)]
    for problem, cases in STEADY.items()
}  # fmt: skip


def question(**fields: object) -> Question:
    return Question(Gate(), **fields)


def compared(baseline: RunDirectory, candidate: RunDirectory, **fields: object) -> Comparison:
    return compare(read_run(baseline), read_run(candidate), question(**fields))


@pytest.fixture
def steady(tmp_path: Path) -> RunDirectory:
    return run_of(tmp_path / "steady", STEADY)


@pytest.fixture
def weaker(tmp_path: Path) -> RunDirectory:
    return run_of(tmp_path / "weaker", WEAKER, model__weights_sha256="other")


def command(*overrides: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_module("mtpb.compare", *overrides, cwd=cwd)


# comparable or not


def test_another_model_is_what_a_comparison_is_for(
    steady: RunDirectory, weaker: RunDirectory
) -> None:
    comparison = compared(steady, weaker)
    assert comparison.red
    assert [d.key for d in comparison.changed] == ["model.weights_sha256"]
    assert comparison.overridden == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("benchmark__sha256", "other data"),
        ("benchmark__format", "single_turn"),
        ("benchmark__scorer", "official"),
        ("benchmark__stop", "other"),
        ("benchmark__problems", ["1"]),
        ("sampling__n", 5),
        ("sampling__temperature", 0.8),
        ("sampling__max_new_tokens", 64),
        ("sandbox__timeout", 3.0),
        ("sandbox__memory_mb", 512),
    ],
)
def test_other_questions_and_limits_are_not_comparable(
    tmp_path: Path, steady: RunDirectory, key: str, value: object
) -> None:
    other = run_of(tmp_path / "other", STEADY, **{key: value})
    with pytest.raises(UsageError, match=rf"(?s){key.replace('__', '[.]')}.*force=true"):
        compared(steady, other)
    forced = compared(steady, other, force=True)
    assert [d.key for d in forced.overridden] == [key.replace("__", ".")]
    assert any(note.startswith("Forced") for note in forced.notes)


def test_seed_and_engine_may_differ(tmp_path: Path, steady: RunDirectory) -> None:
    other = run_of(tmp_path / "other", STEADY, seed=1, engine__device="cuda")
    assert not compared(steady, other).red


def test_a_run_without_sampling_is_not_one_with_it(tmp_path: Path, steady: RunDirectory) -> None:
    manifest = manifest_of(STEADY)
    identity = {k: v for k, v in manifest.identity.items() if not k.startswith("sampling.")}
    foreign = replace(manifest, identity=identity, sampling=None)
    imported = write_run(tmp_path / "imported", verdicts_of(STEADY), foreign)
    with pytest.raises(UsageError, match=r"sampling.n: 4 in the baseline, None in the candidate"):
        compared(steady, imported)


def test_a_sampler_that_guarantees_nothing_is_noted(tmp_path: Path, steady: RunDirectory) -> None:
    loose = replace(manifest_of(STEADY), guarantee=Guarantee.nothing)
    served = write_run(tmp_path / "served", verdicts_of(STEADY), loose)
    assert not any("guarantees nothing" in note for note in compared(steady, steady).notes)
    (note,) = (note for note in compared(steady, served).notes if "guarantees nothing" in note)
    assert note.startswith(str(served.path))


def test_greedy_samples_are_all_the_same_only_where_bytes_are_guaranteed(tmp_path: Path) -> None:
    greedy = manifest_of(STEADY, sampling__temperature=0)
    for guarantee in Guarantee:
        manifest = replace(greedy, guarantee=guarantee)
        run = write_run(tmp_path / guarantee.value, verdicts_of(STEADY), manifest)
        assert is_greedy(read_run(run)) is (guarantee is Guarantee.bytes)


def test_an_unfinished_run_is_named(tmp_path: Path, steady: RunDirectory) -> None:
    partial = write_run(tmp_path / "partial", verdicts_of(STEADY)[:-3], manifest_of(STEADY))
    for sides in ((steady, partial), (partial, steady), (partial, partial)):
        with pytest.raises(UsageError, match=r"partial: 189 of 192 samples are judged"):
            compared(*sides)
        assert not compared(*sides, partial=True).red
    assert not compared(steady, partial, force=True).red


def test_failures_of_the_sandbox_are_not_the_models(tmp_path: Path, steady: RunDirectory) -> None:
    verdicts = [verdict("0", False, VerdictStatus.sandbox_error), *verdicts_of(STEADY)[1:]]
    broken = write_run(tmp_path / "broken", verdicts, manifest_of(STEADY))
    with pytest.raises(UsageError, match="sandbox itself failed on 1 programs"):
        compared(steady, broken)
    assert not compared(steady, broken, force=True).red


def test_a_named_scorer_is_used_whichever_the_runs_chose(tmp_path: Path) -> None:
    verdicts = [verdict(str(i), i < 9, official=i < 9, strict=i < 2) for i in range(12)]
    outcomes = {str(i): [[True]] for i in range(12)}
    scorers = ["official", "strict"]
    one = write_run(tmp_path / "one", verdicts, manifest_of(outcomes, scorers=scorers))
    manifest = manifest_of(outcomes, scorers=scorers, benchmark__scorer="official")
    other = write_run(tmp_path / "other", verdicts, manifest)
    assert compared(one, other, scorer="strict").figures[0].baseline == pytest.approx(2 / 12)
    with pytest.raises(UsageError, match="scorer=test"):
        compared(one, other, scorer="test")


def test_the_clean_subset_leaves_faulty_cases_out(tmp_path: Path, steady: RunDirectory) -> None:
    dirty = [(problem, 0) for problem in STEADY]
    one = run_of(tmp_path / "one", STEADY, dirty=dirty)
    other = run_of(tmp_path / "other", WEAKER, dirty=dirty)
    assert compared(one, other).red
    assert compared(one, other, subset="clean").figures[0].difference == 0
    with pytest.raises(UsageError, match="subset=clean: no errata are known"):
        compared(steady, steady, subset="clean")


@pytest.mark.parametrize("figures", [("pass@5",), ("pass@0",), ("accuracy",), ()])
def test_figures_that_cannot_be_had_are_refused(
    steady: RunDirectory, figures: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError, match="metrics"):
        compared(steady, steady, figures=figures)


# what changed


def test_a_run_against_itself_is_green_and_says_so(steady: RunDirectory) -> None:
    comparison = compared(steady, steady)
    assert not comparison.red
    assert {p.difference for p in comparison.problems} == {0}
    assert "Every sample passes in both runs or in neither." in comparison.notes
    assert decision(comparison).startswith("GREEN")


def test_problems_come_by_effect_with_a_sample_to_look_at(tmp_path: Path) -> None:
    before = {"a": [passes(4, 4)], "b": [passes(4, 4)], "c": [passes(0, 4)]}
    after = {"a": [passes(3, 4)], "b": [passes(1, 4)], "c": [passes(2, 4)]}
    first = write_run(tmp_path / "one", verdicts_of(before), manifest_of(before))
    second = write_run(
        tmp_path / "two", verdicts_of(after, VerdictStatus.exception), manifest_of(before)
    )
    b, a, c = compared(first, second).problems
    assert (b.id, b.difference, b.lost, b.lost_status) == (
        "b",
        -0.75,
        Key("b", 0, 1),
        VerdictStatus.exception,
    )
    assert (a.id, a.lost) == ("a", Key("a", 0, 3))
    assert (c.id, c.gained, c.lost) == ("c", Key("c", 0, 0), None)


def test_problems_are_paired_by_id_not_by_place(tmp_path: Path, steady: RunDirectory) -> None:
    turned = dict(reversed(STEADY.items()))
    other = write_run(tmp_path / "turned", verdicts_of(turned), manifest_of(turned))
    assert {p.difference for p in compared(steady, other).problems} == {0}


def test_timeouts_are_told_from_wrong_answers(tmp_path: Path, steady: RunDirectory) -> None:
    slow = write_run(
        tmp_path / "slow", verdicts_of(WEAKER, VerdictStatus.timeout), manifest_of(WEAKER)
    )
    comparison = compared(steady, slow)
    shift = next(s for s in comparison.statuses if s.status is VerdictStatus.timeout)
    assert (shift.baseline, shift.lost, shift.gained) == (0, shift.lost, 0)
    assert shift.lost > 0
    assert any("before blaming the model" in note for note in comparison.notes)


def test_changed_layers_of_the_sandbox_are_noted(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / str(on), verdicts_of(STEADY),
                  replace(manifest_of(STEADY), sandbox=SandboxFacts(layers={"seccomp": on})))
        for on in (True, False)
    ]  # fmt: skip
    assert any("layers" in note for note in compared(*runs).notes)


# reports


def test_junit_is_red_exactly_where_the_gate_is(steady: RunDirectory, weaker: RunDirectory) -> None:
    green = ElementTree.fromstring(junit(compared(weaker, steady)))
    assert green.get("failures") == "0"
    red = ElementTree.fromstring(junit(compared(steady, weaker)))
    cases = red.findall(".//testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert len(cases) == 1 + 24
    assert red.get("failures") == str(len(failed))
    assert failed[0].get("classname") == "gate"
    assert "mtpb show " in (failed[1].findtext("failure") or "")


def test_junit_survives_any_name(tmp_path: Path) -> None:
    outcomes = {"<&\x00é": [[True]]}
    run = run_of(tmp_path / "odd", outcomes, categories={"<&\x00é": "a\x1bb"})
    ElementTree.fromstring(junit(compared(run, run)).encode())


def test_reports_agree_on_the_figures(steady: RunDirectory, weaker: RunDirectory) -> None:
    comparison = compared(steady, weaker)
    content = to_json(comparison)
    figure = content["figures"][0]
    assert content["red"] is True
    mean = np.mean([problem["difference"] for problem in content["problems"]])
    assert figure["difference"] == pytest.approx(mean)
    written = f"{100 * figure['candidate']:.1f}"
    assert written in markdown(comparison, 5)
    assert written in terminal(comparison, 5)
    json.dumps(content)


def test_commands_show_both_runs_samples(steady: RunDirectory, weaker: RunDirectory) -> None:
    text = terminal(compared(steady, weaker), 1)
    for run in (steady, weaker):
        assert f"\n  mtpb show {run.path} problem=" in text


# the command


def exit_status(*overrides: str) -> int:
    return command(*overrides).returncode


def test_the_command_exits_with_1_for_a_drop_and_writes_its_reports(
    steady: RunDirectory, weaker: RunDirectory
) -> None:
    done = command(f"baseline={steady.path}", f"candidate={weaker.path}")
    assert (done.returncode, done.stderr) == (1, "")
    assert "RED" in done.stdout
    assert "RED" in (weaker.path / "compare.md").read_text()
    assert json.loads((weaker.path / "compare.json").read_text())["red"] is True
    ElementTree.parse(weaker.path / "compare.xml")


def test_the_command_exits_with_0_for_no_drop_elsewhere_if_asked(
    tmp_path: Path, steady: RunDirectory
) -> None:
    sides = [f"baseline={steady.path}", f"candidate={steady.path}"]
    done = command(*sides, f"output={tmp_path / 'reports'}", "tolerance=0.01")
    assert (done.returncode, done.stderr) == (0, "")
    assert "GREEN" in done.stdout
    assert (tmp_path / "reports" / "compare.md").exists()
    assert not (steady.path / "compare.md").exists()


def test_the_command_exits_with_2_naming_differing_keys(
    tmp_path: Path, steady: RunDirectory
) -> None:
    other = run_of(tmp_path / "hot", STEADY, sampling__temperature=0.8)
    sides = [f"baseline={steady.path}", f"candidate={other.path}"]
    done = command(*sides)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sampling.temperature: 0.2 in the baseline, 0.8 in the candidate" in done.stderr
    assert command(*sides, "force=true").returncode == 0


@pytest.mark.parametrize("overrides", [("baseline=nowhere",), ("subset=dirty",)])
def test_bad_input_ends_with_2_and_one_message(
    steady: RunDirectory, overrides: tuple[str, ...]
) -> None:
    done = command(f"baseline={steady.path}", f"candidate={steady.path}", *overrides)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "values", [{"level": 0.0}, {"power": 1.0}, {"tolerance": 5.0}, {"top": -1}, {"seed": -1}]
)
def test_values_that_no_comparison_could_follow_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(values))}="):
        check(CompareConfig(**values))


def test_comparing_loads_none_of_the_heavy_packages(steady: RunDirectory) -> None:
    code = (
        "import sys; import mtpb.compare, mtpb.baseline; "
        "print({'torch', 'pandas', 'scipy', 'datasets', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_path_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is this a run directory"):
        run_or_baseline(str(tmp_path), tmp_path)
    with pytest.raises(UsageError, match="neither a run directory nor a baseline"):
        run_or_baseline("nothing", tmp_path)

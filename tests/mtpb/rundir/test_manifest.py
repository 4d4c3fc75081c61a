"""The manifest: what is written is read, and what is none is refused with its file and key."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtpb.comparing.baselines import read_baseline
from mtpb.errors import UsageError
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import Manifest, ModelFacts, SandboxFacts, Throughput
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory, RunWriter
from mtpb.statistics.metrics import problem_rates
from tests.mtpb.runs import manifest_of, passes, run_of
from tests.processes import run_module

OUTCOMES = {"a": [passes(1, 4), passes(2, 4)], "b": [passes(3, 4)]}
MANIFEST = manifest_of(OUTCOMES, dirty=[("a", 1)], scorers=["official", "strict"])
REPOSITORY = Path(__file__).resolve().parents[3]


def read(content: dict[str, Any], samples: int = 0) -> Manifest:
    return Manifest.from_json(content, Path("run/manifest.json"), lambda: samples)


def content_of(manifest: Manifest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(manifest.to_json()))
    return content


def earlier(manifest: Manifest) -> dict[str, Any]:
    """The file as versions before wrote it."""
    content = content_of(manifest)
    return {k: v for k, v in content.items() if k not in ("planned", "guarantee")}


@pytest.mark.parametrize(
    "manifest",
    [
        MANIFEST,
        replace(MANIFEST, sandbox=SandboxFacts(3, 11, 512, {"full": True, "missing": {"a": "b"}})),
        replace(MANIFEST, sampling=None, seed=None, model=ModelFacts("s")),
        replace(MANIFEST, guarantee=Guarantee.seed, throughput=Throughput()),
    ],
)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    assert read(content_of(manifest)) == manifest


def test_top_level_keys_are_those_of_the_contract() -> None:
    keys = content_of(MANIFEST)
    assert {"schema_version", "identity", "model", "benchmark", "planned", "guarantee"} <= set(keys)
    assert {"packages", "python", "host", "platform", "command", "git_commit"} <= set(keys)


def test_keys_of_later_versions_are_ignored() -> None:
    content = content_of(MANIFEST)
    content["model"] = {**content["model"], "colour": "blue"}
    assert read({**content, "news": 1}) == MANIFEST


def test_planned_of_an_earlier_manifest_is_n_samples_a_case() -> None:
    manifest = read(earlier(MANIFEST))
    assert (manifest.planned, manifest.guarantee) == (12, Guarantee.bytes)


def test_planned_of_earlier_imported_samples_is_how_many_there_are() -> None:
    manifest = read(earlier(replace(MANIFEST, sampling=None)), samples=7)
    assert (manifest.planned, manifest.guarantee) == (7, Guarantee.nothing)


def test_an_earlier_directory_is_read_and_upgraded_when_it_is_resumed(tmp_path: Path) -> None:
    directory = run_of(tmp_path, OUTCOMES)
    written = directory.manifest()
    directory.manifest_path.write_text(json.dumps(earlier(written)))
    assert read_run(directory).finished
    with RunWriter(tmp_path, written, ""):
        pass
    assert json.loads(directory.manifest_path.read_text())["planned"] == 12


def test_a_larger_n_resumes_and_plans_more(tmp_path: Path) -> None:
    directory = run_of(tmp_path, OUTCOMES)
    before = directory.verdicts_path.read_bytes()
    larger = replace(MANIFEST, identity=MANIFEST.identity | {"sampling.n": 6}, planned=18)
    with RunWriter(tmp_path, larger, "") as writer:
        assert len(writer.verdicts) == 12
    run = read_run(directory)
    assert (run.finished, run.extent) == (False, "12 of 18 samples")
    assert directory.verdicts_path.read_bytes() == before


def test_a_larger_n_that_came_to_nothing_can_be_taken_back(tmp_path: Path) -> None:
    directory = run_of(tmp_path, OUTCOMES)
    (tmp_path / "metrics.json").write_text("{}")
    larger = replace(MANIFEST, identity=MANIFEST.identity | {"sampling.n": 6}, planned=18)
    with RunWriter(tmp_path, larger, ""):
        pass
    assert not (tmp_path / "metrics.json").exists(), "its figures are of another plan"
    with RunWriter(tmp_path, MANIFEST, ""):
        pass
    assert read_run(directory).finished


@pytest.mark.parametrize(
    ("there", "now", "fits"),
    [
        (["a"], ["a", "b"], True),
        (["a"], None, True),
        (["a", "b"], ["a"], False),
        (None, ["a"], False),
        (["a"], ["b", "c"], False),
    ],
)
def test_more_problems_resume_and_fewer_do_not(
    tmp_path: Path, there: Any, now: Any, fits: bool
) -> None:
    run_of(tmp_path, OUTCOMES, benchmark__problems=there)
    manifest = manifest_of(OUTCOMES, benchmark__problems=now)
    if fits:
        with RunWriter(tmp_path, manifest, ""):
            pass
    else:
        with pytest.raises(UsageError, match=r"benchmark\.problems: "):
            RunWriter(tmp_path, manifest, "")


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"schema_version": 2}, "schema_version 2"),
    ({"identity": None}, "key 'identity': expected an object, got None"),
    ({"planned": -1}, "key 'planned': expected 0 or more, got -1"),
    ({"planned": "many"}, "key 'planned': expected int, got 'many'"),
    ({"planned": True}, "key 'planned': expected int, got True"),
    ({"guarantee": "luck"}, "key 'guarantee': expected one of bytes, seed, nothing, got 'luck'"),
    ({"guarantee": []}, "key 'guarantee'"),
    ({"model": []}, "key 'model': expected an object"),
    ({"model": {"parameters": "1M"}}, "key 'model.parameters': expected int, got '1M'"),
    ({"benchmark": {}}, "key 'benchmark.name' is missing"),
    ({"sampling": {"n": 4}}, "key 'sampling.temperature' is missing"),
    ({"throughput": 3}, "key 'throughput': expected an object"),
    ({"command": [1]}, "key 'command[0]'"),
]


@pytest.mark.parametrize(("change", "says"), BROKEN)
def test_another_shape_is_refused_with_file_and_key(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as error:
        read(content_of(MANIFEST) | change)
    assert str(error.value).startswith("run/manifest.json: ")
    assert says in str(error.value)


@pytest.mark.parametrize("key", ["identity", "model", "benchmark"])
def test_a_missing_key_is_named(key: str) -> None:
    content = content_of(MANIFEST)
    del content[key]
    with pytest.raises(UsageError, match=rf"run/manifest\.json: key '{key}' is missing"):
        read(content)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("scorer", "nobody", "key 'benchmark.scorer': 'nobody' is none of"),
        ("scorers", "strict", "key 'benchmark.scorers': expected a list"),
        ("problems", [{"id": 1}], r"key 'benchmark.problems\[0\].id': expected str, got 1"),
    ],
)
def test_a_benchmark_of_another_shape_is_refused(key: str, value: Any, says: str) -> None:
    content = content_of(MANIFEST)
    with pytest.raises(UsageError, match=says):
        read(content | {"benchmark": content["benchmark"] | {key: value}})


def test_an_id_that_is_there_twice_is_refused() -> None:
    benchmark = content_of(MANIFEST)["benchmark"]
    twice = benchmark | {"problems": [*benchmark["problems"], benchmark["problems"][0]]}
    with pytest.raises(UsageError, match=r"benchmark\.problems.*twice"):
        read(content_of(MANIFEST) | {"benchmark": twice})


def test_the_committed_baseline_is_read() -> None:
    run = read_baseline(REPOSITORY / "baselines" / "starter-3M-mono.json")
    assert (run.finished, run.extent) == (True, "230 of 230 samples")


@pytest.mark.parametrize("content", ["", '{"schema_version": 1, "ident', "[]", "{}"])
@pytest.mark.parametrize(
    "command",
    [
        ("mtpb.show", "run=run"),
        ("mtpb.report", "runs=run", "output=report"),
        ("mtpb.compare", "baseline=run", "candidate=run"),
        ("mtpb.exchange", "run=run", "output=samples.jsonl"),
    ],
)
def test_a_torn_manifest_is_one_message_and_status_2(
    tmp_path: Path, content: str, command: tuple[str, ...]
) -> None:
    run_of(tmp_path / "run", OUTCOMES)
    (tmp_path / "run" / "manifest.json").write_text(content)
    done = run_module(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run/manifest.json: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_torn_manifest_beside_samples_is_not_overwritten(tmp_path: Path) -> None:
    directory = run_of(tmp_path, OUTCOMES)
    directory.manifest_path.write_text('{"schema_ver')
    with pytest.raises(UsageError, match=r"manifest\.json: not JSON"):
        RunWriter(tmp_path, MANIFEST, "")
    assert directory.manifest_path.read_text() == '{"schema_ver'


def test_a_run_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    directory = run_of(tmp_path / "here", OUTCOMES)
    shutil.copytree(directory.path, tmp_path / "there")
    here, there = read_run(directory), read_run(RunDirectory(tmp_path / "there"))
    assert there.manifest == here.manifest
    assert problem_rates(there).tolist() == problem_rates(here).tolist()
    assert there.finished

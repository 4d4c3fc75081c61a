"""Merging: the shards of one run and nothing else, whole or not at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtpb.errors import UsageError
from mtpb.merge import merge
from mtpb.report.results import results_table
from mtpb.rundir.manifest import Manifest, ShardFacts
from mtpb.rundir.merging import find_parts, put_together
from mtpb.rundir.records import VerdictStatus
from mtpb.rundir.run import read_run, run_directories
from mtpb.rundir.store import RunDirectory, RunWriter
from tests.mtpb.runs import manifest_of, passes, verdict, verdicts_of, write_run

OUTCOMES = {"b": [passes(1, 4), passes(4, 4)], "a": [passes(0, 4)]}


def manifest(shard: int | None, of: int = 3, **changes: Any) -> Manifest:
    whole = manifest_of(OUTCOMES, **changes)
    if shard is None:
        return whole
    planned = len(verdicts_of(OUTCOMES)[shard - 1 :: of])
    identity = {**whole.identity, "shard": f"{shard}/{of}"}
    return replace(whole, identity=identity, shard=ShardFacts(shard, of, planned))


def write_shard(folder: Path, shard: int, of: int = 3, **changes: Any) -> RunDirectory:
    verdicts = verdicts_of(OUTCOMES)[shard - 1 :: of]
    name = f"shard-{shard}"
    return write_run(folder / name, verdicts, manifest(shard, of, **changes), samples=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All three shards of a run, and the run."""
    for shard in (2, 1, 3):
        write_shard(tmp_path, shard)
    write_run(tmp_path / "whole", verdicts_of(OUTCOMES), manifest(None), samples=True)
    return tmp_path


def merged(folder: Path, output: str = "merged") -> Path:
    assert merge([str(folder / "shard-*")], folder / output) == 0
    return folder / output


def refusal(folder: Path) -> str:
    with pytest.raises(UsageError) as refused:
        put_together(find_parts([str(folder / "shard-*")], folder / "merged"))
    return str(refused.value)


def test_merged_files_are_those_of_one_run(folder: Path) -> None:
    run = merged(folder)
    for name in ("samples.jsonl", "verdicts.jsonl"):
        assert (run / name).read_bytes() == (folder / "whole" / name).read_bytes()
    whole, made = RunDirectory(folder / "whole").manifest(), RunDirectory(run).manifest()
    assert made.origin is not None
    assert [Path(place).name for place in made.origin.runs] == ["shard-1", "shard-2", "shard-3"]
    assert made.throughput.tokens == 3 * 1000
    assert replace(made, origin=None, throughput=whole.throughput) == whole


def test_a_merge_can_be_repeated_and_the_output_may_lie_among_the_shards(folder: Path) -> None:
    first = (merged(folder, "shard-merged") / "samples.jsonl").read_bytes()
    assert (merged(folder, "shard-merged") / "samples.jsonl").read_bytes() == first


def test_a_shard_is_an_unfinished_run_to_all_readers(folder: Path) -> None:
    run = read_run(RunDirectory(folder / "shard-1"))
    assert not run.finished
    assert run.extent == "4 of 12 samples"
    assert "4 of 12 samples" in results_table(run_directories(folder)).text()


def test_missing_shards_are_named(folder: Path) -> None:
    (folder / "shard-2").rename(folder / "elsewhere")
    assert "shard 2/3 is missing" in refusal(folder)


def test_a_shard_that_is_there_twice_is_named(folder: Path) -> None:
    write_run(folder / "shard-copy", verdicts_of(OUTCOMES)[1::3], manifest(2), samples=True)
    assert f"shard 2/3 in {folder}/shard-copy: also in {folder}/shard-2" in refusal(folder)


def test_an_unfinished_shard_is_named_and_nothing_is_written(folder: Path) -> None:
    verdicts = folder / "shard-3" / "verdicts.jsonl"
    verdicts.write_text("".join(verdicts.read_text().splitlines(keepends=True)[:-1]))
    said = refusal(folder)
    assert f"shard 3/3 in {folder}/shard-3: 3 of 4 samples are judged" in said
    with pytest.raises(UsageError):
        merged(folder)
    assert not (folder / "merged").exists()


def test_a_program_on_which_the_sandbox_failed_is_not_judged(folder: Path) -> None:
    with (folder / "shard-1" / "verdicts.jsonl").open("a") as file:
        file.write(verdict("b", False, VerdictStatus.sandbox_error).to_json() + "\n")
    merged(folder)  # it was judged as well
    (folder / "shard-1" / "verdicts.jsonl").write_text(
        verdict("b", False, VerdictStatus.sandbox_error).to_json() + "\n"
    )
    assert "0 of 4 samples are judged" in refusal(folder)


def test_another_configuration_is_named_with_its_keys(folder: Path) -> None:
    (folder / "shard-2").rename(folder / "elsewhere")
    write_shard(folder, 2, seed=1)
    assert f"shard 2/3 in {folder}/shard-2 differs from shard 1/3 in" in refusal(folder)
    assert refusal(folder).endswith("in seed")


def test_shards_of_another_number_are_named(folder: Path) -> None:
    write_run(folder / "shard-9", [], manifest(4, of=9))
    assert "shard 4/9" in refusal(folder)


def test_a_whole_run_is_no_shard(folder: Path) -> None:
    with pytest.raises(UsageError, match="whole is not a shard"):
        find_parts([str(folder)], folder / "merged")


def test_a_sample_of_another_shard_is_named(folder: Path) -> None:
    stolen = (folder / "shard-2" / "samples.jsonl").read_text().splitlines(keepends=True)[0]
    lines = (folder / "shard-1" / "samples.jsonl").read_text().splitlines(keepends=True)
    (folder / "shard-1" / "samples.jsonl").write_text("".join([stolen, *lines[1:]]))
    assert "shard 1/3" in refusal(folder)


def test_an_output_with_other_samples_is_refused(folder: Path) -> None:
    path = folder / "merged" / "samples.jsonl"
    merged(folder)
    path.write_text(path.read_text().replace("print(1)", "print(2)"))
    with pytest.raises(UsageError, match="is another one there"):
        merged(folder)


def test_a_shard_of_other_problems_is_refused(tmp_path: Path) -> None:
    """Its samples would be others; without the check they would be dropped."""
    write_shard(tmp_path, 1)
    other = manifest(1, benchmark__problems=["a", "b", "c"])
    with pytest.raises(UsageError, match=r"benchmark\.problems"):
        RunWriter(tmp_path / "shard-1", other, "")

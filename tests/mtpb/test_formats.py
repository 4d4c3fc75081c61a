"""Runs for other tools: shared records are of their published forms, tables hold what docs say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from mtpb import load_run
from mtpb.errors import UsageError
from mtpb.formats.results import every_eval_ever, hub_results
from mtpb.rundir.frames import COLUMNS
from mtpb.rundir.run import read_run
from mtpb.rundir.store import METRICS, RunDirectory, write_json
from mtpb.statistics.summary import summarise
from tests.mtpb.commands import call
from tests.mtpb.runs import manifest_of, passes, run_of, verdicts_of, write_run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reports.md"
OUTCOMES = {"1": [passes(1, 2)], "2": [passes(2, 2)]}

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
TEXTS = {"type": "object", "additionalProperties": TEXT}


def required(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these properties and no others."""
    names = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


ARGUMENTS = {
    "temperature": {"type": ["null", "number"]},
    "top_p": {"type": ["null", "number"]},
    "top_k": {"type": ["null", "number"]},
    "max_tokens": {"type": "integer", "minimum": 1},
    "sandbox": {"type": "object", "properties": {"type": TEXT}},
}
INTERVAL = {"lower": NUMBER, "upper": NUMBER, "confidence_level": NUMBER, "method": TEXT}
DETAILS = {
    "score": NUMBER,
    "details": TEXTS,
    "uncertainty": required({"confidence_interval": required(INTERVAL), "num_samples": WHOLE}),
}
METRIC = {
    "evaluation_description": TEXT,
    "lower_is_better": {"type": "boolean"},
    "score_type": {"const": "continuous"},
    "min_score": NUMBER,
    "max_score": NUMBER,
}
SOURCE = {
    "oneOf": [
        required({"dataset_name": TEXT, "source_type": {"const": "other"}}),
        required(
            {
                "dataset_name": TEXT,
                "source_type": {"const": "hf_dataset"},
                "hf_repo": TEXT,
                "samples_number": WHOLE,
            }
        ),
    ]
}
# what we write, in the terms of eval.schema.json 0.2.1 of github.com/evaleval/every_eval_ever
EVERY_EVAL_EVER = required(
    {
        "schema_version": {"const": "0.2.1"},
        "evaluation_id": TEXT,
        "evaluation_timestamp": TEXT,
        "retrieved_timestamp": {"type": "string", "pattern": "^[0-9]+$"},
        "source_metadata": required(
            {
                "source_name": TEXT,
                "source_type": {"enum": ["documentation", "evaluation_run"]},
                "source_organization_name": TEXT,
                "evaluator_relationship": {
                    "enum": ["first_party", "third_party", "collaborative", "other"]
                },
            }
        ),
        "eval_library": required({"name": TEXT, "version": TEXT, "additional_details": TEXTS}),
        "model_info": required({"name": TEXT, "id": TEXT}),
        "evaluation_results": {
            "type": "array",
            "minItems": 1,
            "items": required(
                {
                    "evaluation_name": TEXT,
                    "source_data": SOURCE,
                    "metric_config": required(METRIC),
                    "score_details": required(DETAILS),
                    "generation_config": required(
                        {
                            "generation_args": required(ARGUMENTS, tuple(ARGUMENTS)),
                            "additional_details": TEXTS,
                        }
                    ),
                }
            ),
        },
    },
    optional=("evaluation_timestamp",),
)

MESSAGE = required({"turn_idx": WHOLE, "role": {"enum": ["user", "assistant"]}, "content": TEXT})
# what we write, in the terms of instance_level_eval.schema.json 0.2.1
INSTANCE = required(
    {
        "schema_version": {"const": "instance_level_eval_0.2.1"},
        "evaluation_id": TEXT,
        "model_id": TEXT,
        "evaluation_name": TEXT,
        "sample_id": TEXT,
        "interaction_type": {"enum": ["single_turn", "multi_turn"]},
        "input": required({"raw": TEXT, "reference": {"type": "array", "items": TEXT}}),
        "output": required({"raw": {"type": "array", "items": TEXT}}),
        "messages": {"type": "array", "items": MESSAGE},
        "answer_attribution": {
            "type": "array",
            "items": required(
                {
                    "turn_idx": {"type": "integer", "minimum": 0},
                    "source": TEXT,
                    "extracted_value": TEXT,
                    "extraction_method": TEXT,
                    "is_terminal": {"type": "boolean"},
                }
            ),
        },
        "evaluation": required(
            {
                "score": NUMBER,
                "is_correct": {"type": "boolean"},
                "num_turns": {"type": "integer", "minimum": 1},
            }
        ),
        "metadata": TEXTS,
        "error": TEXT,
    },
    optional=("output", "messages", "error"),
)


def finished(path: Path, suite: str = "toy", scorers: tuple[str, ...] = ("test",)) -> RunDirectory:
    manifest = manifest_of(OUTCOMES, scorers=scorers)
    manifest = replace(manifest, benchmark=replace(manifest.benchmark, name=suite))
    run = write_run(path, verdicts_of(OUTCOMES), manifest, samples=True)
    write_json(path / METRICS, summarise(read_run(run), (1, 2)))
    return run


@pytest.mark.parametrize("suite", ["toy", "humaneval"])
def test_shared_records_have_the_published_form(tmp_path: Path, suite: str) -> None:
    run = finished(tmp_path / "run", suite)
    record = every_eval_ever(read_run(run), run, "University")
    jsonschema.validate(json.loads(json.dumps(record)), EVERY_EVAL_EVER)
    scores = {
        one["evaluation_name"]: one["score_details"]["score"]
        for one in record["evaluation_results"]
    }
    assert scores[f"{suite} pass@1 (test)"] == 0.75
    assert scores[f"{suite} pass@2 (test)"] == 1.0


def test_records_of_samples_have_the_published_form(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    figures = every_eval_ever(read_run(run), run, "University")
    done = call("exchange", "run=run", "format=every_eval_ever_samples", "output=out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    for record, sample in zip(records, run.samples(), strict=True):
        jsonschema.validate(record, INSTANCE)
        assert record["evaluation_id"] == figures["evaluation_id"]
        assert ("output" in record) == (record["interaction_type"] == "single_turn")
        texts = [turn.text for turn in sample.turns]
        said = [m["content"] for m in record.get("messages", ()) if m["role"] == "assistant"]
        assert (record["output"]["raw"] if "output" in record else said) == texts
        (attribution,) = record["answer_attribution"]
        if "messages" in record:
            assert record["messages"][attribution["turn_idx"]]["role"] == "assistant"
    names = {one["evaluation_name"] for one in figures["evaluation_results"]}
    assert {record["evaluation_name"] for record in records} <= names
    assert sum(record["evaluation"]["score"] for record in records) == 3.0


def test_entries_for_the_hub_are_read_by_its_own_library(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "humaneval")
    (entry,) = parse_eval_result_entries(
        yaml.safe_load(yaml.safe_dump(hub_results(read_run(run), run)))
    )
    assert (entry.dataset_id, entry.value) == ("openai/openai_humaneval", 75.0)


def test_suites_that_are_not_on_the_hub_have_no_entry_there(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    with pytest.raises(UsageError, match="toy is no data set of the hub"):
        hub_results(read_run(run), run)


def test_figures_of_unfinished_runs_are_not_shared(tmp_path: Path) -> None:
    write_run(tmp_path / "run", verdicts_of(OUTCOMES)[:-1], manifest_of(OUTCOMES))
    for form in ("hub", "every_eval_ever", "every_eval_ever_samples", "parquet"):
        done = call("exchange", "run=run", f"format={form}", "output=out", cwd=tmp_path)
        assert done.returncode == 2
        assert "3 of 4 samples" in done.stderr
        assert not (tmp_path / "out").exists()


def test_what_is_refused_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    finished(tmp_path / "turns", scorers=("official", "strict"))
    (tmp_path / "out").write_text("kept")
    for form in ("human_eval", "evalplus", "hub"):
        done = call("exchange", "run=turns", f"format={form}", "output=out", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert (tmp_path / "out").read_text() == "kept"
    done = call("exchange", "run=turns", "format=every_eval_ever", "output=no/out", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "turns"]


def test_runs_are_loaded_by_folder_glob_and_list(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        run_of(tmp_path / "runs" / name, OUTCOMES)
    folder = tmp_path / "runs"
    for asked in (folder, str(folder / "*"), [folder / "a", str(folder / "[bc]")]):
        frame = load_run(asked)
        assert list(frame.columns) == list(COLUMNS)
        assert list(frame.groupby("run").size()) == [4, 4, 4]
        assert frame.attrs == {"judged": 12, "planned": 12}
    row = load_run(folder / "a").iloc[0]
    assert tuple(row[["model", "data", "size", "suite", "format", "temperature"]]) == (
        *("codegen-toy-mono", "mono", "1M", "toy", "multi_turn"), 0.2,
    )  # fmt: skip
    with pytest.raises(UsageError, match="no run directory; name one"):
        load_run(str(folder / "d*"))


def test_a_table_in_parquet_is_the_frame(tmp_path: Path) -> None:
    finished(tmp_path / "runs" / "a")
    finished(tmp_path / "runs" / "b", "other")
    done = call("exchange", "run=runs", "format=parquet", "output=out.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kept, frame = pd.read_parquet(tmp_path / "out.parquet"), load_run(tmp_path / "runs")
    pd.testing.assert_frame_equal(kept.drop(columns="run"), frame.drop(columns="run"))


def test_docs_list_the_columns() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCS.read_text(), re.MULTILINE)
    assert [name for name, _ in rows if name in COLUMNS] == list(COLUMNS)

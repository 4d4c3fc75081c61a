"""Samples with their verdicts as Every Eval Ever's instance records: a line of JSON a sample.

Source: github.com/evaleval/every_eval_ever, instance_level_eval.schema.json, version 0.2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtpb.errors import UsageError
from mtpb.formats.results import evaluation_id, evaluation_name, model_id
from mtpb.formats.samples import places, samples_at
from mtpb.rundir.records import Sample, Verdict
from mtpb.rundir.run import Run
from mtpb.rundir.store import RunDirectory

SCHEMA = "instance_level_eval_0.2.1"


def instances(run: Run, directory: RunDirectory) -> Iterator[dict[str, Any]]:
    """The records of a finished run, by its scorer; they belong to the record of its figures.

    References are left out: a run does not hold the right answers. Raises UsageError where a sample
    or a verdict is there without the other.
    """
    common = {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation_id(run, directory),
        "model_id": model_id(run),
        "evaluation_name": evaluation_name(run, "pass_rate", run.scorer),
    }
    verdicts = {verdict.key: verdict for verdict in directory.verdicts()}
    there = places(directory)
    for key in sorted(verdicts.keys() ^ there.keys()):
        raise UsageError(
            f"run={run.source}: problem {key.problem!r}, case {key.case}, sample {key.sample} is "
            f"only in {'verdicts' if key in verdicts else 'samples'}.jsonl; repeat the command "
            "that made the run"
        )
    for sample in samples_at(directory, there):
        yield common | _instance(sample, verdicts[sample.key])


def _instance(sample: Sample, verdict: Verdict) -> dict[str, Any]:
    single = len(sample.turns) <= 1
    messages = [
        {"turn_idx": number, "role": role, "content": text}
        for number, (role, text) in enumerate(
            (role, text)
            for turn in sample.turns
            for role, text in (
                ("user", turn.feedback),
                ("user", turn.prompt),
                ("assistant", turn.text),
            )
            if text is not None
        )
    ]
    last = 0 if single else len(messages) - 1
    record: dict[str, Any] = {
        "sample_id": f"{sample.problem}/{sample.case}",
        "interaction_type": "single_turn" if single else "multi_turn",
        "input": {"raw": sample.turns[0].prompt if sample.turns else "", "reference": []},
        "answer_attribution": [
            {
                "turn_idx": last,
                "source": "output.raw" if single else f"messages[{last}].content",
                "extracted_value": sample.program,
                "extraction_method": "custom",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": float(verdict.passed),
            "is_correct": verdict.passed,
            "num_turns": max(1, len(sample.turns)),
        },
        "metadata": {"sample": str(sample.sample), "status": verdict.status.value},
    }
    if single:
        record["output"] = {"raw": [turn.text for turn in sample.turns] or [sample.program]}
    else:
        record["messages"] = messages
    if not verdict.passed:
        record["error"] = f"{verdict.status.value}: {verdict.detail}"
    return record

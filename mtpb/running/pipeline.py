"""What `run` and `score` share: samples come in, are kept at once and judged while more come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import Key, Sample, Status
from mtpb.rundir.store import Order, RunWriter
from mtpb.running.judge import Judge
from mtpb.running.progress import Progress


def judge_all(writer: RunWriter, judge: Judge, fresh: Iterable[Sample], order: Order) -> None:
    """Keeps and judges `fresh` samples, and judges those that were kept without a verdict.

    A sample on which the sandbox itself failed counts as not judged.
    """
    unjudged = [sample for sample in writer.samples.values() if not _judged(writer, sample.key)]
    with Progress.of(writer, total=len(order)) as progress:

        def kept() -> Iterator[Sample]:
            for sample in fresh:
                writer.add_sample(sample)
                progress.sample(sample)
                yield sample

        try:
            for verdict in judge.verdicts(chain(unjudged, kept())):
                writer.add_verdict(verdict)
                progress.verdict(verdict)
        finally:  # also of a start that was interrupted
            clock = judge.clock
            writer.add_throughput(Throughput(programs=clock.programs, judge_s=clock.busy_s))
    writer.put_in_order(order)


def _judged(writer: RunWriter, key: Key) -> bool:
    verdict = writer.verdicts.get(key)
    return verdict is not None and verdict.status is not Status.sandbox_error

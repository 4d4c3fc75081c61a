"""Writes samples to the run directory as they arrive, and judges them at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import Key, VerdictStatus
from mtpb.rundir.store import Order, RunWriter
from mtpb.running.judge import Judge, PendingVerdict, verdicts
from mtpb.running.progress import Progress


def judge_all(
    writer: RunWriter,
    judge: Judge,
    fresh: Iterable[PendingVerdict],
    order: Order,
    activity: Callable[[], str] = str,
) -> None:
    """Writes the `fresh` samples and their verdicts, and judges the samples without one.

    A sample on which the sandbox itself failed is judged again, but for those `to_be_asked`. At the
    end the files are put in `order`. `activity` says what is being done for the next samples; the
    progress bar shows it.
    """
    unjudged = [
        sample
        for sample in writer.samples.values()
        if not (_judged(writer, sample.key) or to_be_asked(writer, judge, sample.key))
    ]
    with Progress.of(writer, len(order), activity) as progress:

        def kept() -> Iterator[PendingVerdict]:
            for pending in fresh:
                writer.add_sample(pending.sample)
                progress.sample(pending.sample)
                yield pending

        try:
            for verdict in verdicts(chain(map(judge.submit, unjudged), kept())):
                writer.add_verdict(verdict)
                progress.verdict(verdict)
        finally:  # also when interrupted
            clock = judge.clock
            writer.add_throughput(Throughput(programs=clock.programs, judge_s=clock.busy_s))
    writer.put_in_order(order)


def to_be_asked(writer: RunWriter, judge: Judge, key: Key) -> bool:
    """Whether a conversation is to be begun: there is no sample of it, or one without the verdict
    that decides whether there is another attempt."""
    sample = writer.samples.get(key)
    if sample is None:
        return True
    return len(sample.attempts) < judge.max_turns and not _judged(writer, key)


def _judged(writer: RunWriter, key: Key) -> bool:
    verdict = writer.verdicts.get(key)
    return verdict is not None and verdict.status is not VerdictStatus.sandbox_error

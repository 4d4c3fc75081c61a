"""Generating what a run still lacks: conversations to the sampler, samples from it."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator

from mtpb.rundir.manifest import Throughput
from mtpb.rundir.store import RunWriter
from mtpb.running.attempts import Attempts
from mtpb.running.conversation import Conversation
from mtpb.running.dialogues import RunDialogue
from mtpb.running.judge import Judge, PendingVerdict
from mtpb.running.plan import Plan
from mtpb.samplers.sampler import Sampler, Stats

_log = logging.getLogger(__name__)


class Generation:
    """The samples of a plan that its run directory does not have yet."""

    def __init__(self, plan: Plan, writer: RunWriter) -> None:
        self._plan, self._writer = plan, writer
        self._sampler: Sampler | None = None
        self._before = sum(sample.tokens for sample in writer.samples.values())

    def samples(
        self, missing: Iterable[Conversation], judge: Judge
    ) -> Generator[PendingVerdict, None, None]:
        """Samples as they finish, in any order, and being judged; each depends on its own
        conversation alone."""
        attempts = Attempts(judge)
        with self._plan.backend.open() as self._sampler:
            try:
                yield from attempts.samples(self._sampler, self._dialogues(missing))
            finally:  # also of a start that was interrupted
                self._record(self._sampler.stats)

    def activity(self) -> str:
        """What the sampler is doing, for people; empty where it does not tell."""
        stats = Stats() if self._sampler is None else self._sampler.stats
        counts = ((stats.in_flight, "in flight"), (stats.retries, "sent again"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    def _dialogues(self, missing: Iterable[Conversation]) -> Iterator[RunDialogue]:
        """The conversations, as long as the limit of tokens is not reached."""
        most, asking = self._plan.config.limits.tokens, self._plan.asking
        for conversation in missing:
            if most is not None and self._tokens >= most:
                return
            yield asking(conversation)

    @property
    def _tokens(self) -> int:
        """Tokens of all the run's samples, those under way included."""
        return self._before + (0 if self._sampler is None else self._sampler.stats.tokens)

    def _record(self, stats: Stats) -> None:
        self._writer.add_throughput(Throughput(tokens=stats.tokens, generate_s=stats.seconds))
        if stats.fingerprints:
            known = self._writer.add_fingerprints(stats.fingerprints)
            if len(known) > 1:
                _log.warning(
                    "the server's fingerprint changed during the run (%s): its samples may be of "
                    "different models or settings",
                    ", ".join(known),
                )

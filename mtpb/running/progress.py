"""The progress of a run: a bar in the terminal, and lines in the run's log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

from tqdm import tqdm

from mtpb.cli.volume import shows_progress
from mtpb.rundir.events import PROGRESS
from mtpb.rundir.records import Sample, Verdict, VerdictStatus
from mtpb.rundir.store import RunWriter

LOG_S = 5.0  # from one line of progress in the log to the next, at least
Log = Callable[..., None]


class Progress:
    """A bar that counts samples, if standard error is a terminal; a context manager.

    `log` is called at times with the tokens and seconds since the beginning, and what is done.
    """

    def __init__(
        self, total: int, done: int, activity: Callable[[], str] = str, log: Log | None = None
    ) -> None:
        self._log, self._logged = log, 0.0
        self._bar = tqdm(
            total=total,
            initial=done,
            unit="sample",
            file=sys.stderr,
            mininterval=0.5,
            disable=not shows_progress(),
        )
        self._activity = activity
        self._judged, self._passed = 0, 0
        self._tokens, self._start = 0, perf_counter()

    @classmethod
    def of(cls, writer: RunWriter, total: int, activity: Callable[[], str]) -> Progress:
        """The bar of a run directory, starting from the samples and verdicts that it has."""
        progress = cls(total, len(writer.samples), activity, partial(writer.log, PROGRESS))
        for verdict in writer.verdicts.values():
            if verdict.status is not VerdictStatus.sandbox_error:
                progress.verdict(verdict)
        return progress

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._show()
        self._bar.close()

    def sample(self, sample: Sample) -> None:
        self._tokens += sample.tokens
        self._bar.update(1)
        self._note()

    def verdict(self, verdict: Verdict) -> None:
        self._judged += 1
        self._passed += verdict.passed
        self._show(refresh=False)
        self._note()

    def _note(self) -> None:
        seconds = perf_counter() - self._start
        if self._log is not None and seconds - self._logged >= LOG_S:
            self._logged = seconds
            activity = {"activity": said} if (said := self._activity()) else {}
            self._log(tokens=self._tokens, seconds=seconds, **activity)

    def _show(self, refresh: bool = True) -> None:
        rate = self._tokens / (perf_counter() - self._start)
        passed = f"{100 * self._passed / self._judged:.1f}%" if self._judged else "-"
        facts = [f"{rate:.0f} tok/s", f"{self._judged} judged", f"{passed} passed"]
        if activity := self._activity():
            facts.append(activity)
        self._bar.set_postfix_str(", ".join(facts), refresh=refresh)

"""The progress bar of a run: samples, tokens a second, verdicts, pass rate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter

from tqdm import tqdm

from mtpb.rundir.records import Sample, Verdict, VerdictStatus
from mtpb.rundir.store import RunWriter


class Progress:
    """A bar on standard error that counts samples; a context manager."""

    def __init__(self, total: int, done: int, activity: Callable[[], str] = str) -> None:
        self._bar = tqdm(total=total, initial=done, unit="sample", file=sys.stderr, mininterval=0.5)
        self._activity = activity
        self._judged, self._passed = 0, 0
        self._tokens, self._start = 0, perf_counter()

    @classmethod
    def of(cls, writer: RunWriter, total: int, activity: Callable[[], str]) -> Progress:
        """The bar of a run directory, starting from the samples and verdicts that it has."""
        progress = cls(total, len(writer.samples), activity)
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

    def verdict(self, verdict: Verdict) -> None:
        self._judged += 1
        self._passed += verdict.passed
        self._show(refresh=False)

    def _show(self, refresh: bool = True) -> None:
        rate = self._tokens / (perf_counter() - self._start)
        passed = f"{100 * self._passed / self._judged:.1f}%" if self._judged else "-"
        facts = [f"{rate:.0f} tok/s", f"{self._judged} judged", f"{passed} passed"]
        if activity := self._activity():
            facts.append(activity)
        self._bar.set_postfix_str(", ".join(facts), refresh=refresh)

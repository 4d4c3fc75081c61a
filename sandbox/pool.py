"""The pool: programs in, outcomes out.

Each worker is a thread of this process and a fork server (two for programs with a test:
the program's and the test's). The thread hands over one program at a time, reads what its
process reports, and turns that into an Outcome.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from sandbox.program import (
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
)
from sandbox.worker import Shared, Worker


class Pool:
    """Workers that run untrusted programs; a context manager, safe to use from many threads.

    Those of `libraries` that are installed are imported ahead for the programs that use them: each
    worker has one server without any, and starts another with the first n of them when a program
    needs the nth. `pool.layers` tells which layers of isolation are in force. Raises SandboxError
    where `isolation` requires more than there is.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        workers: int = 2,
        isolation: Isolation = Isolation.auto,
        libraries: tuple[str, ...] = ("numpy",),
    ) -> None:
        if workers < 1:
            raise SandboxError(f"a pool of {workers} workers cannot work; give at least 1")
        self.limits = limits or Limits()
        self.isolation = isolation
        self._shared = Shared(self.limits, isolation, libraries)
        self._workers: list[Worker] = []
        self.layers: dict[str, Any] = {}
        try:
            self._workers += [Worker(self._shared) for _ in range(workers)]
            for worker in self._workers:
                self.layers = worker.servers[0].process.wait_until_ready()
            self._shared.installed = self.layers["libraries"]
        except SandboxError:
            self._close_workers()
            raise
        _say_once(self.layers)
        for worker in self._workers:
            worker.start()
        # a pool dropped without `close`: workers run what is queued, then end their servers
        self._finalizer = weakref.finalize(self, _dismiss, self._shared.jobs, workers)

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        self._shared.refuse_if_closing()
        future: Future[Outcome] = Future()
        self._shared.jobs.put((program, future))
        return future

    def run(self, program: Program) -> Outcome:
        """Run one program and wait for its outcome."""
        return self.submit(program).result()

    def close(self) -> None:
        """End all processes; programs that have not ended get no verdict."""
        if self._shared.closing.is_set():
            return
        self._shared.closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._shared.jobs.get_nowait()
                if job is not None:
                    job[1].cancel()
        self._finalizer()
        self._close_workers()
        for worker in self._workers:
            worker.join()

    def _close_workers(self) -> None:
        self._shared.closing.set()
        for worker in self._workers:
            worker.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_said: set[str] = set()


def _say_once(report: Mapping[str, Any]) -> None:
    """Print one line, once per process, that names the layers which `auto` runs without."""
    missing = ", ".join(f"{name} ({reason})" for name, reason in report["missing"].items())
    if report["isolation"] == "auto" and missing and missing not in _said:
        _said.add(missing)
        print(f"sandbox: without {missing}", file=sys.stderr)


def _dismiss(jobs: queue.SimpleQueue[Any], workers: int) -> None:
    for _ in range(workers):
        jobs.put(None)

"""The trusted process in which tests run, one after another, apart from every program.

It is not forked per test: tests are trusted, and each gets a namespace of its own. A program
sends it plain data of bounded size, and the work on them counts as CPU time of the test. Where
that time is spent inside one call into C, which no exception can interrupt, the kernel kills the
process and the pool replaces it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import time
from types import FrameType
from typing import NoReturn

from sandbox.protocol import frames, messages
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.messages import Ended, Ending
from sandbox.tester import testing
from sandbox.tester.link import Link

GRACE_S = 2  # from TimeLimit to the kernel's limit
LARGE = 1 << 20  # bytes of answers, after which garbage is collected


class Tester:
    """Runs the tests that the pool names, each over a link to the program's process."""

    def __init__(self, control: socket.socket, cpu_s: float) -> None:
        self._control = control
        self._cpu_s = cpu_s
        self._tests: list[testing.CompiledTest] = []
        signal.signal(signal.SIGPROF, _raise_time_limit)

    def serve(self) -> NoReturn:
        """Serve until the pool hangs up, which raises a WireError."""
        while True:
            tag, body, fds = frames.read_frame_with_fds(self._control, 1)
            if tag == messages.TEST.tag:
                setup, source, proxies = json.loads(body)
                self._tests.append(testing.compile_test(setup, source, tuple(proxies)))
                continue
            number, job, seed = json.loads(body)
            ending = self._run(self._tests[number], fds[0], seed)
            os.close(fds[0])
            body = messages.pack_job(job, messages.pack_ending(ending))
            frames.write(self._control.fileno(), messages.VERDICT.frame(body))

    def _run(self, test: testing.CompiledTest, link_fd: int, seed: int) -> Ending:
        link = Link(link_fd)
        most = int(time.process_time() + self._cpu_s) + GRACE_S
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)
        try:
            return testing.run_test(test, link, seed)
        except TimeLimit:
            return Ending(Ended.timeout, testing.TIME_IS_UP)
        except MemoryError:
            return Ending(Ended.memory, testing.MEMORY_IS_UP)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            large = link.received > LARGE
            del link  # it and tracebacks form cycles that keep the answers alive
            if large or gc.get_count()[2] > 5:
                gc.collect()


def _raise_time_limit(signum: int, frame: FrameType | None) -> None:
    raise TimeLimit

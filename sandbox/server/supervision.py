"""Supervises one child: collects its output, enforces its limits, reaps it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import NamedTuple

from sandbox.protocol import frames
from sandbox.protocol.messages import KILL, End

CHUNK = 1 << 16
GRACE_S = 0.5  # from SIGXCPU, which the program may handle, to SIGKILL
LONG_MS = 1000  # the longest wait between two looks at the clocks


def waited_for_a_core() -> float:
    """Seconds in which this process' children were ready to run but did not; 0 if unknown.

    The longest-waiting thread counts. /proc may number processes as another namespace
    does, which is why the kernel's own list of our children is asked.
    """
    longest = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/thread-self/children") as file:
            children = file.read().split()
        for child in children:
            for thread in os.listdir(f"/proc/{child}/task"):
                with open(f"/proc/{child}/task/{thread}/schedstat") as file:
                    longest = max(longest, int(file.read().split()[1]))
    return longest / 1e9


def end_orphans() -> None:
    """Kill and reap processes that a child left; there can be some only without seccomp."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                _kill_children()
                os.waitpid(-1, 0)


def _kill_children() -> None:
    if os.getpid() == 1:  # of a pid namespace that holds nothing but our children
        os.kill(-1, signal.SIGKILL)
        return
    with open("/proc/thread-self/children") as file:
        for pid in file.read().split():
            os.kill(int(pid), signal.SIGKILL)


class Bounds(NamedTuple):
    """The limits of a child, and the descriptor on which the pool may ask to kill it."""

    control: int
    cpu_s: float
    wall_s: float
    output: int  # bytes of each stream that are kept


class Child:
    """One program's process, from before its fork to its end.

    As much as possible happens before the fork: pages written afterwards have to be copied.
    """

    def __init__(self, job: int, fds: list[int], bounds: Bounds) -> None:
        self.job = job
        self.bounds = bounds
        (out_r, out_w), (err_r, err_w) = os.pipe(), os.pipe()
        self.given = (out_w, err_w, *fds)  # to become its descriptors from 1 on
        self.kept = {out_r: bytearray(), err_r: bytearray()}
        self.pid, self.pidfd = 0, -1
        self.soft_at: float | None = None
        self.killed = False
        self.starved = 0.0
        self._poll = select.poll()
        for fd in (out_r, err_r, bounds.control):
            self._poll.register(fd, select.POLLIN)

    def fork(self) -> bool:
        """Fork; True in the new process."""
        self.pid = os.fork()
        if self.pid == 0:
            return True
        for fd in self.given:
            os.close(fd)
        if sys.platform == "linux":
            self.pidfd = os.pidfd_open(self.pid)
            self._poll.register(self.pidfd, select.POLLIN)
        return False

    def watch(self) -> End:
        """Enforce the limits until the process has ended. Its wall time counts from here."""
        self.started = time.monotonic()
        while not self._reaped():
            self._step()
        return self._end()

    def _step(self) -> None:
        for fd, _ in self._poll.poll(self._enforce()):
            if fd == self.bounds.control:
                self._command()
            elif fd in self.kept and not self._drain(fd):
                self._poll.unregister(fd)

    def _reaped(self) -> bool:
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.status = status
        self.usage = usage
        return True

    def _command(self) -> None:
        """The only command during a job is to kill; the end of the stream means the same."""
        tag, _ = frames.read_frame(self.bounds.control)
        if tag == KILL.tag:
            self._kill()

    def _kill(self) -> None:
        self.killed = True
        os.kill(self.pid, signal.SIGKILL)

    def _drain(self, fd: int) -> bool:
        data = os.read(fd, CHUNK)
        room = self.bounds.output - len(self.kept[fd])
        if room > 0:
            self.kept[fd] += data[:room]
        return bool(data)

    def _enforce(self) -> int:
        """Apply the limits; returns the milliseconds until they need another look."""
        if self.killed:
            return LONG_MS
        used = self._cpu()
        wall = time.monotonic() - self.started
        if self.soft_at is not None:
            if used > self.soft_at + GRACE_S or wall > self._wall_limit() + GRACE_S:
                self._kill()
            return 20
        if used >= self.bounds.cpu_s or wall >= self._wall_limit():
            self.soft_at = used
            os.kill(self.pid, signal.SIGXCPU)
            return 20
        left = min((self.bounds.cpu_s - used) / 2, self._wall_limit() - wall)
        return max(1, min(LONG_MS, int(left * 1000) + 1))

    def _wall_limit(self) -> float:
        """The limit of wall time, plus the time for which the child waited for a core."""
        limit = self.bounds.wall_s
        if time.monotonic() - self.started < limit:
            return limit
        self.starved = max(self.starved, waited_for_a_core())
        return limit + self.starved

    def _cpu(self) -> float:
        if sys.platform != "linux":
            return 0.0
        try:
            return time.clock_gettime(~self.pid << 3 | 2)
        except OSError:  # it has just ended
            return 0.0

    def _end(self) -> End:
        end_orphans()
        for fd in self.kept:
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError):
                while self._drain(fd):
                    pass
            os.close(fd)
        if self.pidfd >= 0:
            os.close(self.pidfd)
        return End(
            self.job,
            os.waitstatus_to_exitcode(self.status),
            self.soft_at is not None,
            self.usage.ru_utime + self.usage.ru_stime,
            time.monotonic() - self.started,
            self.usage.ru_maxrss >> 10,
            *map(bytes, self.kept.values()),
        )

"""Watching one child: its output, its time, its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from sandbox.protocol import frames as wire
from sandbox.protocol.messages import KILL, End

CHUNK = 1 << 16
GRACE_S = 0.5
LONG_MS = 1000


class Child:
    """One program's process: its job, the descriptors that it is given, pipes for its output."""

    def __init__(self, job: int, fds: list[int]) -> None:
        self.job = job
        self.fds = fds
        self.pid, self.pidfd = 0, -1

    def fork(self) -> bool:
        """Fork; True in the new process."""
        (out_r, out_w), (err_r, err_w) = os.pipe(), os.pipe()
        self.read_ends, self.write_ends = (out_r, err_r), (out_w, err_w)
        self.pid = os.fork()
        if self.pid == 0:
            return True
        for fd in (*self.write_ends, *self.fds):
            os.close(fd)
        if sys.platform == "linux":
            self.pidfd = os.pidfd_open(self.pid)
        return False


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
    """Kill and reap what a child left behind; the system-call filter leaves it no way to."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                _kill_children()
                os.waitpid(-1, 0)


def _kill_children() -> None:
    if os.getpid() == 1:  # of a namespace of its own: there is nobody else in it
        os.kill(-1, signal.SIGKILL)
        return
    with open("/proc/thread-self/children") as file:
        for pid in file.read().split():
            os.kill(int(pid), signal.SIGKILL)


class Supervisor:
    """Enforces the limits of time on one child after another."""

    def __init__(self, control: socket.socket, limits: dict[str, Any]) -> None:
        self.control = control
        self.cpu_s: float = limits["cpu_s"]
        self.wall_s: float = limits["wall_s"]
        self.kept: int = limits["output_kb"] * 1024

    def watch(self, child: Child) -> End:
        """Watch until the child has ended."""
        return Watch(self, child).run()


class Watch:
    """The life of one child as its supervisor sees it."""

    def __init__(self, supervisor: Supervisor, child: Child) -> None:
        self.supervisor = supervisor
        self.child = child
        self.started = time.monotonic()
        self.soft_at: float | None = None
        self.killed = False
        self.kept = {fd: bytearray() for fd in child.read_ends}
        self.starved = 0.0

    def run(self) -> End:
        poll = select.poll()
        for fd in self.child.read_ends:
            poll.register(fd, select.POLLIN)
        if self.child.pidfd >= 0:
            poll.register(self.child.pidfd, select.POLLIN)
        poll.register(self.supervisor.control, select.POLLIN)
        while not self._reaped():
            self._step(poll)
        return self._end()

    def _step(self, poll: select.poll) -> None:
        for fd, _ in poll.poll(self._enforce()):
            if fd == self.supervisor.control.fileno():
                self._command()
            elif fd in self.kept and not self._drain(fd):
                poll.unregister(fd)

    def _reaped(self) -> bool:
        pid, status, usage = os.wait4(self.child.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.status = status
        self.usage = usage
        return True

    def _command(self) -> None:
        """The only command during a job is to kill; the end of the stream means the same."""
        tag, _ = wire.read_frame(self.supervisor.control.fileno())
        if tag == KILL.tag:
            self._kill()

    def _kill(self) -> None:
        self.killed = True
        os.kill(self.child.pid, signal.SIGKILL)

    def _drain(self, fd: int) -> bool:
        data = os.read(fd, CHUNK)
        room = self.supervisor.kept - len(self.kept[fd])
        if room > 0:
            self.kept[fd] += data[:room]
        return bool(data)

    def _enforce(self) -> int:
        """Apply the limits; how many milliseconds until they need another look."""
        if self.killed:
            return LONG_MS
        used = self._cpu()
        wall = time.monotonic() - self.started
        if self.soft_at is not None:
            if used > self.soft_at + GRACE_S or wall > self._wall_limit() + GRACE_S:
                self._kill()
            return 20
        if used >= self.supervisor.cpu_s or wall >= self._wall_limit():
            self.soft_at = used
            os.kill(self.child.pid, signal.SIGXCPU)
            return 20
        left = min((self.supervisor.cpu_s - used) / 2, self._wall_limit() - wall)
        return max(1, min(LONG_MS, int(left * 1000) + 1))

    def _wall_limit(self) -> float:
        """The limit of wall time, later by as long as the child waited for a core."""
        limit = self.supervisor.wall_s
        if time.monotonic() - self.started < limit:
            return limit
        self.starved = max(self.starved, waited_for_a_core())
        return limit + self.starved

    def _cpu(self) -> float:
        if sys.platform != "linux":
            return 0.0
        try:
            return time.clock_gettime(~self.child.pid << 3 | 2)
        except OSError:  # it has just ended
            return 0.0

    def _end(self) -> End:
        end_orphans()
        for fd in self.child.read_ends:
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError):
                while self._drain(fd):
                    pass
            os.close(fd)
        if self.child.pidfd >= 0:
            os.close(self.child.pidfd)
        return End(
            self.child.job,
            os.waitstatus_to_exitcode(self.status),
            self.soft_at is not None,
            self.usage.ru_utime + self.usage.ru_stime,
            time.monotonic() - self.started,
            self.usage.ru_maxrss >> 10,
            *(bytes(self.kept[fd]) for fd in self.child.read_ends),
        )

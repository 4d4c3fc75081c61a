"""The evaluator's view of one running program and of the test that runs against it."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from sandbox.connection import ServerError, ServerProcess
from sandbox.protocol import frames, messages
from sandbox.protocol.messages import End, Ending, ProtocolError
from sandbox.report import ProcessReport

LEAVE_S = 1.0  # for a program to end by itself once its test has ended
TESTER_S = 30.0  # for a test to end once its program has ended


class ProgramRun:
    """One program's process: its private channel, and the link for its test.

    Making one tells the server to wait for the end of the program before, then to fork the process.
    """

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.ours, theirs = socket.socketpair()
        self.link, their_link = socket.socketpair()
        with theirs, their_link:  # closed here, or their end would not be noticed
            try:
                self.job = server.start_job((theirs.fileno(), their_link.fileno()))
            except ServerError:
                self.close()
                raise
        self.report = ProcessReport()
        self.end: End | None = None

    def start(self, payload: bytes) -> None:
        """Send the process what to run."""
        with contextlib.suppress(OSError):  # it ended at once; the server reports that
            frames.write(self.ours.fileno(), messages.PROGRAM.frame(payload))

    def on_channel(self) -> bool:
        """Read what is there; False at the end of the stream or once the report is broken."""
        try:
            piece = self.ours.recv(1 << 18)
        except OSError:
            return False
        if not piece:
            return False
        if self.report.feed(piece):
            return True
        self.server.kill_job()
        return False

    def on_control(self) -> bool:
        """Read the server's report of the end; ServerError if it is not about this job."""
        try:
            end = messages.unpack_end(self.server.receive(messages.END))
        except ProtocolError as error:
            raise ServerError(f"the fork server does not say what it should: {error}") from error
        if end.job != self.job:
            raise ServerError(f"the fork server tells of job {end.job} instead of {self.job}")
        self.end = end
        return True

    def drain(self) -> None:
        """Read what is left on the channel of a process that has ended."""
        self.ours.setblocking(False)
        while not self.report.broken and self.on_channel():
            pass

    def close(self) -> None:
        self.ours.close()
        self.link.close()


class PreforkedServer:
    """A fork server together with the process that it forked ahead for the next program."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self._next = ProgramRun(process)

    def run(self, payload: bytes) -> ProgramRun:
        """Run a program in the waiting process, and have another one forked for the next."""
        program_run, self._next = self._next, ProgramRun(self.process)
        program_run.start(payload)
        return program_run

    def close(self) -> None:
        self.process.close()
        self._next.close()


class TesterStuckError(Exception):
    """The test does not end, although its program has ended or its time is used up."""


class TestRun:
    """One test that a tester runs over the link to the program's process."""

    def __init__(self, tester: ServerProcess, test: int, seed: int, link: socket.socket) -> None:
        self.tester = tester
        self.ending: Ending | None = None
        self._started = time.monotonic()
        self._job = tester.start_test(test, seed, link)
        link.close()  # the tester has it

    def on_control(self) -> bool:
        """Read the verdict; TesterStuckError if the tester was ended at its limit of time."""
        try:
            job, body = messages.unpack_job(self.tester.receive(messages.VERDICT))
            self.ending = messages.unpack_ending(body)
        except ServerError as error:
            if time.monotonic() - self._started >= self.tester.test_cpu_s:
                raise TesterStuckError from error
            raise
        if job != self._job:
            raise ServerError(f"the tester tells of job {job} instead of {self._job}")
        return True


def wait_for_end(program_run: ProgramRun, test_run: TestRun | None = None) -> None:
    """Read the sockets until the program's process and its test have ended.

    The channel of a program with a test is read at its end only, since it reports no value. Once
    the test has ended, the program gets LEAVE_S to end by itself (its link is closed), then it is
    killed. Raises TesterStuckError where the test goes on for TESTER_S after its program's end.
    """
    actions = {program_run.server.control.fileno(): program_run.on_control}
    if test_run is None:
        actions[program_run.ours.fileno()] = program_run.on_channel
    else:
        actions[test_run.tester.control.fileno()] = test_run.on_control
    poll = select.poll()
    for fd in actions:
        poll.register(fd, select.POLLIN)
    killed = False
    while program_run.end is None or (test_run is not None and test_run.ending is None):
        patience = None
        if test_run is not None and test_run.ending is not None and not killed:
            patience = LEAVE_S
        elif program_run.end is not None:
            patience = TESTER_S
        events = poll.poll(None if patience is None else patience * 1000)
        if not events and program_run.end is not None:
            raise TesterStuckError
        if not events:
            program_run.server.kill_job()
            killed = True
        for fd, _ in events:
            if not actions[fd]():
                poll.unregister(fd)
    program_run.drain()

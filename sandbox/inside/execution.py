"""Executes a program with its harness, or answers the calls of its test, in the untrusted process.

The trusted side takes values from this process, never verdicts. Most of the cost of a program is
the pages that its process writes to first after the fork and that are copied then. So as much
as possible is prepared before the fork, in `Environment`, and the common path is short.
"""

from __future__ import annotations

import _thread
import ast
import atexit
import gc
import linecache
import os
import signal
import sys
from types import CodeType
from typing import Any

from sandbox.inside import calls
from sandbox.inside.channel import PASSED, Channel
from sandbox.inside.environment import Environment
from sandbox.inside.harness import HarnessSpace
from sandbox.protocol import failures, thawing
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.messages import Ended, Ending

FILENAME = "<program>"


def run_program(channel_fd: int, link_fd: int, environment: Environment) -> None:
    """Run the program that comes over the channel. The process must exit afterwards.

    The link serves its test; for a program without a test it is closed.
    """
    channel = Channel(channel_fd)
    source, seed, call_cpu_s, harness, arguments = channel.payload()
    tested = call_cpu_s is not None
    if not tested:
        os.close(link_fd)
    space = None
    if harness is not None:
        try:
            code = environment.harness(harness)
            space = HarnessSpace(code, thawing.thaw_all(arguments), channel)
        except Exception as error:  # noqa: BLE001  a fault of the caller, not of the program
            channel.fault(f"the harness failed: {failures.headline(error)}")
        space.watch_prints(environment.builtins)
    channel.begun()
    ending: Ending | None
    try:
        if "random" in source:
            seed_generators(seed)
        names = environment.enter("program" if tested else "__main__")
        ending = execute(source, names, space)
        if tested:
            ending = calls.serve(link_fd, names, ending, call_cpu_s)
        if ending is None:  # the test has its verdict: run no exit hooks and wait for no threads
            _flush()
            return
        ending = _finish(ending)
    except TimeLimit:
        ending = failures.OUT_OF_TIME
    if space is not None:
        ending = _report(space, ending)
    channel.end(ending)


def seed_generators(seed: int) -> None:
    """Seed the generators that the standard library and numpy share among their users."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed(seed)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(seed % 2**32)


def execute(source: str, names: dict[str, Any], space: HarnessSpace | None) -> Ending:
    """Compile and execute the program in the namespace `names`; returns how it ended."""
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)
    code = _compile(source, space)
    if isinstance(code, Ending):
        return code
    try:
        exec(code, names)
    except BaseException as error:  # noqa: BLE001  SystemExit and TimeLimit are endings too
        return failures.describe(error, FILENAME)
    return PASSED


def _compile(source: str, space: HarnessSpace | None) -> CodeType | Ending:
    try:
        if space is None:
            return compile(source, FILENAME, "exec", dont_inherit=True)
        tree = space.rewrite(ast.parse(source, FILENAME))
        return compile(tree, FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return failures.syntax(error)


def _finish(ending: Ending) -> Ending:
    """Wait for threads and run exit hooks as an interpreter does; flush the output."""
    errors: list[BaseException] = []
    try:
        if ending.ended is not Ended.timeout:
            _wait_for_threads()
            if atexit._ncallbacks():
                atexit._run_exitfuncs()
    except BaseException as error:  # noqa: BLE001  whatever the program's hooks raise
        errors.append(error)
    errors += _flush()
    if ending.ended is Ended.passed and errors:
        return failures.describe(errors[0], FILENAME)
    return ending


def _flush() -> list[BaseException]:
    """Flush the output streams, those that the program replaced too; returns what that raised."""
    errors: list[BaseException] = []
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        try:
            stream = getattr(sys, name, None)
            if stream is not None:
                stream.flush()
        except ValueError:  # a closed or detached stream is no failure
            continue
        except BaseException as error:  # noqa: BLE001  a stream of the program's own
            errors.append(error)
    return errors


def _wait_for_threads() -> None:
    if _thread._count():  # threads beside the main one
        sys.modules["threading"]._shutdown()


def _report(space: HarnessSpace, ending: Ending) -> Ending:
    try:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # the server's SIGKILL still is a limit
        sys.settrace(None)
        sys.setprofile(None)
        gc.disable()
        space.report()
    except BaseException as error:  # noqa: BLE001  the program's own objects may raise
        note = f"{ending.detail}; " if ending.detail else ""
        return ending._replace(detail=f"{note}no value: {failures.headline(error)}")
    return ending

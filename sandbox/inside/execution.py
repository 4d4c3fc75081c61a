"""What happens inside the untrusted process: the program, its harness, its functions.

Nothing in this process is believed by the trusted side: it may report a value, never a
verdict on it. Most of the cost of a program is the pages that its process is the first to
write to after the fork, so whatever can be prepared before the fork is, in `Stage`, and
the common path runs little Python.
"""

from __future__ import annotations

import _thread
import ast
import atexit
import builtins
import gc
import linecache
import marshal
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any, NoReturn, cast

from sandbox.inside import calls as serving
from sandbox.protocol import encoding, thawing
from sandbox.protocol import failures as failure
from sandbox.protocol import frames as wire
from sandbox.protocol import messages as protocol
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.freezing import Frozen, freeze
from sandbox.protocol.messages import Ended, Ending
from sandbox.protocol.plain import REPORT, Plain, PlainError

FILENAME = "<program>"
INTERIM_SHARE = 0.05
INTERIM_FREE_S = 0.02

Code = Callable[..., object]
PASSED = Ending(Ended.passed)


class Stage:
    """What every program finds: prepared once, before any fork."""

    def __init__(self) -> None:
        self.harnesses: dict[str, CodeType] = {}
        self.builtins = types.ModuleType("builtins", builtins.__doc__)
        vars(self.builtins).update(vars(builtins))
        self.modules = {name: types.ModuleType(name) for name in ("__main__", "program")}
        for module in self.modules.values():
            module.__dict__["__builtins__"] = self.builtins
        signal.signal(signal.SIGXCPU, _raise_time_limit)
        signal.signal(signal.SIGPROF, _raise_time_limit)  # of a single call's time

    def harness(self, source: str) -> CodeType:
        """The harness' code, compiled once."""
        if source not in self.harnesses:
            code = compile(source, "<harness>", "exec", dont_inherit=True)
            self.harnesses[source] = code
        return self.harnesses[source]

    def enter(self, name: str) -> dict[str, Any]:
        """Make module `name` the program's; the names that its code will define."""
        sys.modules[name] = self.modules[name]
        sys.modules["builtins"] = self.builtins
        return self.modules[name].__dict__


class Channel:
    """The private way out of the process: values, then how the program ended."""

    _PASSED = protocol.ENDING.frame(protocol.pack_ending(PASSED))
    _BEGUN = protocol.BEGUN.frame()
    _TOO_LARGE: Plain = ("object", "value", "too large to be reported")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        # kept well below what the pool takes, so that room for the rest is left
        self._interims = protocol.REPORT_FRAMES // 2
        self._interim_bytes = protocol.REPORT_BYTES // 2

    def payload(self) -> tuple[Any, ...]:
        """What the pool asks for; trusted, so marshal will do."""
        try:
            return cast("tuple[Any, ...]", marshal.loads(wire.read_frame(self._fd)[1]))
        except (wire.WireError, OSError):  # there is no program, and will be none
            os._exit(0)

    def begun(self) -> None:
        """Told before anything of the program runs: what fails earlier is not its fault."""
        wire.write(self._fd, self._BEGUN)

    def fault(self, text: str) -> NoReturn:
        body = text.encode("utf-8", "backslashreplace")[: protocol.FAULT.most]
        wire.write(self._fd, protocol.FAULT.frame(body))
        os._exit(1)

    def needs(self, library: str) -> NoReturn:
        """The program uses a library that is not here: it is to be run where that is."""
        wire.write(self._fd, protocol.NEEDS.frame(library.encode()))
        os._exit(0)  # a thread may come to this after the program's end, which is no failure

    def value(self, value: Plain) -> None:
        wire.write(self._fd, protocol.VALUE.frame(self._encoded(value)))

    def interim(self, value: Plain) -> None:
        """A value so far; nothing where the pool would soon refuse more."""
        frame = protocol.INTERIM.frame(self._encoded(value))
        self._interims -= 1
        self._interim_bytes -= len(frame)
        if self._interims >= 0 and self._interim_bytes >= 0:
            wire.write(self._fd, frame)

    def _encoded(self, value: Plain) -> bytes:
        try:
            return encoding.encode(value, REPORT)
        except PlainError:  # values frozen one by one, too large together
            return encoding.encode(self._TOO_LARGE)

    def end(self, ending: Ending) -> None:
        if ending is PASSED:
            wire.write(self._fd, self._PASSED)
        else:
            wire.write(self._fd, protocol.ENDING.frame(protocol.pack_ending(ending)))


class HarnessSpace:
    """The harness' namespace, with builtins that the program does not share."""

    def __init__(self, code: CodeType, arguments: Mapping[str, object], channel: Channel) -> None:
        self._names: dict[str, Any] = {
            "__builtins__": dict(vars(builtins)),
            "__name__": "harness",
            "freeze": lambda value: Frozen(freeze(value, budget=REPORT)),
            **arguments,
        }
        exec(code, self._names)
        self._channel = channel
        self._interim = cast("Code | None", self._names.get("interim"))
        self._on_print = cast("Code | None", self._names.get("on_print"))
        self._report = cast("Code | None", self._names.get("report"))
        self._spent = 0.0

    def rewrite(self, tree: ast.Module) -> ast.Module:
        rewrite = self._names.get("rewrite")
        if rewrite is None:
            return tree
        return ast.fix_missing_locations(cast(ast.Module, rewrite(tree)))

    def watch_prints(self, module: types.ModuleType) -> None:
        if self._on_print is not None or self._interim is not None:
            vars(module)["print"] = _watched_print(self)

    def printed(self, args: tuple[object, ...]) -> None:
        if self._on_print is not None:
            self._on_print(args)
        if self._interim is not None and self._can_afford():
            started = time.process_time()
            self._channel.interim(freeze(self._interim(), budget=REPORT))
            self._spent += time.process_time() - started

    def _can_afford(self) -> bool:
        return self._spent < INTERIM_FREE_S + INTERIM_SHARE * time.process_time()

    def report(self) -> None:
        if self._report is not None:
            self._channel.value(freeze(self._report(), budget=REPORT))


def _watched_print(space: HarnessSpace) -> Code:
    original, stdout, printed = print, sys.stdout, space.printed

    def watched(*args: object, file: Any = None, **options: Any) -> None:
        original(*args, file=file, **options)
        if file is None or file is stdout:
            printed(args)

    watched.__name__ = watched.__qualname__ = "print"
    watched.__doc__ = print.__doc__
    return watched


def run_program(channel_fd: int, link_fd: int, stage: Stage) -> None:
    """Run the program that comes over the channel; the process is to be left after that.

    If it has no test, the link is of no use and is closed.
    """
    channel = Channel(channel_fd)
    source, seed, call_cpu_s, harness, arguments = channel.payload()
    tested = call_cpu_s is not None
    if not tested:
        os.close(link_fd)
    space = None
    if harness is not None:
        try:
            code = stage.harness(harness)
            space = HarnessSpace(code, thawing.thaw_all(arguments), channel)
        except Exception as error:  # noqa: BLE001  a fault of the caller, not of the program
            channel.fault(f"the harness failed: {failure.headline(error)}")
        space.watch_prints(stage.builtins)
    channel.begun()
    ending: Ending | None
    try:
        if "random" in source:
            seed_generators(seed)
        names = stage.enter("program" if tested else "__main__")
        ending = execute(source, names, space)
        if tested:
            ending = serving.serve(link_fd, names, ending, call_cpu_s)
        if ending is None:  # the test has its verdict: nothing of the program is to run any more
            _flush()
            return
        ending = _finish(ending)
    except TimeLimit:
        ending = failure.OUT_OF_TIME
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


def _raise_time_limit(signum: int, frame: FrameType | None) -> None:
    raise TimeLimit


def execute(source: str, names: dict[str, Any], space: HarnessSpace | None) -> Ending:
    """Compile and execute the program in `names`."""
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)
    code = _compile(source, space)
    if isinstance(code, Ending):
        return code
    try:
        exec(code, names)
    except BaseException as error:  # noqa: BLE001  SystemExit and TimeLimit are endings too
        return failure.describe(error, FILENAME)
    return PASSED


def _compile(source: str, space: HarnessSpace | None) -> CodeType | Ending:
    try:
        if space is None:
            return compile(source, FILENAME, "exec", dont_inherit=True)
        tree = space.rewrite(ast.parse(source, FILENAME))
        return compile(tree, FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return failure.syntax(error)


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
        return failure.describe(errors[0], FILENAME)
    return ending


def _flush() -> list[BaseException]:
    """Flush the output, also where the program put another stream in its place; what failed."""
    errors: list[BaseException] = []
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        try:
            stream = getattr(sys, name, None)
            if stream is not None:
                stream.flush()
        except ValueError:  # it is closed, or detached, which is no failure
            continue
        except BaseException as error:  # noqa: BLE001  a stream of the program's own
            errors.append(error)
    return errors


def _wait_for_threads() -> None:
    if _thread._count():  # beside the main one
        sys.modules["threading"]._shutdown()


def _report(space: HarnessSpace, ending: Ending) -> Ending:
    try:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # from here on the hard limit rules
        sys.settrace(None)
        sys.setprofile(None)
        gc.disable()
        space.report()
    except BaseException as error:  # noqa: BLE001  the program's own objects may raise
        note = f"{ending.detail}; " if ending.detail else ""
        return ending._replace(detail=f"{note}no value: {failure.headline(error)}")
    return ending

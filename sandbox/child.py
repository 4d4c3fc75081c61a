"""What happens inside the untrusted process: the program, its harness, its functions.

Nothing in this process is believed by the trusted side: it may report a value, never a
verdict on it.
"""

from __future__ import annotations

import ast
import builtins
import gc
import linecache
import os
import random
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any, NoReturn, cast

from sandbox import failure, serving, wire
from sandbox.failure import Ending, TimeLimit
from sandbox.plain import Frozen, Plain, decode, encode, freeze, thaw

FILENAME = "<program>"
INTERIM_SHARE = 0.05
INTERIM_FREE_S = 0.02

Code = Callable[..., object]


class Channel:
    """The private way out of the process: values, then how the program ended."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def payload(self) -> Mapping[str, object]:
        """What the pool asks for: source, seed, arguments."""
        _, body = wire.receive(self._sock)
        return cast("Mapping[str, object]", thaw(decode(body)))

    def value(self, plain: Plain, interim: bool = False) -> None:
        wire.send(self._sock, b"I" if interim else b"V", encode(plain))

    def end(self, ending: Ending) -> None:
        wire.send(self._sock, b"E", encode(freeze(tuple(ending))))


class HarnessSpace:
    """The harness' namespace, with builtins that the program cannot replace."""

    def __init__(self, code: CodeType, arguments: Mapping[str, object], channel: Channel) -> None:
        self._names: dict[str, Any] = {
            "__builtins__": dict(vars(builtins)),
            "__name__": "harness",
            "freeze": lambda value: Frozen(freeze(value)),
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

    def wants_prints(self) -> bool:
        return self._on_print is not None or self._interim is not None

    def printed(self, args: tuple[object, ...]) -> None:
        if self._on_print is not None:
            self._on_print(args)
        if self._interim is not None and self._can_afford():
            started = time.process_time()
            self._channel.value(freeze(self._interim()), interim=True)
            self._spent += time.process_time() - started

    def _can_afford(self) -> bool:
        return self._spent < INTERIM_FREE_S + INTERIM_SHARE * time.process_time()

    def report(self) -> None:
        if self._report is not None:
            self._channel.value(freeze(self._report()))


def program_builtins(space: HarnessSpace | None) -> types.ModuleType:
    """A copy of the builtins for the program alone: replacing them changes nothing else."""
    module = types.ModuleType("builtins", builtins.__doc__)
    vars(module).update(vars(builtins))
    if space is not None and space.wants_prints():
        vars(module)["print"] = _watched_print(space)
    return module


def _watched_print(space: HarnessSpace) -> Code:
    original, stdout, printed = print, sys.stdout, space.printed

    def watched(*args: object, file: Any = None, **options: Any) -> None:
        original(*args, file=file, **options)
        if file is None or file is stdout:
            printed(args)

    watched.__name__ = watched.__qualname__ = "print"
    watched.__doc__ = print.__doc__
    return watched


def run_program(channel_sock: socket.socket, link: socket.socket | None, harnesses: Mapping[str, CodeType]) -> NoReturn:
    """Run the program that comes over the channel and leave the process."""
    channel = Channel(channel_sock)
    job = channel.payload()
    source = cast(str, job["source"])
    _seed(cast(int, job["seed"]))
    signal.signal(signal.SIGXCPU, _raise_time_limit)
    space = None
    if job["harness"] is not None:
        arguments = cast("Mapping[str, object]", job["arguments"])
        space = HarnessSpace(harnesses[cast(str, job["harness"])], arguments, channel)
    ending, names = execute(source, "__main__" if link is None else "program", space)
    if link is not None:
        ending = serving.serve(link, names, ending)
    ending = _finish(ending)
    if space is not None:
        ending = _report(space, ending)
    channel.end(ending)
    os._exit(0)


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(seed % 2**32)


def _raise_time_limit(signum: int, frame: FrameType | None) -> None:
    raise TimeLimit


def execute(source: str, name: str, space: HarnessSpace | None) -> tuple[Ending, dict[str, Any]]:
    """Compile and execute the program as module `name`; its ending and its names."""
    module = types.ModuleType(name)
    own = program_builtins(space)
    module.__dict__["__builtins__"] = own
    sys.modules[name] = module
    sys.modules["builtins"] = own
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)
    code = compile_program(source, space)
    if isinstance(code, Ending):
        return code, module.__dict__
    try:
        exec(code, module.__dict__)
    except BaseException as error:  # noqa: BLE001  SystemExit and TimeLimit are endings too
        return failure.describe(error, FILENAME), module.__dict__
    return Ending("passed"), module.__dict__


def compile_program(source: str, space: HarnessSpace | None) -> CodeType | Ending:
    try:
        if space is None:
            return compile(source, FILENAME, "exec", dont_inherit=True)
        tree = ast.parse(source, FILENAME)
        return compile(space.rewrite(tree), FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return failure.syntax(error)


def _finish(ending: Ending) -> Ending:
    """Wait for threads and run exit hooks as an interpreter does; output is flushed."""
    try:
        sys.settrace(None)
        sys.setprofile(None)
        if ending.status != "timeout":
            threading._shutdown()  # type: ignore[attr-defined]
            _run_exit_hooks()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException as error:  # noqa: BLE001
        return ending if ending.status != "passed" else failure.describe(error, FILENAME)
    return ending


def _run_exit_hooks() -> None:
    import atexit

    atexit._run_exitfuncs()


def _report(space: HarnessSpace, ending: Ending) -> Ending:
    try:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # from here on the hard limit rules
        gc.disable()
        space.report()
    except BaseException as error:  # noqa: BLE001  the program's own objects may raise
        note = f"{ending.detail}; " if ending.detail else ""
        return ending._replace(detail=f"{note}no value: {failure.headline(error)}")
    return ending

"""Compiles and runs one test against a program behind a link.

Names that the test does not define are the program's: its functions, classes and values come
over the link. The program knows nothing of the test but the arguments of calls. A call waits for
its answer; `f.starmap(arguments)` of a function that the test names makes many, whose arguments the
program may know before it answers the first.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import random
import sys
import types
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from sandbox.protocol import failures
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.messages import Ended, Ending
from sandbox.tester.link import Link, ProgramEnded, ProgramGone
from sandbox.tester.sender import ProgramFaultError, TestFaultError

FILENAME, SETUP_FILENAME = "<test>", "<setup>"
TIME_IS_UP = "the test used up its CPU time on the program's answers"
MEMORY_IS_UP = "the test ran out of memory on the program's answers"


class CompiledTest(NamedTuple):
    """A test's code, compiled once; or why it cannot be."""

    setup: CodeType | None
    source: CodeType | None
    proxies: tuple[str, ...]
    fault: str = ""


@functools.lru_cache(
    maxsize=1024
)  # the tests of one problem, which may not come together, share it
def _compiled(text: str, filename: str) -> CodeType:
    return compile(text, filename, "exec", dont_inherit=True)


def compile_test(setup: str, source: str, proxies: tuple[str, ...]) -> CompiledTest:
    if "numpy" in setup + source:  # imported before the first run, which seeds it
        with contextlib.suppress(ImportError):
            importlib.import_module("numpy.random")
    codes, at = [], "setup"
    try:
        for text, at in ((setup, SETUP_FILENAME), (source, FILENAME)):
            codes.append(_compiled(text, at))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        ending = failures.syntax(error)
        where = f" (line {ending.line} of its {at.strip('<>')})" if ending.line else ""
        return CompiledTest(None, None, proxies, f"it does not compile: {ending.detail}{where}")
    return CompiledTest(codes[0], codes[1], proxies)


_BUILTINS = {name: value for name, value in vars(builtins).items() if not name.startswith("__")}


class Namespace(dict[str, Any]):
    """A test's globals; a name that is not among them is the program's.

    Builtins are among them, so that a program cannot say which function `len` is.
    """

    def __init__(self, link: Link) -> None:
        super().__init__(_BUILTINS, __name__="test", __builtins__=builtins)
        self._link = link

    def __missing__(self, name: str) -> object:
        if name.startswith("__"):
            raise KeyError(name)
        return self._link.ask("get", name, (), {})


def run_test(test: CompiledTest, link: Link, seed: int) -> Ending:
    """Run one test against the program behind `link`; returns its verdict."""
    if test.setup is None or test.source is None:
        return Ending(Ended.broken_test, test.fault)
    random.seed(seed)
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(seed % 2**32)
    try:
        ending = _run(test.setup, test.source, test.proxies, link)
        if link.fault is not None:  # the test's own code caught it
            raise link.fault
        link.wait_until_ready()
    except ProgramEnded as error:
        return error.ending
    except ProgramGone as error:
        return Ending(Ended.gone, str(error))
    except ProgramFaultError as error:
        return Ending(Ended.exception, str(error))
    except TestFaultError as error:
        return Ending(Ended.broken_test, str(error))
    return ending


def _run(setup: CodeType, source: CodeType, proxies: tuple[str, ...], link: Link) -> Ending:
    names = Namespace(link)
    at_setup = True
    try:
        exec(setup, names)
        at_setup = False
        for name in proxies:
            names[name] = _proxy(link, name, names.get(name))
        exec(source, names)
    except (ProgramGone, ProgramEnded, ProgramFaultError, TestFaultError):
        raise
    except BaseException as error:  # any exception of a test is its verdict
        if not link.answered and at_setup:
            raise TestFaultError(f"its setup fails: {_headline(error, SETUP_FILENAME)}") from error
        if not link.answered and isinstance(error, (TimeLimit, MemoryError)):
            raise TestFaultError(f"it fails by itself: {_headline(error, FILENAME)}") from error
        return _verdict(error, link)
    return Ending(Ended.passed)


def _proxy(link: Link, name: str, stub: object) -> Callable[..., object]:
    def proxy(*args: object, **kwargs: object) -> object:
        return link.ask("call", name, args, kwargs)

    proxy.__name__ = proxy.__qualname__ = name
    if isinstance(stub, types.FunctionType):
        functools.update_wrapper(proxy, stub)
    proxy.starmap = functools.partial(link.starmap, name)  # type: ignore[attr-defined]
    return proxy


def _verdict(error: BaseException, link: Link) -> Ending:
    told = link.ending_of(error) or link.ending_of(error.__cause__)  # StopIteration in a generator
    if told is not None:
        return told
    if isinstance(error, TimeLimit):
        return Ending(Ended.timeout, TIME_IS_UP)
    if isinstance(error, MemoryError):
        return Ending(Ended.memory, MEMORY_IS_UP)
    return Ending(Ended.wrong_answer, _headline(error, FILENAME))


def _headline(error: BaseException, filename: str) -> str:
    line = failures.line_in(error.__traceback__, filename)
    return failures.in_test(failures.headline(error), line)

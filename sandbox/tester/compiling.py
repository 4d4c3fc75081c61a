"""Compiles tests, in the pool's process: once for all testers, which may be many.

A test with hundreds of inputs takes a tenth of a second.
"""

from __future__ import annotations

import functools
import marshal
import threading
from typing import NamedTuple

from sandbox.protocol import failures

FILENAME, SETUP_FILENAME = "<test>", "<setup>"
_one_at_a_time = threading.Lock()  # so that two workers do not compile the same test


class CompiledTest(NamedTuple):
    """A test's code, by marshal; or why it does not compile."""

    setup: bytes
    source: bytes
    proxies: tuple[str, ...]
    uses_numpy: bool = False
    fault: str = ""


def compiled(setup: str, source: str, proxies: tuple[str, ...]) -> bytes:
    """The test as a tester takes it."""
    with _one_at_a_time:
        return marshal.dumps(tuple(compile_test(setup, source, proxies)))


def compile_test(setup: str, source: str, proxies: tuple[str, ...]) -> CompiledTest:
    codes, at = [], "setup"
    try:
        for text, at in ((setup, SETUP_FILENAME), (source, FILENAME)):
            codes.append(_code(text, at))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        ending = failures.syntax(error)
        where = f" (line {ending.line} of its {at.strip('<>')})" if ending.line else ""
        fault = f"it does not compile: {ending.detail}{where}"
        return CompiledTest(b"", b"", proxies, fault=fault)
    return CompiledTest(codes[0], codes[1], proxies, "numpy" in setup + source)


@functools.lru_cache(maxsize=1024)  # a suite's, whose later tests come when all earlier ones ran
def _code(text: str, filename: str) -> bytes:
    return marshal.dumps(compile(text, filename, "exec", dont_inherit=True))

"""Describes how a program ended: exception type, message, and line in its own source."""

from __future__ import annotations

import builtins
import errno
import linecache
import re
from types import TracebackType

from sandbox.protocol.messages import DETAIL_CHARS, Ended, Ending


class TimeLimit(BaseException):
    """Raised in the program's main thread when its CPU time is used up."""


_IN_TEST = re.compile(r"(?s)(.*) \(line (\d+) of the test\)")
OUT_OF_TIME = Ending(Ended.timeout, "CPU time is used up")


def headline(error: BaseException) -> str:
    """`Type: message`, also where the exception's own methods fail."""
    name = type(error).__qualname__
    try:
        message = str.__str__(str(error))
    except Exception:  # noqa: BLE001  a hostile __str__
        message = "<unprintable>"
    text = f"{name}: {message}" if message else name
    return text[:DETAIL_CHARS]


def in_test(headline: str, line: int | None) -> str:
    """The detail of an exception that a line of a test raised."""
    if line is None:
        return headline
    place = f" (line {line} of the test)"
    packed = headline.encode("utf-8", "backslashreplace").decode()
    return packed[: DETAIL_CHARS - len(place)] + place  # so that packing does not cut the place


def place_in_test(detail: str) -> tuple[str, int | None]:
    """Headline and line of a detail that `in_test` made; of any other, the detail and None."""
    found = _IN_TEST.fullmatch(detail)
    return (found[1], int(found[2])) if found else (detail, None)


def syntax(error: BaseException) -> Ending:
    line = error.lineno if isinstance(error, SyntaxError) else None
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return Ending(Ended.syntax_error, f"{type(error).__name__}: {message}"[:DETAIL_CHARS], line)


def describe(error: BaseException, filename: str) -> Ending:
    """The ending for an exception that left the program."""
    line = line_in(error.__traceback__, filename)
    if isinstance(error, TimeLimit):
        return OUT_OF_TIME._replace(line=line)
    if isinstance(error, SystemExit):
        return _exit(error, line)
    if isinstance(error, MemoryError):
        return Ending(Ended.memory, headline(error), line)
    if isinstance(error, OSError) and error.errno in (errno.EPERM, errno.EACCES):
        return Ending(Ended.blocked, _attempt(error, filename, line), line)
    return Ending(Ended.exception, headline(error), line)


def _exit(error: SystemExit, line: int | None) -> Ending:
    if error.code is None or (isinstance(error.code, int) and int(error.code) == 0):
        return Ending(Ended.passed, "", None, 0)
    code = int(error.code) if isinstance(error.code, int) else 1
    return Ending(Ended.exception, headline(error), line, max(-(2**31), min(code, 2**31 - 1)))


def line_in(traceback: TracebackType | None, filename: str) -> int | None:
    """The line of the innermost frame that belongs to `filename`."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _attempt(error: OSError, filename: str, line: int | None) -> str:
    """The exception, and the line of source that the sandbox refused."""
    text = headline(error)
    if line is None:
        return text
    code = linecache.getline(filename, line).strip()
    return f"{text} (at `{code[:120]}`)" if code else text


def builtin_type(error: BaseException) -> str:
    """The name of the nearest builtin class of an exception."""
    for kind in type.__dict__["__mro__"].__get__(type(error)):
        name = type.__dict__["__name__"].__get__(kind)
        if getattr(builtins, name, None) is kind:
            return str(name)
    return "Exception"

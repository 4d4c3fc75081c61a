"""Inside the untrusted process: answering the calls of a test.

A request comes as a pickle (the test is trusted here). An answer is plain data, or JSON if it
is simple: a value and the arguments if the function changed them in place, or an exception.
While it answers, the program may ask the test to call a function or to advance an iterator
that was given to it, and the test may then call the program again.
"""

from __future__ import annotations

import builtins
import json
import marshal
import signal
from collections.abc import Callable, Mapping
from time import perf_counter  # as it is before a program replaces it
from typing import Any

from sandbox.inside.handles import Handles
from sandbox.protocol import encoding, failures, frames, messages
from sandbox.protocol.freezing import freeze
from sandbox.protocol.messages import Ended, Ending
from sandbox.protocol.number_lists import pack_numbers
from sandbox.protocol.plain import Plain
from sandbox.protocol.standard import Standard

OPERATIONS: Mapping[str, Callable[..., object]] = {
    "iter": iter,
    "next": next,
    "len": len,
    "getitem": lambda value, key: value[key],
    "getattr": getattr,
    "setattr": setattr,
    "call": lambda value, *args, **kwargs: value(*args, **kwargs),
    "map": lambda value, *args, **kwargs: value(*args, **kwargs),  # with copies of arguments
    "get": lambda value: value,
    "bool": bool,
    "str": str,
    "float": float,
    "int": int,
    "index": lambda value: value.__index__(),
}
LATER, LATER_S = 1 << 14, 0.002  # bytes and seconds that replies may wait for more
AGAIN_S = 0.1  # until TimeLimit is raised again, should the program catch it
_CALLS = ("call", "map")
_READY = messages.CALLABLE.frame()
MOST_DIGITS = 4000  # of an integer in JSON; Python reads no more than 4,300
LONG = 200  # items; for fewer than that JSON is as good
_SCALARS = frozenset({type(None), bool, int, float, str})
_json = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes})
_UNCHANGED: Plain = ("none",)
_STANDARD = Standard()


def serve(link: int, names: Mapping[str, Any], ending: Ending, call_cpu_s: float) -> Ending | None:
    """Answer the test's calls until it closes the link, then return None.

    A program that ended before it could be called has its ending sent and returned. A call may
    take `call_cpu_s` seconds of CPU time; 0: as much as the program.
    """
    if ending.ended is not Ended.passed or ending.exit_code is not None:
        frames.write(link, messages.UNCALLABLE.frame(messages.pack_ending(ending)))
        return ending
    service = Service(link, names, call_cpu_s)
    try:
        while True:
            service.step()
    except (frames.WireError, OSError):
        return None


class Service:
    """The program's end of the link to its test."""

    def __init__(self, link: int, names: Mapping[str, Any], call_cpu_s: float) -> None:
        self._link = link
        self._call_cpu_s = call_cpu_s
        self._names = names
        self._reader = frames.Reader(link)
        self._handles = Handles(self.ask)
        self._functions: dict[str, object] = {}
        self._failed = False  # whether the latest call did
        self._replies = b""  # to calls that were sent ahead
        self._written = 0.0

    def step(self) -> bytes | None:
        """Handle one frame. Returns the body of a RESULT, None after answering a request.

        Of calls that were sent ahead, those after one that failed are not made: the test is over or
        goes on elsewhere, and they may take long.
        """
        sent_ahead = self._reader.has_frame
        tag, body = self._reader.frame()
        if tag == messages.RESULT.tag:
            return body
        if tag == messages.WAIT.tag:
            reply = _READY
        elif sent_ahead and self._failed:
            reply = _NOT_CALLED
        else:
            self._failed = False
            reply = self.answer(body)
        self._write(self._replies + reply)
        return None

    def _write(self, replies: bytes) -> None:
        """Write the replies unless more calls are here and they came quickly: to wake the test for
        each one takes longer than most calls."""
        now = perf_counter()
        if self._reader.has_frame and len(replies) < LATER and now - self._written < LATER_S:
            self._replies = replies
            return
        frames.write(self._link, replies)
        self._replies, self._written = b"", now

    def ask(self, operation: str, handle: int, args: object, kwargs: object) -> object:
        """Ask the test to operate on an object of its own; returns or raises what comes of it."""
        question = freeze((operation, handle, args, kwargs), self._handles)
        question_frame = messages.ASK.frame(encoding.encode(question))
        frames.write(self._link, self._replies + question_frame)
        self._replies = b""
        result = None
        while result is None:
            result = self.step()
        raised, value = self._handles.load(result)
        if raised is None:
            return value
        raise getattr(builtins, raised, Exception)(*value)

    def answer(self, body: bytes) -> bytes:
        """Carry out one request; returns the frame of its result or exception."""
        try:
            operation, target, args, kwargs = self._handles.load(body)
            value = self._target(operation, target)
            copies = operation == "map"
            before = None if copies else _fingerprint(args, kwargs)
            self._limit_time(self._call_cpu_s)
            result = OPERATIONS[operation](value, *args, **kwargs)
            self._limit_time(0.0)
            unchanged = copies or _fingerprint(args, kwargs) == before
            if unchanged and (short := _simple(result)) is not None:
                return short
            changed = _UNCHANGED if unchanged else freeze((args, kwargs), self._handles)
            answer = ("tuple", (freeze(result, self._handles), changed))
            return messages.ANSWER.frame(encoding.encode(answer))
        except frames.WireError:
            raise
        except BaseException as error:  # noqa: BLE001  all of them cross to the test
            self._limit_time(0.0)
            self._failed = True
            return messages.RAISED.frame(_failure(error))

    def _limit_time(self, seconds: float) -> None:
        """Raise TimeLimit after that much CPU time, again if the program catches it; 0: never."""
        if self._call_cpu_s:
            signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_S)

    def _target(self, operation: str, target: str | int) -> object:
        """The object of a handle, or of a name of the program; a function is looked up once."""
        if not isinstance(target, str):
            return self._handles[target]
        if operation in _CALLS and target in self._functions:
            return self._functions[target]
        if target not in self._names:
            raise NameError(f"name {target!r} is not defined")
        self._functions[target] = self._names[target]
        return self._names[target]


def _simple(value: object) -> bytes | None:
    """A short frame for common results, a scalar or a list of scalars; None for others."""
    if type(value) is list:
        if len(value) >= LONG and (numbers := pack_numbers(value)) is not None:
            fits = len(numbers) <= messages.NUMBERS.most
            return messages.NUMBERS.frame(numbers) if fits else None
        if not _SCALARS.issuperset(map(type, value)):
            return None
    elif type(value) not in _SCALARS:
        return None
    try:
        text = _json(value).encode("utf-8", "surrogatepass")
    except ValueError:  # an integer of too many digits
        return None
    if len(text) > MOST_DIGITS and _has_large(value):  # where the program has raised that limit
        return None
    return messages.SIMPLE.frame(text) if len(text) <= messages.SIMPLE.most else None


def _has_large(value: Any) -> bool:
    values = value if type(value) is list else [value]
    return any(type(each) is int and each.bit_length() > 3 * MOST_DIGITS for each in values)


def _fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """A value that is equal before and after a call only if its arguments are unchanged."""
    if _IMMUTABLE.issuperset(map(type, args)) and not kwargs:
        return None
    try:
        return marshal.dumps((args, kwargs), 2)
    except Exception:  # noqa: BLE001  something that marshal does not know
        return freeze((args, kwargs), _STANDARD)


def _failure(error: BaseException) -> bytes:
    ending = messages.pack_ending(failures.describe(error, "<program>"))
    told = (failures.builtin_type(error), error.args, ending)
    return encoding.encode(freeze(told))


_NOT_CALLED = messages.RAISED.frame(_failure(RuntimeError("an earlier call failed")))

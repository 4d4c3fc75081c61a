"""The tester's end of the link to a program: requests, and answers read within budgets.

Calls with plain arguments may be sent ahead of the answers to those before, which spares both
processes to wait for each other: a wait costs more than most functions.
"""

from __future__ import annotations

import builtins
import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from sandbox.protocol import failures, frames, messages
from sandbox.protocol.encoding import decode
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.messages import OF_PROGRAMS, Ended, Ending, Message, ProtocolError
from sandbox.protocol.number_lists import unpack_numbers
from sandbox.protocol.plain import Plain, PlainError
from sandbox.protocol.standard import make
from sandbox.protocol.thawing import thaw
from sandbox.tester.changes import update
from sandbox.tester.sender import Opaque, ProgramFaultError, Sender, TestFaultError

_FROM_PROGRAM = {
    message.tag: message
    for message in messages.MESSAGES
    if (message.sender, message.reader) == (messages.Party.program, messages.Party.tester)
}


_AHEAD_CALLS = 64
_AHEAD_BYTES = 1 << 15  # fits in a socket's buffer, so that they can be written before any is read
_Result: TypeAlias = tuple[object, BaseException | None]  # a value, or what the program raised


class ProgramGone(BaseException):
    """The program's process has ended. A BaseException, so that `except Exception` misses it."""


class ProgramEnded(BaseException):
    """The program ended before its functions could be called. See ProgramGone for the base."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class _Ahead:
    """Calls that were sent together; their results, in order, as far as they were read."""

    def __init__(self, calls: int) -> None:
        self.unread = calls
        self.results: deque[_Result] = deque()


class Link:
    """Sends requests to the program's process and validates its answers."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._reader = frames.Reader(fd, {tag: known.most for tag, known in _FROM_PROGRAM.items()})
        self.received = 0  # bytes in all
        self._sender = Sender(_handle_of)
        self._raised: list[tuple[BaseException, Ending]] = []
        self._ahead = _Ahead(0)
        self.fault: BaseException | None = None  # the program's, which ends the test
        self.answered = False  # whether anything in the test's state may come from the program

    def wait_until_ready(self) -> None:
        """Wait until the program's functions can be called; ProgramEnded if they never can."""
        if not self.answered:
            self._write(messages.WAIT.frame())
            self._receive()

    def ask(self, operation: str, target: object, args: tuple[Any, ...], kwargs: Any) -> object:
        """Ask the program for an operation; returns its result or raises its exception here."""
        try:
            self._read_all(self._ahead)
            self._write(self._call(operation, target, args, kwargs))
            value, error = self._read_result(args, kwargs)
        except (ProgramGone, ProgramEnded, ProgramFaultError) as fault:
            self.fault = fault
            raise
        if error is not None:
            raise error
        return value

    def starmap(self, name: str, arguments: Iterable[Sequence[Any]]) -> Iterator[object]:
        """Results of calls of a function of the program, one with each of the arguments.

        The function gets copies: what it changes in them is not seen here. Calls are sent before
        the results of those before them are read.
        """
        try:
            for group in self._groups(name, arguments):
                self._read_all(self._ahead)
                self._ahead = ahead = _Ahead(len(group))
                self._write(b"".join(group))
                while ahead.unread or ahead.results:
                    if not ahead.results:
                        self._read_one(ahead)
                    value, error = ahead.results.popleft()
                    if error is not None:
                        raise error
                    yield value
        except (ProgramGone, ProgramEnded, ProgramFaultError) as fault:
            self.fault = fault
            raise

    def _groups(self, name: str, arguments: Iterable[Sequence[Any]]) -> Iterator[list[bytes]]:
        """Calls to be sent together. One alone where the program may ask about what it was given,
        since it reads what is told as its next frame."""
        group: list[bytes] = []
        for args in arguments:
            call = self._call("map", name, tuple(args), {})
            full = sum(map(len, group)) + len(call) > _AHEAD_BYTES or len(group) == _AHEAD_CALLS
            if group and (full or self._sender.has_given):
                yield group
                group = []
            group.append(call)
        if group:
            yield group

    def _read_all(self, ahead: _Ahead) -> None:
        while ahead.unread:
            self._read_one(ahead)

    def _read_one(self, ahead: _Ahead) -> None:
        ahead.unread -= 1
        ahead.results.append(self._read_result((), {}))

    def _read_result(self, args: tuple[Any, ...], kwargs: Any) -> _Result:
        """What comes of a call that was sent; what the program asks meanwhile is told."""
        while True:
            message, body = self._receive()
            try:
                if message is messages.SIMPLE:
                    return _from_json(body), None
                if message is messages.NUMBERS:
                    return unpack_numbers(body), None
                told = self._thawed(body)
                if message is messages.ANSWER:
                    return _answer(told, args, kwargs), None
                if message is messages.RAISED:
                    return None, self._exception(*told)
                if message is not messages.ASK:
                    raise PlainError(f"a frame {message.tag!r} out of turn")
                operation, handle, *inputs = told
                given = self._sender.taken(handle)
            except (PlainError, ValueError, TypeError, KeyError, IndexError) as fault:
                raise ProgramFaultError(f"its answer is malformed: {fault}") from fault
            self._write(self._frame(messages.RESULT, self._result(operation, given, *inputs)))

    def _result(self, operation: object, value: Any, args: Any = (), kwargs: Any = None) -> bytes:
        """The pickled result of an operation that the program asks of an object of the test."""
        try:
            done = next(value) if operation == "next" else value(*args, **(kwargs or {}))
        except Exception as error:  # noqa: BLE001  passed on to the program
            args_of_error = error.args if self._can_send(error.args) else (str(error),)
            return self._sender.pickled((failures.builtin_type(error), args_of_error))
        return self._sender.pickled((None, done))

    def _can_send(self, value: object) -> bool:
        try:
            self._sender.pickled(value)
        except (TestFaultError, ProgramFaultError):
            return False
        return True

    def ending_of(self, error: BaseException | None) -> Ending | None:
        """The ending that the program reported with this exception, if it raised it."""
        return next((ending for raised, ending in self._raised if raised is error), None)

    def _call(self, operation: str, target: object, args: tuple[Any, ...], kwargs: Any) -> bytes:
        pickled = self._sender.pickled((operation, target, args, kwargs))
        return self._frame(messages.CALL, pickled)

    def _frame(self, message: Message, body: bytes) -> bytes:
        if len(body) > message.most:
            problem = f"a call of {len(body):,} bytes; at most {message.most:,} can cross"
            raise ProgramFaultError(problem) if self.answered else TestFaultError(problem)
        return message.frame(body)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended; earlier frames may say why
            frames.write(self._fd, data)

    def _receive(self) -> tuple[Message, bytes]:
        try:
            tag, body = self._reader.frame()
        except (MemoryError, TimeLimit) as error:  # spent on reading what the program wrote
            self.answered = True
            self.fault = error
            raise
        except frames.FrameError as error:
            raise ProgramFaultError(f"its answer is malformed: {error}") from error
        except (frames.WireError, OSError) as error:
            raise ProgramGone("its process ended") from error
        self.received += len(body)
        if self.received > messages.ANSWERS_BYTES:
            raise ProgramFaultError(f"its answers have over {messages.ANSWERS_BYTES:,} bytes")
        message = _FROM_PROGRAM[tag]
        if message is messages.UNCALLABLE and not self.answered:
            raise ProgramEnded(_ending(body))
        self.answered = True
        return message, body

    def _thawed(self, body: bytes) -> Any:
        told = thaw(decode(body), self._rebuild)
        if not isinstance(told, tuple):
            raise PlainError(f"a {type(told).__name__} instead of a tuple")
        return told

    def _rebuild(self, plain: Plain, again: Callable[[Plain], object]) -> object:
        if plain[0] == "made":
            return make(plain, again)
        if plain[0] == "remote":
            handle, kind = cast("tuple[int, str]", plain[1:3])
            return RemoteObject(self, handle, kind)
        if plain[0] == "given":
            return self._sender.taken(cast(int, plain[1]))
        return Opaque(str(plain[1]), str(plain[-1]))

    def _exception(self, name: object, args: Any, ending: bytes) -> BaseException:
        kind = getattr(builtins, name, None) if isinstance(name, str) else None
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = Exception
        try:
            error = kind(*args)
        except Exception:  # noqa: BLE001  arguments that the type does not take
            error = Exception(str(args))
        self._raised.append((error, _ending(ending)))
        return error


def _answer(told: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """The value of an answer; arguments that the program changed in place are changed here too."""
    value, changed = told
    if isinstance(changed, tuple):
        update((args, kwargs), changed)
    return value


def _no_object(pairs: object) -> object:
    raise PlainError("an object where a scalar or a list of them is to be")


_json = json.JSONDecoder(object_pairs_hook=_no_object)


def _from_json(body: bytes) -> object:
    try:
        return cast(object, _json.decode(body.decode("utf-8", "surrogatepass")))
    except RecursionError as error:
        raise PlainError("it is too deep") from error


class RemoteObject:
    """A handle to an object in the program's process.

    Its items and results cross as plain data. Comparison is by identity of the handle.
    """

    __slots__ = ("_handle", "_kind", "_link")

    def __init__(self, link: Link, handle: int, kind: str) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_kind", kind)

    def _do(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        return self._link.ask(operation, self._handle, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._do("getattr", name)

    def __setattr__(self, name: str, value: object) -> None:
        self._do("setattr", name, value)

    def __iter__(self) -> Iterator[object]:
        return cast("Iterator[object]", self._do("iter"))

    def __next__(self) -> object:
        return self._do("next")

    def __len__(self) -> int:
        return cast(int, self._do("len"))

    def __getitem__(self, key: object) -> object:
        return self._do("getitem", key)

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._do("call", *args, **kwargs)

    def __bool__(self) -> bool:
        return bool(self._do("bool"))

    def __float__(self) -> float:
        return cast(float, self._do("float"))

    def __int__(self) -> int:
        return cast(int, self._do("int"))

    def __index__(self) -> int:
        return cast(int, self._do("index"))

    def __str__(self) -> str:
        return cast(str, self._do("str"))

    def __repr__(self) -> str:
        return f"<{self._kind} of the program>"


def _handle_of(value: object) -> int | None:
    return value._handle if type(value) is RemoteObject else None


def _ending(told: bytes) -> Ending:
    """The ending that the program's process claims; a claimed pass becomes an exception."""
    try:
        ending = messages.unpack_ending(told, OF_PROGRAMS)
    except (ProtocolError, TypeError) as error:
        raise ProgramFaultError(f"its answer is malformed: {error}") from error
    if ending.ended is Ended.passed:
        ending = ending._replace(ended=Ended.exception)
    return ending if ending.detail else ending._replace(detail="the program ended before the test")

"""The trusted side of a test: its code, and proxies for the program's functions.

A test mostly asks all programs the same things. What it is known to ask is sent ahead, in one
piece, and the program answers call after call while the test follows. If a test then asks something
else, the program is to be run again, without that.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import json
import marshal
import types
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple, cast

from sandbox import failure, wire
from sandbox.crossing import MOST_JSON, Freeze, freeze_standard, make
from sandbox.failure import Ending, TimeLimit
from sandbox.plain import Plain, PlainError, decode, encode, freeze, thaw

FILENAME = "<test>"
MOST_AHEAD = 1 << 13  # bytes; any system's socket takes them before anybody reads
TIME_IS_UP = "the test used up its CPU time on the program's answers"
MEMORY_IS_UP = "the test ran out of memory on the program's answers"


class Script:
    """The calls with which a test has begun every time so far."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self._whole = False  # what comes after these differs from program to program

    def learn(self, asked: list[bytes], to_its_end: bool) -> None:
        """Take what was asked in one more run, which went on to the test's end or did not."""
        pairs = zip(self.calls, asked, strict=False)
        same = next((n for n, (known, call) in enumerate(pairs) if known != call), None)
        if same is None and to_its_end and len(asked) < len(self.calls):
            same = len(asked)
        if same is not None:
            del self.calls[same:]
            self._whole = True
        elif not self._whole:
            self.calls += asked[len(self.calls) :]
        while sum(map(len, self.calls)) > MOST_AHEAD:
            self.calls.pop()
            self._whole = True


class CompiledTest(NamedTuple):
    """A test's code, compiled once and run by many forks; what it asks."""

    setup: CodeType
    source: CodeType
    proxies: tuple[str, ...]
    script: Script


def compile_test(setup: str, source: str, proxies: tuple[str, ...]) -> CompiledTest:
    return CompiledTest(
        compile(setup, "<setup>", "exec", dont_inherit=True),
        compile(source, FILENAME, "exec", dont_inherit=True),
        proxies,
        Script(),
    )


class ProgramGone(BaseException):
    """The program's process ended, or wrote what is no answer. Not for tests to catch."""


class ProgramEnded(BaseException):
    """The program ended before its functions could be called. Not for tests to catch."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class OtherCallError(BaseException):
    """The test asks something else than was sent ahead. Not for tests to catch."""


class Link:
    """Requests to the program's process and its answers, taken with distrust.

    `ahead` are calls that the test will probably make first.
    """

    def __init__(self, fd: int, ahead: list[bytes]) -> None:
        self._fd = fd
        self._reader = wire.Reader(fd)
        self._raised: list[tuple[BaseException, Ending]] = []
        self._heard = False
        self._ahead = iter(tuple(ahead))  # the script learns meanwhile
        self.asked: list[bytes] = []  # the first calls, as long as they need nothing but a name
        self._only_names = True
        self.parted = False
        if ahead:
            self._send(b"".join(ahead))

    def wait_until_ready(self) -> None:
        """Wait until the program's functions can be called; ProgramEnded if they never can."""
        if not self._heard:
            self._send(wire.frame(b"R", b""))
            self._receive()

    def ask(self, operation: str, target: object, args: tuple[Any, ...], kwargs: Any) -> object:
        """Have the program do something; its result, or its exception raised here."""
        if self.parted:
            raise OtherCallError
        request = _request((operation, target, args, kwargs))
        sent = next(self._ahead, None)
        self.parted = sent is not None and sent != request
        self._only_names = self._only_names and isinstance(target, str)
        if self._only_names or self.parted:
            self.asked.append(request)
        if self.parted:
            raise OtherCallError
        if sent is None:
            self._send(request)
        tag, body = self._receive()
        if tag == b"X":
            raise self._exception(_plain_tuple(body))
        if tag == b"J":
            return _from_json(body)
        try:
            result, changed = cast("tuple[Plain, Plain]", decode(body)[1])
            value = thaw(result, self._rebuild)
            if changed[0] == "tuple":
                _update(args, thaw(changed, _opaque))
        except (PlainError, ValueError, TypeError) as error:
            raise ProgramGone("its answer is no plain data") from error
        return value

    def all_asked(self) -> bool:
        """Whether the test has made all the calls that were sent ahead; asked once."""
        return next(self._ahead, None) is None

    def ending_of(self, error: BaseException) -> Ending | None:
        """How the program told of this exception, if it came from there."""
        return next((ending for raised, ending in self._raised if raised is error), None)

    def _send(self, request: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended; what it said before may tell why
            wire.write(self._fd, request)

    def _receive(self) -> tuple[bytes, bytes]:
        try:
            tag, body = self._reader.frame()
        except (wire.WireError, OSError) as error:
            raise ProgramGone("its process ended") from error
        if tag == b"E":
            raise ProgramEnded(_ending(_plain_tuple(body)))
        self._heard = True
        return tag, body

    def _rebuild(self, plain: Plain, again: Callable[[Plain], object]) -> object:
        if plain[0] == "made":
            return make(plain, again)
        if plain[0] == "remote":
            handle, kind = cast("tuple[int, str]", plain[1:3])
            return RemoteObject(self, handle, kind)
        return _opaque(plain, again)

    def _exception(self, told: tuple[Any, ...]) -> BaseException:
        name, args, *ending = told
        kind = getattr(builtins, name, None) if isinstance(name, str) else None
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = Exception
        try:
            error = kind(*args)
        except Exception:  # noqa: BLE001  arguments that the type does not take
            error = Exception(str(args))
        self._raised.append((error, _ending(tuple(ending))))
        return error


def _request(request: tuple[Any, ...]) -> bytes:
    try:
        return wire.frame(b"M", marshal.dumps(request))
    except ValueError:
        return wire.frame(b"Q", encode(freeze(request, _freeze_argument)))


def _freeze_argument(value: object, freeze: Freeze) -> Plain | None:
    return value.plain if isinstance(value, RemoteObject) else freeze_standard(value, freeze)


def _from_json(body: bytes) -> object:
    if len(body) > MOST_JSON:
        raise ProgramGone("its answer is too long")
    try:
        return json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ProgramGone("its answer is no plain data") from error


class Opaque:
    """An object of the program that cannot cross; equal to nothing but itself."""

    def __init__(self, kind: str, text: str) -> None:
        self._text = text or kind

    def __repr__(self) -> str:
        return self._text


def _opaque(plain: Plain, again: Callable[[Plain], object]) -> object:
    return Opaque(str(plain[1]), str(plain[-1]))


class RemoteObject:
    """A handle to an object in the program's process.

    What it yields crosses as plain data; comparing it is comparing the handle.
    """

    def __init__(self, link: Link, handle: int, kind: str) -> None:
        self._ask = functools.partial(link.ask)
        self._handle = handle
        self._kind = kind

    @property
    def plain(self) -> Plain:
        """How it crosses back."""
        return ("remote", self._handle, self._kind, "")

    def _do(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask(operation, self._handle, args, kwargs)

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


def _plain_tuple(body: bytes) -> tuple[Any, ...]:
    try:
        value = thaw(decode(body), _opaque)
    except (PlainError, ValueError) as error:
        raise ProgramGone("its answer is no plain data") from error
    if not isinstance(value, tuple) or len(value) < 4:
        raise ProgramGone("its answer is no plain data")
    return value


def _ending(told: tuple[Any, ...]) -> Ending:
    """An ending as the program's process tells it; a passed one it cannot claim here."""
    status, detail, line, exit_code = told[:4]
    known = status in ("exception", "syntax_error", "memory", "blocked", "timeout")
    return Ending(
        status if known else "exception",
        detail if isinstance(detail, str) and detail else "the program ended before the test",
        line if isinstance(line, int) else None,
        exit_code if isinstance(exit_code, int) else None,
    )


def _update(old: Any, new: Any) -> Any:
    """Make containers in `old` what the program made of them, in place where they are one."""
    if type(old) is not type(new):
        return new
    if isinstance(old, list):
        if len(old) == len(new):
            old[:] = [_update(a, b) for a, b in zip(old, new, strict=True)]
        else:
            old[:] = new
    elif isinstance(old, dict):
        fresh = {
            key: _update(old[key], value) if key in old else value for key, value in new.items()
        }
        old.clear()
        old.update(fresh)
    elif isinstance(old, set):
        old.clear()
        old.update(new)
    elif isinstance(old, tuple) and len(old) == len(new):
        return tuple(_update(a, b) for a, b in zip(old, new, strict=True))
    else:
        return new
    return old


def run_trial(test: CompiledTest, link_fd: int, seed: int, ahead: bool = True) -> Ending:
    """Run one test against the program behind `link_fd`: its verdict.

    With `ahead` the calls that it is known to make are sent ahead; "again" if it made others.
    """
    import random  # not by programs' servers, to whose forks its hooks would add

    random.seed(seed)
    link = Link(link_fd, test.script.calls if ahead else [])
    try:
        ending = _run(test, link)
        link.wait_until_ready()
    except ProgramEnded as error:
        ending = error.ending
    except ProgramGone as error:
        ending = Ending("gone", str(error))
    except OtherCallError:
        ending = Ending("again")
    passed = ending.status == "passed" and not link.parted
    test.script.learn(link.asked, to_its_end=passed)
    return Ending("again") if link.parted or (passed and not link.all_asked()) else ending


def _run(test: CompiledTest, link: Link) -> Ending:
    names: dict[str, Any] = {"__name__": "test", "__builtins__": builtins}
    try:
        exec(test.setup, names)
        for name in test.proxies:
            names[name] = _proxy(link, name, names.get(name))
        exec(test.source, names)
    except (ProgramGone, ProgramEnded, OtherCallError):
        raise
    except BaseException as error:  # noqa: BLE001  whatever a test raises is its verdict
        return _verdict(error, link)
    return Ending("passed")


def _proxy(link: Link, name: str, stub: object) -> Callable[..., object]:
    def proxy(*args: object, **kwargs: object) -> object:
        return link.ask("call", name, args, kwargs)

    proxy.__name__ = proxy.__qualname__ = name
    return functools.wraps(stub)(proxy) if isinstance(stub, types.FunctionType) else proxy


def _verdict(error: BaseException, link: Link) -> Ending:
    told = link.ending_of(error)
    if told is not None:
        return told
    if isinstance(error, TimeLimit):
        return Ending("timeout", TIME_IS_UP)
    if isinstance(error, MemoryError):
        return Ending("memory", MEMORY_IS_UP)
    line = failure.line_in(error.__traceback__, FILENAME)
    where = f" (line {line} of the test)" if line else ""
    return Ending("wrong_answer", failure.headline(error) + where)

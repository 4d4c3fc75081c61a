"""Inside the untrusted process: answering the calls of a test.

Each request is one frame of plain data, each answer too: a value and those arguments that
the function changed in place, or an exception.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from sandbox import failure, wire
from sandbox.crossing import Handles, make
from sandbox.failure import Ending
from sandbox.plain import Plain, decode, encode, freeze, thaw

OPERATIONS: Mapping[str, Callable[..., object]] = {
    "iter": iter,
    "next": next,
    "len": len,
    "getitem": lambda value, key: value[key],
    "call": lambda value, *args, **kwargs: value(*args, **kwargs),
    "bool": bool,
    "str": str,
    "repr": repr,
    "float": float,
    "int": int,
    "index": lambda value: value.__index__(),
}


def serve(link: socket.socket, names: Mapping[str, Any], ending: Ending) -> Ending:
    """Answer the test's calls until it hangs up; the program's own ending is the result."""
    ready = ending.status == "passed" and ending.exit_code is None
    wire.send(link, b"R" if ready else b"X", encode(freeze(tuple(ending))))
    if not ready:
        return ending
    handles = Handles()
    functions: dict[str, object] = {}
    while True:
        try:
            _, body = wire.receive(link)
        except (wire.WireError, OSError):
            os._exit(0)  # the test has its verdict; nothing of the program runs after it
        wire.send(link, *_answer(thaw(decode(body), make), names, functions, handles))


def _answer(
    request: object, names: Mapping[str, Any], functions: dict[str, object], handles: Handles
) -> tuple[bytes, bytes]:
    operation, target, args, kwargs = cast("tuple[str, Any, tuple[Any, ...], Any]", request)
    before = encode(freeze(args)) if operation == "call" else b""
    try:
        if isinstance(target, str):
            if target not in functions:
                functions[target] = _named(names, target)
            value = functions[target]
        else:
            value = handles[target]
        result = OPERATIONS[operation](value, *args, **kwargs)
        _flush()
        after = _changed(args, before) if operation == "call" else ("none",)
        return b"V", encode(("tuple", (freeze(result, handles.freeze_other), after)))
    except BaseException as error:  # noqa: BLE001  all of them cross to the test
        return b"X", encode(freeze(_failure(error)))


def _flush() -> None:
    sys.stdout.flush()


def _named(names: Mapping[str, Any], name: str) -> object:
    if name not in names:
        raise NameError(f"name {name!r} is not defined")
    return names[name]


def _changed(args: tuple[Any, ...], before: bytes) -> Plain:
    """The arguments as they are now, if they are not what they were."""
    now = freeze(args)
    return now if encode(now) != before else ("none",)


def _failure(error: BaseException) -> tuple[object, ...]:
    ending = failure.describe(error, "<program>")
    return (failure.builtin_type(error), error.args, *ending)

"""Inside the untrusted process: answering the calls of a test.

A request comes as marshal where it can (the test is trusted here), else as plain data. An
answer is always plain data (JSON if it is simple and short): a value and those arguments that
the function changed in place, or an exception.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Callable, Mapping
from typing import Any, cast

from sandbox import crossing, failure, plain, wire
from sandbox.crossing import Handles
from sandbox.failure import Ending
from sandbox.plain import Plain, freeze

OPERATIONS: Mapping[str, Callable[..., object]] = {
    "iter": iter,
    "next": next,
    "len": len,
    "getitem": lambda value, key: value[key],
    "call": lambda value, *args, **kwargs: value(*args, **kwargs),
    "bool": bool,
    "str": str,
    "float": float,
    "int": int,
    "index": lambda value: value.__index__(),
}
_READY = wire.frame(b"R", b"")
_SCALARS = frozenset({type(None), bool, int, float, str})
_json = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes})
_UNCHANGED: Plain = ("none",)


def serve(link: int, names: Mapping[str, Any], ending: Ending) -> Ending | None:
    """Answer the test's calls until it hangs up: None. An ending if there is nothing to call."""
    if ending.status != "passed" or ending.exit_code is not None:
        wire.write(link, wire.frame(b"E", plain.encode(freeze(tuple(ending)))))
        return ending
    reader = wire.Reader(link)
    handles = Handles()
    functions: dict[str, object] = {}
    while True:
        try:
            tag, body = reader.frame()
            reply = _READY if tag == b"R" else answer(tag, body, names, functions, handles)
            wire.write(link, reply)
        except (wire.WireError, OSError):
            return None


def answer(
    tag: bytes,
    body: bytes,
    names: Mapping[str, Any],
    functions: dict[str, object],
    handles: Handles,
) -> bytes:
    """Do what is asked; the frame that tells of it."""
    try:
        operation, target, args, kwargs = _request(tag, body, handles)
        if isinstance(target, str):
            if target not in functions:
                functions[target] = _named(names, target)
            value = functions[target]
        else:
            value = handles[target]
        before = _fingerprint(args)
        result = OPERATIONS[operation](value, *args, **kwargs)
        unchanged = _fingerprint(args) == before
        if unchanged and (text := _as_json(result)) is not None:
            return wire.frame(b"J", text)
        changed = _UNCHANGED if unchanged else freeze(args)
        answer = ("tuple", (freeze(result, handles.freeze_other), changed))
        return wire.frame(b"V", plain.encode(answer))
    except BaseException as error:  # noqa: BLE001  all of them cross to the test
        return wire.frame(b"X", plain.encode(freeze(_failure(error))))


def _request(tag: bytes, body: bytes, handles: Handles) -> tuple[str, Any, tuple[Any, ...], Any]:
    if tag == b"M":
        request = marshal.loads(body)
    else:
        request = plain.thaw(plain.decode(body), handles.thaw_other)
    return cast("tuple[str, Any, tuple[Any, ...], Any]", request)


def _named(names: Mapping[str, Any], name: str) -> object:
    if name not in names:
        raise NameError(f"name {name!r} is not defined")
    return names[name]


def _as_json(value: object) -> bytes | None:
    """What most functions return, by a shorter way: a scalar, or a list of them."""
    parts = cast("list[object]", value) if type(value) is list else [value]
    if not all(type(part) in _SCALARS for part in parts):
        return None
    try:
        text = _json(value).encode("utf-8", "surrogatepass")
    except ValueError:  # an integer of too many digits
        return None
    return text if len(text) <= crossing.MOST_JSON else None


def _fingerprint(args: tuple[Any, ...]) -> object:
    """Equal before and after a call only if it left its arguments as they were."""
    if all(type(arg) in _IMMUTABLE for arg in args):
        return None
    try:
        return marshal.dumps(args, 2)
    except ValueError:  # something that marshal does not know
        return plain.encode(freeze(args))


def _failure(error: BaseException) -> tuple[object, ...]:
    ending = failure.describe(error, "<program>")
    return (failure.builtin_type(error), error.args, *ending)

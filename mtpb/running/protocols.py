"""Protocol files: how one's own suite is asked and judged, as YAML instead of code.

    preamble: "import math\\n\\n"   # before the first prompt
    before: "# "                    # before and after each prompt
    after: "\\n"
    closing: "\\n\\n"               # after each completion
    stop: ["\\n#", "\\nprint"]       # texts, or one rule by name: mtpb, humaneval, mbpp
    max_new_tokens: 256             # a turn, where the problem does not say
    timeout: 5                      # CPU seconds of a program
    libraries: [numpy]              # that most programs import
    scorer: strict                  # whose verdict counts
    prompt_in_program: true         # or the completions alone are the program
    chat:                           # the wording of benchmark.conversation=chat
      system: "You write …"         # the first message
      before: ""                    # before and after each prompt
      after: ""
      max_new_tokens: 1024          # an answer, prose included

A key that is left out keeps the suite's own value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import yaml

from benchmarks import Chat, Protocol
from benchmarks.asking.chat import MULTI_TURN_CHAT
from benchmarks.stopping import humaneval_stop, mbpp_stop, mtpb_stop, stop_at
from mtpb.errors import UsageError
from mtpb.rundir.store import expanded

_RULES = {"mtpb": mtpb_stop, "humaneval": humaneval_stop, "mbpp": mbpp_stop}
_MOST_S = 86_400


def read_protocol(path: str, suite: Protocol) -> Protocol:
    """The suite's protocol with what the file says instead.

    Raises UsageError with file and key for what cannot be read or followed.
    """
    keys = _keys(path)
    changes: dict[str, Any] = {}
    for key, value in keys.items():
        if key not in _READERS:
            raise UsageError(f"{path}: unknown key {key!r}; known are {', '.join(_READERS)}")
        field, read, wanted = _READERS[key]
        try:
            changes[field] = read(value)
        except (TypeError, ValueError):
            raise UsageError(f"{path}: key {key!r}: expected {wanted}, got {value!r}") from None
    scorer = changes.get("scorer", suite.scorer)
    if scorer not in suite.scorers:
        raise UsageError(
            f"{path}: key 'scorer': {scorer!r} is none of the suite's, which are "
            f"{', '.join(suite.scorers)}"
        )
    digest = sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()
    return replace(suite, **changes, name=f"sha256:{digest}")


def _keys(path: str) -> Mapping[str, Any]:
    try:
        keys = yaml.safe_load(expanded(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UsageError(f"benchmark.protocol={path}: cannot be read ({reason})") from error
    if keys is None:
        return {}
    if not isinstance(keys, dict):
        raise UsageError(f"{path}: expected keys with values, such as timeout: 5")
    return keys


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(map(_text, value))


def _stop(value: object) -> Callable[[str], int | None]:
    if isinstance(value, str):
        return _RULES[value] if value in _RULES else _wrong(value)
    texts = _texts(value)
    return stop_at(texts) if texts and all(texts) else _wrong(value)


def _wrong(value: object) -> Any:
    raise ValueError(value)


def _count(value: object) -> int:
    return value if type(value) is int and value >= 1 else _wrong(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value) if 0 < value <= _MOST_S else _wrong(value)


def _chat(value: object) -> Chat:
    """A chat's wording; what is left out is empty, and the room that of the suites."""
    if not isinstance(value, dict) or not set(value) <= {field.name for field in fields(Chat)}:
        raise TypeError(value)
    texts = {key: _text(value.get(key, "")) for key in ("system", "before", "after")}
    room = _count(value.get("max_new_tokens", MULTI_TURN_CHAT.max_new_tokens))
    return Chat(**texts, max_new_tokens=room) if texts["system"] else _wrong(value)


def _switch(value: object) -> bool:
    return value if isinstance(value, bool) else _wrong(value)


_READERS: Mapping[str, tuple[str, Callable[[object], Any], str]] = {
    **{key: (key, _text, "a text") for key in ("preamble", "before", "after", "closing")},
    "stop": ("stop", _stop, f"a list of texts, or one of {', '.join(_RULES)}"),
    "max_new_tokens": ("max_new_tokens", _count, "a whole number of at least 1"),
    "timeout": ("cpu_s", _seconds, f"seconds, more than 0 and at most {_MOST_S}"),
    "libraries": ("libraries", _texts, "a list of names"),
    "scorer": ("scorer", _text, "a scorer's name"),
    "chat": ("chat", _chat, "system, and what else a chat needs: before, after, max_new_tokens"),
    "prompt_in_program": ("prompt_in_program", _switch, "true or false"),
}

"""The suites' stop rules, as pure functions.

Each takes the text generated so far and returns the index at which to cut it, or None while the
rule is not met. Both may be called after every token: once a text meets a rule, every text that
begins with it is cut at the same index. The reason: no pattern can begin before another one's match
and end after it, since a pattern has a newline only at its beginning, or is newlines only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_MTPB_MARK = re.compile(
    r"""^(?P<counted>print|def) | ^(?:\#|'''|\"\"\") | <\|endoftext\|> | \n\n\n""",
    re.MULTILINE | re.VERBOSE,
)
_MBPP_MARK = re.compile(r"""\n(?:class|assert|\"\"\"|print|if|<\|/|```)""")
_HUMANEVAL_MARK = re.compile(r"\n(?:class|def|#|if|print)")


def mtpb_stop(text: str) -> int | None:
    """The released MTPB sampler's rule.

    Cut at the first of: the second line that starts with `print`, the second that starts with
    `def`, a line that starts with `#` or with three quotes, `<|endoftext|>`, three newlines.
    """
    seen: set[str] = set()
    for mark in _MTPB_MARK.finditer(text):
        word = mark["counted"]
        if word is None or word in seen:
            return mark.start()
        seen.add(word)
    return None


def humaneval_stop(text: str) -> int | None:
    """HumanEval's rule: cut at the newline before `class`, `def`, `#`, `if` or `print`."""
    mark = _HUMANEVAL_MARK.search(text)
    return mark.start() if mark else None


def mbpp_stop(text: str) -> int | None:
    """MBPP's zero-shot rule: cut where a line begins with `class`, `assert`, three double quotes,
    `print`, `if`, `<|/` or three backticks.

    Source: bigcode-evaluation-harness, bigcode_eval/tasks/mbpp.py.
    """
    mark = _MBPP_MARK.search(text)
    return mark.start() if mark else None


def done_stop(text: str) -> int | None:
    """The three-shot rule of MBPP's paper: cut before `[DONE]`."""
    mark = text.find("[DONE]")
    return None if mark < 0 else mark


def stop_at(texts: Sequence[str]) -> Callable[[str], int | None]:
    """A rule of one's own: cut before the text that is complete first, and of several that are
    complete at the same place, before the one that begins first.

    So the cut does not move when more is generated, whatever the texts are.
    """

    def stop(text: str) -> int | None:
        found = [(at + len(each), at) for each in texts if (at := text.find(each)) >= 0]
        return min(found)[1] if found else None

    stop.__name__ = f"stop_at {list(texts)}"
    return stop

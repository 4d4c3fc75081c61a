"""The chat form of the suites: the messages for a chat model, and extraction of code from answers.

Wording and rules decide what is measured, so they are versioned: `Chat.sha256` covers the wording
and `EXTRACTION`, the version of the rules below, which changes with them.

    extract(answer, cut=False)       # Extracted(code="x = 1", finding=None)

The rules:

1. Reasoning is not part of the answer: all text up to the last `think_end` is dropped, and all of
   an answer that begins with the opening mark (`think_end` without its slash) and never ends it.
2. Of fenced blocks (as in Markdown, with backquotes or tildes) the first that is marked as Python
   counts; if there is none, the first without a mark; blocks of other languages never do.
3. An answer without fences counts whole if it is Python, as statements or as a function's body.

A block that was cut off counts as far as it goes, and its answer is marked as truncated.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

EXTRACTION = "fenced-1"
THINK_END = "</think>"

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_PYTHON = ("python", "py", "python3", "python-3")


class Finding(Enum):
    """A defect of an answer, whatever its code does."""

    truncated = "truncated"  # it was cut off before its code was complete
    no_code = "no_code"  # it is complete and has no code


@dataclass(frozen=True, slots=True)
class Chat:
    """How a suite is asked as a chat.

    `system` is the first message; each prompt is a user's message between `before` and `after`.
    `max_new_tokens` is the room for an answer, prose included.
    """

    system: str
    before: str
    after: str
    max_new_tokens: int

    def user(self, prompt: str) -> str:
        """The user's message for a prompt."""
        return f"{self.before}{prompt}{self.after}"

    @property
    def sha256(self) -> str:
        """Hash of the wording and of the version of the rules of extraction."""
        parts = [EXTRACTION, self.system, self.before, self.after, self.max_new_tokens]
        return sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Extracted:
    """The code of an answer, without newlines around it; empty where there is none."""

    code: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    code: str
    closed: bool


def without_reasoning(answer: str, think_end: str = THINK_END) -> str | None:
    """The answer without its reasoning; None if the reasoning does not end."""
    _, mark, rest = answer.rpartition(think_end)
    if mark:
        return rest.lstrip("\n")
    opening = think_end.replace("/", "", 1)
    if opening != think_end and answer.lstrip().startswith(opening):
        return None
    return answer


def extract(answer: str, cut: bool, think_end: str = THINK_END) -> Extracted:
    """The code in an answer. `cut`: the model was stopped before the end of its answer."""
    nothing = Extracted("", Finding.truncated if cut else Finding.no_code)
    said = without_reasoning(answer, think_end)
    if said is None:
        return nothing
    blocks = list(_blocks(said))
    if not blocks:
        code = said.strip("\n").rstrip()
        if not code or not (_parses(code) or _parses_as_body(code)):
            return nothing
        return Extracted(code, Finding.truncated if cut else None)
    chosen = _chosen(blocks)
    if chosen is None or not chosen.code.strip():
        return nothing
    incomplete = cut and not chosen.closed
    code = chosen.code.strip("\n").rstrip()
    return Extracted(code, Finding.truncated if incomplete else None)


def function_program(prompt: str, code: str, names: Collection[str]) -> str:
    """The program of a function suite: the prompt, and code that is the whole function or its body.

    Code that defines one of `names`, which the test calls, is whole.

    The whole function stands after the prompt, whose imports and helpers it may use and whose own
    function it replaces. A body continues the prompt, indented if it is not.
    """
    if not code:
        return prompt
    name = f"(?:{'|'.join(map(re.escape, names))})"
    defined = rf"^(?:(?:async[ \t]+)?def[ \t]+|class[ \t]+){name}\b|^{name}[ \t]*=(?!=)"
    if names and re.search(defined, code, re.MULTILINE):
        for begun in (prompt, f"{prompt}    pass\n"):  # a prompt without docstring has no body yet
            if _parses(begun):
                return f"{begun.rstrip()}\n\n\n{code}\n"
        return f"{code}\n"
    start = prompt if prompt.endswith("\n") else f"{prompt}\n"
    indented = f"{start}{textwrap.indent(code, '    ')}\n"
    if not code[0].isspace() and _parses(indented):
        return indented
    return f"{start}{code}\n"


def _chosen(blocks: list[_Block]) -> _Block | None:
    """The first block in Python, else the first without a language."""
    marked = (block for block in blocks if block.language in _PYTHON)
    plain = (block for block in blocks if not block.language)
    return next(marked, None) or next(plain, None)


def _blocks(text: str) -> Iterator[_Block]:
    """The fenced blocks of a Markdown text; the last may not be closed."""
    opening: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if opening is None:
            if mark:
                opening, lines = mark, []
        elif mark and _closes(mark, opening):
            yield _block(opening, lines, closed=True)
            opening = None
        else:
            lines.append(line.removeprefix(opening["indent"]))
    if opening is not None:
        yield _block(opening, lines, closed=False)


def _closes(mark: re.Match[str], opening: re.Match[str]) -> bool:
    alike = mark["fence"].startswith(opening["fence"]) and not mark["info"]
    return alike and len(mark["indent"]) <= len(opening["indent"]) + 3


def _block(opening: re.Match[str], lines: list[str], closed: bool) -> _Block:
    words = opening["info"].strip().lower().split(maxsplit=1)
    return _Block(words[0] if words else "", "\n".join(lines), closed)


def _parses(code: str) -> bool:
    """Whether a text parses as Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes in the model's strings
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _parses_as_body(code: str) -> bool:
    return code[0].isspace() and _parses(f"def _():\n{code}\n")


MULTI_TURN_CHAT = Chat(
    system="""\
You write one Python program, step by step. Each message asks for the next step.
Answer with the code of that step alone, in one fenced code block marked python.
The code is appended to the program: what earlier steps imported, defined or assigned is there, \
so do not repeat it.
The program begins with: import numpy as np""",
    before="",
    after="",
    max_new_tokens=1024,
)

FUNCTION_CHAT = Chat(
    system="""\
You complete Python functions. Answer with the whole function, and with the imports that it needs, \
in one fenced code block marked python.""",
    before="Complete this function:\n\n```python\n",
    after="\n```",
    max_new_tokens=1024,
)

TASK_CHAT = Chat(
    system=FUNCTION_CHAT.system.replace("complete", "write"),
    before="Write the function that this asks for:\n\n```python\n",
    after="\n```",
    max_new_tokens=1024,
)

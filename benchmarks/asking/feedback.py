"""Turns with feedback: what a model is told of an attempt that failed, before it makes another.

The wording decides what is measured, so it is data of the suite: `Feedback.sha256` covers it.

A message tells how the program ended, with the line that failed. Of a wrong result it tells the
actual and the expected value only where the suite marks the case as an example, or where the prompt
shows the assertion that failed; all other values stay hidden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+\b")  # of objects: another one in each process
_MOST = 400  # characters of a detail


@dataclass(frozen=True, slots=True)
class Feedback:
    """The wording. `endings` has a sentence for each way to fail; `{detail}` is the message of the
    exception. `wrong` tells actual and expected value, `line` the line that failed, `again` what to
    do now."""

    endings: Mapping[str, str]
    wrong: str
    line: str
    again: str

    def message(self, ending: str, detail: str, line: str | None, example: bool) -> str:
        """What is told of an attempt: lines of text.

        `ending` is a key of `endings`, `line` the line of the program that failed, `example`
        whether actual and expected value, which `detail` has, may be told.
        """
        told = _ADDRESS.sub("0x…", " ".join(detail.split()))[:_MOST]
        sentence = self.wrong if example and ending == "wrong_answer" else self.endings[ending]
        lines = [sentence.format(detail=told)]
        if line is not None and line.strip():
            lines.append(self.line.format(line=line.strip()[:_MOST]))
        return "\n".join([*lines, self.again])

    @property
    def sha256(self) -> str:
        """Hash of the wording."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


FEEDBACK = Feedback(
    endings={
        "wrong_answer": "This program is wrong: its result is not the expected one.",
        "no_output": "This program is wrong: it prints nothing.",
        "syntax_error": "This program is not valid Python: {detail}",
        "exception": "This program ends with an error: {detail}",
        "timeout": "This program takes too long.",
        "memory": "This program takes too much memory.",
        "blocked": "This program does what is not allowed here: {detail}",
        "truncated": "The answer was cut off before its code was complete.",
        "no_code": "The answer has no code in it.",
    },
    wrong="This program is wrong: {detail}",
    line="The line that fails: {line}",
    again="Write it again, corrected, from the beginning.",
)

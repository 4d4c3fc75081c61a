"""Text as a terminal shows it."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """The text without what could move a terminal's cursor or break a line: shown as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def width(text: str) -> int:
    """Columns that a terminal gives the text."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )

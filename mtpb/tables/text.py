"""Text as a terminal shows it."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """The text with every character that is not printable shown as an escape.

    Such characters could move a terminal's cursor or break a line.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def width(text: str) -> int:
    """How many columns the text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )

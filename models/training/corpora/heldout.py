"""Prompts and values that the corpora must not contain: those of the suites that the models are
judged on.

Only digests are kept here, so that this package knows nothing of the suites.
"""

import hashlib
from functools import cache
from pathlib import Path

DIGESTS = Path(__file__).with_name("heldout.txt")


def digest(text: str) -> str:
    """Twelve hexadecimal digits of a text with case, quotes, spaces and its full stop left out.

    >>> digest('Print "total".') == digest("print total")
    True
    """
    plain = "".join(c for c in text.lower() if c not in "\"'` \n").rstrip(".")
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


@cache
def digests() -> frozenset[str]:
    """All held-out digests; empty where the file is missing."""
    return frozenset(DIGESTS.read_text().split()) if DIGESTS.exists() else frozenset()


def is_held_out(text: str) -> bool:
    """Whether a prompt or a value is one of those that must not appear."""
    return digest(text) in digests()

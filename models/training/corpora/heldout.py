"""Prompts and values that the corpora must not contain: those of the suites that the models are
tested on.

The package has only their digests, so that it does not depend on the suites.
"""

import hashlib
from functools import cache
from pathlib import Path

DIGESTS = Path(__file__).with_name("heldout.txt")


def digest(text: str) -> str:
    """Twelve hexadecimal digits of the text without case, quotes, spaces and final full stop.

    >>> digest('Print "total".') == digest("print total")
    True
    """
    plain = "".join(c for c in text.lower() if c not in "\"'` \n").rstrip(".")
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


@cache
def digests() -> frozenset[str]:
    """All held-out digests; none if the file is missing."""
    return frozenset(DIGESTS.read_text().split()) if DIGESTS.exists() else frozenset()


def is_held_out(text: str) -> bool:
    """Whether a prompt or a value must not appear in the corpora."""
    return digest(text) in digests()

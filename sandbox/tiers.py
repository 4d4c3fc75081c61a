"""Which fork server a program goes to: the smallest that holds the libraries it uses.

Tier n is a server that has imported the first n of a pool's libraries. The more a server
holds, the longer a fork takes, and most programs use no library, or import one without using it.

The answer may be wrong without harm: a program that uses a library which its server does not
hold reports that at the first use (`sandbox.inside.stand_ins`) and is run again on one that does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_SCANNED = 1 << 16  # characters; a library used only beyond them is found when it is used

_WORDS = re.compile(r"\w+")
_COMMENT_LINES = re.compile(r"^[ \t]*#.*$", re.MULTILINE)


def tier_of(source: str, libraries: Sequence[str]) -> int:
    """The tier for a program: how many of `libraries`, up to the last one that it uses."""
    text = source[:MOST_SCANNED]
    mentioned = {root for root in map(root_of, libraries) if root in text}
    if not mentioned:
        return 0
    code = _COMMENT_LINES.sub("", text)
    return max(tier_with(root, libraries) if _uses(code, root) else 0 for root in mentioned)


def tier_with(root: str, libraries: Sequence[str]) -> int:
    """The tier that holds all of `libraries` beneath a top-level package; 0 if none is."""
    return max((n for n, name in enumerate(libraries, 1) if root_of(name) == root), default=0)


def root_of(name: str) -> str:
    """The top-level package of a module."""
    return name.partition(".")[0]


def _uses(code: str, root: str) -> bool:
    """Whether the text mentions a library beyond lines that only import it."""
    names = {root}

    def note(statement: re.Match[str]) -> str:
        names.add(statement[1] or root)
        return ""

    plain_import = rf"^[ \t]*import {root}(?: as (\w+))?[ \t]*$"
    rest = re.sub(plain_import, note, code, flags=re.MULTILINE)
    return not names.isdisjoint(_WORDS.findall(rest))

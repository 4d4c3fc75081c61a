"""Placeholders in pickles for objects that stay where they are, and for views of dictionaries.

The tester pickles calls of these functions. The program's process replaces each by its own
function of that name when it unpickles.
"""

from __future__ import annotations

from sandbox.protocol.standard import MAKERS

PICKLED_HERE = __name__


def remote(handle: int) -> None:
    """In a pickle: the program's own object of this handle."""


def given(handle: int, name: str, advances: bool) -> None:
    """In a pickle: what stands for an object of the test's, a function or an iterator."""


def view(kind: str, items: list[object]) -> object:
    """In a pickle: a view of a dictionary."""
    return MAKERS[kind](items)

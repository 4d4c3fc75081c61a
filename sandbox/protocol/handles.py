"""What stands in a pickle for an object that stays where it is, and for a view of a dictionary.

The tester pickles a call of these functions; the program's process has its own for each name."""

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

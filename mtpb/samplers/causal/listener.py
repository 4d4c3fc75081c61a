"""A row's tokens as text, token by token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.engine.dialogue import StopRule

CONTEXT = 4  # tokens before a new one that decide how it is written
_UNFINISHED = "\ufffd"

Decode = Callable[[list[int]], str]


class Listener:
    """The text of a row's new tokens, and whether its stop rule is met.

    A token is decoded behind those before it: tokenizers write a word's first token with or without
    a space depending on them. Characters whose bytes are not all there are not yet text.
    """

    def __init__(self, prompt: Sequence[int], decode: Decode, stop: StopRule | None) -> None:
        self.text, self.stopped = "", False
        self._prompt, self._decode, self._stop = prompt, decode, stop
        self._ids = list(prompt[-CONTEXT:])
        self._start, self._read = 0, len(self._ids)

    def hear(self, token: int) -> None:
        self._ids.append(token)
        new = self._unread()
        if not new or new.endswith(_UNFINISHED):
            return
        self.text += new
        self._start, self._read = self._read, len(self._ids)
        self.stopped = self._stop is not None and self._stop(self.text) is not None

    def afresh(self) -> Listener:
        """A listener that has heard nothing."""
        return Listener(self._prompt, self._decode, self._stop)

    def end(self) -> str:
        """The whole text; bytes of an unfinished character become U+FFFD."""
        self.text += self._unread()
        self._read = len(self._ids)
        return self.text

    def _unread(self) -> str:
        before = self._decode(self._ids[self._start : self._read])
        return self._decode(self._ids[self._start :])[len(before) :]

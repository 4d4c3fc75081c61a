"""The private way out of the program's process: values, then how the program ended."""

from __future__ import annotations

import marshal
import os
from typing import Any, NoReturn, cast

from sandbox.protocol import encoding, frames, messages
from sandbox.protocol.messages import Ended, Ending
from sandbox.protocol.plain import REPORT, Plain, PlainError

PASSED = Ending(Ended.passed)


class Channel:
    """Writes frames for the pool: that the program began, its values, its ending."""

    _PASSED = messages.ENDING.frame(messages.pack_ending(PASSED))
    _BEGUN = messages.BEGUN.frame()
    _TOO_LARGE: Plain = ("object", "value", "too large to be reported")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        # half of what the pool accepts, so that there is room for the final value
        self._interims = messages.REPORT_FRAMES // 2
        self._interim_bytes = messages.REPORT_BYTES // 2

    def payload(self) -> tuple[Any, ...]:
        """The job that the pool sent. It is trusted, so marshal is safe."""
        try:
            return cast("tuple[Any, ...]", marshal.loads(frames.read_frame(self._fd)[1]))
        except (frames.WireError, OSError):  # the pool closed the channel before it sent a program
            os._exit(0)

    def begun(self) -> None:
        """Report that the program starts now; an earlier failure is not its fault."""
        frames.write(self._fd, self._BEGUN)

    def fault(self, text: str) -> NoReturn:
        body = text.encode("utf-8", "backslashreplace")[: messages.FAULT.most]
        frames.write(self._fd, messages.FAULT.frame(body))
        os._exit(1)

    def needs(self, library: str) -> NoReturn:
        """Ask to be run again on a server that holds `library`, and end the process."""
        frames.write(self._fd, messages.NEEDS.frame(library.encode()))
        os._exit(0)  # 0, because a thread may do this after the program has ended well

    def value(self, value: Plain) -> None:
        frames.write(self._fd, messages.VALUE.frame(self._encoded(value)))

    def interim(self, value: Plain) -> None:
        """Send a value so far, unless interim values have used up half of what the pool accepts."""
        frame = messages.INTERIM.frame(self._encoded(value))
        self._interims -= 1
        self._interim_bytes -= len(frame)
        if self._interims >= 0 and self._interim_bytes >= 0:
            frames.write(self._fd, frame)

    def _encoded(self, value: Plain) -> bytes:
        try:
            return encoding.encode(value, REPORT)
        except PlainError:  # its parts were frozen one by one and are too large together
            return encoding.encode(self._TOO_LARGE)

    def end(self, ending: Ending) -> None:
        if ending is PASSED:
            frames.write(self._fd, self._PASSED)
        else:
            frames.write(self._fd, messages.ENDING.frame(messages.pack_ending(ending)))

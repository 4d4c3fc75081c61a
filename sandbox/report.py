"""Reads the report of a program's process, in the evaluator. Every byte of it may be forged.

Reading is bounded: a fixed number of bytes and frames in all, one frame in memory beside the
last value of each kind, one value decoded, every format checked before it is used. A report
that breaks these rules counts as the program's failure; `broken` says how.
"""

from __future__ import annotations

from sandbox.protocol import messages
from sandbox.protocol.encoding import decode
from sandbox.protocol.frames import HEAD
from sandbox.protocol.messages import OF_PROGRAMS, Ending, Message, ProtocolError
from sandbox.protocol.plain import REPORT, Plain, PlainError

_KNOWN = {
    message.tag: message
    for message in (
        messages.BEGUN,
        messages.FAULT,
        messages.VALUE,
        messages.INTERIM,
        messages.NEEDS,
        messages.ENDING,
    )
}


class ProcessReport:
    """The report of one process, fed piece by piece.

    `begun`: the program's text began to run. `fault`: it did not, because the harness failed.
    `needs`: the library that the process ended for, to be run again where it is loaded.
    `ending`: how the process says that it ended. `broken`: why the report is rejected.
    """

    def __init__(self) -> None:
        self.begun = False
        self.fault = ""
        self.needs = ""
        self.ending: Ending | None = None
        self.broken = ""
        self.bytes = 0
        self.pieces = 0
        self.frames = 0
        self._values: dict[bytes, bytes] = {}
        self._unread = bytearray()

    def feed(self, piece: bytes) -> bool:
        """Read one piece; False once the report is broken, so that reading can stop."""
        self.bytes += len(piece)
        self.pieces += 1
        self._unread += piece
        try:
            if self.bytes > messages.REPORT_BYTES:
                raise ProtocolError(f"more than {messages.REPORT_BYTES:,} bytes")
            if self.pieces > messages.REPORT_FRAMES:
                raise ProtocolError(f"more than {messages.REPORT_FRAMES:,} pieces")
            self._take_frames()
        except ProtocolError as error:
            self.broken = f"its report is malformed: {error}"
        return not self.broken

    def _take_frames(self) -> None:
        at = 0
        while at + HEAD.size <= len(self._unread):
            tag, size = HEAD.unpack_from(self._unread, at)
            message = _KNOWN.get(tag)
            if message is None or size > message.most:
                raise ProtocolError(f"a frame {tag!r} of {size:,} bytes")
            end = at + HEAD.size + size
            if end > len(self._unread):
                break
            self._take(message, bytes(self._unread[at + HEAD.size : end]))
            at = end
        del self._unread[:at]

    def _take(self, message: Message, body: bytes) -> None:
        self.frames += 1
        if self.frames > messages.REPORT_FRAMES:
            raise ProtocolError(f"more than {messages.REPORT_FRAMES:,} frames")
        if message is messages.NEEDS:  # from a harness before BEGUN, or a thread after ENDING
            self.needs = body.decode("ascii", "replace")
            return
        if self.ending is not None or self.fault:
            raise ProtocolError("it goes on after its end")
        if self.begun is (message in (messages.BEGUN, messages.FAULT)):
            raise ProtocolError(f"a frame {message.tag!r} out of turn")
        if message is messages.BEGUN:
            self.begun = True
        elif message is messages.FAULT:
            self.fault = body.decode("utf-8", "replace") or "the harness failed"
        elif message is messages.ENDING:
            self.ending = messages.unpack_ending(body, OF_PROGRAMS)
        else:
            self._values[message.tag] = body

    def value(self, interim: bool = False) -> Plain | None:
        """The last value reported, decoded, or None; `interim`: else the last interim value."""
        body = self._values.get(messages.VALUE.tag)
        if body is None and interim:
            body = self._values.get(messages.INTERIM.tag)
        if body is None or self.broken:
            return None
        try:
            return decode(body, REPORT)
        except PlainError as error:
            self.broken = f"its report is malformed: {error}"
            return None

"""What a program's process says of itself, read with distrust in the evaluator.

The program can write to this channel whatever it likes. So reading is bounded whatever comes:
so many bytes and frames in all, at most one frame in memory beside the last value of each
kind, no more than one value decoded, and every form checked before anything is made of it.
What breaks these rules is the program's own fault, told in `broken`.
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


class Report:
    """One process' report, fed piece by piece.

    `begun`: the program's text was reached. `fault`: it was not, since the harness failed.
    `needs`: the library for which the process left. `ending`: how the process says that it
    ended. `broken`: why the report is not believed.
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
        """Take what has come; False if there is no use in more."""
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
        if message is messages.NEEDS:  # of a harness before it begins, of a thread after its end
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
        """The last value reported, or with `interim` whichever there is; decoded when asked."""
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

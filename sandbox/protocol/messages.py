"""The table of all messages between the sandbox's processes: sender, reader, format, size.

There are four parties. The *pool* (the evaluator's process), the *server* (forks programs) and the
*tester* (runs tests) are trusted. The *program* is not and may write anything: readers check its
messages against the sizes given here before they use them. See docs/sandbox.md.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from sandbox.protocol.frames import MAX_BODY, frame

CHANNEL_FD, LINK_FD, FIRST_FREE_FD = 3, 4, 5  # of a program's process, after its streams
DETAIL_CHARS = 500
DETAIL_BYTES = 4 * DETAIL_CHARS


class Party(enum.Enum):
    """A kind of process."""

    pool = "pool"
    server = "fork server"
    tester = "tester"
    program = "program"


class Message(NamedTuple):
    """One kind of message: a frame whose body has at most `most` bytes."""

    tag: bytes
    sender: Party
    reader: Party
    form: str
    meaning: str
    most: int = MAX_BODY

    def frame(self, body: bytes = b"") -> bytes:
        return frame(self.tag, body)


_POOL, _SERVER, _TESTER, _PROGRAM = Party.pool, Party.server, Party.tester, Party.program

# control sockets: trusted parties only
START = Message(b"S", _POOL, _SERVER, "JSON", "limits, libraries, isolation")
READY = Message(b"R", _SERVER, _POOL, "JSON", "ready; the layers in force", 1 << 20)
LACKING = Message(b"L", _SERVER, _POOL, "text", "a layer of full isolation is missing", 1 << 16)
FAILED = Message(b"F", _SERVER, _POOL, "text", "the server cannot start", 1 << 16)
HARNESS = Message(b"H", _POOL, _SERVER, "text", "a harness, to be compiled once")
JOB = Message(b"J", _POOL, _SERVER, "number; descriptors", "fork the process of this job", 4)
KILL = Message(b"K", _POOL, _SERVER, "nothing", "kill the process that runs", 0)
END = Message(b"D", _SERVER, _POOL, "struct", "how the process of a job ended")
TEST = Message(b"T", _POOL, _TESTER, "JSON", "a test, to be compiled once")
RUN_TEST = Message(b"U", _POOL, _TESTER, "JSON; a descriptor", "run a test over this link", 1 << 16)
VERDICT = Message(b"Z", _TESTER, _POOL, "struct", "what a test came to", 4 + 10 + DETAIL_BYTES)
# a program's channel to the pool; the program may forge what it writes there
PROGRAM = Message(b"P", _POOL, _PROGRAM, "marshal", "text, seed and harness")
BEGUN = Message(b"B", _PROGRAM, _POOL, "nothing", "the program's own text comes next", 0)
FAULT = Message(b"X", _PROGRAM, _POOL, "text", "the harness failed before that", DETAIL_BYTES)
VALUE = Message(b"V", _PROGRAM, _POOL, "plain data", "what the harness reports", 1 << 20)
INTERIM = Message(b"I", _PROGRAM, _POOL, "plain data", "the same, should it get stuck", 1 << 20)
NEEDS = Message(b"l", _PROGRAM, _POOL, "text", "it left to be run where this library is", 100)
ENDING = Message(b"E", _PROGRAM, _POOL, "struct", "how the program ended", 10 + DETAIL_BYTES)
# the link between a test and the program that it calls
_ANSWER = 32 << 20
WAIT = Message(b"W", _TESTER, _PROGRAM, "nothing", "say when functions can be called", 0)
CALL = Message(b"C", _TESTER, _PROGRAM, "pickle", "an operation on a function or an object")
CALLABLE = Message(b"Y", _PROGRAM, _TESTER, "nothing", "they can", 0)
UNCALLABLE = Message(b"G", _PROGRAM, _TESTER, "struct", "it ended before", 10 + DETAIL_BYTES)
SIMPLE = Message(b"A", _PROGRAM, _TESTER, "JSON", "a scalar, or a list of them", 16 << 20)
NUMBERS = Message(b"n", _PROGRAM, _TESTER, "arrays", "a long list of numbers", _ANSWER)
ANSWER = Message(b"N", _PROGRAM, _TESTER, "plain data", "a value; its arguments now", _ANSWER)
RAISED = Message(b"O", _PROGRAM, _TESTER, "plain data", "an exception", _ANSWER)
ASK = Message(b"Q", _PROGRAM, _TESTER, "plain data", "use an object of the test's", _ANSWER)
RESULT = Message(b"M", _TESTER, _PROGRAM, "pickle", "what came of that")

MESSAGES = tuple(value for value in list(globals().values()) if isinstance(value, Message))

# the most that the evaluator reads of one program's report, all frames together
REPORT_BYTES = 4 << 20
REPORT_FRAMES = 2048  # and as many reads
# the most that a tester reads of one program's answers, all together
ANSWERS_BYTES = 512 << 20


class Ended(enum.IntEnum):
    """How a program ended, or the verdict of its test."""

    passed = 0
    syntax_error = 1
    exception = 2
    timeout = 3
    memory = 4
    blocked = 5
    # a test's verdicts only
    wrong_answer = 6
    gone = 7  # the program's process ended or wrote an invalid answer
    broken_test = 8  # the fault is the test's


OF_PROGRAMS = frozenset(end for end in Ended if end < Ended.wrong_answer)


class ProtocolError(ValueError):
    """Bytes that are not a valid message of the expected kind."""


class Ending(NamedTuple):
    """How a program or a test ended, as reported by its own process."""

    ended: Ended
    detail: str = ""
    line: int | None = None
    exit_code: int | None = None


_ENDING = struct.Struct("<BBIi")
_MOST_LINE = 2**32 - 1


def pack_ending(ending: Ending) -> bytes:
    """The bytes of an ending; its detail is cut to DETAIL_CHARS."""
    code = ending.exit_code
    line = min(ending.line or 0, _MOST_LINE)
    head = _ENDING.pack(ending.ended, code is not None, line, code or 0)
    return head + ending.detail[:DETAIL_CHARS].encode("utf-8", "backslashreplace")[:DETAIL_BYTES]


def unpack_ending(body: bytes, known: frozenset[Ended] = frozenset(Ended)) -> Ending:
    """An ending from untrusted bytes; ProtocolError where it is invalid or not one of `known`."""
    if not _ENDING.size <= len(body) <= _ENDING.size + DETAIL_BYTES:
        raise ProtocolError(f"an ending of {len(body)} bytes")
    number, has_code, line, code = _ENDING.unpack_from(body)
    if number not in known or has_code > 1:
        raise ProtocolError(f"an ending of the unknown kind {number}")
    detail = body[_ENDING.size :].decode("utf-8", "replace")[:DETAIL_CHARS]
    return Ending(Ended(number), detail, line or None, code if has_code else None)


class End(NamedTuple):
    """How the process of a job ended, as observed by its fork server."""

    job: int
    exit_code: int  # negative: the number of a signal
    timeout: bool
    cpu_s: float
    wall_s: float
    memory_mb: int
    stdout: bytes
    stderr: bytes


_END = struct.Struct("<IiBddII")


def pack_end(end: End) -> bytes:
    return _END.pack(*end[:6], len(end.stdout)) + end.stdout + end.stderr


def unpack_end(body: bytes) -> End:
    """An End from bytes; ProtocolError where they are invalid."""
    if len(body) < _END.size:
        raise ProtocolError(f"an end of {len(body)} bytes")
    *numbers, size = _END.unpack_from(body)
    output = body[_END.size :]
    job, exit_code, timeout, cpu_s, wall_s, memory_mb = numbers
    if size > len(output):
        raise ProtocolError("an end whose output is cut off")
    return End(
        job, exit_code, bool(timeout), cpu_s, wall_s, memory_mb, output[:size], output[size:]
    )


_JOB = struct.Struct("<I")


def pack_job(number: int, rest: bytes = b"") -> bytes:
    return _JOB.pack(number) + rest


def unpack_job(body: bytes) -> tuple[int, bytes]:
    """A job's number and the bytes after it; ProtocolError where they are too short."""
    if len(body) < _JOB.size:
        raise ProtocolError(f"a job's number of {len(body)} bytes")
    return _JOB.unpack_from(body)[0], body[_JOB.size :]

"""Frames on stream sockets, between all processes of the sandbox.

A frame is a tag of one byte, the length of its body (four bytes, little-endian), and the body.
Reading is bounded, because a program may write anything.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Mapping

HEAD = struct.Struct("<cI")
MAX_BODY = 40 << 20
CHUNK = 1 << 20
SMALL = 1 << 14


class WireError(Exception):
    """The other side closed the connection or wrote an invalid frame."""


class FrameError(WireError):
    """A frame has an unexpected tag or is too large."""


def frame(tag: bytes, body: bytes) -> bytes:
    return HEAD.pack(tag, len(body)) + body


def write(fd: int, data: bytes) -> None:
    """Write all of `data`."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


def read_frame(fd: int, limit: int = MAX_BODY) -> tuple[bytes, bytes]:
    """Read one frame; WireError at the end of the stream or beyond `limit` bytes."""
    tag, size = HEAD.unpack(_exactly(fd, HEAD.size))
    if size > limit:
        raise FrameError(f"a frame {tag!r} of {size:,} bytes")
    return tag, _exactly(fd, size)


def read_frame_with_fds(sock: socket.socket, most: int) -> tuple[bytes, bytes, list[int]]:
    """Read one frame and up to `most` descriptors that came with its first byte."""
    fds = array.array("i")
    head, ancillary, _, _ = sock.recvmsg(HEAD.size, socket.CMSG_LEN(most * fds.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not head:
        raise WireError("the connection was closed")
    tag, size = HEAD.unpack(head + _exactly(sock.fileno(), HEAD.size - len(head)))
    return tag, _exactly(sock.fileno(), size), list(fds)


def write_with_fds(sock: socket.socket, data: bytes, fds: tuple[int, ...]) -> None:
    """Write all of `data`, the descriptors with its first byte."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    done = sock.sendmsg([data], rights)
    if done < len(data):
        write(sock.fileno(), data[done:])


def _exactly(fd: int, size: int) -> bytes:
    data = os.read(fd, min(size, CHUNK)) if size else b""
    if len(data) == size:
        return data
    whole = bytearray(size)  # one buffer, so that data arriving byte by byte take no extra memory
    whole[: len(data)] = data
    missing = memoryview(whole)[len(data) :]
    while missing:
        done = os.readv(fd, [missing])
        if not done:
            raise WireError("the connection was closed")
        missing = missing[done:]
    return bytes(whole)


class Reader:
    """Reads frames from a stream, several small ones with a single system call."""

    def __init__(self, fd: int, most: Mapping[bytes, int] | None = None) -> None:
        """`most`: the tags that may come, and the size of their bodies."""
        self._fd = fd
        self._data = b""
        self._at = 0
        self._most = most

    @property
    def has_frame(self) -> bool:
        """Whether the next frame is here, so that reading it does not wait."""
        here = len(self._data) - self._at
        return here >= HEAD.size and here - HEAD.size >= self._size()

    def frame(self) -> tuple[bytes, bytes]:
        """The next frame; WireError at the end of the stream or where it is too large."""
        if self._at == len(self._data):
            self._data, self._at = os.read(self._fd, SMALL), 0
        if len(self._data) - self._at < HEAD.size:
            head = self._data[self._at :]
            self._data, self._at = head + _exactly(self._fd, HEAD.size - len(head)), 0
        tag, size = self._data[self._at : self._at + 1], self._size()
        most = MAX_BODY if self._most is None else self._most.get(tag, -1)
        if size > most:
            raise FrameError(f"a frame {tag!r} of {size:,} bytes")
        start = self._at + HEAD.size
        body = self._data[start : start + size]
        self._at = start + len(body)
        if len(body) < size:
            body += _exactly(self._fd, size - len(body))
        return tag, body

    def _size(self) -> int:
        """Of the next frame's body; its head is here."""
        size: int = HEAD.unpack_from(self._data, self._at)[1]
        return size

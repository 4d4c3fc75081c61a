"""Frames on stream sockets: between the pool and its servers, and from a program outwards.

A frame is a tag of one byte, the length of its body, the body. Reading is bounded: what a
program writes may be anything.
"""

from __future__ import annotations

import array
import socket
import struct

HEAD = struct.Struct("<cI")
MAX_BODY = 40 << 20


class WireError(Exception):
    """The other side closed the connection or wrote something that is no frame."""


def frame(tag: bytes, body: bytes) -> bytes:
    return HEAD.pack(tag, len(body)) + body


def send(sock: socket.socket, tag: bytes, body: bytes, fds: tuple[int, ...] = ()) -> None:
    """Send one frame, descriptors with its first byte."""
    data = memoryview(frame(tag, body))
    if fds:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        data = data[sock.sendmsg([data], rights) :]
    if data:
        sock.sendall(data)


def receive(sock: socket.socket, limit: int = MAX_BODY) -> tuple[bytes, bytes]:
    """Receive one frame; WireError at the end of the stream or beyond `limit` bytes."""
    tag, size = HEAD.unpack(_exactly(sock, HEAD.size))
    if size > limit:
        raise WireError(f"a frame of {size} bytes is over the limit of {limit}")
    return tag, _exactly(sock, size)


def receive_with_fds(sock: socket.socket, most: int) -> tuple[bytes, bytes, list[int]]:
    """Receive one frame and up to `most` descriptors that came with it."""
    fds = array.array("i")
    head, ancillary, _, _ = sock.recvmsg(HEAD.size, socket.CMSG_LEN(most * fds.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not head:
        raise WireError("the connection was closed")
    head += _exactly(sock, HEAD.size - len(head))
    tag, size = HEAD.unpack(head)
    return tag, _exactly(sock, size), list(fds)


def _exactly(sock: socket.socket, size: int) -> bytes:
    if size == 0:
        return b""
    data = sock.recv(size)
    if len(data) == size:
        return data
    parts = [data]
    missing = size - len(data)
    while missing:
        if not parts[-1]:
            raise WireError("the connection was closed")
        parts.append(sock.recv(min(missing, 1 << 20)))
        missing -= len(parts[-1])
    return b"".join(parts)


class Frames:
    """Frames out of bytes that arrive piece by piece, bounded in total."""

    def __init__(self, limit: int = MAX_BODY) -> None:
        self.limit = limit
        self.data = bytearray()
        self.overflow = False

    def feed(self, piece: bytes) -> None:
        if len(self.data) + len(piece) > self.limit:
            self.overflow = True
        else:
            self.data += piece

    def all(self) -> list[tuple[bytes, bytes]]:
        """The whole frames so far; an unfinished last one is left out."""
        frames, at = [], 0
        while at + HEAD.size <= len(self.data):
            tag, size = HEAD.unpack_from(self.data, at)
            end = at + HEAD.size + size
            if end > len(self.data):
                break
            frames.append((tag, bytes(self.data[at + HEAD.size : end])))
            at = end
        return frames

"""What the client of a server does by itself: a server on loopback that answers at once.

    python -m tests.speed.bench_endpoint

COUNT (500) requests of one turn, TOKENS (200) pieces each, CONNECTIONS (64) at a time. Prints how
many tokens a second come through one process, and its processor time for a token, which other work
on the machine changes little: what a server's speed is bounded by.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe

from models.engine.dialogue import Request
from mtpb.samplers.endpoint.sampler import Connection, EndpointSampler
from mtpb.samplers.endpoint.transcript import RequestFormat
from mtpb.samplers.sampler import Answer

COUNT, TOKENS, CONNECTIONS = (
    int(os.environ.get(name, default))
    for name, default in (("COUNT", "500"), ("TOKENS", "200"), ("CONNECTIONS", "64"))
)


@dataclass(frozen=True)
class Question:
    """A conversation of one turn."""

    key: int
    tokens: int = 0

    @property
    def request(self) -> Request | None:
        return None if self.tokens else Request("# Say something.\n", self.key, TOKENS)

    @property
    def begun(self) -> bool:
        return self.tokens > 0

    def receive(self, answer: Answer) -> Question:
        return replace(self, tokens=answer.tokens)


def piece(text: str, finish: str | None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
    content = {"id": "1", "object": "text_completion", "created": 1, "model": "m"}
    return f"data: {json.dumps(content | {'choices': [choice]})}\n\n".encode()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads requests of a connection; sends each its pieces, a chunk each as servers do."""
    pieces = [piece(" word", None)] * (TOKENS - 1) + [piece(" end", "length"), b"data: [DONE]\n\n"]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    try:
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(asked.split(b"content-length:")[1].split()[0]))
            writer.write(head + chunks)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def serve(port: Pipe) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    connection = Connection(url, "none", url, CONNECTIONS, 0, 60.0)
    form = RequestFormat("m", 0.2, 0.95, 0, 0, True, False, "max_tokens", "")
    began, used = time.perf_counter(), time.process_time()
    tokens = sum(
        one.tokens for one in EndpointSampler(connection, form).run(map(Question, range(COUNT)))
    )
    seconds, used = time.perf_counter() - began, time.process_time() - used
    server.kill()
    print(
        f"{tokens:,} tokens in {seconds:.1f} s, {tokens / seconds:,.0f} a second; the client's "
        f"processor time {1000 * used / tokens:.3f} ms a token"
    )


if __name__ == "__main__":
    main()

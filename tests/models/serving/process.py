"""A server in a process of its own, on loopback, and the official client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openai

MODEL = "codegen-1M-mono"


@dataclass(frozen=True)
class Running:
    """A server, and the address of its API."""

    process: subprocess.Popen[str]
    url: str

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def client(self, key: str = "none") -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=60)

    def ask(self, **fields: Any) -> dict[str, Any]:
        """The answer to a completions request."""
        status, record, _ = self.post({"model": MODEL, **fields})
        assert status == 200, record
        return record

    def post(
        self, body: object, path: str = "/v1/completions", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, record and headers of the answer; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        return self._open(urllib.request.Request(self.root + path, content, kind | headers))

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        return self._open(urllib.request.Request(self.root + path, headers=headers))

    def _open(self, request: urllib.request.Request) -> tuple[int, Any, dict[str, str]]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), dict(error.headers)


@contextmanager
def serving(*arguments: str, code: str | None = None, key: str | None = None) -> Iterator[Running]:
    """`python -m models.serve` with these arguments, or `code` with them as sys.argv; killed at the
    end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if name != "MTPB_API_KEY"}
    if key is not None:
        environment["MTPB_API_KEY"] = key
    start = ["-m", "models.serve"] if code is None else ["-c", code]
    given = arguments if any(a.startswith("model=") for a in arguments) else (
        f"model={MODEL}", *arguments
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *start, "port=0", "threads=1", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise AssertionError(process.communicate(timeout=60)[1])
        yield Running(process, found[0])
    finally:
        process.kill()
        process.communicate()

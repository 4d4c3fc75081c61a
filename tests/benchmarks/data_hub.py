"""A hub on the loopback interface with data sets, as the library `datasets` asks for them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Repositories = Mapping[str, Mapping[str, bytes]]  # files by name


@contextmanager
def serving(repositories: Repositories) -> Iterator[str]:
    """The address of a hub that has these data sets and nothing else."""

    class Handler(_Handler):
        content = repositories

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    content: Repositories

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        content, headers = self._found()
        status = 404 if content is None else 200
        sent = content or b""
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(sent))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(sent)

    def _found(self) -> tuple[bytes | None, dict[str, str]]:
        """The content of a path and headers; None for what is not there."""
        path = self.path.partition("?")[0].strip("/").removeprefix("api/").split("/")
        files = self.content.get("/".join(path[1:3])) if path[0] == "datasets" else None
        if files is None:
            return None, {"X-Error-Code": "RepoNotFound"}
        if self.path.startswith("/api/"):
            about = self._tree(files) if path[3:4] == ["tree"] else self._about(path, files)
            return json.dumps(about).encode(), {"Content-Type": "application/json"}
        found = files.get("/".join(path[5:]))
        if found is None:
            return None, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
        return found, {"ETag": f'"{_digest(found)}"', "X-Repo-Commit": COMMIT}

    @staticmethod
    def _tree(files: Mapping[str, bytes]) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": name, "size": len(content), "oid": _digest(content)}
            for name, content in files.items()
        ]

    @staticmethod
    def _about(path: list[str], files: Mapping[str, bytes]) -> dict[str, object]:
        known = {"id": "/".join(path[1:3]), "sha": COMMIT, "private": False, "gated": False}
        counts = {"downloads": 0, "likes": 0, "disabled": False, "tags": []}
        return {**known, **counts, "siblings": [{"rfilename": name} for name in files]}

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()

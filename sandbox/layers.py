"""The layers between a program and the machine: probed, prepared once, entered per program."""

from __future__ import annotations

import resource
from typing import Any


class Report:
    """Which layers are in force, which are missing and why."""

    def __init__(self) -> None:
        self.active: list[str] = ["limits"]
        self.missing: dict[str, str] = {}

    def plain(self) -> dict[str, object]:
        return {"active": self.active, "missing": self.missing}


def unshare(isolation: str, report: Report) -> None:
    """Enter namespaces of our own, as far as the kernel allows."""


def prepare_server(scratch: str, file_mb: int, report: Report) -> None:
    """What holds for the server and all its children."""


class Walls:
    """What each child enters before it runs anything."""

    most_fds = 256

    def __init__(self, start: dict[str, Any], report: Report) -> None:
        limits = start["limits"]
        self.memory = limits["memory_mb"] << 20
        self.file = limits["file_mb"] << 20
        self.cpu = int(limits["cpu_s"]) + 3
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def enter(self) -> None:
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        limit = size + self.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit + (64 << 20)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file, self.file))
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu, self.cpu + 1))

    def seal(self) -> None:
        pass

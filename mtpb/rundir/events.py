"""A run's log, events.jsonl: when it was started, how far it was, how it ended.

For people, who see it with verbose=true, and for `mtpb.status`. No result depends on it: it may be
deleted, its lines may be torn, and a line that cannot be written is dropped.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mtpb.errors import UsageError
from mtpb.rundir.decode import decode

_log = logging.getLogger(__name__)

FILE = "events.jsonl"
STARTED, RESUMED, PROGRESS = "started", "resumed", "progress"
ENDED, INTERRUPTED, FAILED = "ended", "interrupted", "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `time` is UTC in ISO 8601; `samples` and `judged` count all of the directory;
    `tokens` and `seconds` (of a clock that never jumps) count from this start of the run."""

    event: str
    time: str
    host: str
    process: int
    samples: int
    judged: int
    tokens: int = 0
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Whether the process said with it that it ends."""
        return self.event in (ENDED, INTERRUPTED, FAILED)

    @property
    def age(self) -> float:
        """Seconds since then; 0 where a clock went backwards."""
        then = datetime.fromisoformat(self.time)
        return max(0.0, (datetime.now(timezone.utc) - then).total_seconds())


class EventLog:
    """Appends events to a run directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._host = socket.gethostname()

    def write(self, event: str, samples: int, judged: int, **more: Any) -> None:
        """Append an event; `tokens`, `seconds` and facts of the event's own are optional."""
        tokens, seconds = more.pop("tokens", 0), more.pop("seconds", 0.0)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = Event(
            event, now, self._host, os.getpid(), samples, judged, tokens, round(seconds, 3), more
        )
        facts = {"tokens": tokens, "seconds": round(seconds, 1)} if seconds else {}
        said = "".join(f", {name} {value}" for name, value in {**facts, **more}.items())
        _log.info("%s: %d samples, %d judged%s", event, samples, judged, said)
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")


def read_events(directory: Path) -> Iterator[Event]:
    """The events of a run directory in order; lines that are none are passed over."""
    with suppress(OSError), (directory / FILE).open("rb") as file:
        for line in file:
            with suppress(ValueError, TypeError, RecursionError, UsageError):
                event = decode(Event, json.loads(line))
                event.age  # noqa: B018  raises ValueError for a time that is none
                yield event


def is_alive(event: Event) -> bool | None:
    """Whether the process that wrote it still runs; None where that cannot be known."""
    if event.host != socket.gethostname():
        return None
    try:
        os.kill(event.process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return None
    return True

"""The types that callers use: programs, tests and limits go in, outcomes come out."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.protocol.plain import Plain

MOST_OUTPUT_KB = 16 << 10  # of each stream; both are sent in one message


class SandboxError(Exception):
    """The sandbox cannot do what was asked of it; the message says what is missing."""


class Status(enum.Enum):
    """How a program ended. No program can cause the last two."""

    passed = "passed"
    wrong_answer = "wrong_answer"
    syntax_error = "syntax_error"
    exception = "exception"
    timeout = "timeout"
    memory = "memory"
    blocked = "blocked"
    broken_test = "broken_test"
    sandbox_error = "sandbox_error"


class Isolation(enum.Enum):
    """How much protection is required.

    `full` refuses to start where a layer is missing, `auto` takes what the kernel
    offers, `basic` is limits on resources only.
    """

    auto = "auto"
    full = "full"
    basic = "basic"


def default_wall_s(cpu_s: float) -> float:
    """The limit of wall time, in seconds, for programs that may use `cpu_s` of CPU time."""
    return 2 * cpu_s + 5


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    `cpu_s` is CPU time of all its threads; `wall_s` is wall time, less the time in which
    the program was ready to run and another process had its core. `memory_mb` is address
    space beyond what the preloaded libraries take; `file_mb` bounds all its files
    together where a scratch file system can be mounted, and each of them elsewhere;
    `output_kb` is how much of its output is kept (more is read and thrown away).
    """

    cpu_s: float = 10.0
    wall_s: float = default_wall_s(10.0)
    memory_mb: int = 4096
    file_mb: int = 64
    output_kb: int = 64

    def __post_init__(self) -> None:
        for name in ("cpu_s", "wall_s", "memory_mb", "file_mb", "output_kb"):
            value = getattr(self, name)
            if not value > 0:
                raise SandboxError(f"limit {name} is {value!r}; it must be greater than zero")
        if self.output_kb > MOST_OUTPUT_KB:
            raise SandboxError(f"limit output_kb is {self.output_kb}; at most {MOST_OUTPUT_KB}")


@dataclass(frozen=True)
class Harness:
    """Trusted text that runs inside the program's process, in a namespace of its own.

    It may define `rewrite(tree)`, `on_print(args)`, `report()` and `interim()`; see
    docs/sandbox.md. `arguments` (plain values) are globals of that namespace.
    The program can read and forge whatever is in that process: never put into a harness
    what the program must not know, and never treat its report as a verdict.
    """

    source: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Test:
    """Trusted code that calls functions of the program from a process of its own.

    `setup` is executed first, then each name of `proxies` is bound to a function that
    calls the program's function of that name, then `source` is executed. Any other name that
    neither of them defines is the program's as well: a function, a class or a value.
    A call that takes more than `call_cpu_s` seconds of CPU time is a timeout; None: only the
    program's own limit counts.
    """

    __test__ = False  # pytest: this is not a class of tests

    setup: str
    source: str
    proxies: tuple[str, ...]
    call_cpu_s: float | None = None

    def __post_init__(self) -> None:
        if self.call_cpu_s is not None and not self.call_cpu_s > 0:
            raise SandboxError(f"call_cpu_s is {self.call_cpu_s!r}; it must be greater than zero")


@dataclass(frozen=True)
class Program:
    """One untrusted program; `seed` makes its randomness, and its test's, repeatable."""

    source: str
    harness: Harness | None = None
    test: Test | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.harness is not None and self.test is not None:
            raise SandboxError("a program has a harness or a test, not both; give one of them")


@dataclass(frozen=True)
class Outcome:
    """The result of running a program.

    `line` counts in the program's own source; `value` is what its harness reported, and
    may be there whatever the status; `exit_code` is there if the program raised
    SystemExit; times are seconds.
    """

    status: Status
    detail: str = ""
    line: int | None = None
    value: Plain | None = None
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0

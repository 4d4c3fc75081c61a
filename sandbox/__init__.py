"""Runs one untrusted program safely, at the speed of a fork. See docs/sandbox.md."""

from sandbox.pool import Pool
from sandbox.program import (
    Harness,
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
    Status,
    Test,
    default_wall_s,
)
from sandbox.protocol.failures import place_in_test
from sandbox.protocol.plain import Plain

__all__ = [
    "Harness",
    "Isolation",
    "Limits",
    "Outcome",
    "Plain",
    "Pool",
    "Program",
    "SandboxError",
    "Status",
    "Test",
    "default_wall_s",
    "place_in_test",
]

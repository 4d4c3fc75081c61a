"""Benchmarks: problems, their protocols and stop rules, and what counts as solved.

The names below are imported when they are first used, so that help needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks.errata import clean, errata

if TYPE_CHECKING:
    from benchmarks.asking.chat import (
        THINK_END,
        Chat,
        Extracted,
        Finding,
        extract,
        function_program,
        without_reasoning,
    )
    from benchmarks.benchmark import Benchmark, in_format
    from benchmarks.loader import load
    from benchmarks.problem import BenchmarkError, Case, Format, FunctionTest, Problem
    from benchmarks.protocol import Protocol
    from benchmarks.stopping import humaneval_stop, mtpb_stop
    from benchmarks.suites import NAMES, id_prefix
    from benchmarks.surveys import Survey, survey

_HOMES = {
    "asking.chat": (
        *("THINK_END", "Chat", "Extracted", "Finding"),
        *("extract", "function_program", "without_reasoning"),
    ),
    "benchmark": ("Benchmark", "in_format"),
    "loader": ("load",),
    "problem": ("BenchmarkError", "Case", "Format", "FunctionTest", "Problem"),
    "protocol": ("Protocol",),
    "stopping": ("humaneval_stop", "mtpb_stop"),
    "suites": ("NAMES", "id_prefix"),
    "surveys": ("Survey", "survey"),
}

__all__ = [
    "NAMES",
    "THINK_END",
    "Benchmark",
    "BenchmarkError",
    "Case",
    "Chat",
    "Extracted",
    "Finding",
    "Format",
    "FunctionTest",
    "Problem",
    "Protocol",
    "Survey",
    "clean",
    "errata",
    "extract",
    "function_program",
    "humaneval_stop",
    "id_prefix",
    "in_format",
    "load",
    "mtpb_stop",
    "survey",
    "without_reasoning",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"benchmarks.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")

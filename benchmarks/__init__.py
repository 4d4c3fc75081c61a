"""Benchmarks: problems, their protocols and stop rules, and what counts as solved."""

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
from benchmarks.errata import clean, errata
from benchmarks.loader import load
from benchmarks.problem import BenchmarkError, Case, Format, FunctionTest, Problem
from benchmarks.protocol import Protocol
from benchmarks.stopping import humaneval_stop, mtpb_stop
from benchmarks.suites import NAMES, id_prefix
from benchmarks.survey import Survey, survey

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

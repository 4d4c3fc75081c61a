"""Benchmarks: problems, their protocols and stop rules, and what counts as solved."""

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
    "Benchmark",
    "BenchmarkError",
    "Case",
    "Format",
    "FunctionTest",
    "Problem",
    "Protocol",
    "Survey",
    "clean",
    "errata",
    "humaneval_stop",
    "id_prefix",
    "in_format",
    "load",
    "mtpb_stop",
    "survey",
]

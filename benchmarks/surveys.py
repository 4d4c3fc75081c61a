"""Finds all faults in a suite's records at once; `benchmarks.load` stops at the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.loader import texts_at
from benchmarks.problem import BenchmarkError
from benchmarks.records.schema import numbered, read_line
from benchmarks.suites import SUITES


@dataclass(frozen=True, slots=True)
class Survey:
    """`faults` are messages with file and line; `places` has each problem's `file:line` by id."""

    faults: tuple[str, ...]
    places: Mapping[str, str]


def survey(suite: str, place: str) -> Survey:
    """Check every record at `place` (see `benchmarks.loader.load`) against the suite's format.

    Raises:
        BenchmarkError: there is no such suite, or the place cannot be read or fetched.
    """
    if suite not in SUITES:
        raise BenchmarkError(f"no benchmark {suite!r}; there are {', '.join(SUITES)}")
    problem = SUITES[suite].schema.problem
    faults: list[str] = []
    places: dict[str, str] = {}
    for text, source in texts_at(place):
        for where, line in numbered(text, source):
            try:
                id = problem(read_line(where, line)).id
            except BenchmarkError as error:
                faults.append(str(error))
                continue
            if id in places:
                faults.append(f"{where}: a second problem with the id {id!r}; see {places[id]}")
            places.setdefault(id, where)
    if not faults and not places:
        faults.append(f"{place}: no problem in it; expected one JSON object a line")
    return Survey(tuple(faults), places)

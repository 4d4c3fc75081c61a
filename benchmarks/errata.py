"""Known faults of the published benchmarks, by problem and case.

Kinds, for MTPB:

    wrong           the expected value contradicts the prompts
    unscorable      the released scorer refuses the expected value whatever a program prints
    missing         the program needs a file that is not shipped
    undetermined    the expected value is one draw of an unseeded random process
    duplicate       the problem or case occurs a second time
    constant        the only case of its problem that is not spoiled, so that a constant passes
    ambiguous       a faithful reading of the prompts gives another value
    guarded         the released scorer's guard blocks the intended solution
    defect          the record is malformed; the loader repairs it

A case is clean unless it has one of the kinds `SPOILING`. The data were found by solving all
problems.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

Errata: TypeAlias = Mapping[tuple[str, int], frozenset[str]]

SPOILING = frozenset({"wrong", "unscorable", "missing", "undetermined", "duplicate"})

_FILES = {"mtpb": Path(__file__).with_name("data") / "mtpb-errata.jsonl"}


@dataclass(frozen=True, slots=True)
class Erratum:
    """One fault: its cases (none if the fault is in the record), its kind, an explanation.

    Beside each of `cases`, where they are known: `right`, its right value; `also`, another answer
    that the prompts allow; `same_as`, the problem and case that it repeats.
    """

    problem: str
    cases: tuple[int, ...]
    kind: str
    note: str
    right: tuple[object, ...] | None = None
    also: tuple[object, ...] | None = None
    same_as: tuple[tuple[str, int], ...] | None = None


@cache
def entries(name: str) -> tuple[Erratum, ...]:
    """All known faults of the benchmark, in the order of the data; none for other names."""
    if name not in _FILES:
        return ()
    lines = _FILES[name].read_text(encoding="utf-8").splitlines()
    return tuple(_erratum(json.loads(line)) for line in lines)


def _erratum(record: dict[str, object]) -> Erratum:
    match record:
        case {"problem": str(problem), "cases": list(cases), "kind": str(kind), "note": str(note)}:
            right, also, same_as = map(record.get, ("right", "also", "same_as"))
            return Erratum(
                problem,
                tuple(cases),
                kind,
                note,
                tuple(right) if isinstance(right, list) else None,
                tuple(also) if isinstance(also, list) else None,
                tuple((id, case) for id, case in same_as) if isinstance(same_as, list) else None,
            )
    raise ValueError(f"not an erratum: {record}")


@cache
def errata(name: str) -> Errata:
    """The kinds of faults of each (problem, case) that has any, for the published content."""
    kinds: dict[tuple[str, int], frozenset[str]] = {}
    for entry in entries(name):
        for case in entry.cases:
            key = (entry.problem, case)
            kinds[key] = kinds.get(key, frozenset()) | {entry.kind}
    return kinds


def clean(name: str, problem: str, case: int) -> bool:
    """Whether a case of the published benchmark has no known fault that spoils it."""
    return not errata(name).get((problem, case), frozenset()) & SPOILING

"""MTPB+: the published prompts with inputs of ours, 16 a problem, instead of the published five.

The inputs and the right values are data (`data/mtpb-plus.jsonl`, made by
`scripts/make_mtpb_plus.py`); two references that were written apart agree on every value. The
published prompts are filled with them. Problems that the data do not have are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark
from benchmarks.derived.references import solution
from benchmarks.problem import Case, Mended

_DATA = Path(__file__).parents[1] / "data" / "mtpb-plus.jsonl"


def plus(published: Benchmark) -> Benchmark:
    """The published suite with our inputs; name, suite and protocol are left to the caller."""
    ours = _ours()
    problems = [
        replace(problem, cases=tuple(_cases(ours[problem.id])), reference=solution(problem))
        for problem in published.problems
        if problem.id in ours
    ]
    out = [problem.id for problem in published.problems if problem.id not in ours]
    content = json.dumps(ours, sort_keys=True)
    return replace(
        published,
        problems=tuple(problems),
        sha256=sha256(f"{published.sha256}{content}".encode()).hexdigest(),
        known_errata={},
        note=f"{len(problems)} of the {len(published.problems)} problems of {published.name}, with "
        f"other inputs; left out: {', '.join(out)}",
    )


@cache
def _ours() -> Mapping[str, Any]:
    lines = _DATA.read_text(encoding="utf-8").splitlines()
    return {record["problem"]: record for record in map(json.loads, lines)}


def _cases(record: Mapping[str, Any]) -> Iterator[Case]:
    for given, right in zip(record["inputs"], record["outputs"], strict=True):
        yield Case(given, right, _strict(right))


def _strict(right: object) -> Mended | None:
    """The rule for values of the types that the official scorer refuses.

    The only prompt that asks for None quotes it, so that the text is right as well.
    """
    if right is None:
        answers: tuple[object, ...] = (None, "None")
    elif isinstance(right, dict):
        answers = (right,)
    else:
        return None
    return Mended(answers, "strict", "The released scorer refuses a value of this type.")

"""Write down what the starter corpora must not contain: `python -m tests.models.heldout`.

Those are the suites' prompts and inputs. This lives with the tests because it needs both the suites
and the generators, which know nothing of each other.
"""

from collections.abc import Iterator

import benchmarks
from benchmarks import Problem
from models.starter.heldout import DIGESTS, digest

SUITES = ("starter", "starter-function")
SHORTEST_VALUE = 6  # characters; shorter ones, like 7 or [], mean nothing by themselves


def prompts(problem: Problem) -> Iterator[str]:
    """Every prompt of a problem as the models see it, filled in."""
    for case in problem.cases:
        yield from problem.prompts(case, benchmarks.Format.multi_turn)


def values(problem: Problem) -> Iterator[str]:
    """Every input of a problem that is long enough to be recognised."""
    for case in problem.cases:
        yield from (repr(v) for v in case.input.values() if len(repr(v)) >= SHORTEST_VALUE)


def texts() -> Iterator[str]:
    """All that must not appear."""
    for suite in SUITES:
        for problem in benchmarks.load(suite).problems:
            yield from prompts(problem)
            yield from values(problem)


def main() -> None:
    found = sorted({digest(text) for text in texts()})
    DIGESTS.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{DIGESTS}: {len(found)} digests")


if __name__ == "__main__":
    main()

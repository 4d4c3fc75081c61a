"""What the corpora must not contain: the suites' prompts and inputs.

    python -m tests.models.training.heldout          # write their digests for the generators
    python -m tests.models.training.heldout --check  # look for them in all that was trained on

This lives with the tests because it needs both the suites and the generators, which know nothing of
each other. Digests that occur nowhere can be added without changing a single document.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import islice

from tqdm import tqdm

import benchmarks
from benchmarks import Problem
from models.training.corpora import heldout
from models.training.corpora.corpus import Stage, documents
from models.training.corpora.heldout import DIGESTS, digest

SUITES = ("starter", "starter-function")
# at least as many documents as any size has seen
TRAINED_ON = {
    Stage.nl: 8000,
    Stage.multi: 50_000,
    Stage.broad: 65_000,
    Stage.mono: 65_000,
}
SHORTEST_VALUE = 6  # characters; shorter ones, like 7 or [], mean nothing by themselves


def prompts(problem: Problem) -> Iterator[str]:
    """Every prompt of a problem as the models see it; of a function what its docstring says."""
    for case in problem.cases:
        for prompt in problem.prompts(case, benchmarks.Format.multi_turn):
            yield prompt if problem.test is None else _description(prompt)


def _description(prompt: str) -> str:
    (function,) = (
        n for n in ast.parse(prompt + "    pass\n").body if isinstance(n, ast.FunctionDef)
    )
    return " ".join((ast.get_docstring(function) or "").split(">>>")[0].split())


def values(problem: Problem) -> Iterator[str]:
    """Every input of a problem that is long enough to be recognised."""
    for case in problem.cases:
        yield from (repr(v) for v in case.input.values() if len(repr(v)) >= SHORTEST_VALUE)


def texts() -> Iterator[str]:
    """All texts that must not occur."""
    for suite in SUITES:
        for problem in benchmarks.load(suite).problems:
            yield from prompts(problem)
            yield from values(problem)


class Recorder(frozenset[str]):
    """The held-out digests, remembering everything that is looked up in them."""

    seen: set[str]

    def __contains__(self, found: object) -> bool:
        self.seen.add(str(found))
        return super().__contains__(found)


def everything_said(counts: dict[Stage, int], seed: int) -> set[str]:
    """Digests of all prompts and values that the generators drew for this many documents."""
    recorder = Recorder(heldout.digests())
    recorder.seen = set()
    heldout.digests = lambda: recorder
    for stage, count in counts.items():
        for _ in tqdm(islice(documents(stage, seed), count), total=count, desc=stage.value):
            pass
    return recorder.seen - recorder


def main() -> int:
    found = {digest(text): text for text in texts()}
    if "--check" in sys.argv:
        said = everything_said(TRAINED_ON, seed=1)
        common = sorted(found[d] for d in found.keys() & said)
        print(*common, f"{len(common)} of {len(found)} occur in the corpora", sep="\n")
        return int(bool(common))
    DIGESTS.write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
    print(f"{DIGESTS}: {len(found)} digests")
    return 0


if __name__ == "__main__":
    sys.exit(main())

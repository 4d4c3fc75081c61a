"""The mixture of each stage's corpus: a stream of documents from a seed."""

import random
from collections.abc import Callable, Iterator
from enum import Enum

from models.training.corpora.conversations import conversation, usual_conversation
from models.training.corpora.english import passage
from models.training.corpora.functions import function, usual_function
from models.training.corpora.languages import snippet


class Stage(Enum):
    """The stages of training, in order; each continues from the one before.

    Python comes in two stages: `broad` has the widest range of tasks and wordings, `mono` the
    common ones. The model after the broad stage is not kept.
    """

    nl = "nl"
    multi = "multi"
    broad = "broad"
    mono = "mono"


KEPT = (Stage.nl, Stage.multi, Stage.mono)


def lineage(stage: Stage) -> list[Stage]:
    """All stages up to this one, in order.

    >>> [stage.value for stage in lineage(Stage.broad)]
    ['nl', 'multi', 'broad']
    """
    return list(Stage)[: list(Stage).index(stage) + 1]


Generator = Callable[[random.Random], str]

MIXTURES: dict[Stage, tuple[tuple[Generator, float], ...]] = {
    Stage.nl: ((passage, 1.0),),
    Stage.multi: ((passage, 0.1), (snippet, 0.5), (conversation, 0.3), (function, 0.1)),
    Stage.broad: ((conversation, 0.78), (function, 0.22)),
    Stage.mono: (
        (usual_conversation, 0.65),
        (conversation, 0.13),
        (usual_function, 0.17),
        (function, 0.05),
    ),
}


def documents(stage: Stage, seed: int) -> Iterator[str]:
    """An endless stream of documents, a pure function of stage and seed."""
    rng = random.Random(f"{stage.value} {seed}")
    generators, weights = zip(*MIXTURES[stage], strict=True)
    while True:
        yield rng.choices(generators, weights)[0](rng)


def prompt_spans(document: str) -> list[tuple[int, int]]:
    """The spans of a Python document's comments and docstrings, as character positions.

    They weigh less in training, since their values and wordings are drawn at random.
    """
    spans: list[tuple[int, int]] = []
    position, quotes = 0, ""
    for line in document.splitlines(keepends=True):
        plain = line.strip()
        opening = next((q for q in ('"""', "'''") if plain.startswith(q)), "")
        inside = bool(quotes)
        if not quotes and opening and plain.count(opening) == 1:
            quotes, inside = opening, True
        elif quotes and plain.endswith(quotes):
            quotes = ""
        if line.startswith("#") or inside or opening:
            spans.append((position, position + len(line)))
        position += len(line)
    return spans

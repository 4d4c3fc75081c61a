"""The corpora, stage by stage and document by document, from a seed."""

import random
from collections.abc import Callable, Iterator
from enum import Enum

from models.starter.conversations import conversation, usual_conversation
from models.starter.english import passage
from models.starter.functions import function, usual_function
from models.starter.languages import snippet


class Stage(Enum):
    """What a model is trained on; each stage goes on from an earlier one, see `BEFORE`.

    Code comes in two parts: the beginning (`early`), from which Python goes on, and `multi`, more
    of the same for the model that is kept. So does Python: `broad` has the widest wording and the
    rarest wishes, `mono` what people usually want and how they usually put it.
    """

    nl = "nl"
    early = "early"
    multi = "multi"
    broad = "broad"
    mono = "mono"


BEFORE = {
    Stage.early: Stage.nl,
    Stage.multi: Stage.early,
    Stage.broad: Stage.early,
    Stage.mono: Stage.broad,
}
KEPT = (Stage.nl, Stage.multi, Stage.mono)


def lineage(stage: Stage) -> list[Stage]:
    """All stages of a model, the first one first.

    >>> [stage.value for stage in lineage(Stage.mono)]
    ['nl', 'early', 'broad', 'mono']
    """
    return [*(lineage(BEFORE[stage]) if stage in BEFORE else ()), stage]


# fixed names, so that a stage can be called otherwise and still draw the same
_STREAMS = {
    Stage.nl: "nl",
    Stage.early: "multi",
    Stage.multi: "more",
    Stage.broad: "mono",
    Stage.mono: "usual",
}

Generator = Callable[[random.Random], str]

MIXTURES: dict[Stage, tuple[tuple[Generator, float], ...]] = {
    Stage.nl: ((passage, 1.0),),
    Stage.early: ((passage, 0.25), (snippet, 0.75)),
    Stage.multi: ((passage, 0.15), (snippet, 0.85)),
    Stage.broad: ((conversation, 0.78), (function, 0.22)),
    Stage.mono: (
        (usual_conversation, 0.65),
        (conversation, 0.13),
        (usual_function, 0.17),
        (function, 0.05),
    ),
}


def documents(stage: Stage, seed: int) -> Iterator[str]:
    """An endless stream of documents, the same for the same stage and seed on every machine."""
    rng = random.Random(f"{_STREAMS[stage]} {seed}")
    generators, weights = zip(*MIXTURES[stage], strict=True)
    while True:
        yield rng.choices(generators, weights)[0](rng)


def prompt_spans(document: str) -> list[tuple[int, int]]:
    """Where a mono document asks rather than answers: its comments and docstrings.

    Training weighs these characters less: values and wordings there are drawn at random.
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

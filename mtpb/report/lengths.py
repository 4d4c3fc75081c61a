"""How long samples are: shares by generated tokens, and how many ran out of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mtpb.report.runs import SuiteRuns, described
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Floats, Ints
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked

_CUT = ("length", "context")  # how a turn finishes for which there was no more room


def lengths(suite: SuiteRuns) -> Table:
    """Each run's samples by their tokens of all turns: shares in bins that double in width, the
    median, and the share of samples of which some turn ran out of tokens.

    Runs whose samples tell no tokens, such as imported ones, are left out.
    """
    measured = [(run, *tokens_of(run)) for run in suite.runs]
    known = [one for one in measured if one[1].any()]
    edges = _edges(max((int(tokens.max()) for _, tokens, _ in known), default=0))
    bins = [_bin(low, high) for low, high in pairwise(edges)]
    return Table(
        f"{suite.name}-lengths",
        f"{suite.label}: generated tokens of a sample, % of samples",
        (
            Column("run", "run"),
            *(Column(f"tokens_{name}", name, Kind.rate, "tokens") for name in bins),
            Column("median", "median", Kind.count),
            Column("out_of_tokens", "out of tokens", Kind.rate),
        ),
        tuple((name, *_row(*one, edges)) for name, one in zip(_names(known), known, strict=True)),
    )


def bins_only(table: Table) -> Table:
    """The table without the columns that are no bins."""
    rows = tuple(row[:-2] for row in table.rows)
    return replace(table, columns=table.columns[:-2], rows=rows)


def tokens_of(run: Run) -> tuple[Ints, float]:
    """Tokens of each sample, and the share of samples of which a turn ran out of tokens."""
    if run.directory is None:
        return np.zeros(0, dtype=np.int64), 0.0
    found = {
        s.key: (s.tokens, any(t.finish in _CUT for t in s.turns)) for s in run.directory.samples()
    }
    values = np.array(list(found.values()), dtype=np.int64).reshape(-1, 2)
    return values[:, 0], float(values[:, 1].mean()) if len(values) else 0.0


def _edges(most: int) -> list[int]:
    """0, 16, 32, 64, … up to a power of two above `most`."""
    edges = [0, 16]
    while edges[-1] <= most:
        edges.append(2 * edges[-1])
    return edges


def _bin(low: int, high: int) -> str:
    return f"{low}–{high - 1}" if low else f"<{high}"


def _names(known: Sequence[tuple[Run, Ints, float]]) -> list[str]:
    """The runs' models; with format and temperature where a model has several runs."""
    models = Counter(run.model for run, *_ in known)
    return [run.model if models[run.model] == 1 else described(run) for run, *_ in known]


def _row(run: Run, tokens: Ints, cut: float, edges: Sequence[int]) -> tuple[Cell, ...]:
    shares: Floats = np.histogram(tokens, edges)[0] / len(tokens)
    cells = [Estimate(float(share)) for share in shares]
    return marked((*cells, int(np.median(tokens)), Estimate(cut)), run)

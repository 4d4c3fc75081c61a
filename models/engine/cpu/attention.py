"""Keys and values in pages, and attention over them, for the engine.

Every row of a step (a token of some conversation) attends to the pages of its conversation, which
may be those of others too: nothing is copied, and a row's result does not depend on which other
rows there are, nor on where its pages lie.

On a CPU attention is two weighted sums of table rows, which torch's `embedding_bag` computes at the
speed of memory, without gathering the pages first: scores are sums over a head's dimensions of
rows of keys that hold one dimension of a page's tokens each (keys are stored transposed), and
outputs are sums over tokens of rows of values. Rows are taken in groups of similar length, padded
with a page that nobody reads.

Pages that many rows begin with are attended to once for all of them, by products of matrices
(Juravsky et al., Hydragen, 2024). Both ways add up the same numbers in the same order, so that
which of them a row meets does not show in its bits; `products_agree` makes sure of it for each
shape before it is used. Products of too many terms are added up in pieces: so outputs are the sum
of those of runs of pages, in whichever way each comes about.

Letters: N rows, H heads, D dimensions of a head, P tokens of a page, I pages of a row, S tokens.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

import torch
from torch import Tensor

from models.config import CodeGenConfig
from models.engine.pages import NOWHERE, PAGE
from models.engine.scheduler import Row

RUN = 12  # pages whose outputs are added up before they meet those of others
ROWS_TOGETHER, PAGES_TOGETHER = 16, 4  # fewer rows or shared pages are not worth a product


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where keys and values of rows are kept: those of row `rows[m]` at `places[m]` of `pages[m]`.

    `rows` is a slice of all where each row has one page.
    """

    rows: Tensor | slice
    pages: Tensor
    places: Tensor

    @staticmethod
    def of(rows: Sequence[Row]) -> Destinations:
        pages = [page for row in rows for page in (row.pages[-1], *row.copies)]
        places = [row.position % PAGE for row in rows for _ in (row, *row.copies)]
        numbers = [n for n, row in enumerate(rows) for _ in (row, *row.copies)]
        page_M, place_M, row_M = torch.tensor([pages, places, numbers])
        return Destinations(row_M if len(numbers) > len(rows) else slice(None), page_M, place_M)


class PagedCache:
    """Keys and values of `pages` pages, in float32, on the CPU; a step has `rows` rows at most."""

    def __init__(self, config: CodeGenConfig, pages: int, rows: int) -> None:
        self.heads, self.dim = config.n_head, config.head_dim
        self.pages = pages + 1
        # memory is only taken when a page is first written to. Behind the pages of values there is
        # room for what rows have summed up in products: see `Group.outputs`
        blocks = self.pages * self.heads
        self.keys = [torch.zeros(blocks * self.dim, PAGE) for _ in range(config.n_layer)]
        self.values = [
            torch.zeros(blocks * PAGE + rows * self.heads, self.dim) for _ in range(config.n_layer)
        ]

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages: (from, to)."""
        sources, targets = (torch.tensor(side) for side in zip(*pairs, strict=True))
        for layer in range(len(self.keys)):
            for pages in (self.key_pages(layer), self.value_pages(layer)):
                pages[targets] = pages[sources]

    def key_pages(self, layer: int) -> Tensor:
        """(pages, H, D, P)"""
        return self.keys[layer].view(self.pages, self.heads, self.dim, PAGE)

    def value_pages(self, layer: int) -> Tensor:
        """(pages, H, P, D)"""
        return self._values(layer)[0].view(self.pages, self.heads, PAGE, self.dim)

    def sums(self, layer: int) -> Tensor:
        """(rows, H, D): what is behind the pages of values."""
        return self._values(layer)[1].view(-1, self.heads, self.dim)

    def sums_row(self, row: int) -> int:
        """Where in the table of values a row's sums begin."""
        return (self.pages * PAGE + row) * self.heads

    def _values(self, layer: int) -> tuple[Tensor, Tensor]:
        values, end = self.values[layer], self.pages * self.heads * PAGE
        return values[:end], values[end:]

    def attention(self, rows: Sequence[Row]) -> Attention:
        """How these rows attend."""
        return Attention(self, rows)


class Attention:
    """The indices of one step, the same for all layers; `attend` is what the model calls, with the
    rows in the order `order`: those that are treated alike stand together."""

    def __init__(self, cache: PagedCache, rows: Sequence[Row]) -> None:
        self.cache = cache
        shared = _shared(rows, cache)
        kinds = [
            (pages, _rounded(len(row.pages) - len(pages)))
            for row, pages in zip(rows, shared, strict=True)
        ]
        self.order = sorted(range(len(rows)), key=kinds.__getitem__)
        ordered = [rows[n] for n in self.order]
        self.kept = Destinations.of(ordered)
        self.cohorts: list[Cohort] = []
        start = 0
        for pages, numbers in groupby(self.order, lambda n: kinds[n][0]):
            widths = [kinds[n][1] for n in numbers]
            place = slice(start, start + len(widths))
            self.cohorts.append(Cohort(cache, ordered[place], place, pages, widths))
            start = place.stop

    def attend(self, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
        kept = self.kept
        self.cache.key_pages(layer)[kept.pages, :, :, kept.places] = k_NHD[kept.rows]
        self.cache.value_pages(layer)[kept.pages, :, kept.places] = v_NHD[kept.rows]
        q_NHD = q_NHD * self.cache.dim**-0.5
        outs = [out for cohort in self.cohorts for out in cohort.attend(layer, q_NHD)]
        return torch.cat(outs) if len(outs) > 1 else outs[0]


class Cohort:
    """Rows whose conversations begin with the same pages: `shared`, perhaps none."""

    def __init__(
        self,
        cache: PagedCache,
        rows: Sequence[Row],
        place: slice,
        shared: tuple[int, ...],
        widths: list[int],
    ) -> None:
        self.cache, self.rows = cache, place
        self.runs = [shared[start : start + RUN] for start in range(0, len(shared), RUN)]
        self.groups: list[Group] = []
        start = 0
        for width, same in groupby(widths):
            mine = slice(start, start + len(list(same)))
            first = place.start + start
            self.groups.append(Group(cache, rows[mine], mine, first, len(shared), width))
            start = mine.stop

    def attend(self, layer: int, q_NHD: Tensor) -> list[Tensor]:
        q_NHD, keys = q_NHD[self.rows], self.cache.key_pages(layer)
        shared = [keys[page] for run in self.runs for page in run]
        scores_NHS = _product(q_NHD, torch.cat(shared, -1)) if shared else None
        weights = [group.weights(layer, q_NHD, scores_NHS) for group in self.groups]
        sums_NHD = self._sums(layer, weights) if shared else None
        return [
            group.outputs(layer, p_NHS, sums_NHD)
            for group, p_NHS in zip(self.groups, weights, strict=True)
        ]

    def _sums(self, layer: int, weights: list[Tensor]) -> Tensor | None:
        """What all shared runs but an unfinished one add up to; the unfinished one's sums are put
        where rows go on with them."""
        values, total_NHD, start = self.cache.value_pages(layer), None, 0
        for run in self.runs:
            span = slice(start, start + len(run) * PAGE)
            p_NHS = torch.cat([p_NHS[..., span] for p_NHS in weights])
            sums_NHD = _product(p_NHS, torch.cat([values[page] for page in run], -2))
            if len(run) < RUN:
                self.cache.sums(layer)[self.rows] = sums_NHD
            else:
                total_NHD = sums_NHD if total_NHD is None else total_NHD + sums_NHD
            start = span.stop
        return total_NHD


class Group:
    """Rows of a cohort with about the same number of pages of their own, `width`."""

    def __init__(
        self,
        cache: PagedCache,
        rows: Sequence[Row],
        place: slice,
        first: int,
        shared: int,
        width: int,
    ) -> None:
        self.cache, self.rows, self.width = cache, place, width
        self.shared, self.begun = shared * PAGE, bool(shared % RUN)
        H, D, N = cache.heads, cache.dim, len(rows)
        own = [row.pages[shared:] for row in rows]
        table = [[*pages, *[NOWHERE] * (width - len(pages))] for pages in own]
        blocks_NHI = torch.tensor(table, dtype=torch.int32)[:, None] * H
        blocks_NHI = blocks_NHI + torch.arange(H, dtype=torch.int32)[:, None]
        self.key_rows = _rows_of(blocks_NHI, D).flatten()
        self.key_bags = torch.arange(0, N * H * width * D, D, dtype=torch.int32)
        value_rows_NHS = _rows_of(blocks_NHI, PAGE)
        ends = range(RUN - shared % RUN, width, RUN)  # where a run ends and another begins
        starts = [0, *(end * PAGE + self.begun for end in ends)]
        if self.begun:
            sums_NH = torch.arange(N * H, dtype=torch.int32).view(N, H, 1) + cache.sums_row(first)
            value_rows_NHS = torch.cat((sums_NH, value_rows_NHS), -1)
        self.value_rows, S = value_rows_NHS.flatten(), value_rows_NHS.shape[-1]
        bags = torch.arange(0, N * H * S, S, dtype=torch.int32)[:, None]
        self.value_bags = (bags + torch.tensor(starts, dtype=torch.int32)).flatten()
        last_N = torch.tensor([row.position for row in rows]) - self.shared
        hidden_NS = torch.arange(width * PAGE) > last_N[:, None]
        self.mask_NHS = torch.zeros(N, 1, width * PAGE).masked_fill_(hidden_NS[:, None], -torch.inf)

    def weights(self, layer: int, q_NHD: Tensor, shared_NHS: Tensor | None) -> Tensor:
        """The softmax of the scores of all tokens; those of shared pages are given."""
        q_NHD = q_NHD[self.rows]
        N, H, D = q_NHD.shape
        q_NHID = q_NHD[:, :, None].expand(N, H, self.width, D).reshape(-1)
        scores = _weighted_sums(self.cache.keys[layer], self.key_rows, self.key_bags, q_NHID)
        scores_NHS = scores.view(N, H, self.width * PAGE).add_(self.mask_NHS)
        if shared_NHS is not None:
            scores_NHS = torch.cat((shared_NHS[self.rows], scores_NHS), -1)
        return torch.softmax(scores_NHS, -1)

    def outputs(self, layer: int, p_NHS: Tensor, sums_NHD: Tensor | None) -> Tensor:
        """The weighted sums of values, run by run, and the runs' sums, in order."""
        N, H, _ = p_NHS.shape
        p_NHS = p_NHS[..., self.shared :]
        if self.begun:  # what a product has summed up comes first, as it is
            p_NHS = torch.cat((p_NHS.new_ones(N, H, 1), p_NHS), -1)
        values = self.cache.values[layer]
        runs = _weighted_sums(values, self.value_rows, self.value_bags, p_NHS.flatten())
        parts = runs.view(N, H, -1, self.cache.dim).unbind(2)
        if sums_NHD is not None:
            parts = (sums_NHD[self.rows], *parts)
        return functools.reduce(torch.add, parts)


def _shared(rows: Sequence[Row], cache: PagedCache) -> list[tuple[int, ...]]:
    """For each row the pages, from its first, that it attends to together with others."""
    users = Counter(page for row in rows for page in row.pages[:-1])
    shared = [
        tuple(takewhile(lambda page: users[page] >= ROWS_TOGETHER, row.pages[:-1])) for row in rows
    ]
    count = Counter(shared)
    worthwhile = {
        pages
        for pages, N in count.items()
        if N >= ROWS_TOGETHER
        and len(pages) >= PAGES_TOGETHER
        and products_agree(N, cache.heads, cache.dim, len(pages))
    }
    return [pages if pages in worthwhile else () for pages in shared]


def products_agree(rows: int, heads: int, dim: int, pages: int) -> bool:
    """Whether `_product` has the bits of `_weighted_sums` for so many rows and shared pages.

    It has where both add up term after term. Tried out, once for each shape.
    """
    threads = torch.get_num_threads()
    runs = {min(pages, RUN), pages % RUN or RUN}
    return _agree(rows, heads, dim, PAGE, pages, threads) and all(
        _agree(rows, heads, run * PAGE, dim, 1, threads) for run in runs
    )


@functools.cache
def _agree(rows: int, heads: int, terms: int, width: int, tables: int, threads: int) -> bool:
    """Whether a product with tables side by side has the bits of weighted sums of each."""
    generator = torch.Generator().manual_seed(1)
    x_NHK = torch.randn(rows, heads, terms, generator=generator)
    y_IHKS = torch.randn(tables, heads, terms, width, generator=generator)
    table_rows = torch.arange(heads * terms, dtype=torch.int32).repeat(rows)
    bags = torch.arange(0, len(table_rows), terms, dtype=torch.int32)
    sums = [_weighted_sums(y.flatten(0, 1), table_rows, bags, x_NHK.flatten()) for y in y_IHKS]
    product_NHS = _product(x_NHK, torch.cat(list(y_IHKS), -1))
    return torch.equal(product_NHS, torch.cat(sums, -1).view(rows, heads, tables * width))


def _product(x_NHK: Tensor, y_HKS: Tensor) -> Tensor:
    """Each head's product (N, H, S)."""
    return torch.bmm(x_NHK.transpose(0, 1), y_HKS).transpose(0, 1)


def _rounded(pages: int) -> int:
    """Up by an eighth at most, so that there are few groups."""
    unit = 1 << max(pages.bit_length() - 4, 0)
    return -(-pages // unit) * unit


def _rows_of(blocks_NHI: Tensor, size: int) -> Tensor:
    """The rows of a table (N, H, S) that blocks of `size` rows are."""
    rows = blocks_NHI[..., None] * size + torch.arange(size, dtype=torch.int32)
    return rows.flatten(2)


def _weighted_sums(table: Tensor, rows: Tensor, bags: Tensor, weights: Tensor) -> Tensor:
    """Sums of a table's rows, one for each bag (where it starts in `rows`), in the rows' order."""
    out: Tensor = torch.embedding_bag(table, rows, bags, False, 0, False, weights)[0]
    return out

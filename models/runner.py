"""One step of the model for rows of any conversations: from tokens to logits, in agreeing sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from models import cpu
from models.agreement import agreeing_sizes
from models.cache import PagedCache, Row
from models.codegen import CodeGen
from models.gathered import GatheredCache
from models.scheduler import NOWHERE

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256)  # rows of a product
PADDING = Row(0, 0, (NOWHERE,))


class Runner:
    """The packed model and its cache of `pages` pages.

    Rows are padded to numbers of rows whose products agree, bit for bit, with those of `anchor`
    rows; to `anchor` itself where no other does.
    """

    def __init__(self, model: CodeGen, pages: int, anchor: int) -> None:
        self.config, weight = model.config, next(model.parameters())
        self.device = weight.device
        self.cache: PagedCache | GatheredCache
        if self.device.type == "cpu":
            self.model = cpu.packed(model)
            self.cache = PagedCache(model.config, pages)
        else:
            self.model = model
            self.cache = GatheredCache(model.config, pages, weight.dtype, self.device)
        self.sizes = agreeing_sizes(self.model, anchor, SIZES)

    @torch.inference_mode()
    def logits(self, rows: Sequence[Row], wanted: Sequence[int]) -> Tensor:
        """Logits (len(wanted), V) in float32 behind the rows at the indices `wanted`.

        A row must come after those that it attends to, if they are computed in the same step.
        """
        # the fewer pages the earlier: rows of similar length attend together. The sort is stable,
        # and a row has no fewer pages than those it builds on
        order = sorted(range(len(rows)), key=lambda n: len(rows[n].pages))
        place = {n: at for at, n in enumerate(order)}
        hidden_NC = self._trunk([rows[n] for n in order])
        hidden_NC = hidden_NC[[place[n] for n in wanted]]
        pieces = []
        for start, count, size in self._pieces(len(wanted)):
            piece_NC = hidden_NC.new_zeros(size, hidden_NC.shape[1])
            piece_NC[:count] = hidden_NC[start : start + count]
            pieces.append(self.model.logits(piece_NC)[:count])
        if len(pieces) == 1:  # no copy of what is large
            return pieces[0]
        return torch.cat([torch.empty(0, self.config.vocab_size, device=self.device), *pieces])

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy the cache's pages: (from, to)."""
        with torch.inference_mode():
            self.cache.copy(pairs)

    def _trunk(self, rows: Sequence[Row]) -> Tensor:
        hidden = []
        for start, count, size in self._pieces(len(rows)):
            padded = [*[PADDING] * (size - count), *rows[start : start + count]]
            ids_N = torch.tensor([row.token for row in padded], device=self.device)
            positions_N = torch.tensor([row.position for row in padded], device=self.device)
            attend = self.cache.step(padded).attend
            hidden.append(self.model.trunk(ids_N, positions_N, attend)[size - count :])
        return torch.cat(hidden)

    def _pieces(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """Start, rows, and rows with padding of the products that compute `rows` rows."""
        start = 0
        while start < rows:
            size = next((n for n in self.sizes if n >= rows - start), self.sizes[-1])
            count = min(size, rows - start)
            yield start, count, size
            start += count

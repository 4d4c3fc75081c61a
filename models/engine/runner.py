"""One step of the model for rows of any conversations: from tokens to logits, in agreeing sizes."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.config import ModelError
from models.engine.agreement import agreeing_sizes
from models.engine.cpu import products
from models.engine.pages import NOWHERE
from models.engine.scheduler import Row
from models.transformer import CodeGen

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256)  # rows of a product
PADDING = Row(0, 0, (NOWHERE,))


class Cache(Protocol):
    """Keys and values on some device."""

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages: (from, to)."""


class Trunk(Protocol):
    """The model up to its head on some device, and its cache."""

    @property
    def cache(self) -> Cache: ...

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """What the head reads (N, C); keys and values of the rows are kept."""


class Runner:
    """The model as its device runs it, and its cache of `pages` pages.

    Rows are padded to numbers of rows whose products agree, bit for bit, with those of `anchor`
    rows; to `anchor` itself where no other does. Raises ModelError where a GPU's kernel does not
    run.
    """

    def __init__(self, model: CodeGen, pages: int, anchor: int) -> None:
        self.config, self.device = model.config, next(model.parameters()).device
        self.trunk: Trunk
        if self.device.type == "cpu":
            self.model = products.packed(model)
            self.trunk = products.Trunk(self.model, pages, max(anchor, *SIZES))
        else:
            self.model = copy.copy(model)  # the same weights, but nobody's key in a weak table
            self.trunk = _cuda_trunk(self.model, pages)
        self.sizes = agreeing_sizes(self.model, anchor, SIZES)

    @torch.inference_mode()
    def logits(self, rows: Sequence[Row], wanted: Sequence[int]) -> Tensor:
        """Logits (len(wanted), V) in float32 behind the rows at the indices `wanted`.

        A row must come after those that it attends to, if they are computed in the same step.
        Raises ModelError where a logit is no finite number.
        """
        hidden_NC = self._trunk(rows)[list(wanted)]
        pieces = []
        for start, count, size in self._pieces(len(wanted)):
            piece_NC = hidden_NC.new_zeros(size, hidden_NC.shape[1])
            piece_NC[:count] = hidden_NC[start : start + count]
            pieces.append(self.model.logits(piece_NC)[:count])
        if not all(piece.sum().isfinite() for piece in pieces):
            dtype = str(next(self.model.parameters()).dtype).removeprefix("torch.")
            other = "" if dtype == "float32" else ", or take engine.dtype=float32"
            raise ModelError(
                f"dtype={dtype}: the model's logits are not finite; check its weights{other}"
            )
        if len(pieces) == 1:  # no copy of what is large
            return pieces[0]
        return torch.cat([torch.empty(0, self.config.vocab_size, device=self.device), *pieces])

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy the cache's pages: (from, to)."""
        with torch.inference_mode():
            self.trunk.cache.copy(pairs)

    def _trunk(self, rows: Sequence[Row]) -> Tensor:
        hidden = []
        for start, count, size in self._pieces(len(rows)):
            padded = [*rows[start : start + count], *[PADDING] * (size - count)]
            hidden.append(self.trunk(padded)[:count])
        return torch.cat(hidden)

    def _pieces(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """Start, rows, and rows with padding of the products that compute `rows` rows."""
        start = 0
        while start < rows:
            size = next((n for n in self.sizes if n >= rows - start), self.sizes[-1])
            count = min(size, rows - start)
            yield start, count, size
            start += count


def _cuda_trunk(model: CodeGen, pages: int) -> Trunk:
    try:
        from models.engine.cuda import trunk as cuda  # needs Triton, which a CPU can do without

        trunk = cuda.Trunk(model, pages)
        with torch.inference_mode():
            trunk([PADDING])
    except (ImportError, RuntimeError, subprocess.CalledProcessError) as error:
        device = next(model.parameters()).device
        raise ModelError(
            f"device={device}: {error}; the engine needs CUDA, and Triton with a C compiler; "
            "or take engine.device=cpu"
        ) from error
    return trunk

"""Drawing tokens: temperature, top-k and top-p, exact, with noise that only keys decide.

No step sorts the vocabulary. For top-p a token is drawn from the whole distribution and kept if it
belongs to the nucleus, that is, if the tokens more likely than it hold less than `top_p`; which is
one masked sum. If it does not belong, neither does any token as unlikely, and another is drawn from
those above it. What is drawn in the end has exactly the nucleus's distribution. (The idea is that
of FlashInfer's sampling kernels, 2024.)

Sums are done in blocks of fixed size, so that a row's result does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from models.options import Sampling

BLOCK = 256  # tokens of the vocabulary that are summed together
TOGETHER = 16  # rows drawn at a time: few enough to stay in a processor's cache
_MASK = (1 << 64) - 1


def uniform(key: int, position: int, attempt: int = 0) -> float:
    """Noise in [0, 1), a pure function of its arguments: SplitMix64's finaliser over a counter.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
    """
    state = _mix(_mix(key & _MASK) + position * 0x9E3779B97F4A7C15)
    state = _mix(state + attempt * 0xD1B54A32D192ED03)
    return (state >> 11) * 2.0**-53


def _mix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def sample(logits_NV: Tensor, sampling: Sampling, places: Sequence[tuple[int, int]]) -> list[int]:
    """A token for each row of `logits_NV` (float32); `places` are the rows' (key, position)."""
    if sampling.temperature == 0:
        greedy: list[int] = logits_NV.argmax(-1).tolist()
        return greedy
    if 0 < sampling.top_k < logits_NV.shape[1]:
        top = logits_NV.topk(sampling.top_k)
        chosen_N1 = logits_NV.new_tensor(_draw(top.values, sampling, places)).long()[:, None]
        return _as_list(top.indices.gather(1, chosen_N1).flatten())
    return _draw(logits_NV, sampling, places)


def log_probabilities(logits_NV: Tensor, tokens: Sequence[int]) -> list[float]:
    """The model's own log-probability of a token in each row, in nats."""
    index_N1 = torch.tensor(tokens, device=logits_NV.device)[:, None]
    values: list[float] = F.log_softmax(logits_NV, -1).gather(1, index_N1).flatten().tolist()
    return values


def _draw(logits_NV: Tensor, sampling: Sampling, places: Sequence[tuple[int, int]]) -> list[int]:
    tokens: list[int] = []
    together = TOGETHER if logits_NV.device.type == "cpu" else len(places)
    for start in range(0, len(places), together or 1):
        rows = slice(start, start + together)
        tokens += _draw_rows(logits_NV[rows], sampling, places[rows])
    return tokens


def _draw_rows(
    logits_NV: Tensor, sampling: Sampling, places: Sequence[tuple[int, int]]
) -> list[int]:
    weights_NV = torch.softmax(logits_NV / sampling.temperature, -1)
    if odd := -weights_NV.shape[1] % BLOCK:
        weights_NV = F.pad(weights_NV, (0, odd))  # so that blocks are full
    tokens = [0] * len(places)
    rows, attempt = list(range(len(places))), 0
    while rows:
        noise = [uniform(*places[row], attempt) for row in rows]
        drawn_N = _inverse_cdf(weights_NV, torch.tensor(noise, dtype=torch.float64))
        for row, token in zip(rows, _as_list(drawn_N), strict=True):
            tokens[row] = token
        if sampling.top_p >= 1:
            break
        pivot_N1 = weights_NV.gather(1, drawn_N[:, None])
        weights_NV = torch.where(weights_NV > pivot_N1, weights_NV, 0)
        again_N = _block_sums(weights_NV).sum(-1) >= sampling.top_p
        again = _as_list(again_N.nonzero().flatten())
        rows, weights_NV = [rows[n] for n in again], weights_NV[again]
        attempt += 1
    return tokens


def _block_sums(weights_NV: Tensor) -> Tensor:
    return weights_NV.view(weights_NV.shape[0], -1, BLOCK).sum(-1).double()


def _inverse_cdf(weights_NV: Tensor, noise_N: Tensor) -> Tensor:
    """The first token at which the running sum of weights exceeds noise × their total."""
    noise_N1 = noise_N.to(weights_NV.device)[:, None]
    sums_NB = _block_sums(weights_NV).cumsum(-1)
    target_N1 = noise_N1 * sums_NB[:, -1:]
    block_N1 = torch.searchsorted(sums_NB, target_N1, right=True)
    before_N1 = F.pad(sums_NB, (1, 0)).gather(1, block_N1)
    blocks_NBT = weights_NV.view(weights_NV.shape[0], -1, BLOCK)
    inside_NT = blocks_NBT.take_along_dim(block_N1[:, :, None], 1)[:, 0].double()
    offset_N1 = torch.searchsorted(inside_NT.cumsum(-1), target_N1 - before_N1, right=True)
    # rounding may point behind the block's last weight: its last token with any weight is meant
    last_N1 = (inside_NT > 0).long().cumsum(-1).argmax(-1, keepdim=True)
    return (block_N1 * BLOCK + torch.minimum(offset_N1, last_N1)).flatten()


def _as_list(tensor: Tensor) -> list[int]:
    values: list[int] = tensor.tolist()
    return values

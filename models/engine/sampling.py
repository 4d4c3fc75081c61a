"""Drawing tokens: temperature, top-k and top-p, with random numbers that depend on keys alone.

Top-p does not sort the vocabulary. A token is drawn from the whole distribution and accepted if the
tokens more likely than it have a total probability below `top_p`, which is one masked sum. If it is
rejected, so are all tokens that are at most as likely, and another is drawn from the rest. The
accepted token has exactly the distribution of the nucleus. (Rejection sampling as in FlashInfer's
kernels, 2024.) The sum is skipped where the token's own probability is above 1 - top_p, since the
others' total is below `top_p` then.

Sums are computed in blocks of fixed size on a CPU and exactly on a GPU, so that a row's result does
not depend on the other rows. Letters: R rows of logits, N tokens to draw, V vocabulary, B blocks of
the vocabulary, T tokens of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from models.engine.dialogue import Score
from models.engine.options import Sampling


class Draw(NamedTuple):
    """A token to draw."""

    row: int  # of the logits
    key: int  # the request's random key
    position: int  # in the completion


SUM_BLOCK = 256  # tokens of the vocabulary that are summed together
CPU_ROWS = 16  # rows drawn at a time on a CPU: few enough to stay in its cache
ATTEMPTS = 3  # on a GPU, between two transfers of the result
UNITS = 2.0**44  # weights add up to about this many units; sums of units are exact in float64
_MASK = (1 << 64) - 1

Numbers = npt.NDArray[np.uint64]


def random_numbers(draws: Sequence[Draw], attempts: Sequence[int] = (0,)) -> Tensor:
    """Random numbers in [0, 1) (attempts, N), in float64. Each is a pure function of the draw's key
    and position, and of the attempt: SplitMix64's finaliser over a counter.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
    """
    key_N = np.array([draw.key & _MASK for draw in draws], np.uint64)
    position_N = np.array([draw.position for draw in draws], np.uint64)
    attempt_A1 = np.array(attempts, np.uint64)[:, None]
    state_N = _mix(_mix(key_N) + position_N * np.uint64(0x9E3779B97F4A7C15))
    state_AN = _mix(state_N + attempt_A1 * np.uint64(0xD1B54A32D192ED03))
    return torch.from_numpy((state_AN >> np.uint64(11)) * 2.0**-53)


def _mix(z: Numbers) -> Numbers:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def sample(logits_RV: Tensor, sampling: Sampling, draws: Sequence[Draw]) -> list[int]:
    """A token id for each of `draws`, from the rows of `logits_RV` (float32)."""
    if sampling.temperature == 0:
        greedy = _as_list(logits_RV.argmax(-1))
        return [greedy[draw.row] for draw in draws]
    if 0 < sampling.top_k < logits_RV.shape[1]:
        return _draw_from_top(logits_RV, sampling, draws)
    return _draw_tokens(logits_RV, sampling, draws)


def sample_each(
    logits_RV: Tensor, samplings: Sequence[Sampling], draws: Sequence[Draw]
) -> list[int]:
    """A token id for each of `draws`, drawn as its own of `samplings` says. The same tokens as from
    `sample` for each draw alone."""
    if samplings and all(sampling is samplings[0] for sampling in samplings):
        return sample(logits_RV, samplings[0], draws)
    groups: dict[Sampling, list[int]] = {}
    for n, sampling in enumerate(samplings):
        groups.setdefault(sampling, []).append(n)
    tokens = [0] * len(draws)
    for sampling, members in groups.items():
        rows = sorted({draws[n].row for n in members})
        place = {row: n for n, row in enumerate(rows)}
        logits = logits_RV if len(rows) == len(logits_RV) else logits_RV[rows]
        own = [draws[n]._replace(row=place[draws[n].row]) for n in members]
        for n, token in zip(members, sample(logits, sampling, own), strict=True):
            tokens[n] = token
    return tokens


def scores(logits_NV: Tensor, tokens: Sequence[int], alternatives: int) -> list[Score]:
    """The score of one token in each row, with the `alternatives` most likely ones."""
    logprobs_NV = F.log_softmax(logits_NV, -1)
    index_N1 = torch.tensor(tokens, device=logits_NV.device)[:, None]
    own = logprobs_NV.gather(1, index_N1).flatten().tolist()
    top = logprobs_NV.topk(min(alternatives, logits_NV.shape[1]))
    return [
        Score(logprob, dict(zip(ids, values, strict=True)))
        for logprob, ids, values in zip(own, top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def log_probabilities(logits_NV: Tensor, tokens: Sequence[int]) -> list[float]:
    """The log-probability of one token in each row, at temperature 1, in nats."""
    index_N1 = torch.tensor(tokens, device=logits_NV.device)[:, None]
    values: list[float] = F.log_softmax(logits_NV, -1).gather(1, index_N1).flatten().tolist()
    return values


def _draw_from_top(logits_RV: Tensor, sampling: Sampling, draws: Sequence[Draw]) -> list[int]:
    """Of the `top_k` largest logits. Of equal ones the first tokens are kept: those that a GPU's
    `topk` gives, and their order, may depend on the number of rows."""
    top = logits_RV.topk(sampling.top_k)
    places = _draw_tokens(top.values, sampling, draws)
    both = [[draw.row for draw in draws], places]
    row_N, place_N = torch.tensor(both, dtype=torch.int64, device=logits_RV.device)
    values_NK, token_N = top.values[row_N], top.indices[row_N, place_N]
    value_N1 = values_NK.gather(1, place_N[:, None])
    rank_N = place_N - (values_NK > value_N1).sum(-1)  # among equal ones
    tied_N = ((values_NK == value_N1).sum(-1) > 1) | (place_N == sampling.top_k - 1)
    equal_NV = logits_RV[row_N[tied_N]] == value_N1[tied_N]
    found_N1 = torch.searchsorted(equal_NV.cumsum(-1), rank_N[tied_N, None] + 1)
    token_N[tied_N] = found_N1[:, 0]
    return _as_list(token_N)


def _draw_tokens(logits_RV: Tensor, sampling: Sampling, draws: Sequence[Draw]) -> list[int]:
    if logits_RV.device.type != "cpu" and draws:
        return _draw_on_gpu(logits_RV, sampling, draws)
    tokens = [0] * len(draws)
    blocks: list[list[int]] = [[] for _ in range(0, len(logits_RV), CPU_ROWS)]
    for n, draw in enumerate(draws):
        blocks[draw.row // CPU_ROWS].append(n)
    for start, here in zip(range(0, len(logits_RV), CPU_ROWS), blocks, strict=True):
        rows_RV = logits_RV[start : start + CPU_ROWS]
        shifted = [Draw(row - start, key, at) for row, key, at in (draws[n] for n in here)]
        for n, token in zip(here, _draw_on_cpu(rows_RV, sampling, shifted), strict=True):
            tokens[n] = token
    return tokens


def _draw_on_gpu(logits_RV: Tensor, sampling: Sampling, draws: Sequence[Draw]) -> list[int]:
    """As `_draw_on_cpu`, with few transfers: `ATTEMPTS` attempts for all draws, and as many again
    while one is open.

    A GPU sums rows in another order for another number of rows. So weights are rounded to whole
    multiples of 1 / `UNITS`, whose sums are exact in any order.
    """
    weights_NV = _weights(logits_RV, sampling)[[draw.row for draw in draws]]
    weights_NV = (weights_NV.double() * UNITS).round()
    all_N = torch.arange(len(draws), device=weights_NV.device)
    tokens_N, open_N = torch.zeros_like(all_N), torch.ones_like(all_N, dtype=torch.bool)
    tokens, attempts = [-1], range(ATTEMPTS if sampling.top_p < 1 else 1)
    while min(tokens) < 0:
        for number_N in random_numbers(draws, attempts).to(weights_NV.device):
            drawn_N = _inverse_cdf(weights_NV, all_N, number_N)
            tokens_N = torch.where(open_N, drawn_N, tokens_N)
            pivot_N = weights_NV[all_N, drawn_N]
            above_NV = torch.where(weights_NV > pivot_N[:, None], weights_NV, 0)
            beyond_N = above_NV.sum(-1) >= sampling.top_p * UNITS
            open_N &= (pivot_N <= (1 - sampling.top_p) * UNITS) & beyond_N
            weights_NV = torch.where(open_N[:, None], above_NV, weights_NV)
        tokens = _as_list(torch.where(open_N, -1, tokens_N))
        attempts = range(attempts.stop, attempts.stop + ATTEMPTS)
    return tokens


def _weights(logits_RV: Tensor, sampling: Sampling) -> Tensor:
    """Probabilities (R, V), V padded by zeros to a multiple of `SUM_BLOCK`."""
    weights_RV = torch.softmax(logits_RV / sampling.temperature, -1)
    lacking = -weights_RV.shape[1] % SUM_BLOCK
    return F.pad(weights_RV, (0, lacking)) if lacking else weights_RV


def _draw_on_cpu(logits_RV: Tensor, sampling: Sampling, draws: Sequence[Draw]) -> list[int]:
    weights_RV = _weights(logits_RV, sampling)
    row_N = torch.tensor([draw.row for draw in draws], device=weights_RV.device)
    tokens, left, attempt = [0] * len(draws), list(range(len(draws))), 0
    while left:
        (number_N,) = random_numbers([draws[n] for n in left], (attempt,))
        drawn_N = _inverse_cdf(weights_RV, row_N, number_N)
        for n, token in zip(left, _as_list(drawn_N), strict=True):
            tokens[n] = token
        if sampling.top_p >= 1:
            break
        pivot_N = weights_RV[row_N, drawn_N]
        doubtful = (pivot_N <= 1 - sampling.top_p).nonzero().flatten()
        above_NV = _above(weights_RV, row_N[doubtful], pivot_N[doubtful])
        again = (_block_sums(above_NV).sum(-1) >= sampling.top_p).nonzero().flatten()
        left = [left[n] for n in _as_list(doubtful[again])]
        weights_RV, row_N = above_NV[again], torch.arange(len(left), device=weights_RV.device)
        attempt += 1
    return tokens


def _above(weights_RV: Tensor, row_N: Tensor, pivot_N: Tensor) -> Tensor:
    """Rows `row_N` of the weights, those that are at most the row's pivot set to 0."""
    above_NV = weights_RV.new_empty(len(row_N), weights_RV.shape[1])
    for n, (row, pivot) in enumerate(zip(_as_list(row_N), pivot_N.tolist(), strict=True)):
        torch.threshold(weights_RV[row], pivot, 0, out=above_NV[n])
    return above_NV


def _blocks(weights_NV: Tensor) -> Tensor:
    return weights_NV.view(len(weights_NV), weights_NV.shape[1] // SUM_BLOCK, SUM_BLOCK)


def _block_sums(weights_NV: Tensor) -> Tensor:
    return _blocks(weights_NV).sum(-1).double()


def _inverse_cdf(weights_RV: Tensor, row_N: Tensor, number_N: Tensor) -> Tensor:
    """The first token at which the running sum of a row's weights exceeds number × their total."""
    sums_NB = _block_sums(weights_RV).cumsum(-1)[row_N]
    target_N1 = number_N[:, None] * sums_NB[:, -1:]
    block_N1 = torch.searchsorted(sums_NB, target_N1, right=True)
    before_N1 = F.pad(sums_NB, (1, 0)).gather(1, block_N1)
    inside_NT = _blocks(weights_RV)[row_N, block_N1[:, 0]].double()
    offset_N1 = torch.searchsorted(inside_NT.cumsum(-1), target_N1 - before_N1, right=True)
    # rounding may give an offset after the block's last positive weight: take that one
    last_N1 = (inside_NT > 0).long().cumsum(-1).argmax(-1, keepdim=True)
    return (block_N1 * SUM_BLOCK + torch.minimum(offset_N1, last_N1)).flatten()


def _as_list(tensor: Tensor) -> list[int]:
    values: list[int] = tensor.tolist()
    return values

"""Draws have exactly the distribution that temperature, top-k and top-p define."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from models.config import ModelError
from models.engine.options import Sampling
from models.engine.sampling import Draw, _draw_on_gpu, random_numbers, sample
from tests.conftest import DEVICE
from tests.models.engine.talk import CONFIG, model_of

DRAWS = 4000
EACH_OF_5 = [Draw(n, n, n) for n in range(5)]


def nucleus(logits: Tensor, sampling: Sampling) -> Tensor:
    """The distribution by definition, by sorting."""
    p = (logits.double() / sampling.temperature).softmax(-1)
    order = p.argsort(descending=True)
    kept = order[: sampling.top_k] if sampling.top_k else order
    q = p[kept] / p[kept].sum()
    kept = kept[(q.cumsum(0) - q) < sampling.top_p]
    out = torch.zeros_like(p)
    out[kept] = p[kept] / p[kept].sum()
    return out


def logits_of(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    if kind == "a model's":
        return model_of(device="cpu")(torch.tensor([[100, 101, 102]]))[0, -1].detach()
    if kind == "flat":
        return torch.randn(3000, generator=generator) * 0.1
    return torch.randn(1000, generator=generator) * 2.5


@pytest.mark.parametrize("kind", ["a model's", "flat", "steep"])
@pytest.mark.parametrize(
    "sampling",
    [Sampling(0.8, 0.95), Sampling(1.0, 0.3), Sampling(1.2), Sampling(0.7, 0.9, 20)],
    ids=["usual", "narrow", "all", "top-k"],
)
def test_draws_follow_the_distribution(kind: str, sampling: Sampling) -> None:
    logits = logits_of(kind)
    expected = nucleus(logits, sampling) * DRAWS
    tokens = sample(logits[None].to(DEVICE), sampling, [Draw(0, n, 0) for n in range(DRAWS)])
    counts = torch.bincount(torch.tensor(tokens), minlength=len(logits)).double()
    assert counts[expected == 0].sum() == 0
    order = expected.argsort(descending=True)
    bins = (expected[order].cumsum(0) / 40).long().clamp(max=DRAWS // 40 - 1)
    observed = torch.zeros(DRAWS // 40).double().index_add_(0, bins, counts[order])
    wanted = torch.zeros(DRAWS // 40).double().index_add_(0, bins, expected[order])
    used = wanted > 0
    assert chisquare(observed[used], wanted[used]).pvalue > 1e-3


def test_a_draw_depends_on_its_own_row_and_place_alone() -> None:
    logits = torch.randn(40, 5000, generator=torch.Generator().manual_seed(1)).to(DEVICE) * 2
    sampling = Sampling(0.8, 0.6)
    together = sample(logits, sampling, [Draw(n % 33, n, n % 7) for n in range(80)])
    for n, token in enumerate(together):
        row = n % 33
        assert sample(logits[row : row + 1], sampling, [Draw(0, n, n % 7)]) == [token]


def test_among_equal_logits_a_draw_does_not_depend_on_other_rows_either() -> None:
    """Logits of half precision are often equal; a GPU chooses its top-k by the number of rows."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(33, 51200, generator=generator).bfloat16().float().to(DEVICE)
    for sampling in (Sampling(1.0, top_k=50), Sampling(0.0), Sampling(0.8, 0.9)):
        together = sample(logits, sampling, [Draw(n, n, 1) for n in range(33)])
        for n in range(33):
            assert sample(logits[n : n + 1], sampling, [Draw(0, n, 1)]) == [together[n]]


@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.3])
@pytest.mark.parametrize("draws", [1, 2, 300])
def test_a_gpu_draws_what_a_cpu_draws(top_p: float, draws: int) -> None:
    """Flat rows need many attempts, more than a GPU makes before it is asked."""
    logits_RV = torch.randn(5, 1000, generator=torch.Generator().manual_seed(3))
    logits_RV[1] *= 5
    sampling = Sampling(0.8, top_p)
    wanted = [Draw(n % 5, 1000 + n, n // 5) for n in range(draws)]
    theirs = _draw_on_gpu(logits_RV.to(DEVICE), sampling, wanted)
    assert theirs == sample(logits_RV, sampling, wanted)
    assert theirs[0] == _draw_on_gpu(logits_RV.to(DEVICE), sampling, wanted[:1])[0]


def test_of_equal_logits_the_first_tokens_are_kept() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randint(0, 9, (7, 600), generator=generator).float().to(DEVICE)
    kept = [set(row.sort(descending=True, stable=True).indices[:100].tolist()) for row in logits]
    draws = [Draw(n % 7, n, 0) for n in range(7000)]
    tokens = sample(logits, Sampling(3.0, top_k=100), draws)
    for row in range(7):
        assert set(tokens[row::7]) == kept[row]


def test_temperature_zero_is_the_most_likely_token() -> None:
    logits = torch.randn(5, 100, device=DEVICE)
    assert sample(logits, Sampling(0), EACH_OF_5) == logits.argmax(-1).tolist()


def test_a_tiny_nucleus_is_the_most_likely_token() -> None:
    logits = torch.randn(5, CONFIG.vocab_size, device=DEVICE)
    assert sample(logits, Sampling(1, 1e-9), EACH_OF_5) == logits.argmax(-1).tolist()
    assert sample(logits, Sampling(1, 1, 1), EACH_OF_5) == logits.argmax(-1).tolist()


def splitmix(state: int) -> int:
    """The generator's next output, as its authors print it."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_random_numbers_are_the_generators() -> None:
    draws = [Draw(0, key, at) for key in (0, 1, 2**63 + 5, 2**64 - 1) for at in (0, 1, 2000)]
    for draw, numbers in zip(draws, random_numbers(draws, (0, 3)).T.tolist(), strict=True):
        place = splitmix(splitmix(draw.key) + draw.position * 0x9E3779B97F4A7C15)
        states = [splitmix(place + attempt * 0xD1B54A32D192ED03) for attempt in (0, 3)]
        assert numbers == [(state >> 11) / 2**53 for state in states]


def test_random_numbers_are_uniform_and_repeatable() -> None:
    draws = [Draw(0, key, position) for key in range(100) for position in range(100)]
    numbers = random_numbers(draws)[0]
    assert chisquare(torch.histc(numbers, 50, 0, 1)).pvalue > 1e-3
    assert len(set(numbers.tolist())) == len(draws)
    assert random_numbers(draws[5:6])[0, 0] == numbers[5]


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"top_k": -2}]
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=next(iter(wrong))):
        Sampling(**wrong)  # type: ignore[arg-type]

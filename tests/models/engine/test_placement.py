"""Layers on several devices: which holds which, and that it changes no bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models import checkpoint
from models.config import CodeGenConfig, ModelError
from models.embedded import embedded
from models.engine.placement import SPARE, Needs, placed
from models.engine.scheduler import Row
from models.transformer import Transformer
from tests.models.engine.talk import CONFIG, model_of

CODEGEN_16B = CodeGenConfig(n_layer=34, n_embd=6144, n_head=24, rotary_dim=64)
GIB = 1 << 30


def devices_of(chosen: tuple[str, ...]) -> dict[str, int]:
    """How many layers each device has, in order."""
    return {name: len(list(layers)) for name, layers in groupby(chosen)}


@given(
    st.integers(1, 60),
    st.builds(Needs, st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)),
    st.lists(st.integers(0, 200), min_size=1, max_size=6),
)
def test_no_device_holds_more_than_is_free_and_no_fewer_would_do(
    layers: int, needs: Needs, sizes: list[int]
) -> None:
    free = {f"cuda:{n}": size + SPARE for n, size in enumerate(sizes)}
    try:
        chosen = placed(layers, needs, free)
    except ModelError:
        room = sum(max(size - needs.first - needs.last, 0) // needs.layer for size in sizes)
        assert room < layers
        return
    used = devices_of(chosen)
    assert len(chosen) == layers
    assert len(used) == len(set(chosen))  # a device's layers are consecutive
    taken = {name: count * needs.layer for name, count in used.items()}
    taken[chosen[0]] += needs.first
    taken[chosen[-1]] += needs.last
    assert all(size <= free[name] - SPARE for name, size in taken.items())
    largest = sorted(free, key=lambda name: -free[name])[: len(used) - 1]
    with pytest.raises(ModelError):
        placed(layers, needs, {name: free[name] for name in largest})


def test_16b_on_cards_that_are_too_small_for_it() -> None:
    needs = Needs.of(CODEGEN_16B, torch.float16, slots=16)
    layers = CODEGEN_16B.n_layer
    assert devices_of(placed(layers, needs, {"cuda:0": 24 * GIB, "cuda:1": 80 * GIB})) == {
        "cuda:1": layers
    }
    two = devices_of(placed(layers, needs, {"cuda:0": 23 * GIB, "cuda:1": 24 * GIB}))
    assert list(two) == ["cuda:1", "cuda:0"]
    four = devices_of(placed(layers, needs, {f"cuda:{n}": 15 * GIB for n in range(4)}))
    assert len(four) == 3
    with pytest.raises(ModelError, match=r"need 34\.70 GiB of GPU memory, and free"):
        placed(layers, needs, {"cuda:0": 16 * GIB})


def test_layers_are_loaded_to_their_devices() -> None:
    model = checkpoint.load(embedded("codegen-300K-nl"), device=("meta", "cpu"))
    assert model.stages == [range(1), range(1, 2)]
    last = ("blocks.1.", "norm.", "head.")
    for name, parameter in model.named_parameters():
        assert parameter.device.type == ("cpu" if name.startswith(last) else "meta"), name


@torch.inference_mode()
def test_a_split_model_gives_the_bits_of_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages with a cache each, against one. On a CPU the GPU's kernel is interpreted."""
    pytest.importorskip("triton")
    from models.engine.cuda.graphs import CUDABackend

    model = model_of(replace(CONFIG, n_layer=3))
    whole = CUDABackend(model, 8)
    monkeypatch.setattr(Transformer, "stages", property(lambda model: [range(2), range(2, 3)]))
    split = CUDABackend(model, 8)
    assert [stage.cache.pages.shape[1] for stage in split.stages] == [2, 1]
    steps = (
        [Row(7, 0, (1,)), Row(9, 1, (1,), mirror_pages=(3,)), Row(9, 0, (2,))],
        [Row(8, 1, (2,)), Row(5, 2, (4,))],  # the second reads what was copied
    )
    for rows in steps:
        assert torch.equal(split.hidden_states(rows), whole.hidden_states(rows))
        for backend in (split, whole):
            backend.copy_pages([(1, 4)])

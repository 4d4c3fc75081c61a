"""The model has the logits of transformers' CodeGen with the same random weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM

from models.checkpoint import checkpoint_weights
from models.config import CodeGenConfig, ModelError
from models.transformer import KVCache, Transformer, rotary_table

GEOMETRIES = {
    "head dimension is not rotary": CodeGenConfig(128, 64, 2, 64, 4, 8),
    "whole head rotated, one layer": CodeGenConfig(96, 64, 1, 32, 4, 8),
    "odd vocabulary, odd head, narrow mlp": CodeGenConfig(101, 48, 3, 72, 8, 4, n_inner=50),
    "350M with two layers": CodeGenConfig(51200, 2048, 2, 1024, 16, 32),
}


def reference(config: CodeGenConfig, seed: int = 0) -> CodeGenForCausalLM:
    """Their model with weights large enough that a wrong layout cannot hide."""
    record = config.to_json()
    del record["architectures"], record["torch_dtype"]
    torch.manual_seed(seed)
    theirs = CodeGenForCausalLM(TheirConfig(**record, initializer_range=0.05)).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "ln" in name or "bias" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return theirs


def ours_from(theirs: CodeGenForCausalLM, config: CodeGenConfig) -> Transformer:
    model = Transformer(config)
    state, tensors = model.state_dict(), theirs.state_dict()
    for name, weight in checkpoint_weights(config).items():
        state[weight.parameter].copy_(weight.load(tensors[name]))
    return model.eval()


def test_a_rotary_table_stays_where_it_is() -> None:
    """A captured graph reads it by its address, which nothing else may get."""
    configs = [replace(GEOMETRIES["350M with two layers"], n_positions=n) for n in range(8, 28)]
    tables = [rotary_table(config, torch.device("cpu")) for config in configs]
    again = [rotary_table(config, torch.device("cpu")) for config in configs]
    assert all(one is other for one, other in zip(tables, again, strict=True))


@pytest.fixture(scope="module", params=GEOMETRIES, ids=list(GEOMETRIES))
def pair(request: pytest.FixtureRequest) -> tuple[Transformer, CodeGenForCausalLM]:
    config = GEOMETRIES[request.param]
    theirs = reference(config)
    return ours_from(theirs, config), theirs


@torch.no_grad()
def test_logits_equal_the_reference(pair: tuple[Transformer, CodeGenForCausalLM]) -> None:
    ours, theirs = pair
    ids = torch.randint(ours.config.vocab_size, (2, 40))
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=0)


@torch.no_grad()
def test_cached_decode_equals_the_reference(pair: tuple[Transformer, CodeGenForCausalLM]) -> None:
    ours, theirs = pair
    ids = torch.randint(ours.config.vocab_size, (2, 24))
    cache = KVCache(ours, batch=2, capacity=24)
    pieces = [ours(ids[:, a:b], cache) for a, b in pairwise([0, 9, 10, 11, 20, 24])]
    torch.testing.assert_close(torch.cat(pieces, 1), theirs(ids).logits, atol=1e-4, rtol=0)


@torch.no_grad()
def test_greedy_tokens_equal_the_reference(pair: tuple[Transformer, CodeGenForCausalLM]) -> None:
    ours, theirs = pair
    prompt = torch.randint(ours.config.vocab_size, (1, 7))
    steps = min(64, ours.config.n_positions - 7)
    expected = theirs.generate(prompt, max_new_tokens=steps, do_sample=False, eos_token_id=None)
    cache, ids = KVCache(ours, batch=1, capacity=7 + steps), prompt
    for _ in range(steps):
        seen = ids if cache.length == 0 else ids[:, -1:]
        ids = torch.cat((ids, ours(seen, cache)[:, -1:].argmax(-1)), 1)
    assert ids.tolist() == expected.tolist()


def test_checkpoint_names_are_exactly_theirs_both_ways() -> None:
    config = GEOMETRIES["odd vocabulary, odd head, narrow mlp"]
    theirs = reference(config)
    ours, tensors = ours_from(theirs, config).state_dict(), theirs.state_dict()
    table = checkpoint_weights(config)
    assert set(table) == set(tensors)
    assert {w.parameter for w in table.values()} == set(ours)
    for name, weight in table.items():
        assert torch.equal(weight.save(ours[weight.parameter]), tensors[name])
        assert weight.shape == tuple(tensors[name].shape)


def test_parameter_count_is_the_models() -> None:
    for config in GEOMETRIES.values():
        model = Transformer(config) if config.n_embd < 1024 else None
        if model is not None:
            assert config.parameters == sum(p.numel() for p in model.parameters())


def test_model_on_the_meta_device_takes_no_memory() -> None:
    with torch.device("meta"):
        model = Transformer(CodeGenConfig(51200, 2048, 34, 6144, 24, 64))
    assert all(tensor.is_meta for tensor in model.state_dict().values())
    assert model.config.parameters > 15e9


def test_every_parameter_learns_in_bfloat16_autocast() -> None:
    model = Transformer(CodeGenConfig(64, 32, 2, 32, 4, 4)).initialize(seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(torch.randint(64, (2, 16)))
    assert logits.dtype == torch.float32
    logits.logsumexp(-1).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_config_survives_json() -> None:
    for config in GEOMETRIES.values():
        assert CodeGenConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "gpt2"}, "gpt2"),
        ({"activation_function": "relu"}, "relu"),
        ({"n_layer": "20"}, "n_layer='20'"),
        ({"n_head": 6}, "n_head=6"),
        ({"rotary_dim": 0}, "rotary_dim=0"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings"),
    ],
)
def test_config_of_another_model_is_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        CodeGenConfig.from_json(CodeGenConfig().to_json() | change)

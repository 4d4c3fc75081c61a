"""CodeGen for users: a model with its tokenizer, and the engine that is kept for it."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch

from models.config import ModelError
from models.pretrained import CodeGen
from tests.models.engine.talk import CONFIG, Bytes, model_of


def with_tokenizer() -> CodeGen:
    model = CodeGen(CONFIG)
    model.load_state_dict(model_of().state_dict())
    model.tokenizer = Bytes()  # type: ignore[assignment]
    return model


def test_generate_follows_the_weights_as_they_are_trained() -> None:
    model = with_tokenizer()
    first = model.generate("def f", max_new_tokens=12)
    assert first == model.generate("def f", max_new_tokens=12)
    with torch.no_grad():
        model.head.bias[65] += 100  # type: ignore[index, operator, union-attr]
    assert model.generate("def f", max_new_tokens=3) == "AAA"
    assert model.generate("d", 9, stop=lambda t: 2 if len(t) > 4 else None) == "AA"


def test_a_kept_engine_does_not_keep_its_model() -> None:
    model = with_tokenizer()
    model.generate("def f", max_new_tokens=1)
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None


def test_a_copy_generates_from_its_own_weights() -> None:
    model = with_tokenizer()
    first = model.generate("def f", max_new_tokens=3)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.head.bias[65] += 100  # type: ignore[index, operator, union-attr]
    assert other.generate("def f", max_new_tokens=3) == "AAA"
    assert model.generate("def f", max_new_tokens=3) == first


def test_a_model_without_tokenizer_says_so() -> None:
    with pytest.raises(ModelError, match="no tokenizer"):
        CodeGen(CONFIG).generate("a", 1)

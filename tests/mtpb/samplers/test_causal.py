"""Tiny random models of transformers, made by the test, answer conversations."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from models import embedded
from models.engine.dialogue import Finish, Request
from models.engine.options import Sampling
from mtpb.errors import UsageError
from mtpb.samplers.causal.backend import Causal, find
from mtpb.samplers.causal.sampler import CausalSampler
from mtpb.samplers.sampler import Answer, ChatMessage, ChatRequest

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
GREEDY, WARM = Sampling(0.0), Sampling(1.0, 0.95, 0)


@dataclass(frozen=True)
class Talk:
    """A conversation whose next prompt has all that was said."""

    start: str
    turns: int = 1
    most: int = 6
    stop: Any = None
    answers: tuple[Answer, ...] = ()

    @property
    def request(self) -> Request | None:
        if len(self.answers) == self.turns:
            return None
        said = self.start + "".join(answer.text + "\n# go on\n" for answer in self.answers)
        key = int.from_bytes(
            sha256(f"{self.start} {len(self.answers)}".encode()).digest()[:8], "big"
        )
        return Request(said, key, self.most, self.stop)

    @property
    def begun(self) -> bool:
        return bool(self.answers)

    def receive(self, answer: Answer) -> Talk:
        return replace(self, answers=(*self.answers, answer))


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    source = embedded.embedded("codegen-300K-mono")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(source / "tokenizer.json"), eos_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    vocabulary, end = len(tokenizer), tokenizer.eos_token_id
    model: Any
    if request.param == "gpt2":
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=vocabulary, n_positions=64, n_embd=32, n_layer=2, n_head=2,
                eos_token_id=end, bos_token_id=end,
            )
        )  # fmt: skip
    else:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocabulary, max_position_embeddings=64, hidden_size=32,
                intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, eos_token_id=end,
            )
        )  # fmt: skip
    model.generation_config.repetition_penalty = 3.0  # which must not have a say
    model.save_pretrained(folder)
    return folder


def sampled(
    checkpoint: Path, *talks: Talk, sampling: Sampling = WARM, batch: int = 4
) -> list[Talk]:
    backend = find(Causal(str(checkpoint), "toy", batch=batch), sampling)
    with backend.open() as sampler:
        return sorted(sampler.run(talks), key=lambda talk: talk.start)


TALKS = [Talk(f"# number {i}\n" + "x = 1\n" * (i % 5), turns=2) for i in range(11)]


def test_greedy_tokens_are_those_of_generate(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    done = sampled(checkpoint, *(Talk(talk.start) for talk in TALKS), sampling=GREEDY)
    for talk in done:
        prompt = tokenizer(talk.start, return_tensors="pt")
        whole = model.generate(
            **prompt, max_new_tokens=6, do_sample=False, repetition_penalty=1.0,
            pad_token_id=0,
        )[0]  # fmt: skip
        expected = tokenizer.decode(whole, skip_special_tokens=True)
        assert talk.start + talk.answers[0].text == expected


def test_seed_decides_the_samples_whatever_the_batch(checkpoint: Path) -> None:
    """On tiny models no rounding turns a draw."""
    alone = [sampled(checkpoint, talk, batch=1)[0] for talk in TALKS]
    together = sampled(checkpoint, *reversed(TALKS), batch=8)
    assert together == sorted(alone, key=lambda talk: talk.start)
    assert len({talk.answers[0].text for talk in together}) > 5


def test_every_row_ends_for_its_own_reason(checkpoint: Path) -> None:
    def at_once(text: str) -> int:
        return 0

    long = Talk("x" * 100, most=50)
    talks = [Talk("a", most=3), Talk("b", most=9, stop=at_once), Talk("c", most=500), long]
    done = {talk.start[0]: talk.answers[0] for talk in sampled(checkpoint, *talks)}
    assert done["a"].finish in (Finish.length, Finish.eos)
    assert done["a"].tokens <= 3
    assert done["b"].finish is Finish.stop
    assert done["b"].tokens < 9
    for one in "cx":
        assert done[one].finish in (Finish.context, Finish.eos)


def test_full_context_is_an_empty_answer(checkpoint: Path) -> None:
    (talk,) = sampled(checkpoint, Talk("# word\n" * 80))
    assert talk.answers == (Answer("", 0, Finish.context),)


def test_batch_that_does_not_fit_is_halved(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sampled(checkpoint, *TALKS, batch=8)
    sizes = limited_memory(monkeypatch, rows=2)
    assert sampled(checkpoint, *TALKS, batch=8) == whole
    assert sizes[:3] == [8, 4, 2]
    assert set(sizes[3:]) <= {1, 2}


def test_prompt_that_never_fits_is_said(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited_memory(monkeypatch, rows=0)
    with pytest.raises(UsageError, match=r"does not fit into memory"):
        sampled(checkpoint, TALKS[0])


@pytest.mark.parametrize("sampling", [GREEDY, WARM], ids=["greedy", "warm"])
def test_scores_that_are_not_finite_are_said(
    checkpoint: Path, tmp_path: Path, sampling: Sampling
) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    with torch.no_grad():
        model.get_output_embeddings().weight[5] = torch.nan
    shutil.copytree(checkpoint, tmp_path / "broken")
    model.save_pretrained(tmp_path / "broken")
    with pytest.raises(UsageError, match=r"not finite; check its weights, or take model\.dtype"):
        sampled(tmp_path / "broken", TALKS[0], sampling=sampling)


def limited_memory(monkeypatch: pytest.MonkeyPatch, rows: int) -> list[int]:
    """Makes models run out of memory above so many rows; the sizes that are tried."""
    sizes: list[int] = []
    for kind in (GPT2LMHeadModel, LlamaForCausalLM):
        forward = kind.forward

        @wraps(forward)  # whose signature generate asks for
        def limited(self: Any, input_ids: Any, *, _forward: Any = forward, **options: Any) -> Any:
            if input_ids.shape[1] > 1 or len(input_ids) > rows:
                sizes.append(len(input_ids))
            if len(input_ids) > rows:
                torch.empty(1 << 58)  # more bytes than any machine has
            return _forward(self, input_ids, **options)

        monkeypatch.setattr(kind, "forward", limited)
    return sizes


def test_chat_is_rendered_by_the_models_template(checkpoint: Path) -> None:
    backend = find(Causal(str(checkpoint), "toy"), WARM)
    messages = (ChatMessage("system", "Be short."), ChatMessage("user", "Hi"))
    with backend.open() as sampler:
        assert isinstance(sampler, CausalSampler)
        rendered = sampler._tokenizer.rendered(ChatRequest(messages, 0, 4))  # type: ignore[attr-defined]
        assert rendered == "<system>Be short.\n<user>Hi\n<assistant>"
        backend.tokenizer.chat_template = NO_SYSTEM
        rendered = sampler._tokenizer.rendered(ChatRequest(messages, 0, 4))  # type: ignore[attr-defined]
    assert rendered == "<user>Be short.\n\nHi\n<assistant>"


def test_identity_holds_weights_template_and_type(checkpoint: Path, tmp_path: Path) -> None:
    identity = find(Causal(str(checkpoint), "toy"), WARM).identity
    assert len(identity["model.weights_sha256"]) == 64
    assert identity["engine.dtype"] == "float32"
    other = find(Causal(str(checkpoint), "toy"), WARM)
    other.tokenizer.chat_template = "another"
    assert {k for k in identity if other.identity[k] != identity[k]} == {
        "model.chat_template_sha256"
    }


@pytest.mark.parametrize("path", ["/nowhere/at/all", "no such name"])
def test_what_is_no_model_is_refused_in_one_line(path: str) -> None:
    with pytest.raises(UsageError, match=path) as told:
        find(Causal(path, "toy"), WARM)
    assert "\n" not in str(told.value)


def test_taking_few_dialogues_at_a_time(checkpoint: Path) -> None:
    taken = 0

    def talks() -> Iterator[Talk]:
        nonlocal taken
        for talk in TALKS:
            taken += 1
            yield talk

    with find(Causal(str(checkpoint), "toy", batch=1), WARM).open() as sampler:
        next(sampler.run(talks()))
    assert taken < len(TALKS)

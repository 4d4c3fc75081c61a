"""The server's answers: those of the engine, in OpenAI's form, whatever else it answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from models.embedded import embedded
from models.engine.dialogue import Completion, Request, StopRule
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.pretrained import CodeGen
from models.serving.requests import random_key
from tests.models.engine.talk import Question
from tests.models.serving.process import MODEL, Running, serving

PROMPT = "# Assign the list [3, 1, 2] to nums and print its sum.\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def engine() -> Engine:
    model = CodeGen.from_pretrained(embedded(MODEL))
    assert model.tokenizer is not None
    return Engine(model, model.tokenizer, EngineOptions())


def local(engine: Engine, request: Request) -> Completion:
    """The local engine's completion."""
    (done,) = engine.run([Question(request)])
    assert done.completion is not None
    return done.completion


def asked(key: int, stop: StopRule | None = None, tokens: int = 40) -> Request:
    return Request(PROMPT, key, tokens, stop, Sampling(0.8, 0.95, 50))


def fields(request: Request) -> dict[str, Any]:
    """The same request to the server."""
    assert request.sampling is not None
    return {
        "prompt": request.prompt,
        "seed": request.key,
        "max_tokens": request.max_new_tokens,
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "top_k": request.sampling.top_k,
    }


KEYS = [0, 7, (1 << 63) + 5, (1 << 64) - 1, -(1 << 63), *range(100, 120)]


def test_many_clients_at_a_time_get_what_the_local_engine_gives(
    server: Running, engine: Engine
) -> None:
    with ThreadPoolExecutor(25) as clients:
        answers = list(clients.map(lambda key: server.ask(**fields(asked(key))), KEYS))
    for key, answer in zip(KEYS, answers, strict=True):
        expected = local(engine, asked(key))
        (choice,) = answer["choices"]
        assert choice["text"] == expected.text
        assert answer["usage"]["completion_tokens"] == len(expected.token_ids)
        assert choice["finish_reason"] == (
            "stop" if expected.finish.value in ("eos", "stop") else "length"
        )
    assert len({answer["choices"][0]["text"] for answer in answers}) > 5


def test_requests_of_other_sampling_do_not_disturb(server: Running) -> None:
    kinds = [{"temperature": 0}, {"temperature": 1.3}, {"top_p": 0.5}, {"top_k": 2}]
    bodies = [{"prompt": PROMPT, "seed": n, "max_tokens": 30, **kinds[n % 4]} for n in range(16)]
    alone = [server.ask(**body)["choices"] for body in bodies]
    with ThreadPoolExecutor(16) as clients:
        assert list(clients.map(lambda body: server.ask(**body)["choices"], bodies)) == alone


def test_a_prompt_may_be_token_ids_or_one_of_several(server: Running, engine: Engine) -> None:
    other = "print(1)\n"
    ids = engine.tokenizer.encode(PROMPT)
    common = {"seed": 5, "max_tokens": 20}
    one, two = (server.ask(prompt=p, **common)["choices"][0]["text"] for p in (PROMPT, other))
    assert server.ask(prompt=ids, **common)["choices"][0]["text"] == one
    both = server.ask(prompt=[PROMPT, other], **common)
    assert [choice["text"] for choice in both["choices"]] == [one, two]
    assert [choice["index"] for choice in both["choices"]] == [0, 1]
    mixed = server.ask(prompt=[ids, ids], n=2, **common)["choices"]
    assert [choice["text"] for choice in mixed[::2]] == [one, one]
    assert mixed[1]["text"] == mixed[3]["text"]


def test_samples_of_a_request_are_drawn_with_keys_of_their_own(
    server: Running, engine: Engine
) -> None:
    answer = server.ask(n=3, **fields(asked(9)))
    texts = [choice["text"] for choice in answer["choices"]]
    assert texts == [local(engine, asked(random_key(9, sample))).text for sample in range(3)]
    assert len(set(texts)) > 1


def test_without_a_seed_answers_differ(server: Running) -> None:
    texts = {
        server.ask(prompt=PROMPT, max_tokens=40, temperature=1.5)["choices"][0]["text"]
        for _ in range(4)
    }
    assert len(texts) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_text_ends_before_the_first_stop_string(
    server: Running, engine: Engine, stream: bool
) -> None:
    whole = local(engine, replace(asked(3, tokens=60), sampling=Sampling(0.0))).text
    third, half = len(whole) // 3, len(whole) // 2
    stops = [whole[half : half + 3], whole[third : third + 2], "never there"]
    cut = min(whole.find(stop) for stop in stops[:2])
    client = server.client()
    answer: Any = client.completions.create(
        model=MODEL, prompt=PROMPT, max_tokens=60, temperature=0, stop=stops, stream=stream
    )
    if stream:
        pieces = list(answer)
        assert "".join(piece.choices[0].text for piece in pieces) == whole[:cut]
        assert [piece.choices[0].finish_reason for piece in pieces][-1] == "stop"
    else:
        assert answer.choices[0].text == whole[:cut]
        assert answer.choices[0].finish_reason == "stop"


def test_a_stream_tells_how_many_tokens_there_are_with_each_piece(
    server: Running, engine: Engine
) -> None:
    """So that a client that applies a stop rule itself knows how many it has used."""
    answer: Any = server.client().completions.create(
        model=MODEL,
        prompt=PROMPT,
        max_tokens=40,
        temperature=0.8,
        top_p=0.95,
        seed=11,
        stream=True,
        stream_options={"include_usage": True, "continuous_usage_stats": True},  # type: ignore[typeddict-unknown-key]
        extra_body={"top_k": 50},
    )
    pieces = list(answer)
    expected = local(engine, asked(11))
    text = ""
    for piece in pieces[:-1]:
        text += piece.choices[0].text
        count = piece.usage.completion_tokens
        decoded = "".join(
            engine.tokenizer.token_bytes(token).decode() for token in expected.token_ids[:count]
        )
        assert decoded.removesuffix("<|endoftext|>") == text
    assert text == expected.text
    assert pieces[-1].choices == []
    assert pieces[-1].usage.completion_tokens == len(expected.token_ids)
    assert pieces[-1].usage.prompt_tokens == len(engine.tokenizer.encode(PROMPT))


def test_usage_ends_a_stream_only_if_it_is_asked_for(server: Running) -> None:
    client = server.client()
    common: dict[str, Any] = {"model": MODEL, "prompt": PROMPT, "max_tokens": 5, "stream": True}
    plain = list(client.completions.create(**common))
    counted = list(client.completions.create(**common, stream_options={"include_usage": True}))
    assert all(piece.usage is None for piece in plain)
    assert [piece.usage is None for piece in counted] == [True] * (len(counted) - 1) + [False]


def test_a_stream_of_several_samples_is_that_of_the_whole_answer(server: Running) -> None:
    whole = server.ask(n=3, **fields(asked(2)))["choices"]
    texts = ["", "", ""]
    body = fields(asked(2))
    top_k = body.pop("top_k")
    for piece in server.client().completions.create(
        model=MODEL, n=3, stream=True, extra_body={"top_k": top_k}, **body
    ):
        texts[piece.choices[0].index] += piece.choices[0].text
    assert texts == [choice["text"] for choice in whole]


@pytest.mark.parametrize("most", [0, 1])
def test_a_prompt_is_scored_as_lm_eval_asks_for_it(
    server: Running, engine: Engine, most: int
) -> None:
    ids = engine.tokenizer.encode(PROMPT)
    answer = server.ask(prompt=[ids, PROMPT], max_tokens=most, temperature=0, logprobs=1, echo=True)
    expected = engine.score_tokens(ids[:1], ids[1:], 1)
    for choice in answer["choices"]:
        logprobs = choice["logprobs"]
        assert choice["text"].startswith(PROMPT)
        assert len(logprobs["tokens"]) == len(ids) + most
        assert "".join(logprobs["tokens"]) == choice["text"]
        assert logprobs["token_logprobs"][0] is None
        assert logprobs["top_logprobs"][0] is None
        assert logprobs["token_logprobs"][1 : len(ids)] == [score.logprob for score in expected]
        for score, top in zip(expected, logprobs["top_logprobs"][1 : len(ids)], strict=True):
            assert max(top.values()) == next(iter(score.alternatives.values()))
        places = logprobs["text_offset"]
        for token, place in zip(logprobs["tokens"], places, strict=True):
            assert choice["text"][place:].startswith(token)


def test_logprobs_are_the_models_own_and_sorted(server: Running) -> None:
    answer = server.ask(prompt=PROMPT, max_tokens=30, temperature=0, logprobs=5)
    logprobs = answer["choices"][0]["logprobs"]
    for value, top in zip(logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True):
        assert value == max(top.values())
        assert list(top.values()) == sorted(top.values(), reverse=True)
        assert sum(map(math.exp, top.values())) <= 1 + 1e-6
    hot = server.ask(prompt=PROMPT, max_tokens=1, temperature=2.0, seed=1, logprobs=5)
    assert (
        hot["choices"][0]["logprobs"]["top_logprobs"][0].items()
        >= logprobs["top_logprobs"][0].items()
    )


@pytest.mark.parametrize("stop", [None, ["="]])
@pytest.mark.parametrize("echo", [False, True])
def test_a_stream_has_the_logprobs_of_the_whole_answer(
    server: Running, stop: list[str] | None, echo: bool
) -> None:
    common: dict[str, Any] = {
        "prompt": PROMPT, "max_tokens": 20, "temperature": 0, "logprobs": 2, "stop": stop,
        "echo": echo,
    }  # fmt: skip
    (whole,) = server.ask(**common)["choices"]
    merged: dict[str, list[Any]] = {name: [] for name in whole["logprobs"]}
    text = ""
    for piece in server.client().completions.create(model=MODEL, stream=True, **common):
        text += piece.choices[0].text
        for name, values in merged.items():
            values += getattr(piece.choices[0].logprobs, name)
    assert text == whole["text"]
    assert merged == whole["logprobs"]
    assert "".join(merged["tokens"]).startswith(text)


def test_echo_without_logprobs_is_the_prompt_and_the_completion(server: Running) -> None:
    plain = server.ask(prompt=PROMPT, max_tokens=9, seed=4)["choices"][0]["text"]
    assert server.ask(prompt=PROMPT, max_tokens=9, seed=4, echo=True)["choices"][0]["text"] == (
        PROMPT + plain
    )
    pieces = server.client().completions.create(
        model=MODEL, prompt=PROMPT, max_tokens=9, seed=4, echo=True, stream=True
    )
    assert "".join(piece.choices[0].text for piece in pieces) == PROMPT + plain


def test_generation_uses_the_room_that_the_context_has(server: Running, engine: Engine) -> None:
    prompt = "x = 1\n" * 1000
    ids = engine.tokenizer.encode(prompt)[: engine.config.n_positions - 5]
    answer = server.ask(prompt=ids, max_tokens=50, temperature=0)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5


def test_the_list_of_models_says_what_the_answers_depend_on(server: Running) -> None:
    (entry,) = server.client().models.list().data
    assert (entry.id, entry.owned_by) == (MODEL, "mtpb")
    extra = entry.model_extra
    assert extra is not None
    assert (extra["guarantee"], extra["seed_bits"], extra["dtype"]) == ("bytes", 64, "float32")
    assert len(extra["weights_sha256"]) == 64
    fingerprint = server.ask(prompt="", max_tokens=1)["system_fingerprint"]
    assert extra["root"] == f"{MODEL}@{fingerprint.removeprefix('fp_')}"


def test_health_needs_no_engine(server: Running) -> None:
    assert server.get("/health")[:2] == (200, {"status": "ok", "running": 0, "waiting": 0})


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"prompt": PROMPT, "suffix": "x"}, 400, "suffix"),
    ({"prompt": PROMPT, "best_of": 3}, 400, "best_of"),
    ({"prompt": PROMPT, "frequency_penalty": 0.5}, 400, "frequency_penalty"),
    ({"prompt": PROMPT, "logit_bias": {"5": 1}}, 400, "logit_bias"),
    ({"prompt": PROMPT, "min_p": 0.1}, 400, "no such field"),
    ({"prompt": PROMPT, "stream_options": {"more": True}}, 400, "stream_options.more"),
    ({}, 400, "prompt"),
    ({"prompt": 5}, 400, "prompt"),
    ({"prompt": []}, 400, "prompt"),
    ({"prompt": [1, 1 << 40]}, 400, "token ids"),
    ({"prompt": [-1]}, 400, "token ids"),
    ({"prompt": [True]}, 400, "prompt"),
    ({"prompt": ["a", 5]}, 400, "prompt"),
    ({"prompt": "\ud800"}, 400, "surrogate"),
    ({"prompt": PROMPT, "n": 0}, 400, "n: expected"),
    ({"prompt": PROMPT, "n": 1000, "stop": []}, 200, ""),
    ({"prompt": [PROMPT, PROMPT], "n": 1000}, 400, "at most 1024"),
    ({"prompt": PROMPT, "max_tokens": -1}, 400, "max_tokens"),
    ({"prompt": PROMPT, "max_tokens": "5"}, 400, "max_tokens"),
    ({"prompt": PROMPT, "temperature": -1}, 400, "temperature"),
    ({"prompt": PROMPT, "temperature": 1e-30}, 400, "temperature"),
    ({"prompt": PROMPT, "top_p": 0}, 400, "top_p"),
    ({"prompt": PROMPT, "top_p": 1e-300}, 200, ""),
    ({"prompt": PROMPT, "stop": ["a"] * 5}, 400, "stop"),
    ({"prompt": PROMPT, "stop": [""]}, 400, "stop"),
    ({"prompt": PROMPT, "seed": 1 << 64}, 400, "seed"),
    ({"prompt": PROMPT, "seed": 0.5}, 400, "seed"),
    ({"prompt": PROMPT, "logprobs": 21}, 400, "logprobs"),
    ({"prompt": PROMPT, "logprobs": True}, 400, "logprobs"),
    ({"prompt": PROMPT, "stream": "yes"}, 400, "stream"),
    ({"prompt": PROMPT, "model": "gpt-4"}, 404, "no model 'gpt-4'"),
    ({"prompt": "x = 1\n" * 3000}, 400, "context"),
]


@pytest.mark.parametrize(("body", "status", "told"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_what_cannot_be_honoured_is_refused_by_name(
    server: Running, body: dict[str, Any], status: int, told: str
) -> None:
    found, record, _ = server.post({"model": MODEL, "max_tokens": 1, **body})
    assert found == status, record
    if status != 200:
        assert set(record["error"]) == {"message", "type", "param", "code"}
        assert told in record["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"n": NaN}', b"[" * 100_000, b'{"n": ' + b"9" * 9999 + b"}", b"\xff"],
)
def test_a_body_that_is_no_json_object_is_refused(server: Running, body: bytes) -> None:
    status, record, _ = server.post(body)
    assert status == 400
    assert "JSON" in record["error"]["message"]


def test_other_places_are_refused_in_openais_form(server: Running) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    for status, found in (
        (404, server.post(chat, "/v1/chat/completions")),
        (404, server.get("/v1/embeddings")),
        (405, server.get("/v1/completions")),
        (415, server.post(b"{}", **{"Content-Type": "text/plain"})),
        (403, server.get("/v1/models", Host="evil.example")),
    ):
        assert found[0] == status
        assert found[1]["error"]["type"] == "invalid_request_error"
    assert "chat template" in server.post(chat, "/v1/chat/completions")[1]["error"]["message"]

"""The endpoint sampler against a real server on loopback that fails in every way it can."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from email.utils import formatdate

import pytest

pytest.importorskip("openai")

from models.engine.dialogue import Finish, Request
from models.engine.options import Sampling
from mtpb.errors import UsageError
from mtpb.samplers.endpoint import sampler
from mtpb.samplers.endpoint.backend import Endpoint, EndpointBackend, connect
from mtpb.samplers.sampler import Answer, ChatMessage, ChatRequest
from tests.mtpb.samplers.openai_server import (
    Body,
    Broken,
    Cut,
    Fault,
    Server,
    Silent,
    Status,
    serving,
)

STOP = re.compile(r"\nprint")
KEY = 0xFEDCBA9876543210


def stop(text: str) -> int | None:
    found = STOP.search(text)
    return found.start() if found else None


@dataclass(frozen=True)
class Talk:
    """A conversation of one or more turns."""

    name: str
    turns: int = 1
    chat: bool = False
    answers: tuple[Answer, ...] = ()
    repeats: bool = False  # each prompt ends with the answers before

    @property
    def request(self) -> Request | ChatRequest | None:
        if len(self.answers) == self.turns:
            return None
        prompt = f"{self.name}:{len(self.answers)}"
        if self.repeats:
            prompt += "".join(answer.text for answer in self.answers)
        if self.chat:
            return ChatRequest((ChatMessage("user", prompt),), KEY, 8)
        return Request(prompt, KEY, 8, stop)

    @property
    def begun(self) -> bool:
        return bool(self.answers)

    def receive(self, answer: Answer) -> Talk:
        return replace(self, answers=(*self.answers, answer))


def pieces(body: Body) -> list[str]:
    prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    return [f"{prompt} ", "x = 1", "\n"]


def backend(server: Server, chat: bool = False, **settings: object) -> EndpointBackend:
    endpoint = Endpoint("toy", server.url, retries=2, timeout_s=20)
    return connect(replace(endpoint, **settings), Sampling(0.8, 0.95, 0), chat)  # type: ignore[arg-type]


def asked(server: Server, *talks: Talk, **settings: object) -> list[Talk]:
    with backend(server, **settings).open() as opened:
        return list(opened.run(talks))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "FIRST_WAIT", 0.001)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_conversation_comes_back_once_with_all_its_turns() -> None:
    with serving(pieces) as server:
        done = asked(server, *(Talk(str(i), turns=3) for i in range(20)), connections=4)
    assert sorted(talk.name for talk in done) == sorted(str(i) for i in range(20))
    for talk in done:
        assert [a.text for a in talk.answers] == [f"{talk.name}:{t} x = 1\n" for t in range(3)]


def test_no_more_conversations_are_taken_than_there_are_connections() -> None:
    taken: list[int] = []

    def talks() -> object:
        for i in range(9):
            taken.append(i)
            yield Talk(str(i))

    with serving(pieces) as server, backend(server, connections=2).open() as opened:
        for number, _ in enumerate(opened.run(talks())):  # type: ignore[type-var, arg-type]
            assert len(taken) <= number + 1 + 2


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(503, {"Retry-After": "0"}),
        Status(429, {"Retry-After": "0"}),
        Status(429, {"Retry-After": formatdate(0, usegmt=True)}),
        Status(408),
        Cut(0),
        Cut(2),
        Silent(0),
        Silent(2),
        Broken(b"data: {nothing\n\n"),
        Broken(b"data: {}\n\n"),
        Broken(b""),
        Broken(b"<html>"),
        Broken(b'data: {"error": {"message": "worker died"}}\n\n'),
        Broken(b"data: 5\n\n"),
        Broken(b'data: {"choices": [{"text": 5}]}\n\n'),
    ],
)
def test_a_failed_request_is_asked_again_and_never_an_answer(fault: Fault) -> None:
    with serving(pieces) as server:
        server.faults.extend([fault, fault])
        (talk,) = asked(server, Talk("a"))
        assert [a.text for a in talk.answers] == ["a:0 x = 1\n"]
        assert len(server.asked) == 3
        assert len({body["seed"] for body in server.asked}) == 1


def test_what_a_server_says_beside_the_answer_may_have_any_form() -> None:
    strange = Broken(
        b'data: {"system_fingerprint": {"a": 1}, "usage": {"completion_tokens": "many"}, '
        b'"choices": [{"text": "x = 1", "finish_reason": "stop"}]}\n\n'
    )
    with serving(pieces) as server:
        server.faults.append(strange)
        (talk,) = asked(server, Talk("a"))
        assert [(a.text, a.tokens) for a in talk.answers] == [("x = 1", 1)]
        assert len(server.asked) == 1


def test_surrogates_do_not_end_a_conversation() -> None:
    torn = ["\ud83d", "\ude00", " lone \udc80"]
    with serving(lambda body: torn) as server:
        (talk,) = asked(server, Talk("a", turns=2, repeats=True))
        assert [a.text for a in talk.answers] == ["\U0001f600 lone \ufffd"] * 2
        assert server.asked[1]["prompt"] == "a:1\U0001f600 lone \ufffd"


@pytest.mark.parametrize("fault", [Status(500), Cut(1), Silent(1), Broken(b"")])
def test_a_request_that_fails_too_often_ends_the_run(fault: Fault) -> None:
    with serving(pieces) as server:
        server.faults.extend([fault] * 3)
        with pytest.raises(UsageError, match="2 more tries; nothing that was written is lost"):
            asked(server, Talk("a"))


def test_conversations_that_are_finished_are_handed_on_before_a_failure_ends_the_run() -> None:
    def answer(body: Body) -> list[str]:
        if body["prompt"] == "b:0":
            server.faults.append(Status(500))
        return pieces(body)

    with serving(answer) as server, backend(server, connections=1, retries=0).open() as opened:
        run = opened.run([Talk("a"), Talk("b"), Talk("c")])
        assert [next(run).name, next(run).name] == ["a", "b"]
        with pytest.raises(UsageError):
            next(run)


def test_request_is_closed_when_the_stop_rule_is_met() -> None:
    endless = ["x = 1\n", "print(x)\n", *["y" * 4096] * 20_000]
    with serving(lambda body: endless) as server:
        (talk,) = asked(server, Talk("a"))
    assert talk.answers == (Answer("x = 1\nprint(x)\n", 2, Finish.stop),)
    assert server.sent[0] < len(endless)


def test_answers_that_are_not_streamed_say_the_same() -> None:
    with serving(pieces) as server:
        (streamed,) = asked(server, Talk("a", turns=2))
        (whole,) = asked(server, Talk("a", turns=2), stream=False)
    assert streamed == whole


@pytest.mark.parametrize(("finish", "expected"), [("stop", Finish.eos), ("length", Finish.context)])
def test_why_an_answer_ended(finish: str, expected: Finish) -> None:
    """Fewer tokens than were asked for, and the server says length: the context is full."""
    with serving(pieces, finish=finish) as server:
        (talk,) = asked(server, Talk("a"))
    assert talk.answers == (Answer("a:0 x = 1\n", 3, expected),)


@pytest.mark.parametrize(
    "full",
    [
        Status(400, error={"message": "too long", "code": "context_length_exceeded"}),
        Status(400, error={"message": "too long", "type": "exceed_context_size_error"}),
        Status(400, error={"message": "9 exceeds the model's maximum context length of 8"}),
        Status(422, error={"message": "`inputs` tokens + `max_new_tokens` must be <= 8"}),
    ],
)
def test_full_context_ends_a_conversation_that_has_begun(full: Status) -> None:
    with serving(pieces) as server, backend(server, connections=1).open() as opened:

        def answer(body: Body) -> list[str]:
            server.faults.append(full)
            return pieces(body)

        server.answer = answer
        (talk,) = opened.run([Talk("a", turns=2)])
    assert talk.answers[1] == Answer("", 0, Finish.context)


def test_a_full_context_also_ends_a_conversation_that_another_run_began() -> None:
    begun = Talk("a", turns=2, answers=(Answer("x = 1", 1, Finish.eos),))
    with serving(pieces) as server:
        server.faults.append(Status(400, error={"code": "context_length_exceeded"}))
        (talk,) = asked(server, begun)
    assert talk.answers[1] == Answer("", 0, Finish.context)


REFUSALS: list[tuple[Status, str]] = [
    (Status(400, error={"message": "no top_k here"}), "status 400 .no top_k here."),
    (Status(403, error={"message": "no"}), "status 403"),
    (Status(404, error={"message": "no toy"}), "model.name=toy"),
    (Status(422), "status 422"),
    (Status(429, error={"message": "pay", "code": "insufficient_quota"}), "status 429 .pay."),
    (Status(400, error={"message": "4", "code": "context_length_exceeded"}), "first prompt"),
]


@pytest.mark.parametrize(("fault", "message"), REFUSALS)
def test_a_refusal_ends_the_run_at_once(fault: Status, message: str) -> None:
    with serving(pieces) as server:
        server.faults.append(fault)
        with pytest.raises(UsageError, match=message):
            asked(server, Talk("a"))
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [404, 405, 500])
def test_server_without_a_list_of_models_is_asked_all_the_same(status: int) -> None:
    with serving(pieces, list_status=status) as server:
        (talk,) = asked(server, Talk("a"))
        assert backend(server).identity["model.served"] is None
    assert talk.answers[0].text == "a:0 x = 1\n"


def test_wrong_key_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-12345")
    with serving(pieces, key="right") as server, pytest.raises(UsageError) as told:
        backend(server)
    assert "status 401" in str(told.value)
    assert "OPENAI_API_KEY" in str(told.value)
    assert "sk-wrong" not in str(told.value)


def test_no_server_is_told_at_once() -> None:
    with serving(pieces) as server:
        gone = server.url
    with pytest.raises(UsageError, match=rf"{gone}: no connection .*is the server running"):
        connect(Endpoint("toy", gone, retries=0), Sampling(0, 1, 0), chat=False)


@pytest.mark.parametrize(
    "url",
    ["http://u:p@localhost/v1", "http://localhost/v1?key=abc", "localhost:8000", "ftp://x/v1", ""],
)
def test_addresses_that_are_none_or_carry_a_key_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"model\.base_url") as told:
        connect(Endpoint("toy", url), Sampling(0, 1, 0), chat=False)
    assert "abc" not in str(told.value)
    assert "u:p" not in str(told.value)


def test_key_travels_as_seed_in_as_many_bits_as_the_server_takes() -> None:
    declared = [{"id": "toy", "seed_bits": 64, "guarantee": "bytes", "owned_by": "mtpb"}]
    with serving(pieces) as plain, serving(pieces, models=declared) as own:
        asked(plain, Talk("a"))
        asked(plain, Talk("a"), seed_bits=32)
        asked(plain, Talk("a"), seed_bits=0)
        asked(own, Talk("a"))
        assert backend(own).guarantee.value == "bytes"
        assert backend(plain).guarantee.value == "nothing"
    seeds = [body.get("seed") for body in plain.asked + own.asked]
    assert seeds == [KEY & (2**63 - 1), KEY & (2**32 - 1), None, KEY]


def test_chat_sends_messages_and_keeps_reasoning_beside_the_answer() -> None:
    with serving(lambda body: ["<think>hm", "</think>", "```\nx\n```"]) as server:
        (talk,) = asked(server, Talk("a", chat=True), chat=True)
    assert talk.answers[0].text == "<think>hm</think>```\nx\n```"
    assert server.asked[0]["messages"] == [{"role": "user", "content": "a:0"}]


def test_identity_is_the_model_not_the_address() -> None:
    entry = [{"id": "toy", "root": "/models/toy-7b"}]
    with serving(pieces, models=entry) as one, serving(pieces, models=entry) as other:
        assert backend(one).identity == backend(other).identity
        assert backend(one).identity["model.served"] == "/models/toy-7b"


def test_abandoned_run_leaves_no_thread_and_no_request() -> None:
    before = threading.active_count()
    with serving(pieces) as server, backend(server, connections=3).open() as opened:
        run = opened.run(Talk(str(i)) for i in range(50))
        next(run)
        run.close()  # type: ignore[attr-defined]
        assert opened.stats.in_flight == 0
    assert threading.active_count() == before

"""Requests with settings of their own, and batches whose dialogues come and go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.engine.dialogue import Completion, Request
from models.engine.engine import Batch, Engine
from models.engine.options import EngineOptions, Sampling
from tests.models.engine.talk import CONFIG, Bytes, Question, model_of

SAMPLINGS = [
    Sampling(0.0),
    Sampling(1.2),
    Sampling(0.7, top_p=0.9),
    Sampling(1.0, top_k=5),
    Sampling(0.9, top_p=0.5, top_k=40),
]


def questions() -> list[Question]:
    """Twelve requests over all samplings; several share a prompt."""
    return [
        Question(Request(f"def f{key % 3}(x):\n", key, 4 + key, sampling=SAMPLINGS[key % 5]))
        for key in range(12)
    ]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(model_of(), Bytes(), EngineOptions(slots=8))


def completions(engine: Engine, asked: list[Question]) -> dict[int, Completion | None]:
    return {done.asked.key: done.completion for done in engine.run(asked)}


def test_a_request_with_its_own_sampling_gets_what_an_engine_with_that_sampling_gives(
    engine: Engine,
) -> None:
    mixed = completions(engine, questions())
    for sampling in SAMPLINGS:
        own = [q for q in questions() if q.asked.sampling == sampling]
        plain = [Question(replace(q.asked, sampling=None)) for q in own]
        engine.sampling = sampling
        expected = completions(engine, plain)
        assert {key: mixed[key] for key in expected} == expected


def test_token_ids_are_a_prompt_as_their_text_is(engine: Engine) -> None:
    text = Request("def f(x):\n", 3, 12)
    ids = replace(text, prompt=tuple(Bytes().encode("def f(x):\n")))
    assert completions(engine, [Question(text)]) == completions(engine, [Question(ids)])


def test_scores_are_those_of_the_whole_text(engine: Engine) -> None:
    asked = Request("def f(x):\n", 1, 12, sampling=Sampling(0.0), alternatives=3)
    done = completions(engine, [Question(asked)])[1]
    assert done is not None
    assert done.scores is not None
    again = engine.score_tokens(Bytes().encode("def f(x):\n"), list(done.token_ids), 3)
    assert len(again) == 12
    for score, other, token in zip(done.scores, again, done.token_ids, strict=True):
        assert score == other
        assert len(score.alternatives) == 3
        assert next(iter(score.alternatives.items())) == (token, score.logprob)


def test_what_is_removed_frees_its_slot_and_changes_nothing_for_the_others(engine: Engine) -> None:
    expected = completions(engine, questions())
    batch: Batch[Question] = engine.batch()
    waiting, done = questions(), []
    for _ in range(8):
        engine.add(batch, waiting.pop(0))
    for _ in range(3):
        done += engine.step(batch)
    left = [g for g in batch.generations.values() if g.request.key in (5, 6)]
    for generation in left:
        engine.remove(batch, generation)
    assert batch.room
    while waiting or batch.generations:
        while waiting and batch.room:
            engine.add(batch, waiting.pop(0))
        done += engine.step(batch)
    engine.close(batch)
    assert engine.pages.available == engine.pages.count
    found = {question.asked.key: question.completion for question in done}
    assert found == {key: expected[key] for key in expected if key not in (5, 6)}


def test_scoring_between_the_steps_of_a_batch_changes_nothing(engine: Engine) -> None:
    expected = completions(engine, questions()[:6])
    batch: Batch[Question] = engine.batch()
    for question in questions()[:6]:
        engine.add(batch, question)
    done = []
    while batch.generations:
        done += engine.step(batch)
        engine.score_tokens([1, 2, 3], list(range(40)))
    engine.close(batch)
    assert {question.asked.key: question.completion for question in done} == expected
    assert engine.config == CONFIG

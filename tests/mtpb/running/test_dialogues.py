"""Conversations as samplers see them, in both forms."""

from dataclasses import replace
from itertools import islice

import pytest

from benchmarks import Benchmark, load
from models.engine.dialogue import Finish, Request
from mtpb.running.conversation import Conversation, Conversations
from mtpb.running.dialogues import (
    ChatDialogue,
    ChatForm,
    CompletionDialogue,
    RandomKeys,
    asking,
)
from mtpb.samplers.sampler import Answer, ChatRequest

STARTER, FUNCTIONS = load("starter"), load("starter-function")
KEYS = RandomKeys(0, "starter")


def form(benchmark: Benchmark) -> ChatForm:
    names = {problem.id: problem.test.names for problem in benchmark.problems if problem.test}
    return ChatForm(benchmark.protocol.chat, "</think>", names)


def first(benchmark: Benchmark) -> Conversation:
    return next(iter(Conversations(benchmark, 1)))


def answer(text: str, finish: Finish = Finish.eos) -> Answer:
    return Answer(text, 7, finish)


def test_chat_sends_what_was_said_without_the_reasoning() -> None:
    dialogue = asking(KEYS, form(STARTER))(first(STARTER))
    asked = dialogue.request
    assert isinstance(asked, ChatRequest)
    said = "<think>hm</think>Here:\n```python\nmessage = 'hello there'\n```"
    following = dialogue.receive(answer(said)).request
    assert isinstance(following, ChatRequest)
    assert following.messages[: len(asked.messages)] == asked.messages
    assert [message.role for message in following.messages[2:]] == ["assistant", "user"]
    assert following.messages[2].content == "Here:\n```python\nmessage = 'hello there'\n```"
    assert following.key != asked.key


def test_program_is_made_of_the_code_in_the_answers() -> None:
    dialogue: ChatDialogue = ChatDialogue(first(STARTER), KEYS, form(STARTER))
    while (request := dialogue.request) is not None:
        dialogue = dialogue.receive(answer(f"```python\nx = {len(request.messages)}\n```"))
    protocol, prompts = STARTER.protocol, dialogue.conversation.prompts
    texts = [f"x = {2 * number + 2}" for number in range(len(prompts))]
    assert dialogue.sample.program == protocol.program(zip(prompts, texts, strict=True))


@pytest.mark.parametrize(
    ("text", "finish", "finding"),
    [
        ("```python\nx\n```", Finish.eos, None),
        ("```python\nx\n```", Finish.length, None),
        ("```python\nx", Finish.length, "truncated"),
        ("I cannot.", Finish.eos, "no_code"),
        ("", Finish.context, "truncated"),
    ],
)
def test_findings_are_kept_with_the_turn(text: str, finish: Finish, finding: str | None) -> None:
    dialogue = ChatDialogue(first(STARTER), KEYS, form(STARTER)).receive(answer(text, finish))
    turn = dialogue.conversation.turns[0]
    assert (turn.completion, turn.finding, turn.finish) == (text, finding, finish.value)
    assert ("finding" in dialogue.sample.to_json()) is (finding is not None)


def test_full_context_ends_a_chat() -> None:
    dialogue = ChatDialogue(first(STARTER), KEYS, form(STARTER))
    assert dialogue.receive(Answer("", 0, Finish.context)).request is None


def test_function_of_a_chat_stands_after_its_prompt() -> None:
    conversation = first(FUNCTIONS)
    dialogue = ChatDialogue(conversation, KEYS, form(FUNCTIONS))
    done = dialogue.receive(answer("```python\ndef distance(a, b):\n    return 0\n```"))
    assert done.sample.program.startswith(conversation.prompts[0].rstrip())
    assert done.sample.program.endswith("\n\n\ndef distance(a, b):\n    return 0\n")


def test_both_forms_have_the_same_keys() -> None:
    """So that forms, like models, are compared on the same draws."""
    for conversation in islice(Conversations(STARTER, 2), 5):
        completion = CompletionDialogue(conversation, KEYS).request
        chat = ChatDialogue(conversation, KEYS, form(STARTER)).request
        assert isinstance(completion, Request)
        assert chat is not None
        assert completion.key == chat.key


def test_samples_of_the_completion_form_have_no_finding() -> None:
    dialogue = CompletionDialogue(replace(first(STARTER)), KEYS).receive(answer("x"))
    assert "finding" not in dialogue.sample.to_json()

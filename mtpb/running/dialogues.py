"""Conversations as samplers see them: the next request, and what becomes of the answer. Pure.

A run asks in one of two forms. In `completion` the model continues the text of the conversation; in
`chat` it answers messages, and the code in its answer becomes the turn's text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from benchmarks import Chat, extract, function_program, without_reasoning
from models.engine.dialogue import Finish, Request
from mtpb.rundir.records import Key, Sample, Turn
from mtpb.running.conversation import Conversation
from mtpb.samplers.sampler import Answer, ChatMessage, ChatRequest


@dataclass(frozen=True, slots=True)
class RandomKeys:
    """The random keys of a run, one for each turn of each conversation.

    A key depends on the seed, the suite and the sample. It does not depend on the model, so that
    the difference of two models is measured with less noise, nor on the name of one's own content.
    """

    seed: int
    suite: str

    def key(self, conversation: Conversation) -> int:
        """64 bits for the conversation's next turn."""
        parts = [self.seed, self.suite, *conversation.key]
        parts.append(len(conversation.earlier) + len(conversation.turns))
        digest = blake2b(json.dumps(parts).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


@dataclass(frozen=True, slots=True)
class CompletionDialogue:
    """A conversation whose text the model continues."""

    conversation: Conversation
    keys: RandomKeys

    @property
    def key(self) -> Key:
        return self.conversation.key

    @property
    def request(self) -> Request | None:
        prompt = self.conversation.prompt
        if prompt is None:
            return None
        return Request(
            prompt=prompt,
            key=self.keys.key(self.conversation),
            max_new_tokens=self.conversation.max_new_tokens,
            stop=self.conversation.protocol.stop,
        )

    @property
    def begun(self) -> bool:
        return self.conversation.begun

    def receive(self, answer: Answer) -> CompletionDialogue:
        following = self.conversation.receive(answer.text, answer.tokens, answer.finish.value)
        return replace(self, conversation=following)

    def again(self, feedback: str) -> CompletionDialogue:
        """The dialogue with a further attempt."""
        return replace(self, conversation=self.conversation.again(feedback))

    @property
    def sample(self) -> Sample:
        return self.conversation.sample


@dataclass(frozen=True, slots=True)
class ChatForm:
    """How a suite is asked as a chat.

    `think_end` ends a model's reasoning. `functions` has, for each problem of a function suite, the
    names that its test calls; it is empty where answers are programs by themselves.
    """

    chat: Chat
    think_end: str
    functions: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class ChatDialogue:
    """A conversation in messages; the program is made of the code in the answers."""

    conversation: Conversation
    keys: RandomKeys
    form: ChatForm

    @property
    def key(self) -> Key:
        return self.conversation.key

    @property
    def request(self) -> ChatRequest | None:
        conversation = self.conversation
        if conversation.ended:
            return None
        prompt = conversation.prompts[len(conversation.turns)]
        told = None if conversation.turns else conversation.feedback
        messages = (*self._said(), self._question(prompt, told))
        key = self.keys.key(conversation)
        return ChatRequest(messages, key, conversation.max_new_tokens)

    @property
    def begun(self) -> bool:
        return self.conversation.begun

    def receive(self, answer: Answer) -> ChatDialogue:
        conversation = self.conversation
        cut = answer.finish in (Finish.length, Finish.context)
        found = extract(answer.text, cut, self.form.think_end)
        turn = Turn(
            conversation.prompts[len(conversation.turns)],
            answer.text,
            found.code,
            answer.tokens,
            answer.finish.value,
            None if found.finding is None else found.finding.value,
        )
        return replace(self, conversation=conversation.answered(turn))

    def again(self, feedback: str) -> ChatDialogue:
        """The dialogue with a further attempt."""
        return replace(self, conversation=self.conversation.again(feedback))

    @property
    def sample(self) -> Sample:
        sample = self.conversation.sample
        names = self.form.functions.get(sample.problem)
        if names is None or not sample.turns:
            return sample
        (turn,) = sample.attempts[-1]
        return replace(sample, program=function_program(turn.prompt, turn.text, names))

    def _said(self) -> tuple[ChatMessage, ...]:
        """The messages so far; the model does not see its earlier reasoning again."""
        said = [ChatMessage("system", self.form.chat.system)]
        for turn in (*self.conversation.earlier, *self.conversation.turns):
            answer = without_reasoning(turn.completion, self.form.think_end)
            said.append(self._question(turn.prompt, turn.feedback))
            said.append(ChatMessage("assistant", answer or ""))
        return tuple(said)

    def _question(self, prompt: str, feedback: str | None) -> ChatMessage:
        """The user's message for a prompt, behind what is told of the attempt before."""
        asked = self.form.chat.user(prompt)
        return ChatMessage("user", asked if feedback is None else f"{feedback}\n\n{asked}")


RunDialogue = CompletionDialogue | ChatDialogue
Asking = Callable[[Conversation], RunDialogue]
"""How a run puts its conversations to a sampler."""


def asking(keys: RandomKeys, form: ChatForm | None) -> Asking:
    """As a chat where there is a form for it, else as texts to continue."""
    if form is None:
        return lambda conversation: CompletionDialogue(conversation, keys)
    return lambda conversation: ChatDialogue(conversation, keys, form)

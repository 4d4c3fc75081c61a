"""What a client is told: choices in OpenAI's format, from what the engine's thread tells. No torch.

Offsets and pieces of text count characters; a character that is spread over several tokens belongs
to the last of them.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models.engine.dialogue import Completion, Finish, Score
from models.serving.requests import CompletionRequest, Tokenizer, stop_rule
from models.serving.worker import CompletionSoFar, PromptScores

Piece = dict[str, Any]
"""What is new of a choice: `index`, `text`, `logprobs`, `finish_reason`."""


@dataclass(slots=True)
class Choice:
    """One completion of a request, and how much of it the client has been told."""

    request: CompletionRequest
    index: int
    tokenizer: Tokenizer
    tokens: int = 0  # generated so far
    finished: bool = False
    _told: int = 0  # characters of the completion
    _listed: int = 0  # tokens whose log-probabilities were told
    _offset: int = 0  # characters that these tokens have, from the start of the answer
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def prompt_piece(self, event: PromptScores | None) -> Piece:
        """The prompt, which an echo begins with."""
        prompt = self.request.prompt(self.index)
        logprobs = None
        if event is not None:
            scores = [None, *event.scores] if prompt.ids else []
            logprobs = self._logprobs(prompt.ids, scores)
            self._offset = len(prompt.text)
            self._decoder.reset()
        return self._piece(prompt.text, logprobs)

    def hear(self, event: CompletionSoFar | Completion) -> Piece | None:
        """What is new in an event; None if that is nothing."""
        ids = event.token_ids
        self.tokens = len(ids)
        text, reason = self._settled(event)
        new, self._told = text[self._told :], max(self._told, len(text))
        if not new and reason is None:
            return None
        logprobs = None
        if self.request.logprobs is not None:
            whole = isinstance(event, Completion) and len(text) == len(event.text)
            count = len(ids) if whole else self._tokens_within(ids, len(text))
            listed, self._listed = self._listed, max(self._listed, count)
            logprobs = self._logprobs(ids[listed:count], (event.scores or ())[listed:count])
        return self._piece(new, logprobs, reason)

    def _settled(self, event: CompletionSoFar | Completion) -> tuple[str, str | None]:
        """The text that no later token changes, and why it ends there, if it does."""
        if isinstance(event, CompletionSoFar):
            return event.text[: len(event.text) - self._open(event.text)], None
        self.finished = True
        cut = stop_rule(self.request.stops)(event.text) if self.request.stops else None
        ended = cut is not None or event.finish is Finish.eos
        return event.text[:cut], "stop" if ended else "length"

    def _open(self, text: str) -> int:
        """The number of characters at the end that may become a stop string."""
        lengths = [
            length
            for stop in self.request.stops
            for length in range(1, len(stop))
            if text.endswith(stop[:length])
        ]
        return max(lengths, default=0)

    def _tokens_within(self, ids: Sequence[int], length: int) -> int:
        """How many tokens begin within the first `length` characters of the completion."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        characters = 0
        for count, token in enumerate(ids):
            if characters >= length:
                return count
            characters += len(decoder.decode(self.tokenizer.token_bytes(token)))
        return len(ids)

    def _logprobs(self, ids: Sequence[int], scores: Sequence[Score | None]) -> dict[str, Any]:
        """OpenAI's lists of tokens, their log-probabilities, and the most likely ones."""
        offsets = []
        for token in ids:
            offsets.append(self._offset)
            self._offset += len(self._decoder.decode(self.tokenizer.token_bytes(token)))
        return {
            "tokens": [self._name(token) for token in ids],
            "token_logprobs": [score and score.logprob for score in scores],
            "top_logprobs": [
                score and self._top(token, score) for token, score in zip(ids, scores, strict=True)
            ],
            "text_offset": offsets,
        }

    def _top(self, token: int, score: Score) -> dict[str, float]:
        """The likeliest tokens by name, and the token itself; the likelier of two of one name."""
        named: dict[str, float] = {}
        for other, logprob in score.alternatives.items():
            named.setdefault(self._name(other), logprob)
        named.setdefault(self._name(token), score.logprob)
        return named

    def _name(self, token: int) -> str:
        content = self.tokenizer.token_bytes(token)
        if not content:
            return f"token_id:{token}"
        try:
            return content.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in content)

    def _piece(self, text: str, logprobs: Any, reason: str | None = None) -> Piece:
        return {"index": self.index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def joined(pieces: Sequence[Piece]) -> Piece:
    """All pieces of a choice as one."""
    logprobs = [piece["logprobs"] for piece in pieces if piece["logprobs"] is not None]
    return {
        "index": pieces[0]["index"],
        "text": "".join(piece["text"] for piece in pieces),
        "logprobs": {name: [x for part in logprobs for x in part[name]] for name in logprobs[0]}
        if logprobs
        else None,
        "finish_reason": pieces[-1]["finish_reason"],
    }


def usage(request: CompletionRequest, choices: Sequence[Choice]) -> dict[str, int]:
    """How many tokens were read and generated; a prompt counts once."""
    prompts = sum(len(prompt.ids) for prompt in request.prompts)
    generated = sum(choice.tokens for choice in choices)
    return {
        "prompt_tokens": prompts,
        "completion_tokens": generated,
        "total_tokens": prompts + generated,
    }

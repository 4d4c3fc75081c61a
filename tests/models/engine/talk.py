"""A byte tokenizer, a dialogue and a small model for tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.config import CodeGenConfig
from models.engine.dialogue import Completion, Request, StopRule
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.transformer import Transformer
from tests.conftest import DEVICE

CONFIG = CodeGenConfig(260, 192, 2, 64, 4, 8, eos_token_id=259)


class Bytes:
    """A token a byte."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def token_bytes(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""


@dataclass(frozen=True, slots=True)
class Talk:
    """A dialogue whose prompts follow the completions before, cut by the stop rule."""

    key: int
    prompts: tuple[str, ...]
    max_new_tokens: int = 20
    stop: StopRule | None = None
    said: tuple[Completion, ...] = ()

    @property
    def request(self) -> Request | None:
        turn = len(self.said)
        if turn == len(self.prompts):
            return None
        answers = [self.cut(completion.text) for completion in self.said]
        history = "".join(p + a for p, a in zip(self.prompts, answers, strict=False))
        prompt = history + self.prompts[turn]
        return Request(prompt, self.key * 1000 + turn, self.max_new_tokens, self.stop)

    def cut(self, text: str) -> str:
        """What the stop rule leaves."""
        return text if self.stop is None else text[: self.stop(text)]

    def receive(self, completion: Completion) -> Talk:
        return replace(self, said=(*self.said, completion))


@dataclass(frozen=True, slots=True)
class Question:
    """A dialogue of one request."""

    asked: Request
    completion: Completion | None = None

    @property
    def request(self) -> Request | None:
        return None if self.completion else self.asked

    def receive(self, completion: Completion) -> Question:
        return replace(self, completion=completion)


def model_of(config: CodeGenConfig = CONFIG, seed: int = 0, device: str = DEVICE) -> Transformer:
    """Random weights, large enough that tokens differ in likelihood."""
    model = Transformer(config).initialize(seed)
    for parameter in model.parameters():
        parameter.data.mul_(4 if parameter.dim() > 1 else 1)
    return model.eval().to(device)


def talks(count: int = 16) -> list[Talk]:
    """Dialogues of different turns and lengths; every fourth has the same first prompt."""
    first = [
        "def f(x):\n",
        "# " + "a long first prompt " * 3 + "\n",
        "x = 1\n",
        "import numpy as np",
    ]
    more = ["\n# and then\n", " + 1", "\n\n# the last one, which has some length\n"]
    return [
        Talk(key, (first[key % 4], *more[: key % 3]), max_new_tokens=3 + 7 * key % 11)
        for key in range(count)
    ]


def answers(
    model: Transformer,
    asked: Sequence[Talk],
    options: EngineOptions | None = None,
    sampling: Sampling | None = None,
) -> dict[int, Talk]:
    """The finished dialogues by their keys."""
    sampling = sampling or Sampling(temperature=0.9, top_p=0.95)
    engine = Engine(model, Bytes(), options or EngineOptions(slots=8), sampling)
    done = list(engine.run(asked))
    assert len(done) == len(asked)
    return {talk.key: talk for talk in done}

"""CodeGen for users: a model with its tokenizer, from a checkpoint, that completes prompts.

model = CodeGen.from_pretrained("codegen-350M-mono")
print(model.generate("def hello", max_new_tokens=32))
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import torch

from models import checkpoint
from models.config import CodeGenConfig, ModelError
from models.engine.dialogue import Completion, Request, StopRule
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.hub import resolve
from models.layout import read_config
from models.tokenizer import CodeGenTokenizer
from models.transformer import Transformer, without_weights


class CodeGen(Transformer):
    """The model and its tokenizer. `CodeGen(config)` has random weights and no tokenizer."""

    def __init__(self, config: CodeGenConfig) -> None:
        super().__init__(config)
        self.tokenizer: CodeGenTokenizer | None = None

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str = "cpu",
        revision: str | None = None,
    ) -> CodeGen:
        """The model and the tokenizer of a directory in Hugging Face layout, or of a hub id.

        Without a dtype, `models.dtype.choose_dtype` chooses. Raises CheckpointError where files are
        missing or damaged; ModelError for a dtype or a device that does not exist.
        """
        directory = resolve(source, revision)
        with without_weights():
            model = cls(read_config(directory))
        checkpoint.load_into(model, directory, dtype, device)
        model.tokenizer = CodeGenTokenizer.from_pretrained(directory)
        return model

    def save_pretrained(self, directory: str | Path) -> None:
        """Write weights, configuration and tokenizer, which transformers reads too."""
        checkpoint.save(self, directory)
        if self.tokenizer is not None:
            self.tokenizer.save(directory)

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 128,
        *,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        seed: int = 0,
        stop: StopRule | None = None,
    ) -> str:
        """The completion of `prompt`, without the prompt, cut where `stop` says. Temperature 0 is
        greedy.

        The first call builds an engine, which packs the weights on a CPU; it is kept until the
        weights change. For many prompts use `models.Engine`. Raises ModelError.
        """
        engine = _engine_of(self)
        engine.sampling = Sampling(temperature, top_p, top_k)
        (done,) = engine.run([_OneRequest(Request(prompt, seed, max_new_tokens, stop))])
        text = done.completion.text if done.completion else ""
        return text[: stop(text)] if stop else text


@dataclass(frozen=True, slots=True)
class _OneRequest:
    """A dialogue of one request."""

    request: Request | None
    completion: Completion | None = None

    def receive(self, completion: Completion) -> _OneRequest:
        return _OneRequest(None, completion)


_WeightVersions = list[tuple[int, int]]
_engines: WeakKeyDictionary[CodeGen, tuple[_WeightVersions, Engine]] = WeakKeyDictionary()


def _engine_of(model: CodeGen) -> Engine:
    """The engine of one slot that is kept for `model`; a new one where its weights have changed."""
    if model.tokenizer is None:
        raise ModelError("the model has no tokenizer; load it by CodeGen.from_pretrained")
    versions = [(p.data_ptr(), p._version) for p in model.parameters()]
    kept = _engines.get(model)
    if kept is not None and kept[0] == versions:
        return kept[1]
    # a copy that shares the weights, so that the table's value does not keep its key alive
    engine = Engine(copy.copy(model), model.tokenizer, EngineOptions(slots=1))
    _engines[model] = versions, engine
    return engine

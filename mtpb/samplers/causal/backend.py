"""A model of `transformers` as a backend: what identifies it, and loading it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as transformers_logging

from models.engine.dialogue import Request
from models.engine.options import Sampling
from models.hashes import file_sha256
from mtpb.errors import UsageError
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import EngineFacts, ModelFacts
from mtpb.rundir.store import expanded
from mtpb.samplers.causal.sampler import CausalSampler
from mtpb.samplers.facts import device_name
from mtpb.samplers.sampler import ChatRequest, Sampler

_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")
_TOKENIZER = ("tokenizer*", "vocab*", "merges.txt", "added_tokens.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class Causal:
    """A model as the configuration names it. `path`: a directory or a hub id."""

    path: str
    name: str
    revision: str | None = None
    data: str | None = None
    dtype: str | None = None
    device_map: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    batch: int = 16
    think_end: str = "</think>"


@dataclass(frozen=True, slots=True)
class CausalBackend:
    """A model whose configuration and tokenizer are here; its weights are loaded by `open`."""

    causal: Causal
    sampling: Sampling
    chat: bool
    config: Any
    tokenizer: Any
    dtype: str
    device: str
    guarantee: Guarantee = Guarantee.seed
    server: None = None

    @property
    def facts(self) -> ModelFacts:
        return ModelFacts(
            name=self.causal.name,
            path=self.causal.path,
            revision=self._commit or self.causal.revision,
            data=self.causal.data,
            weights_sha256=self._hash(_WEIGHTS),
            tokenizer_sha256=self._hash(_TOKENIZER),
        )

    @property
    def engine(self) -> EngineFacts:
        return EngineFacts(
            device=self.device,
            dtype=self.dtype,
            slots=self.causal.batch,
            device_name=device_name(self.device),
            threads=torch.get_num_threads(),
        )

    @property
    def identity(self) -> dict[str, Any]:
        facts = self.facts
        here = {
            "model.weights_sha256": facts.weights_sha256,
            "model.tokenizer_sha256": facts.tokenizer_sha256,
        }
        hub = {"model.path": self.causal.path, "model.revision": facts.revision}
        template = json.dumps(self.tokenizer.chat_template, sort_keys=True)
        asked = {
            "model.chat_template_sha256": sha256(template.encode()).hexdigest(),
            "model.think_end": self.causal.think_end,
        }
        return {
            "model.sampler": "transformers",
            **(here if facts.weights_sha256 else hub),
            **(asked if self.chat else {}),
            "model.attn_implementation": self.causal.attn_implementation,
            "engine.device": self.device.partition(":")[0],
            "engine.dtype": self.dtype,
        }

    @contextmanager
    def open(self) -> Iterator[Sampler]:
        """Loads the weights. Raises UsageError where they cannot be loaded."""
        causal, config = self.causal, self.config
        transformers_logging.disable_progress_bar()
        mapped = {} if causal.device_map is None else {"device_map": causal.device_map}
        with _refused(causal):
            model = AutoModelForCausalLM.from_pretrained(
                causal.path,
                config=config,
                revision=causal.revision,
                dtype=getattr(torch, self.dtype),
                trust_remote_code=causal.trust_remote_code,
                attn_implementation=causal.attn_implementation,
                **mapped,
            )
            if not mapped:
                model = model.to(self.device)
        ends = _ends(model.generation_config, config, self.tokenizer)
        # the checkpoint's own settings, such as a repetition penalty, are not the run's
        model.generation_config = GenerationConfig()
        yield CausalSampler(
            model.eval(),
            RequestTokenizer(self.tokenizer),
            self.sampling,
            causal.batch,
            ends,
            min(ends, default=0),
            getattr(config.get_text_config(), "max_position_embeddings", None),
        )

    @property
    def _commit(self) -> str | None:
        return getattr(self.config, "_commit_hash", None)

    def _hash(self, patterns: tuple[str, ...]) -> str | None:
        """Hash of the names and contents of the files in the model's directory that match."""
        folder = expanded(self.causal.path)
        files = {file for pattern in patterns for file in folder.glob(pattern)}
        if not files:
            return None
        lines = "".join(f"{file_sha256(file)}  {file.name}\n" for file in sorted(files))
        return sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RequestTokenizer:
    """Requests into tokens: texts as the tokenizer does, chats by its template."""

    tokenizer: Any

    def encode(self, request: Request | ChatRequest) -> list[int]:
        if isinstance(request, Request):
            ids = self.tokenizer(request.prompt).input_ids
        else:
            ids = self.tokenizer(self.rendered(request), add_special_tokens=False).input_ids
        # a model without a token for the start: an empty prompt starts after the end of a text
        start = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        return list(ids) or [next((token for token in start if token is not None), 0)]

    def rendered(self, request: ChatRequest) -> str:
        """The messages as the template writes them; where it has no system messages, the first is
        put before the user's."""
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        try:
            return self._template(messages)
        except TemplateError:
            first, second, *rest = messages
            joined = f"{first['content']}\n\n{second['content']}"
            return self._template([{"role": "user", "content": joined}, *rest])

    def decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def _template(self, messages: list[dict[str, str]]) -> str:
        text: str = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return text


def find(causal: Causal, sampling: Sampling, chat: bool | None = None) -> CausalBackend:
    """Reads configuration and tokenizer, fetched first if they are on the hub.

    `chat` None asks in messages where the tokenizer has a template for them. Raises UsageError for
    what cannot be read or needs code from its repository, and for a chat without a template.
    """
    if causal.batch < 1:
        raise UsageError(f"model.batch_size={causal.batch}: must be at least 1")
    given = {"revision": causal.revision, "trust_remote_code": causal.trust_remote_code}
    with _refused(causal):
        config = AutoConfig.from_pretrained(causal.path, **given)
        tokenizer = AutoTokenizer.from_pretrained(causal.path, **given)
    template = bool(tokenizer.chat_template)
    if chat and not template:
        raise UsageError(
            f"benchmark.conversation=chat: the tokenizer of model.path={causal.path} has no chat "
            "template; ask for benchmark.conversation=completion"
        )
    device = causal.device_map or ("cuda" if torch.cuda.is_available() else "cpu")
    return CausalBackend(
        causal,
        sampling,
        template if chat is None else chat,
        config,
        tokenizer,
        _dtype(causal, config, device),
        device,
    )


def _dtype(causal: Causal, config: Any, device: str) -> str:
    """The data type asked for, else the checkpoint's; float16 is float32 on a CPU."""
    if causal.dtype is not None:
        return causal.dtype
    own = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return "float32" if own == "float16" and device == "cpu" else own


def _ends(generation: Any, config: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer, from wherever the checkpoint names them."""
    found: set[int] = set()
    for owner in (generation, config, tokenizer):
        ids = getattr(owner, "eos_token_id", None)
        each = ids if isinstance(ids, (list, tuple)) else (ids,)
        found |= {token for token in each if token is not None}
    return frozenset(found)


@contextmanager
def _refused(causal: Causal) -> Iterator[None]:
    """Errors of `transformers` about what it was to load, as one line that names it."""
    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"model.path={causal.path}: transformers cannot load it ({said[0]:.300})"
        ) from error

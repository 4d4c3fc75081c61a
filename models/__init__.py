"""CodeGen, its tokenizer, its checkpoints, and the engine that samples from it.

    from models import CodeGen

    model = CodeGen.from_pretrained(directory)
    print(model.generate("def hello", max_new_tokens=32))

Knows nothing of benchmarks, of the sandbox or of the harness. The names below are imported when
they are first used, so that the tokenizer and the options need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.config import CodeGenConfig, ModelError
    from models.engine.dialogue import Completion, Dialogue, Finish, Request, StopRule
    from models.engine.engine import Engine, perplexity
    from models.engine.options import EngineOptions, Sampling, default_slots
    from models.layout import CheckpointError
    from models.pretrained import CodeGen
    from models.tokenizer import CodeGenTokenizer

_HOMES = {
    "pretrained": ("CodeGen",),
    "config": ("CodeGenConfig", "ModelError"),
    "engine.dialogue": ("Completion", "Dialogue", "Finish", "Request", "StopRule"),
    "engine.engine": ("Engine", "perplexity"),
    "layout": ("CheckpointError",),
    "engine.options": ("EngineOptions", "Sampling", "default_slots"),
    "tokenizer": ("CodeGenTokenizer",),
}

__all__ = [
    "CheckpointError",
    "CodeGen",
    "CodeGenConfig",
    "CodeGenTokenizer",
    "Completion",
    "Dialogue",
    "Engine",
    "EngineOptions",
    "Finish",
    "ModelError",
    "Request",
    "Sampling",
    "StopRule",
    "default_slots",
    "perplexity",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"models.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'models' has no attribute {name!r}")

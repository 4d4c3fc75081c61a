"""CodeGen, its tokenizer, its checkpoints, and the engine that samples from it.

The names below are imported when they are first used, so that the tokenizer needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.codegen import CodeGen
    from models.config import CodeGenConfig, ModelError

__all__ = ["CodeGen", "CodeGenConfig", "ModelError"]

_HOMES = {
    "CodeGen": "models.codegen",
    "CodeGenConfig": "models.config",
    "ModelError": "models.config",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value

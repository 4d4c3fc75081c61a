"""The files in a checkpoint's directory. No torch.

The layout is Hugging Face's: `config.json`, weights as `model.safetensors` or `pytorch_model.bin`,
either whole or in shards that an index lists, and the tokenizer's files.
"""

from __future__ import annotations

import json
from pathlib import Path

from models.config import CodeGenConfig, ModelError

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first is preferred
TOKENIZER = "tokenizer.json"
TOKENIZER_PARTS = ("vocab.json", "merges.txt", "added_tokens.json")


class CheckpointError(ModelError):
    """A checkpoint cannot be found, fetched or read. The message says what to do."""


def index_of(weights: str) -> str:
    """The name of the index of `weights` in shards."""
    return f"{weights}.index.json"


def weight_files(directory: Path) -> tuple[Path, ...]:
    """The files of the weights: one, or all shards in the order of their names.

    Safetensors are preferred to `.bin`, and a whole file to shards. Raises CheckpointError where
    there are none, or where a shard is missing.
    """
    for name in WEIGHTS:
        if (directory / name).is_file():
            return (directory / name,)
        if (directory / index_of(name)).is_file():
            return _shards(directory / index_of(name))
    raise CheckpointError(
        f"{directory}: no weights; expected {' or '.join(WEIGHTS)}, whole or in shards with "
        f"{index_of(WEIGHTS[0])}"
    )


def is_whole(directory: Path) -> bool:
    """Whether all files of the weights and of the tokenizer are there."""
    try:
        return bool(weight_files(directory) and tokenizer_files(directory))
    except CheckpointError:
        return False


def shard_names(index: Path) -> tuple[str, ...]:
    """The names of the shards that an index lists, sorted; the files need not exist."""
    record = read_json(index)
    weight_map = record.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index}: no 'weight_map'; fetch the file again")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if name != Path(name).name:
            raise CheckpointError(f"{index}: shard {name!r} is not a plain file name; refused")
    return tuple(names)


def _shards(index: Path) -> tuple[Path, ...]:
    shards = tuple(index.parent / name for name in shard_names(index))
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise CheckpointError(
            f"{index.parent}: {len(missing)} of {len(shards)} shards missing, first "
            f"{missing[0]}; fetch the checkpoint again"
        )
    return shards


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file. Raises CheckpointError where it is missing or damaged."""
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file; is {path.parent} a checkpoint in Hugging Face layout?"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: not valid JSON ({error}); fetch the file again") from error
    if not isinstance(record, dict):
        raise CheckpointError(f"{path}: expected a JSON object, found {type(record).__name__}")
    return record


def read_config(directory: Path) -> CodeGenConfig:
    """The geometry in `config.json`. Raises CheckpointError where it is not that of a CodeGen."""
    path = directory / CONFIG
    record = read_json(path)
    try:
        return CodeGenConfig.from_json(record)
    except ModelError as error:
        raise CheckpointError(f"{path}: {error}; is it a CodeGen checkpoint?") from error


def tokenizer_files(directory: Path) -> tuple[Path, ...]:
    """The files of the tokenizer: `tokenizer.json`, or else vocabulary and merges.

    Raises CheckpointError where both are missing.
    """
    if (directory / TOKENIZER).is_file():
        return (directory / TOKENIZER,)
    vocab, merges, added = (directory / name for name in TOKENIZER_PARTS)
    if not (vocab.is_file() and merges.is_file()):
        raise CheckpointError(
            f"{directory}: no tokenizer; expected {TOKENIZER}, or {vocab.name} and {merges.name}"
        )
    return (vocab, merges, added) if added.is_file() else (vocab, merges)

"""Which files a checkpoint's directory has, and their hashes. Needs no torch.

The layout is Hugging Face's: `config.json`, weights as `model.safetensors` or `pytorch_model.bin`,
either whole or in shards that an index lists, and the tokenizer's files.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from models.config import CodeGenConfig, ModelError

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first is preferred
TOKENIZER = "tokenizer.json"
TOKENIZER_PARTS = ("vocab.json", "merges.txt", "added_tokens.json")

CACHED_FROM = 64 << 20  # bytes; hashing a smaller file again takes less than 0.1 s


class CheckpointError(ModelError):
    """A checkpoint cannot be found, fetched or read; the message says what to do."""


def index_of(weights: str) -> str:
    """Name of the index where `weights` is in shards."""
    return f"{weights}.index.json"


def weight_files(directory: Path) -> tuple[Path, ...]:
    """The files that the weights are read from: one, or all shards in the order of their names.

    Safetensors before `.bin`, a whole file before shards. Raises CheckpointError where there are
    none, or where a shard is missing.
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


def shard_names(index: Path) -> tuple[str, ...]:
    """Names of the shards that an index lists, sorted; the files need not be there."""
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
    """The object in a JSON file. Raises CheckpointError where there is none."""
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
    """The geometry in `config.json`. Raises CheckpointError where it is not a CodeGen model's."""
    path = directory / CONFIG
    record = read_json(path)
    try:
        return CodeGenConfig.from_json(record)
    except ModelError as error:
        raise CheckpointError(f"{path}: {error}; is it a CodeGen checkpoint?") from error


def tokenizer_files(directory: Path) -> tuple[Path, ...]:
    """The files that the tokenizer is read from: `tokenizer.json`, or else vocabulary and merges.

    Raises CheckpointError where neither is there.
    """
    if (directory / TOKENIZER).is_file():
        return (directory / TOKENIZER,)
    vocab, merges, added = (directory / name for name in TOKENIZER_PARTS)
    if not (vocab.is_file() and merges.is_file()):
        raise CheckpointError(
            f"{directory}: no tokenizer; expected {TOKENIZER}, or {vocab.name} and {merges.name}"
        )
    return (vocab, merges, added) if added.is_file() else (vocab, merges)


def weights_sha256(directory: Path) -> str:
    """Hash of the weights: of the file, or of the list of names and hashes of several shards."""
    return _combined(weight_files(directory))


def tokenizer_sha256(directory: Path) -> str:
    """Hash of the tokenizer's files, as `weights_sha256` combines them."""
    return _combined(tokenizer_files(directory))


def _combined(files: Iterable[Path]) -> str:
    hashes = {file.name: file_sha256(file) for file in files}
    if len(hashes) == 1:
        return hashes.popitem()[1]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Large files' hashes are remembered below the user's cache directory, for as long as the file
    keeps its place, size and time of modification.
    """
    state = path.stat()
    if state.st_size < CACHED_FROM:
        return _digest(path)
    key = f"{path.resolve()}\n{state.st_size}\n{state.st_mtime_ns}".encode()
    note = _cache_directory() / hashlib.sha256(key).hexdigest()
    with suppress(OSError):
        if len(known := note.read_text()) == 64:
            return known
    digest = _digest(path)
    with suppress(OSError):  # a cache that cannot be written costs time, nothing else
        _write(note, digest)
    return digest


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _cache_directory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "mtpb" / "sha256"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)  # whole or not at all

"""SHA-256 of a checkpoint's files, which identify weights and tokenizer in a run. No torch."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from models.layout import tokenizer_files, weight_files

CACHED_FROM = 64 << 20  # bytes; a smaller file is hashed again in less than 0.1 s


def weights_sha256(directory: Path) -> str:
    """The SHA-256 of the weights: of the file, or of the list of the shards' names and hashes."""
    return _combined(weight_files(directory))


def tokenizer_sha256(directory: Path) -> str:
    """The SHA-256 of the tokenizer's files, combined as in `weights_sha256`."""
    return _combined(tokenizer_files(directory))


def _combined(files: Iterable[Path]) -> str:
    hashes = {file.name: file_sha256(file) for file in files}
    if len(hashes) == 1:
        return hashes.popitem()[1]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Those of large files are cached in the user's cache directory, by path, size and time of
    modification.
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
    with suppress(OSError):  # without the cache the file is only hashed again
        _write_whole(note, digest)
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


def _write_whole(path: Path, text: str) -> None:
    """Write a file that other processes see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)

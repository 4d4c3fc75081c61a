"""Downloads from the Hugging Face hub, with checked hashes.

`huggingface_hub` honours HF_HOME, HF_HUB_OFFLINE, HF_ENDPOINT and HF_TOKEN, and keeps files in its
cache. It compares only sizes, so the hashes are compared here: the cache names a large file by the
SHA-256 that the hub states. On file systems without symbolic links the cache has no such names, and
hashes are not compared.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from huggingface_hub import (
    errors,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)

from models.hashes import file_sha256
from models.layout import (
    CONFIG,
    TOKENIZER,
    TOKENIZER_PARTS,
    WEIGHTS,
    CheckpointError,
    index_of,
    read_config,
    shard_names,
)


def fetch(repository: str, revision: str, weights: bool) -> Path:
    """The local directory of a repository on the hub at a branch, tag or commit.

    Fetches the configuration, the tokenizer and, if asked for, the weights. The configuration comes
    first, so that weights are fetched only for a CodeGen. Raises CheckpointError.
    """
    config = _Snapshot(repository, revision).download(CONFIG)
    if config is None:
        raise CheckpointError(f"{repository}: no {CONFIG} at {revision}; not a CodeGen checkpoint")
    directory = config.parent
    snapshot = _Snapshot(repository, directory.name)  # the commit: the branch may move
    if weights:
        read_config(directory)  # raises where it is not a CodeGen
        found = snapshot.fetch(*(n for name in WEIGHTS for n in (name, index_of(name))))
        if found.name not in WEIGHTS:
            for shard in shard_names(found):
                snapshot.fetch(shard)
    vocab, merges, added = TOKENIZER_PARTS
    if snapshot.fetch(TOKENIZER, vocab).name == vocab:
        snapshot.fetch(merges)
        snapshot.find(added)
    return directory


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The files of a repository on the hub at a branch, tag or commit."""

    repository: str
    revision: str

    def fetch(self, *names: str) -> Path:
        """The first of these files that is cached; else the first that the hub has."""
        cached = (path for name in names if isinstance(path := self._known(name), Path))
        found = (path for name in names if (path := self.find(name)) is not None)
        for path in chain(cached, found):
            return path
        raise CheckpointError(
            f"{self.repository}: no {' or '.join(names)} at {self.revision}; is it a CodeGen "
            "checkpoint in Hugging Face layout?"
        )

    def find(self, name: str) -> Path | None:
        """The file, downloaded unless it is cached; None where the repository has none."""
        known = self._known(name)
        return self.download(name) if known is None else known or None

    def _known(self, name: str) -> Path | Literal[False] | None:
        """The file in the cache; False if the hub is known to lack it, None if nothing is known."""
        known = try_to_load_from_cache(self.repository, name, revision=self.revision)
        if known is None:
            return None
        return self._verified(Path(known)) if isinstance(known, str) else False

    def download(self, name: str) -> Path | None:
        """The file as the hub has it now, or as it is cached where the hub cannot be reached. None
        where the repository has none."""
        if self._known(name) is None:
            self._reach(name)
        try:
            with _one_message():
                path = Path(hf_hub_download(self.repository, name, revision=self.revision))
        except Exception as error:  # its HTTP errors differ by version
            if _is_absence(error):
                return None
            raise self._explained(name, error) from error
        return self._verified(path)

    def _reach(self, name: str) -> None:
        """Ask the hub once: a download tries for half a minute where it cannot be reached."""
        try:
            get_hf_file_metadata(hf_hub_url(self.repository, name, revision=self.revision))
        except Exception as error:  # as above
            if not _is_absence(error):
                raise self._explained(name, error, reached=False) from error

    def _explained(self, name: str, error: Exception, *, reached: bool = True) -> CheckpointError:
        """The error as a message that says what to do."""
        where = f"{self.repository}: {name}"
        status = _status(error)
        if isinstance(error, errors.GatedRepoError) or status == 403:
            return CheckpointError(
                f"{where}: access denied; accept the model's conditions on its page and log in "
                "(`hf auth login`, or HF_TOKEN)"
            )
        if isinstance(error, errors.RevisionNotFoundError):
            return CheckpointError(f"{self.repository}: no revision {self.revision!r} on the hub")
        if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
            return CheckpointError(
                f"{self.repository}: no such model on the hub, nor a directory here; check the "
                "name, and if the model is private or gated, log in (`hf auth login`, or HF_TOKEN)"
            )
        if not reached and status is None:
            return CheckpointError(
                f"{where} at {self.revision} is not in the cache, and the hub cannot be reached "
                f"({_reason(error)}); connect, unset HF_HUB_OFFLINE, or give a directory"
            )
        return CheckpointError(f"{where}: download failed ({_reason(error)}); try again")

    def _verified(self, path: Path) -> Path:
        """The cached file, if it has the SHA-256 that the hub states. Otherwise it is removed, and
        CheckpointError raised."""
        blob = path.readlink() if path.is_symlink() else path
        if not re.fullmatch("[0-9a-f]{64}", blob.name) or file_sha256(path) == blob.name:
            return path
        (path.parent / blob).unlink()
        path.unlink(missing_ok=True)
        raise CheckpointError(
            f"{self.repository}: {path.name}: its SHA-256 is not {blob.name}, as the hub says: the "
            "download was damaged, and has been removed; try again"
        )


@contextmanager
def _one_message() -> Iterator[None]:
    """Keep the log of attempts off standard error: the error has the last one's message."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: Exception) -> int | None:
    """The HTTP status that caused the error, if any."""
    responses = (getattr(cause, "response", None) for cause in _causes(error))
    return next((int(r.status_code) for r in responses if r is not None), None)


def _is_absence(error: Exception) -> bool:
    return isinstance(error, errors.EntryNotFoundError) and not isinstance(
        error, errors.LocalEntryNotFoundError
    )


def _reason(error: Exception) -> str:
    *_, first = _causes(error)
    return next(iter(str(first).splitlines()), "") or type(first).__name__

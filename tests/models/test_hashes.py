"""Hashes identify weights and tokenizers; those of large files are cached."""

import hashlib
import os
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from models import hashes


def test_hash_of_one_file_is_its_sha256(tiny_checkpoint: Path) -> None:
    for file, digest in [
        ("model.safetensors", hashes.weights_sha256(tiny_checkpoint)),
        ("tokenizer.json", hashes.tokenizer_sha256(tiny_checkpoint)),
    ]:
        assert digest == hashlib.sha256((tiny_checkpoint / file).read_bytes()).hexdigest()


def test_hash_changes_with_any_shard(tiny_checkpoint: Path) -> None:
    tensors = load_file(tiny_checkpoint / "model.safetensors")
    (tiny_checkpoint / "model.safetensors").unlink()
    index = tiny_checkpoint / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}')
    seen = set()
    for first, second in ("lm_head.bias",) * 2, ("lm_head.bias", "lm_head.weight"):
        save_file({first: tensors[first]}, tiny_checkpoint / "1.safetensors")
        save_file({second: tensors[second]}, tiny_checkpoint / "2.safetensors")
        seen.add(hashes.weights_sha256(tiny_checkpoint))
    assert len(seen) == 2


def test_hash_of_a_large_file_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "CACHED_FROM", 1)
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    known = hashes.file_sha256(file)
    state = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert hashes.file_sha256(file) == known  # same place, size and time: not read again
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert hashes.file_sha256(file) == hashlib.sha256(b"two").hexdigest()


def test_hash_needs_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "CACHED_FROM", 1)
    (tmp_path / "cache").write_text("a file where the cache's directory should be")
    (tmp_path / "weights").write_bytes(b"one")
    assert hashes.file_sha256(tmp_path / "weights") == hashlib.sha256(b"one").hexdigest()

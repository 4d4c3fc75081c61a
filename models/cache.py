"""Which models of the Hugging Face hub are in its cache on this machine; no network, no torch."""

from __future__ import annotations

from pathlib import Path

from models.layout import CheckpointError, weight_files


def cached_models() -> dict[str, int]:
    """The bytes on disk of each model whose weights are in the cache as a whole, by hub id."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    models = [one for one in repositories if one.repo_type == "model"]
    return {
        one.repo_id: one.size_on_disk
        for one in models
        if any(_is_whole(revision.snapshot_path) for revision in one.revisions)
    }


def _is_whole(directory: Path) -> bool:
    try:
        weight_files(directory)
    except CheckpointError:
        return False
    return True

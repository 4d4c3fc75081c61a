"""Which models of the Hugging Face hub are in its cache on this machine; no network, no torch."""

from __future__ import annotations

from models.layout import is_whole


def cached_models() -> dict[str, int]:
    """The bytes on disk of each model that is in the cache as a whole, by hub id."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    if constants.HF_HUB_CACHE.startswith("~"):  # this user has no home
        return {}
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    models = [one for one in repositories if one.repo_type == "model"]
    return {
        one.repo_id: one.size_on_disk
        for one in models
        if any(is_whole(revision.snapshot_path) for revision in one.revisions)
    }

"""The directory of a checkpoint, by path, model name or hub id. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from models import embedded
from models.layout import CheckpointError

RELEASED = re.compile(r"codegen-(350M|2B|6B|16B)-(nl|multi|mono)")
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def resolve(source: str | Path, revision: str | None = None, *, weights: bool = True) -> Path:
    """The local directory of a checkpoint, fetched first if it is on the hub.

    `source` is looked for in this order: a directory, the name of an embedded model
    (`codegen-3M-mono`), the name of a released one (`codegen-2B-mono`), a hub id
    (`Salesforce/codegen-2B-mono`). `revision` is a branch, tag or commit on the hub; by default
    main.

    Fetches the configuration, the tokenizer and, unless `weights` is False, the weights, in
    safetensors if the repository has them. Files in the cache are not fetched again; the network is
    then needed only for a branch or tag. Raises CheckpointError.
    """
    name = str(source)
    if (directory := local(name)) is not None:
        if revision is not None:
            raise CheckpointError(f"{name}: is here, and has no revision {revision!r}; drop it")
        return directory
    if RELEASED.fullmatch(name):
        name = f"Salesforce/{name}"
    if isinstance(source, Path) or Path(name).exists() or not HUB_ID.fullmatch(name):
        raise CheckpointError(
            f"{source}: no such directory, nor a model; give a checkpoint's directory, OWNER/NAME "
            "of a model on the hub, or one of "
            f"{', '.join((*embedded.names(), 'codegen-{350M,2B,6B,16B}-{nl,multi,mono}'))}"
        )
    from models.download import fetch  # imports huggingface_hub, which is needed for the hub alone

    return fetch(name, revision or "main", weights)


def local(name: str) -> Path | None:
    """The directory of a checkpoint that is not on the hub; None if there is none."""
    directory = Path(name).expanduser()
    if name and directory.is_dir():
        return directory
    return embedded.embedded(name) if name in embedded.names() else None

"""The embedded family: small CodeGen models that come with the package. No torch.

    from models import CodeGen
    model = CodeGen.from_pretrained("codegen-3M-mono")

Knows the names and directories of the weights, not how to load or train them (`models.training`).
"""

from pathlib import Path

from models.config import ModelError

WEIGHTS = Path(__file__).with_name("weights")

_UNITS = {"K": 1_000, "M": 1_000_000}
_DATA = ("nl", "multi", "mono")


def names() -> tuple[str, ...]:
    """The names of the embedded models, by size, then nl, multi, mono."""
    found = [path.parent.name for path in WEIGHTS.glob("codegen-*/config.json")]
    return tuple(sorted(found, key=rank))


def rank(name: str) -> tuple[int, int]:
    """What orders names of the family: parameters, then data."""
    _, size, data = name.split("-")
    return int(size[:-1]) * _UNITS[size[-1]], _DATA.index(data)


def embedded(name: str) -> Path:
    """The directory of an embedded model, in Hugging Face layout.

    Raises ModelError for an unknown name.
    """
    if name not in names():
        raise ModelError(f"no embedded model {name!r}; there are: {', '.join(names()) or 'none'}")
    return WEIGHTS / name

"""The embedded family: small CodeGen models, trained here by `python -m models.training`.

    from models import CodeGen
    from models.embedded import embedded
    model = CodeGen.from_pretrained(embedded("codegen-3M-mono"))

Needs no torch.
"""

from pathlib import Path

from models.config import ModelError

WEIGHTS = Path(__file__).with_name("weights")


def names() -> tuple[str, ...]:
    """The embedded checkpoints: smaller ones first, then nl, multi, mono."""
    found = [path.parent.name for path in WEIGHTS.glob("codegen-*/config.json")]
    order = {"nl": 0, "multi": 1, "mono": 2}

    def rank(name: str) -> tuple[int, int]:
        _, size, data = name.split("-")
        return int(size.removesuffix("M")), order[data]

    return tuple(sorted(found, key=rank))


def embedded(name: str) -> Path:
    """The directory of an embedded checkpoint, in Hugging Face layout.

    Raises ModelError for a name that is none.
    """
    if name not in names():
        raise ModelError(f"no embedded model {name!r}; there are: {', '.join(names()) or 'none'}")
    return WEIGHTS / name

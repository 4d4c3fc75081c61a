"""Lists the models that have a name here: size, source, and whether they are on this machine.

    mtpb models
    mtpb run model=codegen-350M-mono

`mtpb run model=NAME` takes each of them. A model on the hub is fetched when it is first used;
`here` is its size in the hub's cache, which HF_HOME moves.
"""

from __future__ import annotations

from models import embedded
from models.cache import cached_models
from models.hub import RELEASED
from models.layout import read_config
from mtpb.checking.features import EXTRAS, lacking_packages
from mtpb.cli.keys import choices_of, keys_of, values_of
from mtpb.cli.listing import listing
from mtpb.samplers.builtin.choice import NOMINAL_SIZES
from mtpb.tables import Cell, Column, Table


def models_table() -> Table:
    """All choices of the group `model`, the smallest first, those of any size last."""
    (default,) = (group.value for group in keys_of("run").groups if group.name == "model")
    cached = cached_models()
    names = sorted(choices_of("model"), key=lambda name: (parameters(name) or 1 << 62, name))
    columns = (
        Column("model", "model"),
        Column("parameters", "parameters"),
        Column("source", "from"),
        Column("here", "here"),
        Column("extra", "extra"),
    )
    return Table(
        "models",
        "models, as in: mtpb run model=NAME",
        columns,
        tuple(_row(name, cached) for name in names),
        (f"{default} is taken where none is named.",),
    )


def _row(name: str, cached: dict[str, int]) -> tuple[Cell, ...]:
    path, count = str(values_of("model", name).get("path", "")), parameters(name)
    if count is None:
        source = "a server: model.base_url" if name == "openai" else "hub or directory: model.path"
        return name, None, source, None, _extra(name)
    if path in embedded.names():
        size = sum(file.stat().st_size for file in embedded.embedded(path).iterdir())
        return name, scaled(count, "K", "M", "B"), "this package", _bytes(size), None
    here = _bytes(cached[path]) if path in cached else "no"
    return name, scaled(count, "K", "M", "B"), f"hub: {path}", here, None


def parameters(name: str) -> int | None:
    """How many parameters a model has, known without loading it; None where any model can stand."""
    if name in embedded.names():
        return read_config(embedded.embedded(name)).parameters
    released = RELEASED.fullmatch(name)
    counts = {label: count for count, label in NOMINAL_SIZES.items()}
    return counts[released.group(1)] if released else None


def _extra(name: str) -> str:
    """The extra that a choice of the group needs."""
    extra = next(one for one, feature in EXTRAS.items() if feature == f"model={name}")
    return f"{extra}, which is missing" if lacking_packages(extra) else extra


def _bytes(count: int) -> str:
    return scaled(count, " kB", " MB", " GB")


def scaled(count: int, *units: str) -> str:
    """A number in the largest of the units of a thousand, a million and a billion that fits."""
    value = float(count)
    for unit in units:
        value /= 1000
        if value < 999.5 or unit == units[-1]:
            break
    return f"{value:.1f}{unit}" if value < 99.95 else f"{value:.0f}{unit}"


if __name__ == "__main__":
    listing("models", lambda: models_table().text())

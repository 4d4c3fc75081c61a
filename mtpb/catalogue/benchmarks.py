"""Lists the suites: size, kind, source, and whether they are on this machine.

    mtpb benchmarks
    mtpb run benchmark=starter-function

`mtpb run benchmark=NAME` takes each of them. A published suite is fetched when it is first used;
`here` says whether its copy is in the cache, which MTPB_CACHE moves.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.loader import cache_directory, kept_copy
from benchmarks.records.schema import MULTI_TURN
from benchmarks.suites import SUITES, Derived, Published, Suite
from mtpb.cli.keys import choices_of, keys_of
from mtpb.cli.listing import listing
from mtpb.tables import Cell, Column, Kind, Table


def benchmarks_table() -> Table:
    """All choices of the group `benchmark`, those of this package first."""
    (default,) = (group.value for group in keys_of("run").groups if group.name == "benchmark")
    columns = (
        Column("suite", "suite"),
        Column("problems", "problems", Kind.count),
        Column("kind", "of"),
        Column("source", "from"),
        Column("here", "here", Kind.flag),
    )
    names = sorted(choices_of("benchmark"), key=lambda name: (_rank(SUITES[name].home), name))
    return Table(
        "benchmarks",
        "suites, as in: mtpb run benchmark=NAME",
        columns,
        tuple(_row(name, SUITES[name]) for name in names),
        (
            f"{default} is taken where none is named; published suites are kept in "
            f"{cache_directory()}.",
        ),
    )


def _rank(home: Published | Derived | Path | None) -> int:
    """This package's suites, published ones, those made of them, the user's."""
    kinds = (Path, Published, Derived)
    return next((i for i, kind in enumerate(kinds) if isinstance(home, kind)), len(kinds))


def _row(name: str, suite: Suite) -> tuple[Cell, ...]:
    kind = "turns" if suite.schema is MULTI_TURN else "functions"
    match suite.home:
        case Published():
            return name, suite.home.problems, kind, _source(suite.home.origin), _is_kept(name)
        case Derived():
            base = suite.home.suite
            return name, suite.home.problems, kind, f"made of {base}", _is_kept(base)
        case Path():
            return name, len(suite.home.read_bytes().splitlines()), kind, "this package", True
        case None:
            return name, None, "either", "yours: benchmark.path", None


def _is_kept(name: str) -> bool:
    home = SUITES[name].home
    return isinstance(home, Published) and kept_copy(name, home, cache_directory()).is_file()


def _source(origin: str) -> str:
    """The repository that a suite is published in, by the address of its file or its id."""
    if "://" not in origin:
        return f"hub: {origin}"
    owner, repository = origin.split("/")[3:5]
    return f"github: {owner}/{repository}"


if __name__ == "__main__":
    listing("benchmarks", lambda: benchmarks_table().text())

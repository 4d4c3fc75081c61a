"""Lets no folder of the user hide the packages that belong to mtpb.

`models`, `benchmarks`, `sandbox` and `conf` are common names: a folder of the user's that holds one
of them comes first on the path under `python -m`. Imports the standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

NAMES = ("models", "benchmarks", "sandbox", "conf")
_PARENT = str(Path(__file__).resolve().parents[2])


class _BesideThisPackage(MetaPathFinder):
    """Finds NAMES next to mtpb itself, before the path is asked."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [_PARENT]) if fullname in NAMES else None


def prefer_own() -> None:
    """Import NAMES from beside mtpb from now on. Modules that are imported already stay."""
    sys.meta_path.insert(0, _BesideThisPackage())


def foreign_owner(error: ImportError) -> str | None:
    """Which other distributions have installed files in the package that failed; None if none has.

    Two distributions with a package of the same name write into one folder.
    """
    root = (error.name or "").partition(".")[0]
    if root not in NAMES:
        return None
    others = sorted(set(packages_distributions().get(root, ())) - {"mtpb"})
    if not others:
        return None
    return (
        f"the package `{root}` of mtpb is overwritten by {', '.join(others)}, which is installed "
        f"beside it; install mtpb into an environment of its own, or uninstall {others[0]}"
    )

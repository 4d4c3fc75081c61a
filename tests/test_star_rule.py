"""Who may import whom: models, benchmarks and sandbox stand alone; only mtpb knows them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = {"models", "benchmarks", "sandbox"}
HARNESS = {"mtpb", "hydra", "omegaconf", "conf"}


def imported(source: str) -> Iterator[str]:
    """Top-level names of all absolute imports, wherever they stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_package_imports_neither_its_siblings_nor_the_harness(package: str) -> None:
    forbidden = (PACKAGES - {package}) | HARNESS
    files = list((REPOSITORY / package).rglob("*.py"))
    assert files
    for file in files:
        assert forbidden.isdisjoint(imported(file.read_text())), file


@pytest.mark.parametrize("package", ["benchmarks", "sandbox"])
def test_package_needs_no_torch(package: str) -> None:
    for file in (REPOSITORY / package).rglob("*.py"):
        assert "torch" not in imported(file.read_text()), file


def test_imports_inside_functions_and_submodules_are_seen() -> None:
    source = "def f():\n    import hydra.utils\n    from mtpb.cli.application import application\n"
    assert set(imported(source)) == {"hydra", "mtpb"}

"""The direction of imports: no circle, rooms import downward only, what is heavy when used."""

import ast
import importlib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("benchmarks", "models", "mtpb", "sandbox")
MOST_FILES = 15  # of a folder, its __init__.py not counted
# what takes long to import, or is installed with an extra only
HEAVY = {
    *(
        "datasets",
        "huggingface_hub",
        "hydra",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "numpy",
        "openai",
    ),
    *("pandas", "pygments", "ray", "safetensors", "scipy", "starlette", "torch", "transformers"),
    *("triton", "uvicorn"),
}
# a package's folders from the top down: one imports those below it only, and none of its own line.
# Modules of the package's own folder (commands above, errors and settings below) are not held to
# this; that they form no circle either is a test of its own.
FLOORS = {
    "benchmarks": [
        {"benchmarks.data", "benchmarks.derived", "benchmarks.records"},
        {"benchmarks.asking"},
    ],
    "models": [
        {"models.serving", "models.training"},
        {"models.engine"},
        {"models.embedded"},
    ],
    "mtpb": [
        {"mtpb.catalogue", "mtpb.study", "mtpb.view"},
        {"mtpb.report"},
        {"mtpb.checking", "mtpb.comparing", "mtpb.formats"},
        {"mtpb.running"},
        {"mtpb.cluster"},
        {"mtpb.cli"},
        {"mtpb.samplers"},
        {"mtpb.config"},
        {"mtpb.statistics"},
        {"mtpb.rundir"},
        {"mtpb.tables"},
    ],
    "sandbox": [
        {"sandbox.server"},
        {"sandbox.inside", "sandbox.tester"},
        {"sandbox.protocol"},
    ],
}


def modules() -> dict[str, Path]:
    """All modules of the four packages by name; a package's is its `__init__.py`."""
    found = {}
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def targets(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement names: ours in full, others by their package."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [name if name in MODULES else node.module for name in below]
    else:
        names = []
    yield from (name if name in MODULES else name.partition(".")[0] for name in names)


def imports(path: Path) -> set[str]:
    """Everything that a file imports, wherever the statement stands."""
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in targets(node)}


def imports_in_functions(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                yield from targets(node)


def room(module: str) -> str:
    """The folder of a package that a module is in, or the package itself."""
    above = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    return ".".join(above.split(".")[:2])


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    graph = {
        name: {other for other in imports(path) if other in MODULES and other != name}
        for name, path in MODULES.items()
        if name.partition(".")[0] == package
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_downward_only(package: str) -> None:
    floor = {name: depth for depth, names in enumerate(FLOORS[package]) for name in names}
    rooms = {room(name) for name in MODULES if name.partition(".")[0] == package} - {package}
    assert rooms == floor.keys() - {package}
    wrong = [
        f"{name} imports {other}"
        for name, path in MODULES.items()
        for other in imports(path) & MODULES.keys()
        if room(name) in rooms and room(other) in rooms and room(name) != room(other)
        if floor[room(other)] <= floor[room(name)]
    ]
    assert wrong == []


def needs_heavy(module: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether importing a module of ours imports something heavy, directly or not."""
    if module in HEAVY:
        return True
    if module not in MODULES or module in seen:
        return False
    return any(needs_heavy(name, seen | {module}) for name in imports(MODULES[module]))


def test_only_what_is_heavy_is_imported_inside_a_function() -> None:
    light = [
        f"{name} imports {other}"
        for name, path in MODULES.items()
        for other in imports_in_functions(path)
        if not needs_heavy(other)
    ]
    assert light == []


def test_one_room_imports_ray() -> None:
    assert {room(name) for name, path in MODULES.items() if "ray" in imports(path)} == {
        "mtpb.cluster"
    }


def test_folders_hold_few_files() -> None:
    folders: dict[Path, int] = {}
    for path in MODULES.values():
        is_own = path.name not in ("__init__.py", "__main__.py")
        folders[path.parent] = folders.get(path.parent, 0) + is_own
    crowded = {str(folder): count for folder, count in folders.items() if count > MOST_FILES}
    assert crowded == {}


def test_every_folder_says_what_it_is_for() -> None:
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), name


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed_and_their_public_names_are_there(package: str) -> None:
    assert (REPOSITORY / package / "py.typed").exists()
    if package == "models":  # most of its names are imported when they are used, with torch
        pytest.importorskip("torch")
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None

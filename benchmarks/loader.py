"""Loads a suite by name: from a file or folder, the package, the cache or the network.

The public suites are pinned by the SHA-256 of their normalised records, which is the same for every
copy of the content. Fetched content must have this hash. A local file may have another: a warning
says so, and the benchmark has the file's hash and a name of its own.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.benchmark import Benchmark
from benchmarks.errata import errata
from benchmarks.fetch import from_hub
from benchmarks.problem import BenchmarkError
from benchmarks.records.schema import Line, parse, read_lines
from benchmarks.suites import NAMES, PUBLISHED, SUITES, Derived, Published, Suite

_log = logging.getLogger(__name__)
_HUB = "hf://"


def load(
    suite: str,
    path: str | Path | None = None,
    *,
    name: str | None = None,
    origin: str | None = None,
    cache: Path | None = None,
) -> Benchmark:
    """The records at `path` under a suite's rules if given, else the suite's published content.

    Published content has the suite's name. Other content has `name`, by default the file's, with
    `-custom` appended if that is the name of a suite; a warning says so.

    Args:
        suite: one of NAMES: the format of the records and the protocol.
        path: a `.jsonl` or `.jsonl.gz` in the suite's format, of any content; a folder of such
            files; or `hf://ORG/NAME`, the test split of a data set on the hub.
        name: letters, digits and `._+-`; not the name of a suite.
        origin: another address to fetch from (a URL for MTPB; a hub id or a folder for
            the others); its content must be the published one.
        cache: the folder for fetched suites; by default `MTPB_CACHE`, else `mtpb` in the user's
            cache directory.

    Raises:
        BenchmarkError: there is no such suite; it cannot be read or fetched; a record is wrong; the
            name cannot be given to this content.
    """
    rules = SUITES.get(suite)
    if rules is None:
        raise BenchmarkError(f"no benchmark {suite!r}; there are {', '.join(NAMES)}")
    if isinstance(rules.home, Derived):
        if name not in (None, suite):
            raise BenchmarkError(_kept_name(name, suite, suite))
        return _derived(suite, rules, rules.home, load(rules.home.suite, path, cache=cache))
    if path is not None:
        return _local(suite, rules, str(path), name)
    if rules.home is None:
        raise BenchmarkError(
            f"benchmark={suite}: no problems of its own; give benchmark.path=FILE, a folder of "
            ".jsonl files, or hf://ORG/NAME"
        )
    if name not in (None, suite):
        raise BenchmarkError(_kept_name(name, suite, suite))
    if isinstance(rules.home, Path):
        return _embedded(suite, rules, rules.home)
    return _published(suite, rules, rules.home, origin, cache or cache_directory())


def cache_directory() -> Path:
    """`MTPB_CACHE`, else the user's cache directory as the XDG specification finds it.

    Raises BenchmarkError where neither is set and the user has no home, as in some containers.
    """
    if chosen := os.environ.get("MTPB_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "mtpb"
    home = os.path.expanduser("~")
    if home == "~":
        raise BenchmarkError(
            "HOME is not set, and this user has no home directory; set MTPB_CACHE to a folder for "
            "fetched suites"
        )
    return Path(home) / ".cache" / "mtpb"


def kept_copy(suite: str, home: Published, cache: Path) -> Path:
    """The file in which a suite is kept once it was fetched."""
    return cache / f"{suite}-{home.sha256[:12]}.jsonl"


def lines_at(place: str) -> list[Line]:
    """The records of a file, of a folder's `.jsonl` files or of a data set on the hub.

    Raises:
        BenchmarkError: they cannot be read or fetched; a line is not a JSON object.
    """
    return [line for text, source in texts_at(place) for line in read_lines(text, source)]


def texts_at(place: str) -> Iterator[tuple[str, str]]:
    """The texts of a place, as `lines_at` finds them, each with its source."""
    if place.startswith(_HUB):
        yield _on_hub(place), place
        return
    path = Path(place).expanduser()
    for file in _suite_files(path) if path.is_dir() else [path]:
        yield _read(file), str(file)


def _on_hub(place: str) -> str:
    try:
        return from_hub(place.removeprefix(_HUB))
    except BenchmarkError as error:
        raise BenchmarkError(f"{error}; check benchmark.path={place}, or {_REMEDY}") from None


def _suite_files(folder: Path) -> list[Path]:
    names = (file for file in folder.iterdir() if file.name.endswith((".jsonl", ".jsonl.gz")))
    if files := sorted(names):
        return files
    raise BenchmarkError(f"{folder}: a folder without .jsonl or .jsonl.gz files")


def _benchmark(suite: str, rules: Suite, lines: Iterable[Line], source: str) -> Benchmark:
    """The records, under the suite's name."""
    problems, sha256 = parse(lines, rules.schema, source)
    known = isinstance(rules.home, Published) and sha256 in rules.home.hashes
    tested = problems[0].test is not None and rules.test_protocol
    return Benchmark(
        suite,
        suite,
        problems,
        sha256,
        tested or rules.protocol,
        source,
        errata(suite) if known else {},
        rules.id_prefix,
    )


def _embedded(suite: str, rules: Suite, home: Path) -> Benchmark:
    source = f"benchmarks/data/{home.name}"
    return _benchmark(suite, rules, read_lines(_read(home), source), source)


def _local(suite: str, rules: Suite, place: str, name: str | None) -> Benchmark:
    """The user's records, under the suite's name only if they are the published ones."""
    benchmark = _benchmark(suite, rules, lines_at(place), place)
    expected = _pinned(suite, rules)
    if benchmark.sha256 in expected:
        if name not in (None, suite):
            raise BenchmarkError(_kept_name(name, suite, place))
        return benchmark
    own = _own_name(place) if name is None else name
    if own.casefold() in PUBLISHED:
        raise BenchmarkError(
            f"benchmark.name={own}: {place} is not the published {own}; choose a name that is no "
            "suite's"
        )
    if not re.fullmatch(r"\w[\w.+-]*", own):
        raise BenchmarkError(f"benchmark.name={own}: use letters, digits, '.', '-', '+' and '_'")
    if expected:
        _log.warning(
            "%s: not the published %s (SHA-256 %s… instead of %s…): it runs as %s; no published "
            "figures or errata apply",
            place,
            suite,
            benchmark.sha256[:12],
            expected[0][:12],
            own,
        )
    return replace(benchmark, name=own)


def _derived(suite: str, rules: Suite, home: Derived, base: Benchmark) -> Benchmark:
    """The suite that is made of another one, under its own name and protocol."""
    if base.name != home.suite:
        raise BenchmarkError(
            f"{base.source}: not the published {home.suite}, of which {suite} is made; leave "
            "benchmark.path out, or give a copy of the published file"
        )
    made = home.made(base)
    return replace(made, name=suite, suite=suite, protocol=rules.protocol, base=home.suite)


def _pinned(suite: str, rules: Suite) -> tuple[str, ...]:
    """Hashes of the published content in its forms; none for a suite that has no such content."""
    home = rules.home
    if isinstance(home, Path):
        return (_embedded(suite, rules, home).sha256,)
    return home.hashes if isinstance(home, Published) else ()


def _own_name(place: str) -> str:
    """The last name of a place without its endings; with `-custom` where that is a suite's."""
    stem = Path(place).expanduser().name.removesuffix(".gz").removesuffix(".jsonl")
    own = re.sub(r"[^\w.+-]+", "_", stem).lstrip(".+-") or "custom"
    return f"{own}-custom" if own.casefold() in PUBLISHED else own


def _kept_name(name: str | None, suite: str, source: str) -> str:
    return (
        f"benchmark.name={name}: {source} is the published {suite}, which keeps its name; leave "
        "the key out"
    )


def _read(path: Path) -> str:
    try:
        body = path.read_bytes()
        return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"{path}: not UTF-8 text ({error.reason})") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BenchmarkError(
            f"{path}: cannot be read ({reason}); expected a .jsonl or .jsonl.gz file"
        ) from None


def _published(
    suite: str, rules: Suite, home: Published, origin: str | None, cache: Path
) -> Benchmark:
    kept = kept_copy(suite, home, cache)
    if kept.is_file():
        try:
            benchmark = _benchmark(suite, rules, lines_at(str(kept)), str(kept))
        except BenchmarkError:
            pass  # damaged, so it is fetched again
        else:
            if benchmark.sha256 == home.sha256:
                return benchmark
    return _fetched(suite, rules, home, origin or home.origin, kept)


def _fetched(suite: str, rules: Suite, home: Published, origin: str, kept: Path) -> Benchmark:
    try:
        lines = list(read_lines(home.fetch(origin), origin))
        benchmark = _benchmark(suite, rules, lines, origin)
    except BenchmarkError as error:
        raise BenchmarkError(f"{suite}: {error}; {_REMEDY}") from None
    if benchmark.sha256 != home.sha256:
        raise BenchmarkError(
            f"{suite}: {origin} has other content than expected (SHA-256 of the records "
            f"{benchmark.sha256[:12]}… instead of {home.sha256[:12]}…); {_REMEDY}"
        )
    normalised = (rules.schema.normalised(line.record) for line in lines)
    _keep("".join(f"{record}\n" for record in normalised), kept)
    return benchmark


_REMEDY = "give a local copy with benchmark.path=FILE"


def _keep(text: str, path: Path) -> None:
    """Writes the cached copy atomically; logs a warning if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        _log.warning("%s: the fetched copy could not be kept (%s)", path, error.strerror)

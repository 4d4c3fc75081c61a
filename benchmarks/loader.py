"""Loading a suite by name: from a local file, from the package, from the cache or from the net.

The public suites are pinned by the SHA-256 of their normalised records, which is the same for
the hub's, a file's and the cache's copy. What is fetched must have it; a local file may differ,
which is said once, and carries its own hash and a name of its own from there on.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.benchmark import Benchmark
from benchmarks.errata import errata
from benchmarks.fetch import from_hub, over_http
from benchmarks.problem import BenchmarkError
from benchmarks.protocol import HUMANEVAL, MTPB, STARTER, STARTER_FUNCTION, Protocol
from benchmarks.schema import FUNCTION, MULTI_TURN, Schema, parse, read_lines

_log = logging.getLogger(__name__)
_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class _Published:
    """Where a public suite is, how it is fetched, and what its records' hash must be."""

    origin: str
    fetch: Callable[[str], str]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Suite:
    protocol: Protocol
    schema: Schema
    home: _Published | Path


_SUITES: Mapping[str, _Suite] = {
    "mtpb": _Suite(
        MTPB,
        MULTI_TURN,
        _Published(
            "https://raw.githubusercontent.com/salesforce/CodeGen/main/codegen1/benchmark/mtpb.jsonl",
            over_http,
            "236ed5ff3f26a167abb51d20d7c92beb6e07f434dddbafb40ea78c14139049c8",
        ),
    ),
    "humaneval": _Suite(
        HUMANEVAL,
        FUNCTION,
        _Published(
            "openai/openai_humaneval",
            from_hub,
            "9345bdf84c12086d808c671a8f61f2fa89353e1c147804ec9c2223102d7dadc3",
        ),
    ),
    "starter": _Suite(STARTER, MULTI_TURN, _DATA / "starter.jsonl"),
    "starter-function": _Suite(STARTER_FUNCTION, FUNCTION, _DATA / "starter-function.jsonl"),
}

NAMES = tuple(_SUITES)


def load(
    suite: str,
    path: str | Path | None = None,
    *,
    name: str | None = None,
    origin: str | None = None,
    cache: Path | None = None,
) -> Benchmark:
    """The file at `path` under a suite's rules if given, else the suite's published content.

    Published content has the suite's name. Other content, which a warning tells of, has `name`: by
    default the file's, with `-custom` behind it where that is the name of a suite.

    Args:
        suite: one of NAMES: the format of the records and the protocol.
        path: a `.jsonl` or `.jsonl.gz` in the suite's format, of any content.
        name: letters, digits and `._+-`; not the name of a suite.
        origin: another address to fetch from (a URL for MTPB; a hub id or a folder for
            HumanEval); the content has to be the published one all the same.
        cache: where fetched suites are kept; by default `MTPB_CACHE`, else `mtpb` in the user's
            cache directory.

    Raises:
        BenchmarkError: there is no such suite; it cannot be read or fetched; a record is wrong; the
            name is not for this content.
    """
    rules = _SUITES.get(suite)
    if rules is None:
        raise BenchmarkError(f"no benchmark {suite!r}; there are {', '.join(NAMES)}")
    if path is not None:
        return _local(suite, rules, Path(path), name)
    if name not in (None, suite):
        raise BenchmarkError(_kept_name(name, suite, suite))
    if isinstance(rules.home, Path):
        return _embedded(suite, rules, rules.home)
    return _published(suite, rules, rules.home, origin, cache or cache_directory())


def cache_directory() -> Path:
    """`MTPB_CACHE`, else the user's cache directory as the XDG specification finds it."""
    if chosen := os.environ.get("MTPB_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "mtpb"


def _benchmark(suite: str, rules: _Suite, text: str, source: str) -> Benchmark:
    """The content of `text`, under the suite's name."""
    problems, sha256 = parse(read_lines(text, source), rules.schema, source)
    known = isinstance(rules.home, _Published) and sha256 == rules.home.sha256
    kinds = errata(suite) if known else {}
    return Benchmark(suite, suite, problems, sha256, rules.protocol, source, kinds)


def _embedded(suite: str, rules: _Suite, home: Path) -> Benchmark:
    return _benchmark(suite, rules, _read(home), f"benchmarks/data/{home.name}")


def _local(suite: str, rules: _Suite, path: Path, name: str | None) -> Benchmark:
    """The content of a file, under the suite's name only if it is the published one."""
    benchmark = _benchmark(suite, rules, _read(path), str(path))
    home = rules.home
    expected = _embedded(suite, rules, home).sha256 if isinstance(home, Path) else home.sha256
    if benchmark.sha256 == expected:
        if name not in (None, suite):
            raise BenchmarkError(_kept_name(name, suite, str(path)))
        return benchmark
    differs = (
        f"{path}: not the published {suite} (SHA-256 {benchmark.sha256[:12]}… instead of "
        f"{expected[:12]}…)"
    )
    own = _own_name(path) if name is None else name
    if own.casefold() in NAMES:
        raise BenchmarkError(f"benchmark.name={own}: {differs}; choose a name that is no suite's")
    if not re.fullmatch(r"\w[\w.+-]*", own):
        raise BenchmarkError(f"benchmark.name={own}: use letters, digits, '.', '-', '+' and '_'")
    _log.warning("%s: it runs as %s; no published figures or errata apply", differs, own)
    return replace(benchmark, name=own)


def _own_name(path: Path) -> str:
    """The file's name without its endings; with `-custom` where that is a suite's."""
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    own = re.sub(r"[^\w.+-]+", "_", stem).lstrip(".+-") or "custom"
    return f"{own}-custom" if own.casefold() in NAMES else own


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
    suite: str, rules: _Suite, home: _Published, origin: str | None, cache: Path
) -> Benchmark:
    kept = cache / f"{suite}-{home.sha256[:12]}.jsonl"
    if kept.is_file():
        try:
            benchmark = _benchmark(suite, rules, _read(kept), str(kept))
        except BenchmarkError:
            pass  # damaged: fetched again
        else:
            if benchmark.sha256 == home.sha256:
                return benchmark
    return _fetched(suite, rules, home, origin or home.origin, kept)


def _fetched(suite: str, rules: _Suite, home: _Published, origin: str, kept: Path) -> Benchmark:
    try:
        benchmark = _benchmark(suite, rules, text := home.fetch(origin), origin)
    except BenchmarkError as error:
        raise BenchmarkError(f"{suite}: {error}; {_REMEDY}") from None
    if benchmark.sha256 != home.sha256:
        raise BenchmarkError(
            f"{suite}: {origin} has other content than expected (SHA-256 of the records "
            f"{benchmark.sha256[:12]}… instead of {home.sha256[:12]}…); {_REMEDY}"
        )
    normalised = (rules.schema.normalised(line.record) for line in read_lines(text, origin))
    _keep("".join(f"{record}\n" for record in normalised), kept)
    return benchmark


_REMEDY = "give a local copy with benchmark.path=FILE"


def _keep(text: str, path: Path) -> None:
    """Write the cached copy, whole or not at all; a cache that cannot be written is no fault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        _log.warning("%s: the fetched copy could not be kept (%s)", path, error.strerror)

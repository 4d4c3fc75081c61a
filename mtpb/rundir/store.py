"""The run directory: the only state of a run, and all that reports and comparisons read.

Every line is appended in one write as soon as it exists. A run that is killed loses at most the
line that was being written; its beginning is dropped when the directory is opened again. The lines
of a finished directory are put into canonical order by replacing the file. One process at a time
writes to a directory; readers need no lock.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, TypeVar

from mtpb.errors import UsageError
from mtpb.rundir.events import ENDED, FAILED, INTERRUPTED, RESUMED, STARTED, EventLog
from mtpb.rundir.lock import FILE as LOCK
from mtpb.rundir.lock import locked
from mtpb.rundir.manifest import Manifest, Throughput
from mtpb.rundir.records import Key, Sample, Verdict
from mtpb.rundir.shards import Shard

METRICS = "metrics.json"
SHARD = "shard"  # key of the identity of a shard


class Keyed(Protocol):
    """Something that belongs to one sample."""

    @property
    def key(self) -> Key: ...


class Order(Protocol):
    """The samples of a finished run in canonical order; can be iterated more than once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Keyed]: ...


class Record(Keyed, Protocol):
    """A line of a run directory."""

    def to_json(self) -> str: ...


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Reads a run directory; needs neither the benchmark nor the model."""

    path: Path

    @property
    def samples_path(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def verdicts_path(self) -> Path:
        return self.path / "verdicts.jsonl"

    @property
    def manifest_path(self) -> Path:
        return self.path / "manifest.json"

    def manifest(self) -> Manifest:
        """Raises UsageError if there is no manifest or it cannot be read."""
        content = read_json(self.manifest_path, "is this a run directory, copied whole?")
        return Manifest.from_json(
            content, self.manifest_path, lambda: len({sample.key for sample in self.samples()})
        )

    def metrics(self) -> dict[str, Any]:
        return read_json(self.path / METRICS, "run mtpb.run or mtpb.score first")

    def samples(self) -> Iterator[Sample]:
        return read_records(self.samples_path, Sample.from_json)

    def verdicts(self) -> Iterator[Verdict]:
        return read_records(self.verdicts_path, Verdict.from_json)


def read_records(path: Path, parse: Callable[[str], R]) -> Iterator[R]:
    """The records of a JSON-lines file, in its order; none if there is no file.

    A last line without its newline is skipped: it is being written, or a crash cut it off. Raises
    UsageError with file and line for any other line that is not a record.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield parse(line.decode())
            except (UsageError, UnicodeDecodeError) as error:
                raise UsageError(f"{path}:{number}: {error}") from error


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """A JSON object from a file. Raises UsageError with the remedy if it is missing or broken."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON ({error}); {remedy}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected a JSON object, got {type(value).__name__}; {remedy}")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replaces a file by a JSON object; a crash leaves the old content or the new."""
    write_whole(path, (json.dumps(value, indent=1), "\n"))


def expanded(path: str) -> Path:
    """The path with a user's home for `~`. Raises UsageError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: {path.partition('/')[0]} is no user's home here") from error


def output_directory(output: str | None) -> Path | None:
    """The directory that `output` names, None if the key is left out. UsageError for a file."""
    if output is None:
        return None
    if not output.strip():
        raise UsageError("output=: is empty; name a directory or leave the key out")
    path = expanded(output)
    if path.exists() and not path.is_dir():
        raise UsageError(f"output={output}: is a file; name a directory")
    return path


def default_output(
    results: str, benchmark: str, name: str | None, identity: Any, shard: Shard | None = None
) -> Path:
    """The directory of a run whose output is not given: every identity has its own.

    `identity` is that of the whole run; the directories of its shards are beside each other.
    """
    digest = sha256(plain_json(identity).encode()).hexdigest()[:10]
    safe = re.sub(r"[^\w.-]+", "_", name or "samples")
    part = "" if shard is None else f"-shard-{shard.number}-of-{shard.of}"
    return expanded(results) / benchmark / f"{safe}-{digest}{part}"


def plain_json(value: Any) -> str:
    """Compact JSON with sorted keys, so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Replaces a file's content atomically: a crash leaves the old content or the new."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to be written in the block, which then takes its place.

    After any error the old one is there as before. Raises UsageError where it cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: cannot be written ({error.strerror}); free some space or choose another output, "
        "nothing that was written before is lost"
    )


class RunWriter:
    """Writes to a run directory; a context manager that holds the directory's lock.

    Opening resumes: `samples` and `verdicts` hold the records that exist already, by key. The
    configuration may ask for another number of samples a case, or for other problems, as long as it
    asks for all samples that exist. Raises UsageError if the directory belongs to another
    configuration, naming the keys that differ, if another process writes to it, or if it cannot be
    written.
    """

    def __init__(self, path: Path, manifest: Manifest, config: str) -> None:
        self.directory = RunDirectory(path)
        _make(path)
        _refuse_foreign(path)
        self._lock = locked(path)
        try:
            self._open(manifest, config)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, manifest: Manifest, config: str) -> None:
        directory = self.directory
        if directory.manifest_path.exists() and not _empty(directory):
            before = directory.manifest()
            _refuse_other(directory, before, manifest)
            manifest = replace(manifest, throughput=before.throughput).answered_by(
                before.server.fingerprints if before.server else ()
            )
            if manifest.planned != before.planned:  # its figures are of another plan
                (directory.path / METRICS).unlink(missing_ok=True)
        self._manifest = manifest
        write_json(directory.manifest_path, manifest.to_json())
        write_whole(directory.path / "config.yaml", (config,))
        for path in (directory.samples_path, directory.verdicts_path):
            drop_unfinished_line(path)
        self.samples = {sample.key: sample for sample in directory.samples()}
        self.verdicts = {verdict.key: verdict for verdict in directory.verdicts()}
        self._samples = _appender(directory.samples_path)
        self._verdicts = _appender(directory.verdicts_path)
        self._events = EventLog(directory.path)
        self.log(RESUMED if self.samples else STARTED, planned=manifest.planned_here)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.log(ENDED)
        elif issubclass(kind, Exception):
            self.log(FAILED, error=f"{kind.__name__}: {error}"[:500])
        else:
            self.log(INTERRUPTED)
        self._samples.close()
        self._verdicts.close()
        os.close(self._lock)

    def log(self, event: str, **more: Any) -> None:
        """Appends an event to the run's log."""
        self._events.write(event, len(self.samples), len(self.verdicts), **more)

    def add_sample(self, sample: Sample) -> None:
        _append(self._samples, sample)
        self.samples[sample.key] = sample

    def add_verdict(self, verdict: Verdict) -> None:
        _append(self._verdicts, verdict)
        self.verdicts[verdict.key] = verdict

    def add_throughput(self, measured: Throughput) -> None:
        """Adds to the counts and seconds of earlier starts of the run."""
        self._manifest = replace(self._manifest, throughput=self._manifest.throughput + measured)
        write_json(self.directory.manifest_path, self._manifest.to_json())

    def add_fingerprints(self, fingerprints: Iterable[str]) -> tuple[str, ...]:
        """Adds a server's fingerprints; returns all of the run."""
        self._manifest = self._manifest.answered_by(fingerprints)
        write_json(self.directory.manifest_path, self._manifest.to_json())
        return self._manifest.server.fingerprints if self._manifest.server else ()

    def put_records(
        self, order: Order, samples: Mapping[Key, Sample], verdicts: Mapping[Key, Verdict]
    ) -> None:
        """Adds records of other directories, in this order; each file is replaced as a whole.

        Raises UsageError for a sample that is there already and says something else.
        """
        for key in self.samples.keys() & samples.keys():
            if self.samples[key] != samples[key]:
                raise UsageError(
                    f"output={self.directory.path}: problem {key.problem}, case {key.case}, sample "
                    f"{key.sample} is another one there; choose another output"
                )
        self.samples |= samples
        self.verdicts |= verdicts
        self.put_in_order(order)

    def put_in_order(self, order: Order) -> None:
        """Rewrites both files in this order; records that it does not name are dropped."""
        _rewrite(self.directory.samples_path, _Lines(order, self.samples))
        _rewrite(self.directory.verdicts_path, _Lines(order, self.verdicts))


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of the existing records in an order; each is made when it is iterated over."""

    order: Order
    records: Mapping[Key, Record]

    def __iter__(self) -> Iterator[str]:
        found = (self.records.get(named.key) for named in self.order)
        return (record.to_json() + "\n" for record in found if record is not None)


def _make(path: Path) -> None:
    """Makes the directory where it does not exist."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"output={path}: cannot be made ({error.strerror}); choose another output"
        ) from error


def _empty(directory: RunDirectory) -> bool:
    """Whether the directory has no samples and no verdicts; then another run may take it."""
    paths = (directory.samples_path, directory.verdicts_path)
    return not any(path.exists() and path.stat().st_size for path in paths)


def decisive(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an identity that samples and verdicts depend on: all but the content's name.

    `benchmark.suite` is written only where it differs from the name; in older directories the name
    is always the suite's.
    """
    suite = identity.get("benchmark.suite", identity.get("benchmark.name"))
    rest = {key: value for key, value in identity.items() if key != "benchmark.name"}
    return {**rest, "benchmark.suite": suite}


def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The keys of two identities whose values differ and make a difference, sorted."""
    here, there = decisive(one), decisive(other)
    return [key for key in sorted({*here, *there}) if here.get(key) != there.get(key)]


def _refuse_other(directory: RunDirectory, before: Manifest, manifest: Manifest) -> None:
    there, identity = decisive(before.identity), decisive(manifest.identity)
    differing = [
        f"  {key}: {there.get(key)!r} there, {identity.get(key)!r} now"
        for key in differing_keys(before.identity, manifest.identity)
        if not _asks_for_all(key, identity, directory)
    ]
    if differing:
        raise UsageError(
            f"output={directory.path}: holds a run of another configuration; choose another output "
            "or delete it. Differing keys:\n" + "\n".join(differing)
        )


def _asks_for_all(key: str, identity: Mapping[str, Any], directory: RunDirectory) -> bool:
    """Whether a plan with this identity's value of a key asks for all samples that exist.

    A shard of other problems has other samples.
    """
    value: Any = identity.get(key)
    records: Iterable[Record] = chain[Record](directory.samples(), directory.verdicts())
    there = (record.key for record in records)
    if key == "sampling.n":
        return all(named.sample < value for named in there)
    if key == "benchmark.problems" and SHARD not in identity:  # None: all problems
        return value is None or {named.problem for named in there} <= set(value)
    return False


def _refuse_foreign(path: Path) -> None:
    """Raises UsageError for a directory without a manifest that is not empty.

    A lock and a manifest.json.tmp may be there: a crash at the start of a run leaves them.
    """
    names = {one.name for one in path.iterdir()}
    others = sorted(names - {LOCK, "manifest.json.tmp"})
    if others and "manifest.json" not in names:
        raise UsageError(
            f"output={path}: has files but no manifest.json, so it is no run directory "
            f"(first: {others[0]!r}); choose another output"
        )


def drop_unfinished_line(path: Path) -> None:
    """Cuts off a last line without its newline, which a crash left, before lines are appended."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _appender(path: Path) -> IO[bytes]:
    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise _unwritable(path, error) from error


def _append(file: IO[bytes], record: Record) -> None:
    rest = memoryview(record.to_json().encode() + b"\n")
    end = file.seek(0, os.SEEK_END)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        file.truncate(end)  # removes what was written of the line
        raise _unwritable(Path(file.name), error) from error


def _rewrite(path: Path, lines: Iterable[str]) -> None:
    if not (path.exists() and _holds(path, lines)):
        write_whole(path, lines)


def _holds(path: Path, lines: Iterable[str]) -> bool:
    """Whether a file consists of these lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return all(one == other for one, other in zip_longest(file, lines))

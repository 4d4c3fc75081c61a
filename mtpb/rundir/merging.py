"""Shards of one run put together: do they belong together, is all there, and the whole's records.

Everything that is wrong with the shards is said at once. Needs neither the benchmark nor the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain, islice, pairwise
from operator import add
from pathlib import Path

from mtpb.errors import UsageError
from mtpb.rundir.manifest import Manifest, Origin, ShardFacts, Throughput
from mtpb.rundir.records import Key, Sample, Verdict, VerdictStatus
from mtpb.rundir.run import extent, matching
from mtpb.rundir.store import SHARD, RunDirectory, differing_keys

_SHOWN = 5  # samples that a message names


@dataclass(frozen=True, slots=True)
class Place:
    """A planned sample."""

    key: Key


@dataclass(frozen=True, slots=True)
class WholeOrder:
    """All samples that a manifest plans, in canonical order."""

    manifest: Manifest

    def __len__(self) -> int:
        return self.manifest.planned

    def __iter__(self) -> Iterator[Place]:
        sampling = self.manifest.sampling
        for problem in self.manifest.benchmark.problems:
            for case in range(len(problem.cases)):
                for sample in range(sampling.n if sampling else 0):
                    yield Place(Key(problem.id, case, sample))


@dataclass(frozen=True, slots=True)
class Part:
    """A directory that holds a shard."""

    directory: RunDirectory
    manifest: Manifest
    shard: ShardFacts

    def __str__(self) -> str:
        return f"shard {self.shard.number}/{self.shard.of} in {self.directory.path}"


@dataclass(frozen=True, slots=True)
class Whole:
    """The run that shards are parts of, with all its records."""

    manifest: Manifest
    samples: dict[Key, Sample]
    verdicts: dict[Key, Verdict]

    @property
    def order(self) -> WholeOrder:
        return WholeOrder(self.manifest)

    def take(self, part: Part) -> Iterator[str]:
        """Adds a shard's records; yields what is wrong with them."""
        samples = {sample.key: sample for sample in part.directory.samples()}
        verdicts = {
            verdict.key: verdict
            for verdict in part.directory.verdicts()
            if verdict.status is not VerdictStatus.sandbox_error
        }
        judged = len(samples.keys() & verdicts.keys())
        if judged < max(len(samples), part.shard.planned):
            done = extent(judged, part.shard.planned)
            yield f"{part}: {done} are judged; repeat its command to finish it"
        if twice := samples.keys() & self.samples.keys():
            yield f"{part}: has samples of another shard: {_named(twice)}"
        self.samples.update(samples)
        self.verdicts.update(verdicts)


def find_parts(patterns: Sequence[str], output: Path) -> list[Part]:
    """The shards that globs match, by number; `output` itself is left out.

    Raises UsageError where there are none and for a run that is not a shard.
    """
    there = [one for one in matching(patterns) if one.path.resolve() != output.resolve()]
    asked = ",".join(patterns)
    if not there:
        raise UsageError(
            f"runs={asked}: no run directory matches; a pattern names the directories of shards, "
            "or a folder that holds them"
        )
    return sorted(map(_part, there), key=lambda part: part.shard.number)


def _part(directory: RunDirectory) -> Part:
    manifest = directory.manifest()
    if manifest.shard is None:
        raise UsageError(
            f"runs: {directory.path} is not a shard but a run by itself; let the pattern match "
            "directories of mtpb.run shard=i/n only"
        )
    return Part(directory, manifest, manifest.shard)


def put_together(parts: Sequence[Part]) -> Whole:
    """The run that the shards make up.

    Raises UsageError that names all shards of other configurations, shards that are missing, there
    twice or not finished, and samples that are missing or in two shards.
    """
    _refuse(_strangers(parts), "runs of different configurations")
    _refuse(chain(_doubles(parts), _missing(parts)), "not one directory for each shard")
    whole = Whole(_manifest(parts), {}, {})
    _refuse([fault for part in parts for fault in whole.take(part)], "not finished, or of two runs")
    _refuse(_unplanned(whole), "not the planned samples")
    return whole


def _refuse(faults: Iterable[str], what: str) -> None:
    if found := list(faults):
        raise UsageError(f"runs: {what}:\n" + "\n".join(f"  {fault}" for fault in found))


def _strangers(parts: Sequence[Part]) -> Iterator[str]:
    first = parts[0]
    for part in parts[1:]:
        keys = differing_keys(_without_shard(first.manifest), _without_shard(part.manifest))
        if part.shard.of != first.shard.of:
            yield f"{part}, but {first}"
        elif keys:
            yield f"{part} differs from {first} in {', '.join(keys)}"


def _doubles(parts: Sequence[Part]) -> Iterator[str]:
    for one, other in pairwise(parts):
        if one.shard.number == other.shard.number:
            yield f"{other}: also in {one.directory.path}; leave one of them out"


def _missing(parts: Sequence[Part]) -> Iterator[str]:
    there = {part.shard.number for part in parts}
    of = parts[0].shard.of
    for number in range(1, of + 1):
        if number not in there:
            yield f"shard {number}/{of} is missing; make it with shard={number}/{of}"


def _unplanned(whole: Whole) -> Iterator[str]:
    planned = {place.key for place in whole.order}
    if missing := planned - whole.samples.keys():
        yield f"missing: {_named(missing)}"
    if unknown := whole.samples.keys() - planned:
        yield f"not planned: {_named(unknown)}"


def _named(keys: set[Key]) -> str:
    """Some of the samples in words, and how many there are."""
    some = ", ".join(
        f"problem {key.problem} case {key.case} sample {key.sample}"
        for key in islice(sorted(keys), _SHOWN)
    )
    return some if len(keys) <= _SHOWN else f"{some}, … ({len(keys):,})"


def _without_shard(manifest: Manifest) -> dict[str, object]:
    return {key: value for key, value in manifest.identity.items() if key != SHARD}


def _manifest(parts: Sequence[Part]) -> Manifest:
    """The whole's manifest: the first shard's, with the work of all."""
    first = parts[0].manifest
    hosts = {host for part in parts if (host := part.manifest.environment.host)}
    servers = (server for part in parts if (server := part.manifest.server))
    work: Throughput = reduce(add, (part.manifest.throughput for part in parts))
    whole = replace(
        first,
        identity=_without_shard(first),
        shard=None,
        throughput=work,
        origin=Origin(
            "merge", tuple(str(part.directory.path) for part in parts), tuple(sorted(hosts))
        ),
    )
    return whole.answered_by(chain.from_iterable(server.fingerprints for server in servers))

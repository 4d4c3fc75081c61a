"""The record in manifest.json of a run directory: what was run, on what, with what.

`identity` has every key that changes samples or verdicts. A directory is resumed only by a run of
the same identity; two runs are comparable only if the relevant keys agree. `Manifest` is the only
reader and writer of the file's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from mtpb.errors import UsageError
from mtpb.rundir.decode import decode
from mtpb.rundir.guarantee import Guarantee

N = TypeVar("N", int, float)

SCHEMA_VERSION = 1
_MAX_TURNS = "benchmark.max_turns"  # key of the identity of a run with feedback


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model of a run; for imported samples only `name` is set."""

    name: str | None = None
    path: str | None = None
    revision: str | None = None
    data: str | None = None
    size: str | None = None
    parameters: int | None = None
    weights_sha256: str | None = None
    tokenizer_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class MendedFacts:
    """What the scorer `verified` accepts in a faulty case, by which rule, and why."""

    answers: tuple[Any, ...]
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case: its expected value, its kinds of known faults, and whether none of them spoils it."""

    expected: Any = None
    errata: tuple[str, ...] = ()
    clean: bool = True
    mended: MendedFacts | None = None


@dataclass(frozen=True, slots=True)
class ProblemFacts:
    """A problem as reports need it; `turns` is their number."""

    id: str
    name: str
    category: str
    difficulty: str | None
    turns: int
    cases: tuple[CaseFacts, ...]


@dataclass(frozen=True, slots=True)
class BenchmarkFacts:
    """What reports need of a benchmark, so that they do not load it.

    `problems` are those of the run; `sha256` is that of the whole suite. `scorer`, one of
    `scorers`, is the one that `passed` of a verdict follows. `errata` says whether the suite's
    faults are known; None, in older manifests, means: if some case has a fault. `note` is what
    readers of figures must know of the suite.
    """

    name: str
    sha256: str
    format: str
    scorers: tuple[str, ...]
    scorer: str
    problems: tuple[ProblemFacts, ...]
    source: str | None = None
    errata: bool | None = None
    note: str = ""

    @property
    def cases(self) -> int:
        """How many (problem, case) there are."""
        return sum(len(problem.cases) for problem in self.problems)

    @property
    def has_tests(self) -> bool:
        """Whether this is a function suite, which is judged by its own tests."""
        return not {"official", "strict"} & set(self.scorers)

    @property
    def has_errata(self) -> bool:
        if self.errata is not None:
            return self.errata
        return any(case.errata or not case.clean for p in self.problems for case in p.cases)

    def problem(self, id: str) -> ProblemFacts | None:
        return next((problem for problem in self.problems if problem.id == id), None)


@dataclass(frozen=True, slots=True)
class SamplingFacts:
    """How samples were drawn, `n` a case."""

    n: int
    temperature: float
    top_p: float | None = None
    top_k: int | None = None
    max_new_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """The part of a run that a directory holds: shard `number`, from 1, of `of`, with `planned`
    samples."""

    number: int
    of: int
    planned: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The runs whose records a directory was made of, and by which command: `merge`, `rescore`."""

    command: str
    runs: tuple[str, ...]
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the built-in engine ran on; `device_name` is the device's product name."""

    device: str | None = None
    dtype: str | None = None
    slots: int | None = None
    deterministic: bool | None = None
    device_name: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server that answered, as far as it says.

    `base_url` is None where the environment gave it; `model` is the server's own id of the model;
    `fingerprints` are the `system_fingerprint`s that came with answers; of the random key the
    lowest `seed_bits` bits were sent as `seed`.
    """

    base_url: str | None = None
    model: str | None = None
    fingerprints: tuple[str, ...] = ()
    seed_bits: int | None = None


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """Limits on each program (seconds, MiB) and the layers of isolation in force."""

    timeout: float | None = None
    wall_timeout: float | None = None
    memory_mb: int | None = None
    layers: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """Versions, machine, command line and commit."""

    packages: Mapping[str, str | None] = field(default_factory=dict)
    python: str | None = None
    host: str | None = None
    platform: str | None = None
    processors: int | None = None
    command: tuple[str, ...] = ()
    git_commit: str | None = None


@dataclass(frozen=True, slots=True)
class Throughput:
    """Generated tokens and the seconds spent on them, programs and the seconds in which at least
    one was being judged; None where nothing was measured. Sums over all starts of the run, except
    those that were killed."""

    tokens: int | None = None
    generate_s: float | None = None
    programs: int | None = None
    judge_s: float | None = None

    @property
    def tokens_per_s(self) -> float | None:
        return _rate(self.tokens, self.generate_s)

    @property
    def programs_per_s(self) -> float | None:
        return _rate(self.programs, self.judge_s)

    @property
    def rates(self) -> dict[str, float | None]:
        """Both rates by name."""
        return {"tokens_per_s": self.tokens_per_s, "programs_per_s": self.programs_per_s}

    def __add__(self, other: Throughput) -> Throughput:
        return Throughput(
            _sum(self.tokens, other.tokens),
            _sum(self.generate_s, other.generate_s),
            _sum(self.programs, other.programs),
            _sum(self.judge_s, other.judge_s),
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record. `planned` is the number of samples of the finished run.

    A `shard` is a part of a run: it is never finished, since `planned` counts all shards' samples.
    `origin` is there where the records were taken from other directories. `sampling`, `seed` and
    `engine` are None for imported samples. Where a server answered, `server` says which, and
    `engine` is None.
    """

    identity: Mapping[str, Any]
    model: ModelFacts
    benchmark: BenchmarkFacts
    planned: int
    guarantee: Guarantee
    sampling: SamplingFacts | None = None
    seed: int | None = None
    shard: ShardFacts | None = None
    origin: Origin | None = None
    engine: EngineFacts | None = None
    server: ServerFacts | None = None
    sandbox: SandboxFacts | None = None
    environment: RunEnvironment = field(default_factory=RunEnvironment)
    throughput: Throughput = field(default_factory=Throughput)

    @property
    def planned_here(self) -> int:
        """How many samples this directory has in the end: those of its shard, or all."""
        return self.planned if self.shard is None else self.shard.planned

    @property
    def max_turns(self) -> int:
        """How many attempts a conversation may have; more than 1 in a run with feedback."""
        return int(self.identity.get(_MAX_TURNS, 1))

    @property
    def form(self) -> str:
        """How the model was asked, in few words; empty for texts to continue, once."""
        chat = self.identity.get("benchmark.conversation") == "chat"
        words = ["chat"] if chat else []
        if self.max_turns > 1:
            words.append(f"up to {self.max_turns} attempts")
        return ", ".join(words)

    def answered_by(self, fingerprints: Iterable[str]) -> Manifest:
        """With these fingerprints of the server besides those that are there, if there is one."""
        if self.server is None:
            return self
        known = tuple(sorted({*self.server.fingerprints, *fingerprints}))
        return replace(self, server=replace(self.server, fingerprints=known))

    def to_json(self) -> dict[str, Any]:
        """The content of the file: a key for each section, those of `environment` at the top."""
        sections = asdict(self)
        environment = sections.pop("environment")
        throughput = {k: v for k, v in sections.pop("throughput").items() if v is not None}
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: section for name, section in sections.items() if section is not None},
            "guarantee": self.guarantee.value,
            **environment,
            "throughput": throughput,
        }

    @classmethod
    def from_json(
        cls, content: Mapping[str, Any], place: Path, samples: Callable[[], int]
    ) -> Manifest:
        """Reads the content of the file at `place`.

        Manifests of earlier versions have no `planned`. It is then n times the number of cases, or,
        for imported samples, their number, which `samples` returns. Raises UsageError with the file
        and the key for content that is not a manifest.
        """
        found = content.get("schema_version")
        if found != SCHEMA_VERSION:
            raise UsageError(
                f"{place}: schema_version {found!r}, this program reads {SCHEMA_VERSION}; is this "
                "a run directory of another version?"
            )
        try:
            manifest = decode(cls, {**_BEFORE, **content})
            manifest = replace(manifest, environment=decode(RunEnvironment, content))
            _check(manifest)
        except UsageError as error:
            raise UsageError(f"{place}: {error}; is this a run directory?") from error
        if "guarantee" not in content and manifest.sampling is not None:
            manifest = replace(manifest, guarantee=Guarantee.bytes)
        if "planned" not in content:
            manifest = replace(manifest, planned=_planned(manifest, samples))
        return manifest


# keys that earlier versions did not write; `Manifest.from_json` computes their values
_BEFORE = {"planned": 0, "guarantee": "nothing"}


def _planned(manifest: Manifest, samples: Callable[[], int]) -> int:
    sampling = manifest.sampling
    return samples() if sampling is None else manifest.benchmark.cases * sampling.n


def _check(manifest: Manifest) -> None:
    """Raises UsageError for values that contradict each other."""
    benchmark, sampling = manifest.benchmark, manifest.sampling
    if manifest.planned < 0:
        raise UsageError(f"key 'planned': expected 0 or more, got {manifest.planned}")
    if sampling is not None and sampling.n < 1:
        raise UsageError(f"key 'sampling.n': expected 1 or more, got {sampling.n}")
    if benchmark.scorer not in benchmark.scorers:
        raise UsageError(
            f"key 'benchmark.scorer': {benchmark.scorer!r} is none of {list(benchmark.scorers)}"
        )
    if len(set(benchmark.scorers)) < len(benchmark.scorers):
        raise UsageError("key 'benchmark.scorers': a name is there twice")
    if len({problem.id for problem in benchmark.problems}) < len(benchmark.problems):
        raise UsageError("key 'benchmark.problems': an id is there twice")
    decode(int, manifest.identity.get(_MAX_TURNS, 1), f"identity.{_MAX_TURNS}")
    if (chosen := manifest.identity.get("benchmark.problems")) is not None:
        decode(tuple[str, ...], chosen, "identity.benchmark.problems")


def _rate(count: float | None, seconds: float | None) -> float | None:
    return None if count is None or not seconds else round(count / seconds, 3)


def _sum(one: N | None, other: N | None) -> N | None:
    return other if one is None else one if other is None else one + other


def data_order(data: str) -> tuple[int, str]:
    """Sorts data variants: first those of the paper in its order, then others by name."""
    known = ("nl", "multi", "mono")
    return (known.index(data) if data in known else len(known), data)

"""Small run directories with known verdicts, written by the store itself."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import (
    BenchmarkFacts,
    CaseFacts,
    Manifest,
    ModelFacts,
    ProblemFacts,
    SamplingFacts,
    Throughput,
)
from mtpb.rundir.records import Sample, Turn, Verdict, VerdictStatus
from mtpb.rundir.store import RunDirectory, RunWriter

Outcomes = Mapping[str, Sequence[Sequence[bool]]]  # problem -> cases -> samples

IDENTITY: dict[str, Any] = {
    "model.weights_sha256": "aa",
    "model.tokenizer_sha256": "bb",
    "benchmark.name": "toy",
    "benchmark.sha256": "cc",
    "benchmark.limit": None,
    "benchmark.problems": None,
    "benchmark.format": "multi_turn",
    "benchmark.scorer": "strict",
    "benchmark.stop": "mtpb",
    "sampling.n": 4,
    "sampling.temperature": 0.2,
    "sampling.top_p": 0.95,
    "sampling.top_k": 0,
    "sampling.max_new_tokens": None,
    "seed": 0,
    "engine.dtype": "float32",
    "engine.device": "cpu",
    "engine.slots": 8,
    "engine.deterministic": False,
    "sandbox.timeout": 10.0,
    "sandbox.wall_timeout": 25.0,
    "sandbox.memory_mb": 4096,
}


def manifest_of(
    outcomes: Outcomes,
    categories: Mapping[str, str] | None = None,
    dirty: Iterable[tuple[str, int]] = (),
    scorers: Sequence[str] = ("strict",),
    **identity: Any,
) -> Manifest:
    """A manifest as runs write it, in which these outcomes are what is planned; `identity` names
    keys with `__` for the dot."""
    dirty = set(dirty)
    changed = {key.replace("__", "."): value for key, value in identity.items()}
    problems = tuple(
        ProblemFacts(
            problem,
            f"problem {problem}",
            (categories or {}).get(problem, "array"),
            None,
            3,
            tuple(
                CaseFacts(
                    case,
                    ("wrong",) if (problem, case) in dirty else (),
                    (problem, case) not in dirty,
                )
                for case in range(len(cases))
            ),
        )
        for problem, cases in outcomes.items()
    )
    return Manifest(
        identity=IDENTITY | changed,
        model=ModelFacts("codegen-toy-mono", path="toy", data="mono", size="1M"),
        benchmark=BenchmarkFacts(
            "toy", "cc", "multi_turn", tuple(scorers), scorers[0], problems, errata=bool(dirty)
        ),
        planned=sum(len(samples) for cases in outcomes.values() for samples in cases),
        guarantee=Guarantee.bytes,
        sampling=SamplingFacts(4, 0.2),
        seed=0,
        throughput=Throughput(1000, 2.0, 10, 1.0),
    )


def verdict(
    problem: str,
    passed: bool = True,
    status: VerdictStatus | None = None,
    case: int = 0,
    sample: int = 0,
    **scores: bool,
) -> Verdict:
    status = status or (VerdictStatus.passed if passed else VerdictStatus.wrong_answer)
    turn = None if passed else 1
    return Verdict(problem, case, sample, passed, status, "", turn, turn, 0.1, 0.2, scores)


def verdicts_of(
    outcomes: Outcomes, failed: VerdictStatus = VerdictStatus.wrong_answer
) -> list[Verdict]:
    return [
        verdict(problem, passed, None if passed else failed, case, sample)
        for problem, cases in outcomes.items()
        for case, samples in enumerate(cases)
        for sample, passed in enumerate(samples)
    ]


def write_run(
    path: Path, verdicts: Iterable[Verdict], manifest: Manifest, samples: bool = False
) -> RunDirectory:
    with RunWriter(path, manifest, "seed: 0\n") as writer:
        for one in verdicts:
            if samples:
                turn = Turn("# Say it.\n", "print(1)\n", "print(1)", 4, "stop")
                writer.add_sample(Sample(*one.key, (turn,), "print(1)\n"))
            writer.add_verdict(one)
    return RunDirectory(path)


def run_of(path: Path, outcomes: Outcomes, **manifest: Any) -> RunDirectory:
    """A run directory with these outcomes."""
    return write_run(path, verdicts_of(outcomes), manifest_of(outcomes, **manifest))


def passes(c: int, n: int) -> list[bool]:
    """The outcomes of n samples of which the first c pass."""
    return [i < c for i in range(n)]

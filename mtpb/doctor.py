"""Checks whether scores from this machine are right, and what is at fault if not.

    mtpb doctor
    mtpb doctor quick=true
    mtpb doctor model=codegen-2B-mono benchmark=humaneval

Checks Python and its packages, the machine's load and disk, the sandbox (layers, programs whose
verdicts are known, limits), the suites (hashes, reference solutions) and the model (tokenizer,
logits, kernels). Exits with 1 if a check fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import BenchmarkError
from models import ModelError
from mtpb.checking.features import features
from mtpb.checking.golden import logits, suites, tokenizer
from mtpb.checking.kernels import kernels
from mtpb.checking.preflight import (
    QUICK_REFERENCES,
    About,
    Check,
    State,
    disk_space,
    interpreter,
    isolation,
    known_programs,
    load,
    references,
)
from mtpb.cli.application import application
from mtpb.cli.ending import Exit
from mtpb.config import (
    BenchmarkConfig,
    DoctorConfig,
    ModelConfig,
    RunConfig,
    SandboxConfig,
    check_sandbox,
)
from mtpb.errors import UsageError
from mtpb.running.backends import choose_backend
from mtpb.running.evaluation import Evaluation
from mtpb.samplers.builtin.choice import find_checkpoint
from sandbox import Isolation, Limits, Pool, Program, SandboxError
from sandbox import Status as Ending

EMBEDDED = ("starter", "starter-function")

_EXCEEDING = {
    Ending.timeout: "while True:\n    pass\n",
    Ending.memory: "x = bytearray(8 << 30)\n",
    Ending.exception: "import sys\nsys.setrecursionlimit(2000)\ndef f():\n    f()\nf()\n",
}


@application("doctor", DoctorConfig)
def main(config: DoctorConfig) -> int:
    check_sandbox(config.sandbox)
    checks = []
    for check in examine(config):
        print(line(check), flush=True)
        checks.append(check)
    print()
    for feature in features():
        print(feature)
    print(f"\n{conclusion(checks)}")
    return Exit.failed if any(check.state is State.bad for check in checks) else Exit.done


def examine(config: DoctorConfig) -> Iterator[Check]:
    """Yields all checks; a failed one does not prevent the next."""
    yield interpreter()
    yield load()
    yield disk_space(Path(config.results))
    suites_found: list[Evaluation] = []
    yield from suite_checks(config.benchmark, config.sandbox, suites_found)
    for suite in EMBEDDED:
        if config.benchmark.suite != suite or config.benchmark.path is not None:
            yield from suite_checks(BenchmarkConfig(suite), config.sandbox, suites_found)
    yield from _guarded("sandbox", About.environment, lambda: _sandbox(config, suites_found))
    yield from model_checks(config)


def suite_checks(
    config: BenchmarkConfig, sandbox: SandboxConfig, found: list[Evaluation]
) -> Iterator[Check]:
    """Checks the suite's data; a suite that can be loaded is added to `found`."""

    def look() -> Iterator[Check]:
        evaluation = Evaluation.of(config, sandbox)
        found.append(evaluation)
        yield suites(evaluation.benchmark)

    yield from _guarded(f"data of {config.suite}", About.benchmark, look)


def _sandbox(config: DoctorConfig, found: list[Evaluation]) -> Iterator[Check]:
    small = Limits(cpu_s=1, wall_s=20, memory_mb=512)
    with Pool(small, workers=2, isolation=Isolation[config.sandbox.isolation.name]) as pool:
        yield isolation(pool.layers)
        yield limits(pool)
    for evaluation in found:
        benchmark = evaluation.benchmark
        with evaluation.open_pool() as pool:
            known = known_programs(pool, benchmark)
            yield replace(known, name=f"{known.name}, {benchmark.name}")
            yield references(pool, benchmark, at_most=QUICK_REFERENCES if config.quick else None)


def limits(pool: Pool) -> Check:
    """Checks that programs which exceed the pool's limits end with the status for it."""
    pending = {wanted: pool.submit(Program(source)) for wanted, source in _EXCEEDING.items()}
    endings = {wanted: future.result() for wanted, future in pending.items()}
    wrong = [
        f"a program that should end with {wanted.value} ended with {outcome.status.value} "
        f"({outcome.detail})"
        for wanted, outcome in endings.items()
        if outcome.status is not wanted
    ]
    if wrong:
        remedy = "limits are not enforced here; python -m sandbox shows the layers"
        return Check("limits", About.environment, State.bad, wrong[0], remedy)
    found = "time, memory and recursion are bounded"
    return Check("limits", About.environment, State.good, found)


def model_checks(config: DoctorConfig) -> Iterator[Check]:
    """The model: that it is there, and of the built-in ones that they compute what they should."""
    yield from _guarded("model", About.model, lambda: _model(config))


def _model(config: DoctorConfig) -> Iterator[Check]:
    if type(config.model) is not ModelConfig:
        backend = choose_backend(RunConfig(model=config.model), nl_whitespace_tokens=True)
        guarantee = f"a repeated run is guaranteed: {backend.guarantee.value}"
        yield Check("model", About.model, State.good, f"{backend.facts.name} is there; {guarantee}")
        return
    checkpoint = find_checkpoint(config.model)
    yield tokenizer(checkpoint)
    yield logits(checkpoint)
    yield kernels(checkpoint)


def _guarded(name: str, about: About, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of `look`; an error in it becomes a failed check."""
    try:
        yield from look()
    except (BenchmarkError, ModelError, SandboxError, UsageError) as error:
        yield Check(name, about, State.bad, str(error))


def line(check: Check) -> str:
    """A check on one line; for a bad one or a warning, the remedy on the next."""
    remedy = "" if check.state in (State.good, State.skipped) else check.remedy
    return f"{check.state.value:8} {check.name}: {check.found}" + (remedy and f"\n{'':9}{remedy}")


def conclusion(checks: list[Check]) -> str:
    """The last line: whether the machine is fit, and what is at fault if not."""
    bad = [check for check in checks if check.state is State.bad]
    if not bad:
        return "Fit: no check failed."
    at_fault = dict.fromkeys(check.about for check in bad)
    if About.environment in at_fault:
        names = ", ".join(check.name for check in bad if check.about is About.environment)
        return f"Not fit: the environment is at fault ({names}); the model cannot be judged here."
    names = ", ".join(check.name for check in bad)
    at = " and ".join(f"the {about.value}" for about in at_fault)
    return f"Not fit: the environment passed its checks, {at} at fault ({names})."


if __name__ == "__main__":
    main()

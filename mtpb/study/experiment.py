"""Experiments: models × suites × temperatures × formats, and the runs that they make.

An experiment is a file in conf/experiment. No model is loaded, so a plan can be printed on a
machine without checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from benchmarks import BenchmarkError
from mtpb.config import (
    BenchmarkConfig,
    ExperimentConfig,
    RunConfig,
    SuiteConfig,
    check_planned,
    check_sampling,
    read_config,
)
from mtpb.config.report import check_thresholds
from mtpb.errors import UsageError
from mtpb.rundir.store import RunDirectory
from mtpb.rundir.verdicts import Verdicts
from mtpb.running.evaluation import load_benchmark
from mtpb.tables import Column, Kind, Table

# mean tokens of a completion up to its stop rule, measured on a 16B model's HumanEval samples
TOKENS_A_TURN = 60

ConfigStore.instance().store(name="run_schema", node=RunConfig)


@dataclass(frozen=True, slots=True)
class Workload:
    """The number of samples of a run and an estimate of their tokens.

    Both are None, and `trouble` says why, if the suite cannot be loaded here. `benchmark` is the
    content's name, or then the suite's.
    """

    benchmark: str
    samples: int | None
    tokens: int | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of an experiment: the overrides for mtpb.run, and its run directory."""

    model: str
    suite: str
    label: str
    overrides: tuple[str, ...]
    output: Path
    config: RunConfig
    workload: Workload
    perplexity: bool

    @property
    def judged(self) -> int:
        """Samples that have a verdict already; one on which the sandbox itself failed has none."""
        path = RunDirectory(self.output).verdicts_path
        if not path.exists():
            return 0
        stat = path.stat()
        return _judged(path, stat.st_size, stat.st_mtime_ns)

    @property
    def finished(self) -> bool:
        """Whether the run directory has all the verdicts that its manifest plans."""
        directory = RunDirectory(self.output)
        return directory.manifest_path.exists() and self.judged >= directory.manifest().planned

    @property
    def done(self) -> bool:
        """All samples are judged, by a run of this configuration."""
        if self.workload.samples is None or self.judged < self.workload.samples:
            return False
        kept = read_config(self.output / "config.yaml")
        return _asked(OmegaConf.to_container(kept)) == _asked(
            OmegaConf.to_container(OmegaConf.structured(self.config), enum_to_str=True)
        )


@cache
def _judged(path: Path, size: int, mtime_ns: int) -> int:
    """Judged samples of a verdicts.jsonl; size and time tell whether it has changed since."""
    return int(Verdicts.read(path).judged.sum())


def planned_runs(
    experiment: ExperimentConfig, folder: Path, extra: tuple[str, ...] = ()
) -> list[PlannedRun]:
    """The experiment's runs, model by model; `folder` gets a directory for each.

    Raises UsageError for an empty experiment or one without its reference, BenchmarkError or a
    configuration error for what cannot be a run.
    """
    _check(experiment)
    runs = [
        _planned(model, suite, dict(keys), folder, (*experiment.overrides, *extra))
        for model in experiment.models
        for suite in experiment.suites
        for keys in _grid(suite)
    ]
    twins = {run.label for run in runs if [other.label for other in runs].count(run.label) > 1}
    if twins:
        raise UsageError(f"experiment: {min(twins)!r} is there twice; name each setting once")
    return runs


def _check(experiment: ExperimentConfig) -> None:
    for key in ("models", "suites"):
        if not getattr(experiment, key):
            raise UsageError(f"experiment.{key}: empty; name at least one")
    key = "experiment.difficulty"
    check_thresholds(experiment.difficulty, key)
    reference = experiment.difficulty.reference
    if reference is not None and reference not in experiment.models:
        raise UsageError(
            f"{key}.reference={reference}: not among experiment.models "
            f"({', '.join(experiment.models)}); name one of them, or null for the best model"
        )


def _grid(suite: SuiteConfig) -> Iterator[tuple[tuple[str, Any], ...]]:
    for key in ("temperatures", "formats"):
        if not getattr(suite, key):
            raise UsageError(f"experiment: {suite.benchmark} has no {key}; name at least one")
    for format in suite.formats:
        for temperature in suite.temperatures:
            yield (("benchmark.format", format.name), ("sampling.temperature", temperature))


def _planned(
    model: str, suite: SuiteConfig, keys: dict[str, Any], folder: Path, common: tuple[str, ...]
) -> PlannedRun:
    if suite.n is not None:
        keys["sampling.n"] = suite.n
    if suite.path is not None:
        keys["benchmark.path"] = suite.path
    chosen = f"model={model}" if _is_group(model) else f"model.path={quoted(model)}"
    common = (f"benchmark={suite.benchmark}", *common, *suite.overrides)
    asked = (f"sampling={suite.sampling}", *(f"{k}={quoted(v)}" for k, v in keys.items()))
    # suites and models are composed apart, since their pairs are many more
    config = replace(_composed((*asked, *common)), model=_composed((chosen, *common)).model)
    check_sampling(config.sampling)
    workload = _workload(config)
    label = _label(model, workload.benchmark, suite, keys)
    output = folder / workload.benchmark / label.replace(" ", "_")
    overrides = (chosen, *asked, *common)
    return PlannedRun(
        model,
        workload.benchmark,
        label,
        overrides,
        output,
        config,
        workload,
        suite.perplexity,
    )


def _label(model: str, benchmark: str, suite: SuiteConfig, keys: Mapping[str, Any]) -> str:
    words = [Path(model).name, benchmark]
    if len(suite.formats) > 1:
        words.append(str(keys["benchmark.format"]))
    return " ".join([*words, f"T{keys['sampling.temperature']:g}"])


def _is_group(model: str) -> bool:
    return files("conf").joinpath("model", f"{model}.yaml").is_file()


def quoted(value: object) -> str:
    """A value in Hydra's grammar for overrides: text in quotes, since a path may hold anything."""
    if not isinstance(value, str):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@cache
def _composed(overrides: tuple[str, ...]) -> RunConfig:
    config = OmegaConf.to_object(compose("run", list(overrides)))
    assert isinstance(config, RunConfig)
    return config


def _workload(config: RunConfig) -> Workload:
    one = _one_sample(*_settings(config.benchmark))
    if one.samples is None or one.tokens is None:
        return one
    n = config.sampling.n
    check_planned(one.samples, n)
    return replace(one, samples=one.samples * n, tokens=one.tokens * n)


def _settings(benchmark: BenchmarkConfig) -> tuple[Any, ...]:
    """What a suite's problems and name depend on, as a hashable value."""
    ids = None if benchmark.problems is None else tuple(map(str, benchmark.problems))
    return (benchmark.suite, benchmark.name, benchmark.path, benchmark.limit, ids)


@cache
def _one_sample(
    suite: str, name: str | None, path: str | None, limit: int | None, ids: tuple[str, ...] | None
) -> Workload:
    """The workload with one sample a case. In single_turn the answer is taken to be as long as in
    multi_turn."""
    problems = None if ids is None else list(ids)
    try:
        benchmark = load_benchmark(BenchmarkConfig(suite, name, path, limit, problems))
    except BenchmarkError as error:
        return Workload(suite, None, None, str(error))
    turns = sum(len(problem.cases) * len(problem.turns) for problem in benchmark.problems)
    return Workload(benchmark.name, benchmark.cases, turns * TOKENS_A_TURN)


def _asked(config: Any) -> dict[str, Any]:
    """The part of a run's configuration that its samples depend on."""
    sampling = {key: value for key, value in config["sampling"].items() if key != "k"}
    keys = ("model", "benchmark", "seed")
    return {**{key: config[key] for key in keys}, "sampling": sampling}


def plan_table(name: str, runs: list[PlannedRun]) -> Table:
    """The plan of a study: a row for each run; notes have the sums by suite and of all."""
    states = [_state(run) for run in runs]
    rows = tuple(
        (run.label, run.workload.samples, run.workload.tokens, run.judged, state)
        for run, state in zip(runs, states, strict=True)
    )
    suites = dict.fromkeys(run.suite for run in runs)
    sums = [_sum(suite, [run for run in runs if run.suite == suite]) for suite in suites]
    counts = ", ".join(f"{states.count(state)} {state}" for state in _STATES if state in states)
    return Table(
        "plan",
        f"Plan of {name}",
        (
            Column("run", "run"),
            Column("samples", "samples", Kind.count),
            Column("tokens", "tokens, about", Kind.count),
            Column("judged", "judged", Kind.count),
            Column("state", "state"),
        ),
        rows,
        (
            *(sums if len(sums) > 1 else ()),
            f"{_sum('all', runs)} ({TOKENS_A_TURN} a turn)",
            f"{len(runs)} runs: {counts}",
            *_troubles(runs),
        ),
    )


_STATES = ("done", "begun", "to do")


def _state(run: PlannedRun) -> str:
    return "done" if run.done else "begun" if run.judged else "to do"


def _sum(what: str, runs: list[PlannedRun]) -> str:
    """A line with the sums of some runs, as far as they are known."""
    known = [run.workload for run in runs if run.workload.samples is not None]
    head = f"{what}: {len(runs)} runs"
    if not known:
        return f"{head}, of unknown size"
    samples = sum(load.samples or 0 for load in known)
    tokens = sum(load.tokens or 0 for load in known)
    judged = sum(run.judged for run in runs)
    rest = f", besides {len(runs) - len(known)} of unknown size" if len(known) < len(runs) else ""
    return f"{head}, {samples:,} samples ({judged:,} judged), about {tokens:,} tokens{rest}"


def _troubles(runs: list[PlannedRun]) -> list[str]:
    """Why some suites cannot be loaded here, each reason once."""
    found = dict.fromkeys(run.workload.trouble for run in runs if run.workload.trouble)
    remedy = "in a study, a suite's file is experiment.suites.N.path=FILE, N counting from 0"
    return [*found, remedy] if found else []

"""The configuration of studies: experiments, and what is made of their runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from benchmarks import Format
from mtpb.config.report import DifficultyConfig, HtmlConfig


@dataclass
class SuiteConfig:
    """A suite in an experiment; `sampling` names a group of conf/sampling, `n` and `temperatures`
    override what it says. `overrides` are further keys of mtpb.run."""

    benchmark: str = MISSING
    path: str | None = None
    sampling: str = "default"
    n: int | None = None
    temperatures: list[float] = field(default_factory=lambda: [0.2])
    formats: list[Format] = field(default_factory=lambda: [Format.multi_turn])
    perplexity: bool = False
    overrides: list[str] = field(default_factory=list)


@dataclass
class ExperimentConfig:
    """`models` are names of conf/model, directories or hub ids; `difficulty.reference` is one of
    them."""

    name: str = MISSING
    """The study's name; experiment=NAME sets it."""
    models: list[str] = MISSING
    """Names of conf/model, directories or hub ids."""
    suites: list[SuiteConfig] = MISSING
    """The suites, with their sampling; see conf/experiment/starter.yaml."""
    difficulty: DifficultyConfig = field(default_factory=DifficultyConfig)
    overrides: list[str] = field(default_factory=list)
    """Keys of `mtpb run` for all runs of the experiment. Example: ["engine.slots=32"]"""


@dataclass
class StudyConfig:
    """An experiment, and what is made of its runs."""

    experiment: ExperimentConfig = field(default_factory=ExperimentConfig)
    output: str | None = None
    """The folder of the runs and the report; null: one in `results`, by the experiment's name.
    Example: studies/first"""
    results: str = "results"
    """The folder of studies."""
    dry_run: bool = False
    """Print the plan only."""
    report: bool = True
    """Make the report at the end."""
    partial: bool = False
    """Include unfinished runs in the report, with their numbers marked."""
    html: HtmlConfig = field(default_factory=HtmlConfig)
    overrides: list[str] = field(default_factory=list)
    """Keys of `mtpb run` for all runs. Example: ["seed=1"]"""
    quiet: bool = False
    """Print the leaderboard, the page's place, warnings and errors only."""
    verbose: bool = False
    """Print the events of the runs' logs too."""

"""The configuration of the commands that have one of their own, in alphabetical order."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from mtpb.config.run import (
    BenchmarkConfig,
    IsolationChoice,
    ModelConfig,
    SandboxConfig,
    Scorer,
)


class Action(Enum):
    save = "save"
    list = "list"
    show = "show"


@dataclass
class BaselineConfig:
    """An action, and what it needs."""

    action: Action = MISSING
    """What to do with baselines."""
    name: str | None = None
    """The baseline's name, to save or to show. Example: main"""
    run: str | None = None
    """The run directory to save. Example: results/starter/RUN"""
    baselines: str = "baselines"
    """The folder of baselines."""
    force: bool = False
    """Replace a baseline of this name."""


@dataclass
class CheckConfig:
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)


class Subset(Enum):
    all = "all"
    clean = "clean"


@dataclass
class CompareConfig:
    """Two runs, and when a drop counts."""

    baseline: str = MISSING
    """A run directory, or the name of a saved baseline. Example: main"""
    candidate: str = MISSING
    """The run that must not be worse. Example: results/starter/RUN"""
    metrics: list[str] | None = None
    """Figures to test; null: pass_rate, pass@10 and pass@100, as n allows.
    Example: [pass_rate,pass@10]"""
    scorer: str | None = None
    """The scorer to compare by; null: the runs' own. Example: strict"""
    subset: Subset = Subset.all
    """All cases, or those without known faults."""
    level: float = 0.05
    """The chance of a false alarm, over all figures."""
    tolerance: float = 0.0
    """A drop that is accepted, as a fraction: 0.01 is one point."""
    power: float = 0.8
    """The chance with which `detectable` drops are found."""
    force: bool = False
    """Compare runs that are not comparable."""
    partial: bool = False
    """Admit unfinished runs, with their numbers marked."""
    top: int = 10
    """Problems that the report lists."""
    seed: int = 0
    """The seed of the resampling."""
    baselines: str = "baselines"
    """The folder of saved baselines."""
    output: str | None = None
    """The folder for the report; null: the candidate's directory. Example: comparison"""


@dataclass
class DoctorConfig:
    """What is checked."""

    model: ModelConfig = field(default_factory=ModelConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    results: str = "results"
    """The folder for what is written."""
    quick: bool = False
    """Judge a few reference solutions of each suite instead of all."""


class ExchangeFormat(Enum):
    human_eval = "human_eval"
    evalplus = "evalplus"
    every_eval_ever = "every_eval_ever"
    every_eval_ever_samples = "every_eval_ever_samples"
    hub = "hub"
    parquet = "parquet"


@dataclass
class ExchangeConfig:
    """Which run is written where."""

    run: str = MISSING
    """A run directory; for parquet also a folder or a glob. Example: results/humaneval/RUN"""
    output: str = MISSING
    """The file to write. Example: samples.jsonl"""
    format: ExchangeFormat = ExchangeFormat.human_eval
    """What is written: samples for other tools, figures to share, or a table of all samples."""
    organization: str = "unknown"
    """Who ran it, for every_eval_ever. Example: University"""
    partial: bool = False
    """Unfinished runs in parquet too; their judged samples."""


@dataclass
class GoldenConfig:
    """Where the facts are written."""

    output: str | None = None
    """The file; null: the one of the package. Example: golden.json"""


@dataclass
class MergeConfig:
    """Which shards become which run."""

    runs: Any = MISSING
    """A glob, or a list of them, of the shards' directories or of folders with them.
    Example: results/mtpb/*-shard-*"""
    output: str = MISSING
    """The directory of the whole run. Example: results/mtpb/whole"""


@dataclass
class PerplexityConfig:
    """Which run's prompts are scored."""

    run: str = MISSING
    """A directory of `mtpb run`. Example: results/starter/RUN"""


@dataclass
class RescoreBenchmarkConfig:
    """What judges. How the model was asked, and what, cannot change."""

    suite: str | None = None
    """Another suite of the same problems; benchmark=NAME sets it. Null: the run's.
    Example: mtpb-verified"""
    name: str | None = None
    """The name of content of your own; null: the run's, or the file's. Example: my-suite"""
    path: str | None = None
    """A local file with other expected values; null: the run's content. Example: own.jsonl"""
    scorer: Scorer | None = None
    """The rule that `passed` follows; null: the run's, or the other suite's."""
    protocol: str | None = None
    """A file that says how problems of your own are judged; null: the run's.
    Example: proto.yaml"""


@dataclass
class RescoreSandboxConfig:
    """How programs are run. What is null is as in the run."""

    workers: int | None = None
    """Programs that run at a time. Example: 8"""
    timeout: float | None = None
    """Seconds of CPU time a program. Example: 30"""
    wall_timeout: float | None = None
    """Seconds a program in all. Example: 90"""
    memory_mb: int | None = None
    """Memory of a program. Example: 8192"""
    isolation: IsolationChoice | None = None
    """auto: what the kernel offers; full: refuse to do without; basic: limits only."""


@dataclass
class RescoreConfig:
    """Which run is judged again, and how."""

    run: str = MISSING
    """A directory of `mtpb run`, `score` or `merge`. Example: results/mtpb/RUN"""
    output: str = MISSING
    """The directory for the samples and their new verdicts. Example: rescored"""
    benchmark: RescoreBenchmarkConfig = field(default_factory=RescoreBenchmarkConfig)
    sandbox: RescoreSandboxConfig = field(default_factory=RescoreSandboxConfig)


class Colour(Enum):
    """`auto`: colour if the output is a terminal and NO_COLOR is not set."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass
class ShowConfig:
    """Which conversation is shown."""

    run: str = MISSING
    """A run directory. Example: results/starter/RUN"""
    problem: Any = None
    """A problem's id; null: the run's pass rates by problem. Example: 17"""
    case: int = 0
    """The case, from 0."""
    sample: int = 0
    """The sample, from 0."""
    partial: bool = False
    """Show pass rates of an unfinished run, marked."""
    color: Colour = Colour.auto
    """Colours; auto: in a terminal."""


@dataclass
class StatusConfig:
    """Which runs are watched."""

    run: str = MISSING
    """A run directory, a folder of such, or a glob. Example: results/**"""
    follow: bool = False
    """Show it again and again until all runs are finished or stopped."""
    every_s: float = 5.0
    """Seconds from one time to the next."""


@dataclass
class ViewConfig:
    """Which runs are shown, and where."""

    run: str = MISSING
    """A run directory, a folder of such, or a glob. Example: results/starter/RUN"""
    port: int = 0
    """The port on 127.0.0.1; 0: a free one."""
    figures: bool = True
    """Draw figures."""

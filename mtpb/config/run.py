"""The configuration of what makes runs: model, benchmark, sampling, engine, sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from benchmarks import THINK_END, Format
from mtpb.rundir.guarantee import Guarantee


class Scorer(Enum):
    official = "official"
    strict = "strict"
    verified = "verified"
    base = "base"
    plus = "plus"


class Form(Enum):
    """How a model is asked: a text to continue, or messages to answer.

    `feedback`: as it is asked by default, and again after an attempt that failed.
    """

    completion = "completion"
    chat = "chat"
    feedback = "feedback"


class IsolationChoice(Enum):
    auto = "auto"
    full = "full"
    basic = "basic"


class Dtype(Enum):
    """Data type of the weights in memory; `auto` is the checkpoint's own."""

    auto = "auto"
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


@dataclass
class ModelConfig:
    """Which model: a CodeGen checkpoint."""

    path: str = MISSING
    """A local directory in Hugging Face layout, an embedded model's name, or a hub id.
    Example: Salesforce/codegen-2B-mono"""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub. Example: main"""
    name: str | None = None
    """The model's name in tables; null: the directory's or the hub's. Example: my-codegen"""
    data: str | None = None
    """What it was trained on (nl, multi, mono); null: by its name. Example: mono"""


@dataclass
class OpenAIModelConfig(ModelConfig):
    """A model behind an OpenAI-compatible server."""

    path: str = ""
    """Not used: a server knows its models by `name`."""
    base_url: str | None = None
    """The server; null takes OPENAI_BASE_URL.
    Example: http://localhost:8000/v1"""
    max_connections: int = 16
    """Requests under way at a time."""
    max_retries: int = 8
    """How often a failed request is sent again."""
    timeout: float = 600.0
    """Seconds without any answer, after which a request has failed."""
    stream: bool = True
    """Ask for answers piece by piece, so that stop rules end them early."""
    seed_bits: int | None = None
    """Bits of the random key that the server takes as `seed`; 0 sends none. Example: 32"""
    guarantee: Guarantee | None = None
    """What is known of the server: bytes, seed or nothing; null: what it declares."""
    think_end: str = THINK_END
    """The mark that ends a reasoning model's reasoning."""


@dataclass
class TransformersModelConfig(ModelConfig):
    """A causal language model that `transformers` loads."""

    dtype: Dtype = Dtype.auto
    """Data type of the weights; auto: the checkpoint's own."""
    device_map: str | None = None
    """Where the layers lie, as transformers takes it; null: the GPU where there is one.
    Example: auto"""
    trust_remote_code: bool = False
    """Run code that comes with the checkpoint."""
    attn_implementation: str | None = None
    """The attention, as transformers names it; null: its choice. Example: sdpa"""
    batch_size: int = 16
    """Conversations generated at a time; fewer where the memory does not suffice."""
    think_end: str = THINK_END
    """The mark that ends a reasoning model's reasoning."""


@dataclass
class BenchmarkConfig:
    """Which problems, and how they are asked and judged."""

    suite: str = MISSING
    """The suite, whose format and protocol are followed; benchmark=NAME sets it."""
    name: str | None = None
    """The name of content of your own; null: the file's. Example: my-suite"""
    path: str | None = None
    """A local .jsonl or .jsonl.gz file, a folder, or hf://ORG/NAME; null: the published content.
    Example: own.jsonl"""
    limit: int | None = None
    """Only the first so many problems. Example: 20"""
    problems: list[Any] | None = None
    """Only the problems with these ids. Example: [1,2]"""
    format: Format = Format.multi_turn
    """All turns one by one, in one prompt, or with examples before."""
    scorer: Scorer | None = None
    """The rule that `passed` follows; null: the suite's."""
    protocol: str | None = None
    """A file that says how problems of your own are asked and judged. Example: proto.yaml"""
    conversation: Form | None = None
    """Continue a text, or answer messages (null: messages for a chat model of transformers);
    feedback: as null, with further attempts after one that failed."""
    max_turns: int | None = None
    """Attempts; after one that failed the model is told why. null: 1, or 3 with feedback.
    Example: 3"""


@dataclass
class SamplingConfig:
    """How many samples, and how their tokens are drawn."""

    n: int = 2
    """Samples a case."""
    temperature: float = 0.2
    """How evenly tokens are drawn; 0 takes the most likely one each time."""
    top_p: float = 0.95
    """The share of the probability that is drawn from."""
    top_k: int = 0
    """The number of tokens that are drawn from; 0 is all."""
    max_new_tokens: int | None = None
    """Tokens a turn; null: the problem's own. Example: 256"""
    k: list[int] | None = None
    """The k of pass@k; null: those of 1, 10 and 100 up to n. Example: [1,10]"""


@dataclass
class EngineConfig:
    """What the built-in engine runs on."""

    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto: a GPU where there is one. Example: cuda:1"""
    dtype: Dtype = Dtype.auto
    """Data type of the weights; auto: the checkpoint's own."""
    slots: int | None = None
    """Conversations sampled at a time; null: by model and device. Example: 64"""
    cache_tokens: int | None = None
    """Size of the KV cache in tokens; changes memory and speed, but no sample. Example: 100000"""
    deterministic: bool = False
    """Samples do not depend on slots either."""
    threads: int | None = None
    """Threads on a CPU; null: what suits the model. Example: 4"""


@dataclass
class RayEngineConfig(EngineConfig):
    """The sampler of the model on a Ray cluster, and programs run on its nodes."""

    address: str | None = None
    """The cluster, HOST:PORT; null starts Ray on this machine. Example: head:6379"""
    workers: int | None = None
    """Actors that hold the model; null: one a GPU, or as many as the CPUs allow. Example: 8"""
    gpus_per_worker: float | None = None
    """GPUs of an actor; null: 1 where there are GPUs. Example: 0.5"""
    cpus_per_worker: float = 1.0
    """CPUs of an actor."""
    sandbox_workers_per_node: int | None = None
    """Programs that run at a time on a node; null: one a CPU. Example: 16"""


@dataclass
class SandboxConfig:
    """How programs are run."""

    workers: int | None = None
    """Programs that run at a time; null: one a CPU. Example: 8"""
    timeout: float | None = None
    """Seconds of CPU time a program; null: the suite's. Example: 10"""
    wall_timeout: float | None = None
    """Seconds a program in all; null: twice the timeout and 5. Example: 30"""
    memory_mb: int = 4096
    """Memory of a program."""
    isolation: IsolationChoice = IsolationChoice.auto
    """auto: what the kernel offers; full: refuse to do without; basic: limits only."""


@dataclass
class LimitsConfig:
    """Where a run ends before all its samples are there."""

    tokens: int | None = None
    """Begin no conversation after so many generated tokens; the same command with more goes on.
    Example: 1000000"""


@dataclass
class RunConfig:
    """`shard`, as in 3/16, makes that part of the run only; mtpb.merge puts the parts together."""

    model: ModelConfig = field(default_factory=ModelConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    shard: str | None = None
    """Only this part of the run; see `mtpb merge`. Example: 3/16"""
    seed: int = 0
    """The seed of all samples."""
    results: str = "results"
    """The folder of run directories."""
    output: str | None = None
    """The run directory; null: one in `results`, by all settings. Example: runs/first"""
    quiet: bool = False
    """Print the table, warnings and errors only."""
    verbose: bool = False
    """Print the events of the run's log too."""


@dataclass
class ScoreSamplingConfig:
    """The sampling keys that apply to samples which exist already."""

    k: list[int] | None = None
    """The k of pass@k; null: those of 1, 10 and 100 that the samples allow.
    Example: [1,10]"""


@dataclass
class ScoreConfig:
    samples: str = MISSING
    """A .jsonl or .jsonl.gz file of samples, or a folder of such. Example: samples.jsonl"""
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: ScoreSamplingConfig = field(default_factory=ScoreSamplingConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    results: str = "results"
    """The folder of run directories."""
    output: str | None = None
    """The run directory; null: one in `results`, by all settings. Example: runs/scored"""
    quiet: bool = False
    """Print the table, warnings and errors only."""
    verbose: bool = False
    """Print the events of the run's log too."""

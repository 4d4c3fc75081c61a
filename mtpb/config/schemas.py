"""The schema of each command, and of the choices of groups that have one of their own."""

from __future__ import annotations

from collections.abc import Mapping

from mtpb.config.commands import (
    BaselineConfig,
    CheckConfig,
    CompareConfig,
    DoctorConfig,
    ExchangeConfig,
    GoldenConfig,
    MergeConfig,
    PerplexityConfig,
    RescoreConfig,
    ShowConfig,
    StatusConfig,
    ViewConfig,
)
from mtpb.config.report import ReportConfig
from mtpb.config.run import (
    OpenAIModelConfig,
    RayEngineConfig,
    RunConfig,
    ScoreConfig,
    TransformersModelConfig,
)
from mtpb.config.study import StudyConfig

SCHEMAS: Mapping[str, type[object]] = {
    "baseline": BaselineConfig,
    "check": CheckConfig,
    "compare": CompareConfig,
    "doctor": DoctorConfig,
    "exchange": ExchangeConfig,
    "golden": GoldenConfig,
    "merge": MergeConfig,
    "perplexity": PerplexityConfig,
    "report": ReportConfig,
    "rescore": RescoreConfig,
    "run": RunConfig,
    "score": ScoreConfig,
    "show": ShowConfig,
    "status": StatusConfig,
    "study": StudyConfig,
    "view": ViewConfig,
}
"""The configuration of each command, whose file conf/NAME.yaml lists it as NAME_schema."""

CHOICES: Mapping[str, Mapping[str, type[object]]] = {
    "model": {"openai_schema": OpenAIModelConfig, "transformers_schema": TransformersModelConfig},
    "engine": {"ray_schema": RayEngineConfig},
}
"""The same for choices of a group that have keys of their own."""

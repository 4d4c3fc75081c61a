"""The configuration files agree with each other and with what is there."""

from dataclasses import fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import OmegaConf

from models.embedded import names
from mtpb.config import (
    ModelConfig,
    OpenAIModelConfig,
    RunConfig,
    TransformersModelConfig,
    model_schema,
)
from mtpb.run import main

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
BENCHMARKS = sorted(path.stem for path in (CONF / "benchmark").glob("*.yaml"))


def composed(*overrides: str) -> RunConfig:
    assert main  # importing it registered the schema
    with initialize_config_module("conf", version_base="1.3"):
        config = OmegaConf.to_object(compose("run", overrides=list(overrides)))
    assert isinstance(config, RunConfig)
    return config


@pytest.mark.parametrize("model", [model for model in MODELS if model.startswith("codegen")])
def test_every_model_composes(model: str) -> None:
    assert composed(f"model={model}").model.path.endswith(model)


def test_other_samplers_have_keys_of_their_own() -> None:
    server = composed("model=openai", "model.name=m", "model.max_retries=1").model
    assert isinstance(server, OpenAIModelConfig)
    assert (server.name, server.max_retries) == ("m", 1)
    loaded = composed("model=transformers", "model.path=p", "model.dtype=float16").model
    assert isinstance(loaded, TransformersModelConfig)
    with pytest.raises(HydraException):
        composed("model.base_url=http://localhost")


def test_kept_configuration_tells_its_schema() -> None:
    for kind in (ModelConfig, OpenAIModelConfig, TransformersModelConfig):
        assert model_schema([field.name for field in fields(kind)]) is kind


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_benchmark_composes(benchmark: str) -> None:
    assert composed(f"benchmark={benchmark}").benchmark.suite == benchmark


def test_every_embedded_model_has_its_file_and_the_default_is_one() -> None:
    assert set(names()) <= set(MODELS)
    assert composed().model.path in names()


@pytest.mark.parametrize("experiment", sorted((CONF / "experiment").glob("*.yaml")))
def test_models_of_an_experiment_are_known(experiment: Path) -> None:
    config = OmegaConf.load(experiment)
    assert set(config.get("models", [])) <= set(MODELS)


@pytest.mark.parametrize("experiment", sorted((CONF / "experiment").glob("*.yaml")))
def test_thresholds_of_difficulty_are_written_in_one_place(experiment: Path) -> None:
    difficulty = OmegaConf.load(experiment).get("difficulty", {})
    assert set(difficulty) <= {"reference"}

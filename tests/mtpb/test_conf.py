"""The configuration files agree with each other and with what is there."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from models.embedded import names
from mtpb.config import RunConfig
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


@pytest.mark.parametrize("model", MODELS)
def test_every_model_composes(model: str) -> None:
    assert composed(f"model={model}").model.path.endswith(model)


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

"""The preflight: what it looks at, and whom it blames."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from benchmarks import load
from models import checkpoint
from models.config import CodeGenConfig
from models.engine.measurement import Kernels
from models.tokenizer import END_OF_TEXT, CodeGenTokenizer
from models.transformer import Transformer
from mtpb.checking import golden
from mtpb.checking.features import EXTRAS, features, lacking_packages
from mtpb.checking.kernels import kernels, of_a_cpu
from mtpb.checking.preflight import (
    About,
    Check,
    PreflightError,
    State,
    disk_space,
    interpreter,
    isolation,
    known_programs,
    preflight,
    references,
)
from mtpb.config import BenchmarkConfig, ModelConfig, SandboxConfig
from mtpb.doctor import conclusion, limits, suite_checks
from mtpb.samplers.builtin.choice import find_checkpoint
from sandbox import Limits, Outcome, Pool, Program, Status

SUITES = ("starter", "starter-function")


class LyingPool:
    """A sandbox that passes whatever it is given."""

    def submit(self, program: Program) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        done.set_result(Outcome(Status.passed, "", None, ("int", 3), "", None, 0.0, 0.0))
        return done


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(cpu_s=1, wall_s=30, memory_mb=1024), workers=2) as pool:
        yield pool


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights."""
    folder = tmp_path_factory.mktemp("checkpoint")
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(
        special_tokens=[END_OF_TEXT], initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(["print(1)"], trainer)
    config = CodeGenConfig(
        vocab_size=384, n_positions=64, n_layer=1, n_embd=32, n_head=4, rotary_dim=4,
        bos_token_id=0, eos_token_id=0, dtype="float32",
    )  # fmt: skip
    checkpoint.save(Transformer(config).initialize(seed=0), folder)
    CodeGenTokenizer(backend, whitespace_tokens=True).save(folder)
    return folder


def found(directory: Path):
    return find_checkpoint(ModelConfig(path=str(directory)))


# the environment


@pytest.mark.parametrize("name", SUITES)
def test_known_programs_have_their_verdicts_here(pool: Pool, name: str) -> None:
    assert known_programs(pool, load(name)).state is State.good


@pytest.mark.parametrize("name", SUITES)
def test_a_sandbox_that_passes_everything_is_found_out(name: str) -> None:
    check = known_programs(LyingPool(), load(name))
    assert (check.state, check.about) == (State.bad, About.environment)


def test_a_few_references_pass_in_the_preflight(pool: Pool, tmp_path: Path) -> None:
    for name in SUITES:
        preflight(pool, load(name), tmp_path / "not" / "there" / "yet")


def test_a_failing_reference_stops_a_run(pool: Pool, tmp_path: Path) -> None:
    suite = load("starter")
    first = suite.problems[0]
    broken = replace(first, reference=("1 / 0",) * len(first.turns))
    suite = replace(suite, problems=(broken, *suite.problems[1:]))
    with pytest.raises(PreflightError, match=r"1 of 8 fail: problem 1, .*exception"):
        preflight(pool, suite, tmp_path)


def test_a_suite_without_references_is_no_fault(pool: Pool) -> None:
    suite = load("starter")
    bare = replace(suite, problems=tuple(replace(p, reference=None) for p in suite.problems))
    assert references(pool, bare).state is State.skipped


def test_limits_are_enforced_here(pool: Pool) -> None:
    assert limits(pool).state is State.good
    assert limits(LyingPool()).state is State.bad


def test_missing_layers_are_a_warning_with_their_reasons() -> None:
    layers = {
        "full": False,
        "active": {"limits": "yes"},
        "namespaces": [],
        "missing": {"landlock": "the kernel has none"},
    }
    check = isolation(layers)
    assert check.state is State.warning
    assert "the kernel has none" in check.found


def test_python_and_disk_are_looked_at(tmp_path: Path) -> None:
    assert interpreter().state is State.good
    assert "MB free" in disk_space(tmp_path / "later").found


# the suites and the model


@pytest.mark.parametrize("name", SUITES)
def test_embedded_suites_are_the_golden_ones(name: str) -> None:
    assert golden.suites(load(name)).state is State.good


def test_a_changed_suite_is_noticed() -> None:
    check = golden.suites(replace(load("starter"), sha256="0" * 64))
    assert (check.state, check.about) == (State.bad, About.benchmark)


def test_an_unknown_model_is_checked_as_far_as_it_can_be(directory: Path) -> None:
    assert golden.tokenizer(found(directory)).state is State.good
    check = golden.logits(found(directory))
    assert check.state is State.good
    assert "no golden ones" in check.found


def test_weights_that_are_not_numbers_are_the_models_fault(directory: Path, tmp_path: Path) -> None:
    model = checkpoint.load(directory, "float32", "cpu")
    with torch.no_grad():
        model.head.bias[3] = float("nan")
    checkpoint.save(model, tmp_path)
    CodeGenTokenizer.from_pretrained(directory).save(tmp_path)
    check = golden.logits(found(tmp_path))
    assert (check.state, check.about) == (State.bad, About.model)


def test_other_weights_under_an_embedded_name_are_the_models_fault(directory: Path) -> None:
    names = golden.golden()["models"]
    if not names:
        pytest.skip("no embedded models in this checkout")
    config = ModelConfig(path=str(directory), name=next(iter(names)))
    check = golden.logits(find_checkpoint(config))
    assert (check.state, check.about) == (State.bad, About.model)


def test_other_logits_from_the_same_weights_are_the_machines_fault() -> None:
    known = {"ids": [1, 2], "logits": {"0": 0.5, "2": -1.0}}
    assert golden.compared(known, [1, 2], [0.5004, 0.0, -1.0]).state is State.good
    for ids, row in (([1, 2], [0.6, 0.0, -1.0]), ([1, 3], [0.5, 0.0, -1.0])):
        check = golden.compared(known, ids, row)
        assert (check.state, check.about) == (State.bad, About.environment)


@pytest.mark.parametrize("name", list(golden.golden()["models"]))
def test_embedded_models_give_their_golden_logits(name: str) -> None:
    assert golden.logits(find_checkpoint(ModelConfig(path=name))).state is State.good


def test_kernels_are_told_with_what_they_cost(directory: Path) -> None:
    check = kernels(found(directory))
    assert check.state in (State.good, State.warning)
    assert "products in float32" in check.found
    assert "of 17 numbers of rows agree" in check.found


@pytest.mark.parametrize(
    ("sizes", "state"), [((2, 64, 128), State.good), ((128,), State.warning)], ids=["many", "one"]
)
def test_padding_of_small_steps_to_large_ones_is_a_warning(
    sizes: tuple[int, ...], state: State
) -> None:
    check = of_a_cpu(Kernels("AVX2", True, "float32", 128, sizes, 17, 0.5), "bfloat16")
    assert check.state is state
    assert "oneDNN on AVX2" in check.found
    assert "into which bfloat16 weights are widened: 256 tokens a second" in check.found


# the verdict


def test_what_an_extra_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=2", "no-such-package>=1; extra == 'ray'", "pytest>=999; extra == 'ray'"]
    asked += ["numpy; extra == 'ray'", "other; extra == 'serve'"]
    monkeypatch.setattr(metadata, "requires", lambda name: asked)
    assert [str(one) for one in lacking_packages("ray")] == ["no-such-package>=1", "pytest>=999"]
    said = {feature.name: str(feature) for feature in features()}
    assert "no-such-package>=1, pytest>=999; get it by pip install" in said["engine=ray"]
    assert said["model=openai"].startswith("ready")


def test_a_package_that_runs_from_its_source_knows_no_extras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", nothing)
    said = {feature.name: str(feature) for feature in features()}
    assert said["extras"].startswith("missing")
    assert "engine=ray" not in said


def test_every_extra_for_users_is_looked_at() -> None:
    declared = set(metadata.metadata("mtpb").get_all("Provides-Extra") or ())
    assert set(EXTRAS) == declared - {"test", "speed", "docs"}


def test_the_environment_is_blamed_before_the_model() -> None:
    model = Check("logits", About.model, State.bad, "not finite")
    machine = Check("limits", About.environment, State.bad, "not enforced")
    calm = Check("load", About.environment, State.warning, "busy")
    assert conclusion([calm]).startswith("Fit")
    assert "environment passed its checks, the model at fault" in conclusion([calm, model])
    assert "the environment is at fault (limits)" in conclusion([model, machine])


def test_a_suite_that_cannot_be_read_is_a_failed_check_not_the_end(tmp_path: Path) -> None:
    suite = BenchmarkConfig(suite="starter", path=str(tmp_path / "none.jsonl"))
    check = next(suite_checks(suite, SandboxConfig(), []))
    assert (check.state, check.about) == (State.bad, About.benchmark)
    assert "none.jsonl" in check.found


def test_the_command_ends_well_where_all_is_well(directory: Path) -> None:
    line = [sys.executable, "-m", "mtpb.doctor", f"model.path={directory}", "quick=true"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("Fit: no check failed.")

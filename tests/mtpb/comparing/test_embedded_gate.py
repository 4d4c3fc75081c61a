"""The gate on the embedded model: what this project does to itself on every change.

The baseline was made with

    python -m mtpb.run 'benchmark.problems=[1,4,7,…,67]' output=RUN
    python -m mtpb.baseline action=save name=starter-3M-mono run=RUN
"""

import json
import subprocess
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.embedded import embedded, names
from models.tokenizer import CodeGenTokenizer
from tests.conftest import REPOSITORY
from tests.processes import run_module

BASELINE = REPOSITORY / "baselines" / "starter-3M-mono.json"
MODEL = "codegen-3M-mono"
DAMAGE = 0.5  # of a weight matrix's standard deviation

pytestmark = pytest.mark.skipif(
    MODEL not in names() or not BASELINE.exists(), reason=f"no {MODEL} or no baseline in here"
)


def command(module: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_module(module, *overrides)


def run_of(model: str, output: Path) -> Path:
    """A run of the problems that the baseline has, with the default settings."""
    identity = json.loads(BASELINE.read_text())["identity"]
    problems = f"benchmark.problems=[{','.join(identity['benchmark.problems'])}]"
    done = command("mtpb.run", f"model.path={model}", problems, f"output={output}")
    assert done.returncode == 0, done.stderr
    return output


def gate(candidate: Path) -> subprocess.CompletedProcess[str]:
    """Processors round differently, so a level and a tolerance that allow for some drift."""
    sides = [f"baseline={BASELINE}", f"candidate={candidate}"]
    return command("mtpb.compare", *sides, "level=0.01", "tolerance=0.02")


def test_the_embedded_model_is_as_good_as_ever(tmp_path: Path) -> None:
    done = gate(run_of(MODEL, tmp_path / "run"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_damaged_weights_turn_the_gate_red(tmp_path: Path) -> None:
    model = checkpoint.load(embedded(MODEL), None, "cpu")
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                scale = DAMAGE * float(weight.float().std())
                weight += scale * torch.randn(weight.shape, generator=noise).to(weight.dtype)
    checkpoint.save(model, tmp_path / "damaged")
    CodeGenTokenizer.from_pretrained(embedded(MODEL)).save(tmp_path / "damaged")
    done = gate(run_of(str(tmp_path / "damaged"), tmp_path / "run"))
    assert done.returncode == 1, done.stdout + done.stderr

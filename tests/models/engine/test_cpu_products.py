"""Products of matrices with what builds of torch and processors have."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.dtype import has_amx
from tests.conftest import REPOSITORY

WITHOUT_ONEDNN = """
import types
import torch
torch.ops.mkldnn = types.SimpleNamespace()
from models.engine.options import EngineOptions
from tests.models.engine.talk import answers, model_of, talks
model, some = model_of(device="cpu"), talks(6)
eight, three = [EngineOptions(slots=slots, deterministic=True) for slots in (8, 3)]
print(answers(model, some, eight) == answers(model, some, three))
"""


def test_the_engine_runs_where_torch_has_no_onednn() -> None:
    """As in builds for macOS, where its operations are not registered."""
    command = [sys.executable, "-c", WITHOUT_ONEDNN]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=300)
    assert ran.stdout == "True\n", ran.stderr


@pytest.mark.parametrize(
    ("allowed", "has"), [("AVX2", False), ("AVX512_CORE_AMX", True), ("default", True)]
)
def test_a_processor_kept_from_amx_has_none(
    monkeypatch: pytest.MonkeyPatch, allowed: str, has: bool
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: "flags : avx512f amx_bf16 amx_tile")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", allowed)
    assert has_amx.__wrapped__() is has

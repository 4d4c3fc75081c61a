"""Fixtures that several packages' tests share."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

TORCH = find_spec("torch") is not None
NEED_TORCH = [
    "models",
    "mtpb/test_doctor.py",
    "mtpb/comparing/test_embedded_gate.py",
    "mtpb/test_exit_statuses.py",
    "mtpb/running/test_names.py",
    "mtpb/samplers/test_causal.py",
    "mtpb/samplers/test_checkpoints.py",
    "mtpb/samplers/test_own_server.py",
    "mtpb/samplers/test_runs.py",
    "mtpb/test_feedback.py",
    "mtpb/test_merge.py",
    "mtpb/test_cluster.py",
    "mtpb/test_rescore.py",
    "mtpb/test_status.py",
    "mtpb/test_run.py",
    "mtpb/test_study.py",
    "mtpb/test_warnings.py",
    "mtpb/running/test_whole.py",
]
collect_ignore = [] if TORCH else NEED_TORCH

if TORCH:
    import torch

    # where the engine's tests compute, cpu or cuda; CUDA_VISIBLE_DEVICES chooses among several GPUs
    DEVICE = os.environ.get("MTPB_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if DEVICE == "cpu":
        os.environ.setdefault("TRITON_INTERPRET", "1")  # before anybody imports Triton
os.environ.setdefault("OMP_NUM_THREADS", "1")  # models in tests are small: a second thread waits

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with the public data sets (HumanEval, MTPB, GPT-2 BPE); skips where it is not."""
    folder = Path(os.environ.get("MTPB_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}; set MTPB_DATA to a folder that has it")
    return folder

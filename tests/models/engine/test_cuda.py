"""What runs on a GPU. On a CPU the kernel is interpreted, and there are no graphs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.config import CodeGenConfig
from models.engine import runner
from models.engine.options import EngineOptions, Sampling
from models.engine.pages import PAGE
from models.engine.runner import Runner
from models.engine.scheduler import Row
from tests.conftest import DEVICE
from tests.models.engine.talk import CONFIG, Talk, answers, model_of

pytest.importorskip("triton")

from models.engine.cuda.graphs import CUDABackend

ROWS = [Row(n % 50, n, (1, 2)[: n // PAGE + 1]) for n in range(40)]
FEW = [ROWS[n] for n in (0, 1, 17, 31, 32, 33, 39)]  # the interpreter takes long for all


def backend_of(config: CodeGenConfig, dtype: torch.dtype = torch.float32) -> CUDABackend:
    return CUDABackend(model_of(config).to(dtype), 8)


@torch.inference_mode()
def hidden(backend: CUDABackend, rows: Sequence[Row]) -> Tensor:
    return backend.hidden_states(rows).cpu().float()


@pytest.mark.parametrize(
    "config",
    [CONFIG, CodeGenConfig(260, 192, 2, 80, 4, 8), CodeGenConfig(260, 192, 1, 320, 4, 16)],
    ids=["16", "20", "80"],
)
def test_the_kernel_gives_what_the_cpu_gives(config: CodeGenConfig) -> None:
    """Heads of 80 dimensions, as codegen-2B has, are no power of two."""
    expected = Runner(model_of(config, device="cpu"), 8, 16).backend.hidden_states(FEW)
    torch.testing.assert_close(hidden(backend_of(config), FEW), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_near(dtype: torch.dtype) -> None:
    expected = Runner(model_of(device="cpu"), 8, 16).backend.hidden_states(FEW)
    off = hidden(backend_of(CONFIG, dtype), FEW) - expected
    assert 0 < off.std() < 0.05 * expected.std()


@torch.inference_mode()
def test_attention_of_a_row_has_the_same_bits_alone() -> None:
    paged = backend_of(CONFIG).stages[0].cache
    paged.pages.normal_()
    q_NHD, k_NHD, v_NHD = torch.randn(3, 40, CONFIG.n_head, CONFIG.head_dim, device=DEVICE)
    inputs = [(0, row.position, *row.pages, *[0] * (2 - len(row.pages))) for row in ROWS]
    inputs_NJ = torch.tensor(inputs, device=DEVICE)
    together = paged.attend(inputs_NJ, 0, q_NHD, k_NHD, v_NHD)
    paged.pages[:, 0, 2, :, 39 % PAGE + 1 :] = torch.inf  # left from another sequence
    for n in (0, 31, 32, 39):
        one = slice(n, n + 1)
        alone = paged.attend(inputs_NJ[one], 0, q_NHD[one], k_NHD[one], v_NHD[one])
        assert torch.equal(alone[0], together[n])


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from models.engine.cuda.attention import attention_kernel

types = {name: "*fp16" for name in ("q_NHD", "keys", "values", "out_NHD")}
types |= {"inputs_NJ": "*i64", "J": "i32", "H": "i32", "scale": "fp32"}
types |= {name: "constexpr" for name in ("D", "D_PADDED", "P")}
for D in (64, 80, 256):
    sizes = {"D": D, "D_PADDED": triton.next_power_of_2(D), "P": 32}
    source, target = ASTSource(attention_kernel, types, sizes), GPUTarget("cuda", 80, 32)
    kernel = triton.compile(source, target=target, options={"enable_fp_fusion": True})
    print(D, len(kernel.asm["cubin"]) > 0)
"""


def test_the_kernel_compiles_for_a_gpu_that_is_not_there() -> None:
    """For the heads of all CodeGen sizes; the interpreter would accept more than the compiler."""
    environment = {**os.environ, "TRITON_INTERPRET": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.stdout == "64 True\n80 True\n256 True\n", ran.stderr


@torch.inference_mode()
def test_a_row_is_written_to_its_mirror_pages() -> None:
    backend = backend_of(CONFIG)
    backend.hidden_states(FEW)
    backend.hidden_states([Row(7, 40, (1, 2), mirror_pages=(5, 6))])
    pages = backend.stages[0].cache.pages
    kept = pages[:, :, :, :, 40 % PAGE]
    assert kept[:, :, 2].any()
    assert torch.equal(kept[:, :, 5], kept[:, :, 2])
    assert torch.equal(kept[:, :, 6], kept[:, :, 2])
    assert not kept[:, :, 7].any()
    backend.copy_pages([(2, 4), (1, 3)])
    assert torch.equal(pages[:, :, 4], pages[:, :, 2])
    assert torch.equal(pages[:, :, 3], pages[:, :, 1])


def test_conversations_do_not_depend_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole engine on the kernel; on a CPU it replaces the CPU's backend."""
    if DEVICE == "cpu":
        monkeypatch.setattr(runner, "CPUBackend", lambda *given: CUDABackend(*given[:2]))
    model, sampling = model_of(replace(CONFIG, n_layer=1)), Sampling(0.9, 0.95)
    prompts = ("def f(x):  # longer than a page", "x = 1")
    few = [Talk(key, (prompts[key % 2], " + 1"), 2 + key) for key in range(3)]
    options = EngineOptions(slots=3)
    together = answers(model, few, options, sampling)
    assert answers(model, few[::-1], options, sampling) == together
    assert answers(model, few[2:3], options, sampling) == {2: together[2]}

"""The model card: what the family is, its settings, losses and times."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from models.embedded import rank
from models.training.settings import Settings

HISTORY = "training.json"
_INTRODUCTION = """# The embedded CodeGen family

Small models of the CodeGen architecture, trained from scratch on generated text by
`python -m models.training`; they are part of this project and under its licence. Each size
comes as `nl` (English-like text), `multi` (goes on from it with code in JavaScript, Java, C, Go and
Python) and `mono` (goes on from that with Python as conversations and as functions).

They are made for the suites `starter` and `starter-function`, to show how the harness works and
what size and data do. They know small Python idioms and can copy what a prompt names. They know
nothing else: no facts, no libraries, no other protocol. The suites' prompts and inputs are kept out
of the corpora.
"""


def write_card(folder: Path, settings: Settings) -> None:
    """Write `README.md`, and `loss.svg` if matplotlib is installed, into the folder of checkpoints.

    Does nothing where there is no checkpoint.
    """
    histories = {
        path.parent.name: json.loads(path.read_text("utf-8"))
        for path in sorted(folder.glob(f"codegen-*/{HISTORY}"), key=lambda p: rank(p.parent.name))
    }
    if not histories:
        return
    curves = draw_curves(histories, folder / "loss.svg")
    text = "\n".join(
        [
            _INTRODUCTION,
            *_models(folder, histories),
            *_training(histories),
            *(["\n![Training loss](loss.svg)"] if curves else []),
            *_settings(settings),
        ]
    )
    (folder / "README.md").write_text(text + "\n", encoding="utf-8")


def _models(folder: Path, histories: Mapping[str, Any]) -> list[str]:
    lines = ["## Models\n", "| model | layers | width | heads | vocabulary | context | MB |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for name in histories:
        config = json.loads((folder / name / "config.json").read_text("utf-8"))
        size = (folder / name / "model.safetensors").stat().st_size / 1e6
        shape = [config[key] for key in ("n_layer", "n_embd", "n_head", "vocab_size", "n_ctx")]
        lines.append(f"| {name} | {' | '.join(map(str, shape))} | {size:.1f} |")
    return lines


def _training(histories: Mapping[str, Any]) -> list[str]:
    lines = ["\n## Training\n", "Losses are nats a token, on documents that were not trained on."]
    lines.append("Models of the broad stage, from which mono goes on, are not kept.\n")
    lines.append(
        "| size | stage | documents | tokens | steps | loss | validation | processor time, s |"
    )
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
    for size, history in _longest(histories).items():
        for stage in history:
            last = stage["curve"][-1]
            loss = sum(point["loss"] for point in stage["curve"][-5:]) / len(stage["curve"][-5:])
            lines.append(
                f"| {size} | {stage['stage']} | {stage['documents']} "
                f"| {stage['tokens']} | {stage['steps']} | {loss:.2f} | {last['validation']:.2f} "
                f"| {stage['processor_seconds']} |"
            )
    sample = next(iter(histories.values()))[-1]
    lines.append(
        f"\nOn a {platform.machine()} with {os.cpu_count()} cores, {sample['threads']} thread a "
        f"size, other work beside it; PyTorch {sample['torch']}, "
        f"{sample['device']}, float32; stored as float16."
    )
    return lines


def _longest(histories: Mapping[str, Any]) -> dict[str, Any]:
    """For each size the history of its last stage, which includes all stages before."""
    longest: dict[str, Any] = {}
    for name, history in histories.items():
        size = name.split("-")[1]
        longest[size] = max(longest.get(size, []), history, key=len)
    return longest


def _settings(settings: Settings) -> list[str]:
    lines = ["\n## Settings\n", "AdamW, one document a row. See `settings.py` for the sizes.\n"]
    lines += ["| setting | value |", "|---|---|"]
    named = [f.name for f in fields(settings) if f.name != "sizes"]
    return [*lines, *(f"| {name} | {getattr(settings, name)} |" for name in named)]


def draw_curves(histories: Mapping[str, Any], path: Path) -> bool:
    """Draw the loss of each size over all stages. Returns False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for size, history in _longest(histories).items():
        steps, losses = _joined(history)
        axes.plot(steps, losses, label=f"codegen-{size}", linewidth=0.8)
    axes.set(xlabel="step, all stages", ylabel="training loss, nats a token", yscale="log")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    return True


def _joined(history: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    steps: list[float] = []
    losses: list[float] = []
    before = 0
    for stage in history:
        steps += [before + point["step"] for point in stage["curve"]]
        losses += [point["loss"] for point in stage["curve"]]
        before += stage["steps"]
    return steps, losses

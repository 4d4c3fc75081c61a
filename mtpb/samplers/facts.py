"""What models and devices are called in manifests."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def device_name(device: str) -> str | None:
    """What the processor or the GPU calls itself."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device) if torch.cuda.is_available() else None
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        if found:
            return found.group(1)
    return platform.processor() or None


def size_label(parameters: int, nominal: Mapping[int, str]) -> str:
    """The paper's name of a size where the count is one of its models', else the count rounded."""
    if parameters in nominal:
        return nominal[parameters]
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.0f}{name}"
    return str(parameters)


def data_variant(name: str) -> str | None:
    """The data that a model was trained on, as its name says: nl, multi, mono."""
    found = re.search(r"(?:^|[-_])(nl|multi|mono)$", name)
    return found.group(1) if found else None

"""Fetches published suites. Each function returns a suite as lines of JSON.

The package needs the standard library only, hence urllib; `datasets` is imported where it is used.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.problem import BenchmarkError

_TIMEOUT_S = 30.0
_HUB = "https://huggingface.co"
_HUB_TIMEOUT_S = 10.0
_MOST_BYTES = 64 * 2**20


def over_http(url: str) -> str:
    """The text at `url`.

    Raises:
        BenchmarkError: it cannot be fetched, is incomplete, too large, or not UTF-8.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
            body: bytes = response.read(_MOST_BYTES + 1)
            length = response.headers.get("Content-Length")
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"cannot fetch {url} ({error})") from None
    if len(body) > _MOST_BYTES or (length is not None and int(length) != len(body)):
        raise BenchmarkError(f"cannot fetch {url} ({len(body)} bytes came, {length} announced)")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"cannot fetch {url} (not UTF-8 text: {error.reason})") from None


def from_hub(dataset: str, config: str | None = None, split: str = "test") -> str:
    """A split of a data set on the Hugging Face hub (or in a local folder laid out so).

    `config` names one of its configurations, of which a local folder has none; `split` may add
    several: "prompt+test".

    Without a network the libraries' cache is used at once, without waiting for their retries.

    Raises:
        BenchmarkError: it cannot be loaded.
    """
    local = Path(dataset).is_dir()
    try:
        with _quietly(offline=not local and not _hub_answers()):
            import datasets

            rows = datasets.load_dataset(dataset, None if local else config, split=split)
    except Exception as error:  # noqa: BLE001  datasets passes on all that its transports raise
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise BenchmarkError(
            f"cannot fetch the data set {dataset} ({type(error).__name__}: {reason})"
        ) from None
    return "".join(json.dumps(row) + "\n" for row in rows)


def mbpp_from_hub(dataset: str) -> str:
    """MBPP's test problems, and before them those of its examples."""
    return from_hub(dataset, "full", "prompt+test")


def _hub_answers() -> bool:
    try:
        urllib.request.urlopen(os.environ.get("HF_ENDPOINT") or _HUB, timeout=_HUB_TIMEOUT_S)
    except urllib.error.HTTPError:
        return True  # the hub answers, though not this request
    except (OSError, ValueError):
        return False
    return True


@contextlib.contextmanager
def _quietly(offline: bool) -> Iterator[None]:
    """Turns off the libraries' progress bars and log lines, and with `offline` their requests."""
    import datasets
    import huggingface_hub.constants

    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    switches: tuple[Any, ...] = (datasets.config, huggingface_hub.constants)
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    datasets.disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    for switch in switches:
        switch.HF_HUB_OFFLINE = switch.HF_HUB_OFFLINE or offline
    try:
        yield
    finally:
        datasets.enable_progress_bars()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value

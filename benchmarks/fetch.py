"""Fetching a suite from where it is published. Each fetcher gives the suite as lines of JSON."""

from __future__ import annotations

import json
import urllib.request

from benchmarks.problem import BenchmarkError

_TIMEOUT_S = 30.0
_MOST_BYTES = 64 * 2**20


def over_http(url: str) -> str:
    """The text at `url`.

    Raises:
        BenchmarkError: it cannot be had, whole, as UTF-8.
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


def from_hub(dataset: str) -> str:
    """The test split of a data set on the Hugging Face hub (or in a local folder laid out so).

    Raises:
        BenchmarkError: it cannot be had.
    """
    try:
        import datasets

        datasets.disable_progress_bars()
        split = datasets.load_dataset(dataset, split="test")
    except Exception as error:  # noqa: BLE001  datasets lets through whatever its transports raise
        reason = str(error).strip().partition("\n")[0]
        raise BenchmarkError(
            f"cannot fetch the data set {dataset} ({type(error).__name__}: {reason})"
        ) from None
    return "".join(json.dumps(row) + "\n" for row in split)

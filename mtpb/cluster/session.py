"""The connection to a Ray cluster, and what its nodes have."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import ray
from ray.exceptions import RayError

from mtpb.cluster.options import ClusterOptions
from mtpb.errors import UsageError


@contextmanager
def connected(options: ClusterOptions) -> Iterator[None]:
    """Within the block Ray is at hand. Raises UsageError where there is no cluster."""
    if ray.is_initialized():
        yield
        return
    try:
        _knock(options.address)
        ray.init(
            address=options.address or "local", log_to_driver=False, logging_level=logging.ERROR
        )
    except (OSError, RayError, RuntimeError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"engine.address={options.address}: no Ray cluster answers ({first}); start one with "
            "`ray start --head`, or leave the key out to use this machine"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raises OSError where nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()


def resources() -> dict[str, float]:
    """What all nodes have together: CPU, GPU and others."""
    return cast("dict[str, float]", ray.cluster_resources())  # type: ignore[no-untyped-call]


def nodes() -> list[dict[str, Any]]:
    """The nodes that are alive."""
    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]

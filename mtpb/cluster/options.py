"""What a run asks of a cluster. Needs no Ray."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """`address` None starts Ray on this machine. `workers` None: one a GPU, or as many as the CPUs
    allow. `chunk` is how many dialogues an actor gets at a time."""

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float | None = None
    cpus_per_worker: float = 1
    sandbox_workers_per_node: int | None = None
    chunk: int = 64

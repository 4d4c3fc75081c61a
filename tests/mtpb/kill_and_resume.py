"""Kills runs at random moments and compares what comes of them with runs that were left alone.

    python -m tests.mtpb.kill_and_resume DIRECTORY KILLS [WAY ...]

Ways are `local`, `feedback` (three attempts), `shards` (two, and their merge), `rescore` (of a
whole run, by another scorer) and `ray` (two nodes on this machine); by default all, with the same
number of kills each, of which half hit the driver with its process group, and half a keeper or a
fork server of the sandbox, or an actor. A command that was killed or failed is repeated until it
succeeds; when a way's last command has, its samples and verdicts (times apart) are compared, and it
begins again in another directory until all kills are done. Ends with status 1 where anything
differs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.processes import start_module

RUN = (
    *("model=codegen-300K-mono", "benchmark.limit=3", "sampling.n=8", "sampling.temperature=0.8"),
    *("sampling.max_new_tokens=48", "sandbox.workers=2"),
)
MOST_TRIES = 200  # of one command: then it does not get on
Command = tuple[str, ...]  # module and overrides


@dataclass(frozen=True)
class Way:
    """Commands that make a run in the directory `run` below a folder, one after the other."""

    commands: Callable[[Path], list[Command]]
    helpers: Callable[[int], list[int]]  # processes beside the driver that may be killed


def main(directory: Path, kills: int, names: list[str]) -> int:
    same = True
    for name in names or WAYS:
        with cluster() if name == "ray" else nullcontext():
            same &= chaos(WAYS[name], directory / name, kills, name)
    return 0 if same else 1


def chaos(way: Way, folder: Path, kills: int, name: str) -> bool:
    """Kill a way's commands so many times; whether all that came of it was the same."""
    began = time.monotonic()
    for command in way.commands(folder / "whole"):
        repeat(command, folder / "whole", 0.0, way.helpers)
    patience = (time.monotonic() - began) / len(way.commands(folder)) * 0.5
    wanted, done, runs = contents(folder / "whole" / "run"), 0, 0
    while done < kills:
        runs += 1
        killed = folder / f"killed-{runs}"
        for command in way.commands(killed):
            done += repeat(command, killed, patience, way.helpers)
        if contents(killed / "run") != wanted:
            print(f"{name}: OTHER samples or verdicts in {killed}", flush=True)
            return False
    print(f"{name}: {done} kills in {runs} runs, the same samples and verdicts", flush=True)
    return True


def repeat(
    command: Command, folder: Path, patience: float, helpers: Callable[[int], list[int]]
) -> int:
    """Run a command until it succeeds, killing it after up to so many seconds, a tenth more each
    time, so that it gets on; the number of kills. Without patience nothing is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    said, kills = folder / "said", 0
    for tries in range(MOST_TRIES):
        process = start_module(*command, said=said)
        assert process.pid is not None
        while process.is_alive() and patience:
            process.join(random.uniform(0, patience * (1 + tries / 10)))
            if process.is_alive():
                kills += kill_one(process.pid, helpers)
        process.join()
        if process.exitcode == 0:
            return kills
        assert patience, said.read_text()
    raise AssertionError(f"{command} does not get on; see {said}")


def kill_one(driver: int, helpers: Callable[[int], list[int]]) -> bool:
    """Kill the driver or one of its helpers; False where it had ended."""
    beside = helpers(driver) if random.random() < 0.5 else []
    try:
        if beside:
            os.kill(random.choice(beside), signal.SIGKILL)
        else:
            os.killpg(driver, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def sandboxes(driver: int) -> list[int]:
    """Keepers, fork servers and testers of a local sandbox; not the programs, whose end counts."""
    keepers = children(driver)
    return keepers + [server for keeper in keepers for server in children(keeper)]


def children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def actors(driver: int) -> list[int]:
    """The processes of our actors on all nodes."""
    found = subprocess.run(
        ["pgrep", "-f", "^ray::(Answering|Running)"], capture_output=True, text=True
    )
    return [int(pid) for pid in found.stdout.split()]


@contextmanager
def cluster() -> Iterator[None]:
    """Two nodes of Ray; `ADDRESS` says where."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 80 << 20}
    nodes = Cluster(initialize_head=True, head_node_args=node)
    nodes.add_node(**node)
    os.environ["ADDRESS"] = nodes.address
    try:
        yield
    finally:
        nodes.shutdown()


def run(folder: Path, *overrides: str, output: str = "run") -> Command:
    return ("mtpb.run", *RUN, *overrides, f"output={folder / output}")


def local(folder: Path) -> list[Command]:
    return [run(folder)]


def feedback(folder: Path) -> list[Command]:
    return [run(folder, "benchmark=starter-function", "benchmark.conversation=feedback")]


def shards(folder: Path) -> list[Command]:
    parts = [run(folder, f"shard={n}/2", output=f"shard-{n}") for n in (1, 2)]
    return [*parts, ("mtpb.merge", f"runs={folder}/shard-*", f"output={folder / 'run'}")]


def rescored(folder: Path) -> list[Command]:
    judged = ("mtpb.rescore", f"run={folder / 'first'}", f"output={folder / 'run'}")
    return [run(folder, output="first"), (*judged, "benchmark.scorer=official")]


def on_ray(folder: Path) -> list[Command]:
    where = f"engine.address='{os.environ['ADDRESS']}'"
    return [run(folder, "engine=ray", where, "engine.workers=2")]


def contents(run: Path) -> tuple[bytes, list[dict[str, object]]]:
    """The samples' bytes, and the verdicts without their times."""
    lines = (run / "verdicts.jsonl").read_text().splitlines()
    verdicts = [json.loads(line) for line in lines]
    for verdict in verdicts:
        del verdict["cpu_s"], verdict["wall_s"]
    return (run / "samples.jsonl").read_bytes(), verdicts


WAYS = {
    "local": Way(local, sandboxes),
    "feedback": Way(feedback, sandboxes),
    "shards": Way(shards, sandboxes),
    "rescore": Way(rescored, sandboxes),
    "ray": Way(on_ray, actors),
}

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))

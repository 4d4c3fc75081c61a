"""engine=ray on a real Ray cluster of two nodes on this machine: the bytes of a local run, whatever
is killed in the middle. `MTPB_LONG=1` kills more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from models.engine.dialogue import Finish, Request
from mtpb.errors import UsageError
from mtpb.samplers.sampler import Answer, Stats
from sandbox import Isolation, Limits, Program, Status
from tests.mtpb.commands import call

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

RUN = (
    *("model=codegen-300K-mono", "benchmark.limit=4", "sampling.n=12", "sampling.temperature=0.8"),
    "sampling.max_new_tokens=48",
)
LONG = pytest.mark.skipif(not os.environ.get("MTPB_LONG"), reason="takes half a minute")
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes."""
    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
    nodes.add_node(**NODE)
    yield nodes
    nodes.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The samples of a run without Ray."""
    folder = tmp_path_factory.mktemp("local")
    done = call("run", *RUN, "output=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "run" / "samples.jsonl").read_bytes()


def start(cluster: Any, folder: Path) -> subprocess.Popen[bytes]:
    """The run on the cluster, once its first samples are there."""
    command = [sys.executable, "-m", "mtpb.run", *RUN, *on(cluster), "output=run"]
    with (folder / "said").open("ab") as said:
        running = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
    samples = folder / "run" / "samples.jsonl"
    wait_until(lambda: running.poll() is not None or (samples.exists() and samples.stat().st_size))
    return running


def on(cluster: Any) -> tuple[str, ...]:
    return (
        # more workers than there is room for: the others wait
        *("engine=ray", f"engine.address='{cluster.address}'", "engine.workers=3"),
        "engine.sandbox_workers_per_node=1",
    )


def wait_until(condition: Callable[[], object]) -> None:
    for _ in range(4800):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing happened in four minutes")


def pids(actor: str) -> list[int]:
    """The processes of our actors of a class."""
    found = subprocess.run(["pgrep", "-f", f"^ray::{actor}"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def finish(running: subprocess.Popen[bytes], folder: Path) -> bytes:
    """The samples of a run that ends well."""
    assert running.wait(timeout=240) == 0, (folder / "said").read_text()
    return (folder / "run" / "samples.jsonl").read_bytes()


@pytest.mark.parametrize("actor", ["Answering", pytest.param("Running", marks=LONG)])
def test_an_actor_that_is_killed_changes_nothing(
    actor: str, cluster: Any, local: bytes, tmp_path: Path
) -> None:
    running = start(cluster, tmp_path)
    for pid in pids(actor)[:1]:
        os.kill(pid, signal.SIGKILL)
    assert finish(running, tmp_path) == local


@LONG
def test_mtpb_has_the_bytes_of_a_local_run(cluster: Any, data_dir: Path, tmp_path: Path) -> None:
    """Twenty problems, turn by turn, with arithmetic that needs NumPy in the sandbox."""
    suite = ("benchmark=mtpb", f"benchmark.path={data_dir / 'mtpb.jsonl'}", "benchmark.limit=20")
    run = ("run", "model=codegen-1M-mono", *suite, "sampling.n=2", "sampling.temperature=0.8")
    for output, engine in (("there", on(cluster)), ("here", ())):
        done = call(*run, *engine, f"output={output}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    there, here = (tmp_path / name / "samples.jsonl" for name in ("there", "here"))
    assert there.read_bytes() == here.read_bytes()


@LONG
def test_a_driver_that_is_killed_resumes(cluster: Any, local: bytes, tmp_path: Path) -> None:
    running = start(cluster, tmp_path)
    running.kill()
    running.wait()
    assert finish(start(cluster, tmp_path), tmp_path) == local


@LONG
def test_a_node_may_go_and_another_come(cluster: Any, local: bytes, tmp_path: Path) -> None:
    going = cluster.add_node(**NODE)
    running = start(cluster, tmp_path)
    cluster.remove_node(going)
    cluster.add_node(**NODE)
    assert finish(running, tmp_path) == local


@dataclass(frozen=True)
class Question:
    """A dialogue of one turn."""

    key: int
    answer: str = ""

    @property
    def request(self) -> Request | None:
        return None if self.answer else Request(str(self.key), self.key, 1)

    @property
    def begun(self) -> bool:
        return bool(self.answer)

    def receive(self, answer: Answer) -> Question:
        return replace(self, answer=answer.text)


class Deadly:
    """A backend whose sampler dies of one question."""

    def __init__(self, deadly: int) -> None:
        self._deadly = deadly

    @contextmanager
    def open(self) -> Iterator[Deadly]:
        self.stats = Stats()
        yield self

    def run(self, dialogues: Iterator[Question]) -> Iterator[Question]:
        for question in dialogues:
            if question.key == self._deadly:
                os._exit(1)
            yield question.receive(Answer(f"answer {question.key}", 1, Finish.stop))


def test_a_question_that_kills_every_actor_is_named(cluster: Any) -> None:
    from mtpb.cluster.options import ClusterOptions
    from mtpb.cluster.sampler import ClusterSampler
    from mtpb.cluster.session import connected

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    options = ClusterOptions(address=cluster.address, workers=3, chunk=8)
    backend: Any = Deadly(13)
    answered = set()
    with connected(options):
        answers = ClusterSampler(backend, options).run(Question(n) for n in range(30))
        with pytest.raises(UsageError, match=r"1 conversations .* first 13;"):
            answered.update(question.key for question in answers)
    assert answered == set(range(30)) - {13}


@LONG
def test_a_sandbox_that_is_lost_as_it_starts_is_started_again(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtpb.cluster import pool
    from mtpb.cluster.options import ClusterOptions
    from mtpb.cluster.session import connected

    class DiesOnce(pool.Running):
        def layers(self) -> dict[str, Any]:
            try:
                (tmp_path / "died").touch(exist_ok=False)
            except FileExistsError:
                return super().layers()
            os._exit(1)

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(pool, "Running", DiesOnce)
    options = ClusterOptions(address=cluster.address, sandbox_workers_per_node=1)
    with connected(options), pool.ClusterPool(options, Limits(), Isolation.auto, ()) as sandboxes:
        futures = [sandboxes.submit(Program(f"print({n})")) for n in range(9)]
        assert [future.result().status for future in futures] == [Status.passed] * 9


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("engine.cpus_per_worker=64",), "no node of the cluster has as many"),
        (("engine.workers=0",), "engine.workers=0: must be at least 1"),
    ],
)
def test_what_cannot_be_placed_is_one_message(
    overrides: tuple[str, ...], named: str, cluster: Any, tmp_path: Path
) -> None:
    done = call("run", *RUN, *on(cluster), *overrides, "output=run", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr


def test_no_cluster_is_one_message(tmp_path: Path) -> None:
    done = call("run", *RUN, "engine=ray", "engine.address=127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "engine.address=127.0.0.1:1: no Ray cluster answers" in done.stderr

"""`mtpb.run` through a server: the same verdicts, no key anywhere, resumable whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from benchmarks import load
from mtpb import doctor
from mtpb.checking.preflight import Check, State
from mtpb.config import OpenAIModelConfig
from mtpb.doctor import DoctorConfig
from mtpb.rundir.records import Sample, Verdict
from mtpb.rundir.store import RunDirectory
from tests.mtpb.samplers.openai_server import Body, Server, Status, serving
from tests.processes import run_module

KEY = "sk-a-secret-key-0123456789"
SMALL = ("model=openai", "model.name=toy", "benchmark.limit=3", "sampling.n=1", "sandbox.workers=1")


def run(server: Server | str, *overrides: str, cwd: Path, key: str | None = None) -> Any:
    """`mtpb.run` in a process of its own, asking the server."""
    url = server if isinstance(server, str) else server.url
    settings = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    settings |= {} if key is None else {"OPENAI_API_KEY": key}
    given = (*SMALL, f"model.base_url={url}", "output=run", *overrides)
    return run_module("mtpb.run", *given, cwd=cwd, env=settings)


def solutions(suite: str) -> dict[str, str]:
    """What a good model says to each prompt."""
    said = {}
    for problem in load(suite).problems:
        for case in problem.cases:
            said |= dict(zip(problem.prompts(case), problem.solution(case), strict=True))
    return said


def chatting(suite: str, **settings: Any) -> Any:
    """A server that answers chats as the references do, with some prose."""
    said = solutions(suite)

    def answer(body: Body) -> list[str]:
        asked = body["messages"][-1]["content"]
        code = next(text for prompt, text in said.items() if prompt in asked)
        return ["<think>so</think>Sure:\n", "```python\n", code, "\n```\n", "Done."]

    return serving(answer, **settings)


def completing(suite: str, **settings: Any) -> Any:
    """A server that continues prompts as the references do, and then goes on."""
    said = solutions(suite)

    def answer(body: Body) -> list[str]:
        asked = body["prompt"].rstrip("\n").rpartition("\n# ")[2]
        return [said[asked], "\n", "\n# ", "Another question."]

    return serving(answer, **settings)


def samples(folder: Path) -> list[Sample]:
    return list(RunDirectory(folder / "run").samples())


def verdicts(folder: Path) -> list[Verdict]:
    return list(RunDirectory(folder / "run").verdicts())


def test_completions_of_a_server_are_judged_as_any(tmp_path: Path) -> None:
    with completing("starter") as server:
        done = run(server, cwd=tmp_path, key=KEY)
    assert done.returncode == 0, done.stderr
    assert all(verdict.passed for verdict in verdicts(tmp_path))
    assert all(turn.finish == "stop" for sample in samples(tmp_path) for turn in sample.turns)
    manifest = RunDirectory(tmp_path / "run").manifest()
    assert manifest.guarantee.value == "nothing"
    assert manifest.server is not None
    assert manifest.server.fingerprints == ("fp_toy",)
    assert manifest.throughput.tokens == sum(sample.tokens for sample in samples(tmp_path))


@pytest.mark.parametrize("suite", ["starter", "starter-function"])
def test_chat_answers_become_programs(suite: str, tmp_path: Path) -> None:
    with chatting(suite) as server:
        done = run(server, f"benchmark={suite}", "benchmark.conversation=chat", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(verdict.passed for verdict in verdicts(tmp_path)), verdicts(tmp_path)
    turn = samples(tmp_path)[0].turns[0]
    assert turn.completion.startswith("<think>so</think>Sure:")
    assert turn.text in turn.completion
    assert "```" not in turn.text
    roles = [message["role"] for message in server.asked[0]["messages"]]
    assert roles == ["system", "user"]
    assert "<think>" not in json.dumps([body["messages"] for body in server.asked])
    identity = RunDirectory(tmp_path / "run").manifest().identity
    assert len(identity["benchmark.chat_sha256"]) == 64


@pytest.mark.parametrize(
    ("said", "finish", "status"),
    [
        ("I would rather not.", "stop", "no_code"),
        ("```python\nx = (", "length", "truncated"),
        ("<think>first", "length", "truncated"),
        ("```python\nx = (\n```", "stop", "syntax_error"),
    ],
)
def test_answers_without_code_and_cut_answers_have_a_status(
    said: str, finish: str, status: str, tmp_path: Path
) -> None:
    with serving(lambda body: [said], finish=finish) as server:
        override = ("benchmark.conversation=chat", "benchmark.limit=1")
        done = run(server, *override, "sampling.max_new_tokens=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {verdict.status.value for verdict in verdicts(tmp_path)} == {status}
    shown = call("show", f"run={tmp_path / 'run'}", "problem=1", cwd=tmp_path)
    assert status.replace("_", " ") in shown.stdout
    if status == "no_code":  # a report of one status is as one of another
        table = call("report", f"runs={tmp_path / 'run'}", "output=report", cwd=tmp_path)
        assert table.returncode == 0, table.stderr


def call(command: str, *overrides: str, cwd: Path) -> Any:
    return run_module(f"mtpb.{command}", *overrides, cwd=cwd)


def test_the_key_is_written_nowhere(tmp_path: Path) -> None:
    """Neither where all goes well, nor where the server refuses and repeats the key."""
    with completing("starter", key=KEY) as server:
        done = run(server, cwd=tmp_path, key=KEY)
        assert done.returncode == 0, done.stderr
        server.faults.append(Status(400, error={"message": f"what do you want, {KEY}?"}))
        again = run(server, "benchmark.limit=4", cwd=tmp_path, key=KEY)
        assert again.returncode == 2
        server.key = "another"
        refused = run(server, "benchmark.limit=5", cwd=tmp_path, key=KEY)
        assert refused.returncode == 2
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    printed = [text for one in (done, again, refused) for text in (one.stdout, one.stderr)]
    assert not any("secret" in text for text in (*written, *printed))
    assert "what do you want, …?" in again.stderr


@pytest.mark.parametrize(
    ("override", "why"),
    [
        (f"model.api_key={KEY}", "no key may be on it"),
        (f"+model.api_key={KEY}", "no key may be on it"),
        ("++openai.API-KEY=secret", "no key may be on it"),
        ("model.base_url=http://user:secret@localhost/v1", "has a user, a password or a query"),
        (
            'model.base_url="http://localhost/v1?api_key=secret"',
            "has a user, a password or a query",
        ),
        (f"model.name={KEY}", "is part of the command line"),
    ],
)
def test_credentials_on_the_command_line_are_refused_unrepeated(
    override: str, why: str, tmp_path: Path
) -> None:
    done = run("http://localhost:1/v1", override, cwd=tmp_path, key=KEY)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert why in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert not (tmp_path / "run").exists()


def test_a_server_that_dies_loses_nothing_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    with completing("starter") as server:
        assert run(server, cwd=whole).returncode == 0
    with completing("starter") as server:
        server.faults.extend([None] * 11 + [Status(503)] * 1000)  # type: ignore[list-item]
        settings = ("model.max_retries=0", "model.max_connections=2")
        stopped = run(server, *settings, cwd=cut)
    assert stopped.returncode == 2
    assert "status 503" in stopped.stderr
    assert stopped.stderr.count("error:") == 1
    there = {sample.key for sample in samples(cut)}
    assert 0 < len(there) < len(samples(whole))
    gone = run(server, *settings, cwd=cut)
    assert gone.returncode == 2
    assert "is the server running there?" in gone.stderr
    with completing("starter") as server:  # on another port
        assert run(server, cwd=cut).returncode == 0
    asked = Counter((body["prompt"], body["seed"]) for body in server.asked)
    turns = sum(len(s.turns) for s in samples(cut) if s.key not in there)
    assert sum(asked.values()) == turns
    assert (cut / "run/samples.jsonl").read_bytes() == (whole / "run/samples.jsonl").read_bytes()


def test_limit_of_tokens_ends_a_run_that_a_higher_one_resumes(tmp_path: Path) -> None:
    with completing("starter") as server:
        stopped = run(server, "limits.tokens=8", "model.max_connections=1", cwd=tmp_path)
        assert stopped.returncode == 2
        assert "limits.tokens=8: reached with" in stopped.stderr
        there = len(samples(tmp_path))
        assert 0 < there < 15
        assert run(server, "limits.tokens=100000", cwd=tmp_path).returncode == 0
    assert len(samples(tmp_path)) == 15
    assert all(verdict.passed for verdict in verdicts(tmp_path))


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("model.name=other",), "model.name=other"),
    (("model.name=null",), "model.name must be given"),
    (("model.path=x/y",), "model.path=x/y"),
    (("model.max_connections=0",), "model.max_connections=0"),
    (("model.seed_bits=65",), "model.seed_bits=65"),
    (("engine.slots=4",), "engine.slots=4"),
    (("limits.tokens=0",), "limits.tokens=0"),
    (("model.base_url=nowhere",), "model.base_url=nowhere"),
    (("benchmark.conversation=shouting",), "benchmark.conversation"),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSED)
def test_what_cannot_be_followed_is_one_line(
    overrides: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with completing("starter") as server:
        done = run(server, *overrides, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("package", "model", "extra"),
    [("openai", "openai", "endpoint"), ("transformers", "transformers", "transformers")],
)
def test_missing_extra_is_named(package: str, model: str, extra: str, tmp_path: Path) -> None:
    program = (
        f"import runpy, sys; sys.modules[{package!r}] = None; "
        f"sys.argv = ['mtpb', 'model={model}', 'model.name=x', 'model.path=y']; "
        "runpy.run_module('mtpb.run', run_name='__main__', alter_sys=True)"
    )
    if model == "openai":
        program = program.replace(", 'model.path=y'", "")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"python -m pip install 'mtpb[{extra}]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_chat_with_the_built_in_models_is_refused(tmp_path: Path) -> None:
    done = call("run", "benchmark.conversation=chat", cwd=tmp_path)
    assert done.returncode == 2
    assert "benchmark.conversation=chat" in done.stderr


def test_codegen_through_transformers_says_what_the_engine_says(tmp_path: Path) -> None:
    """Same tokenizer, stop rules, keys and draws; only the logits are rounded differently."""
    pytest.importorskip("transformers")
    from models.embedded import embedded

    sampling = ("benchmark.limit=4", "sampling.n=2", "sampling.temperature=0.8")
    models = {"there": (f"model.path={embedded('codegen-300K-mono')}", "model=transformers")}
    models["here"] = ("model=codegen-300K-mono",)
    for name, model in models.items():
        done = call("run", *model, *sampling, "sandbox.workers=1", f"output={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    theirs, ours = (list(RunDirectory(tmp_path / name).samples()) for name in models)
    assert len(ours) == 40
    assert sum(one == other for one, other in zip(theirs, ours, strict=True)) >= 38


def test_neither_torch_nor_transformers_is_imported_for_a_server(tmp_path: Path) -> None:
    program = (
        "import atexit, runpy, sys; "
        "atexit.register(lambda: print(sorted({'torch', 'transformers'} & set(sys.modules)))); "
        "runpy.run_module('mtpb.run', run_name='__main__', alter_sys=True)"
    )
    with completing("starter") as server:
        overrides = (*SMALL, f"model.base_url={server.url}", "benchmark.limit=1", "output=run")
        command = [sys.executable, "-c", program, *overrides]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_doctor_asks_the_server(tmp_path: Path) -> None:
    config = OpenAIModelConfig(name="toy", base_url="http://127.0.0.1:1/v1", max_retries=0)
    with completing("starter") as server:
        (good,) = examined(replace(config, base_url=server.url))
        assert good.state is State.good
        assert "guaranteed: nothing" in good.found
    (bad,) = examined(config)
    assert bad.state is State.bad
    assert "is the server running there?" in bad.found


def examined(config: OpenAIModelConfig) -> list[Check]:
    return list(doctor.model_checks(DoctorConfig(model=config)))

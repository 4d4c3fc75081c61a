"""How the server starts, ends, refuses and forgets: signals, keys, limits, clients that leave."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from safetensors.torch import load_file, save_file

from tests.models.serving.process import MODEL, Running, serving
from tests.processes import run_module

LONG = {"model": MODEL, "prompt": "x", "max_tokens": 900, "temperature": 50, "n": 40, "seed": 1}
SHORT = {"prompt": "def f(x):\n", "max_tokens": 5, "temperature": 0}


def until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to hold")


def busy(server: Running) -> int:
    health = server.get("/health")[1]
    return int(health["running"]) + int(health["waiting"])


def start(server: Running, body: dict[str, Any]) -> http.client.HTTPConnection:
    """A connection on which a request is under way."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request(
        "POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"}
    )
    return connection


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_frees_its_slots(stream: bool) -> None:
    with serving("slots=4") as server:
        expected = server.ask(**SHORT)["choices"]
        connection = start(server, LONG | {"stream": stream})
        until(lambda: busy(server) == 40)
        connection.close()
        until(lambda: busy(server) == 0)
        assert server.ask(**SHORT)["choices"] == expected


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_server_after_the_requests_under_way(
    number: signal.Signals, status: int
) -> None:
    with serving() as server:
        body = LONG | {"n": 1, "max_tokens": 300}
        expected = server.ask(**body)["choices"]
        connection = start(server, body)
        until(lambda: busy(server) == 1)
        server.process.send_signal(number)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["choices"]) == (200, expected)
        connection.close()
        assert server.process.wait(60) == status
        with pytest.raises(OSError, match="refused"):
            start(server, body)
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def test_requests_that_outlast_the_grace_are_ended() -> None:
    with serving("grace=0.2") as server:
        connection = start(server, LONG | {"n": 200})
        until(lambda: busy(server) == 200)
        server.process.terminate()
        assert server.process.wait(60) == 0
        connection.close()


def test_a_second_signal_ends_the_server_at_once() -> None:
    with serving("grace=1000") as server:
        connection = start(server, LONG | {"n": 200})
        until(lambda: busy(server) == 200)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 130
        connection.close()


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    with serving("slots=2", "queue=50") as server:
        first = start(server, LONG | {"n": 50})
        until(lambda: server.get("/health")[1]["running"] == 2)
        second = LONG | {"n": 3}
        status, record, headers = server.post(second)
        assert (status, record["error"]["code"]) == (429, "queue_full")
        assert int(headers["retry-after"]) >= 1
        with pytest.raises(openai.RateLimitError):
            server.client().completions.create(model=MODEL, prompt="x", n=3)
        assert server.post(LONG | {"n": 51})[0] == 400
        first.close()
        until(lambda: busy(server) == 0)
        assert server.ask(**SHORT)["choices"]


def test_an_answer_that_takes_too_long_is_ended() -> None:
    with serving("timeout=0.5", "slots=2") as server:
        status, record, _ = server.post(LONG)
        assert (status, record["error"]["code"]) == (503, "timeout")
        with pytest.raises(openai.APIError, match="within"):
            for _ in server.client().completions.create(stream=True, **LONG):  # type: ignore[call-overload]
                pass
        until(lambda: busy(server) == 0)


def test_a_large_body_is_refused_before_it_is_read() -> None:
    with serving("max_body=2000") as server:
        assert server.post({"model": MODEL, "prompt": "x" * 3000})[0] == 413
        assert server.ask(**SHORT)["choices"]


CRASH = """
import sys
from models.engine.runner import Runner
from models.serve import main
compute, calls = Runner.logits, [0]
def logits(self, rows, wanted):
    calls[0] += 1
    if calls[0] > 40:
        raise RuntimeError("injected")
    return compute(self, rows, wanted)
Runner.logits = logits
sys.exit(main())
"""


def test_a_crash_of_the_engine_fails_all_requests_and_ends_the_server() -> None:
    with serving("slots=4", code=CRASH) as server, ThreadPoolExecutor(8) as clients:
        answers = [clients.submit(server.post, LONG | {"n": 2}) for _ in range(7)]
        with pytest.raises(openai.APIError, match="crashed"):
            for _ in server.client().completions.create(stream=True, **LONG):  # type: ignore[call-overload]
                pass
        for answer in answers:
            status, record, _ = answer.result()
            assert (status, record["error"]["type"]) == (500, "server_error")
        _, told = server.process.communicate(timeout=60)
        assert server.process.returncode == 3
        assert told.startswith("Traceback")
        assert "internal error: RuntimeError: injected" in told.splitlines()[-1]


def test_weights_that_give_no_numbers_end_the_server_with_one_line(tiny_checkpoint: Path) -> None:
    weights = load_file(tiny_checkpoint / "model.safetensors")
    weights["transformer.ln_f.weight"][:] = float("nan")
    save_file(weights, tiny_checkpoint / "model.safetensors", metadata={"format": "pt"})
    with serving(f"model={tiny_checkpoint}", "name=broken") as server:
        status, record, _ = server.post({"model": "broken", **SHORT})
        assert (status, record["error"]["type"]) == (500, "server_error")
        _, told = server.process.communicate(timeout=60)
        assert server.process.returncode == 2
        assert told.startswith("error: ")
        assert "not finite" in told
        assert told.count("\n") == 1


def test_with_a_key_every_client_must_send_it() -> None:
    with serving("host=0.0.0.0", key="sësame") as server:
        local = Running(server.process, server.url.replace("0.0.0.0", "127.0.0.1"))
        body = {"model": MODEL, **SHORT}
        right = {"Authorization": "Bearer sësame".encode().decode("latin-1")}
        assert local.post(body, **right)[0] == 200
        assert local.get("/health")[0] == 200
        for headers in ({}, {"Authorization": "Bearer sesame"}, {"Authorization": "Bearer "}):
            for path in ("/v1/models", "/v1/nothing"):
                assert local.get(path, **headers)[0] == 401
            status, record, _ = local.post(body, **headers)
            assert (status, record["error"]["code"]) == (401, "invalid_api_key")
        with pytest.raises(openai.AuthenticationError):
            local.client("sesame").models.list()
        server.process.terminate()
        said, told = server.process.communicate(timeout=60)
        assert "sësame" not in said + told


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command(f"model={MODEL}", f"port={taken.getsockname()[1]}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "in use" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((f"model={MODEL}", "host=0.0.0.0"), "MTPB_API_KEY"),
        ((f"model={MODEL}", "host=::"), "MTPB_API_KEY"),
        ((f"model={MODEL}", "host=example.org"), "MTPB_API_KEY"),
        (("model=codegen-9B-mono", "port=0"), "no such directory, nor a model"),
        ((f"model={MODEL}", "port=0", "slots=0"), "slots=0"),
        ((f"model={MODEL}", "port=99999"), "port=99999"),
        ((f"model={MODEL}", "timeout=nan"), "timeout=nan"),
        ((f"model={MODEL}", "port=0", "device=toaster"), "device='toaster'"),
        (("port=0",), "model= must be given"),
    ],
)
def test_bad_usage_is_one_line(arguments: tuple[str, ...], told: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: ")
    assert told in done.stderr


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; import models.serve as s; s.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, f"model={MODEL}"], capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("error: no package uvicorn; install the extra `serve`")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("models.serve", *arguments, timeout=60)

"""The live page: it follows the runs, and answers only who asks for this machine."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtpb.report.build import Options
from mtpb.view.pages import page, stamp
from mtpb.view.server import LivePage, PageServer
from tests.mtpb.report.fixtures import Spec, make_run

OPTIONS = Options(figures=False, partial=True)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of which nothing is judged yet; the verdicts to come are in another file."""
    run = make_run(tmp_path / "run", Spec(problems=2, n=2))
    (run / "verdicts.jsonl").rename(tmp_path / "to-come")
    return run


@pytest.fixture
def server(run: Path) -> Iterator[PageServer]:
    live = LivePage(
        lambda: stamp(str(run)),
        lambda state: page(str(run), OPTIONS, state),
        clock=lambda: 0.0,  # pages take no time, so that none is kept
    )
    with PageServer(live, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def judge(run: Path, count: int) -> None:
    """The next verdicts come."""
    source, target = run.parent / "to-come", run / "verdicts.jsonl"
    lines = source.read_text().splitlines(keepends=True)
    done = len(target.read_text().splitlines()) if target.exists() else 0
    with target.open("a") as file:
        file.writelines(lines[done : done + count])


def ask(server: PageServer, path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_page_follows_the_verdicts(server: PageServer, run: Path) -> None:
    assert "Nothing is judged yet: 0 of 8 samples" in ask(server)[1]
    for judged in (3, 6):
        before = ask(server, "/state")[1]
        judge(run, 3)
        state = ask(server, "/state")[1]
        assert state != before
        text = ask(server, "/page")[1]
        assert f'data-live="{state}"' in text
        assert f"{judged} judged samples" in text
        assert f"{judged} of 8 samples" in text


def test_a_request_for_another_host_is_refused(server: PageServer, run: Path) -> None:
    judge(run, 8)
    port = server.server_port
    for host in ("example.org", f"example.org:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", ""):
        for path in ("/", "/page", "/state"):
            status, text = ask(server, path, Host=host)
            assert status == 403
            assert "judged samples" not in text
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert ask(server, Host=host)[0] == 200


def test_the_live_page_may_ask_its_own_server_only(server: PageServer, run: Path) -> None:
    judge(run, 8)
    status, text = ask(server)
    assert status == 200
    assert "default-src 'none'" in text
    assert text.count("connect-src") == 1
    assert "connect-src 'self'\"" in text


def test_nothing_else_is_served(server: PageServer) -> None:
    for path in ("/manifest.json", "/../run/manifest.json", "//etc/passwd", "/%2e%2e/x"):
        assert ask(server, path)[0] == 404


def test_a_page_that_takes_long_is_made_again_after_four_times_as_long() -> None:
    now, files = [0.0], ["first"]

    def make(state: str) -> str:
        now[0] += 2.0
        return files[0]

    live = LivePage(lambda: files[0], make, clock=lambda: now[0])
    assert live.page() == "first"
    state, files[0], now[0] = live.state(), "second", 9.9
    assert (live.page(), live.state()) == ("first", state)
    now[0] = 10.0
    assert live.state() != state
    assert live.page() == "second"


def test_whether_runs_have_changed_is_seen_without_reading_them(run: Path) -> None:
    judge(run, 3)
    before = stamp(str(run))
    assert stamp(str(run)) == before
    for path in run.iterdir():
        if path.is_file():
            path.write_bytes(b"\xff" * (path.stat().st_size + 1))  # what no reader accepts
    assert stamp(str(run)) not in ("[]", before)

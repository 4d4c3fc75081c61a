"""Whatever a program writes or does, it harms its own verdict only."""

from __future__ import annotations

import os
import resource
import socket
import textwrap
import threading
from collections.abc import Iterator
from types import SimpleNamespace as Namespace

import pytest

from sandbox import Limits, Outcome, Pool, Program, Status, Test
from sandbox.protocol import frames, messages
from sandbox.protocol.failures import TimeLimit
from sandbox.protocol.messages import Ended, Ending
from sandbox.tester.link import Link
from sandbox.tester.testing import compile_test, run_test
from tests.sandbox.attacks import FORGER, FORGERIES

LIMITS = Limits(cpu_s=1.0, wall_s=3.0, memory_mb=512)
TEST = Test("", "assert f(1) == 2\nassert f([1]) == [1, 1]", ("f",))
HONEST = (
    Program("print('hello')\nimport sys\nprint('bye', file=sys.stderr)"),
    Program("def f(x): return x * 2 if x == [1] else x + 1\nprint('hello')", test=TEST),
    Program("1 / 0"),
)


@pytest.fixture(scope="module")
def lone() -> Iterator[Pool]:
    """A pool of one worker, so that every program comes right after the one before."""
    with Pool(LIMITS, workers=1) as pool:
        yield pool


def told(outcome: Outcome) -> tuple[object, ...]:
    """All of an outcome but its times."""
    return (
        outcome.status, outcome.detail, outcome.line, outcome.value, outcome.stdout,
        outcome.stderr, outcome.exit_code,
    )  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_harms_its_own_verdict_only(name: str, lone: Pool) -> None:
    tested, body = FORGERIES[name]
    expected = [told(lone.run(program)) for program in HONEST]
    outcome = lone.run(Program(FORGER + body, test=TEST if tested else None))
    assert outcome.status in (
        Status.exception, Status.timeout, Status.memory, Status.blocked, Status.wrong_answer,
    ), outcome  # fmt: skip
    assert [told(lone.run(program)) for program in HONEST] == expected


@pytest.mark.parametrize("error", [MemoryError, TimeLimit])
@pytest.mark.parametrize("source", ["f(1)", "try: f(1)\nexcept: pass"])
def test_what_reading_an_answer_takes_is_not_the_tests_fault(
    error: type[BaseException], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(reader: frames.Reader) -> None:
        raise error

    monkeypatch.setattr(frames.Reader, "frame", read)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = Link(ours.fileno())
        try:
            ending = run_test(compile_test("", source, ("f",)), link, 0).ended
        except error:  # as the tester's process then says
            ending = Ended.memory
    assert ending in (Ended.memory, Ended.timeout)


def test_answers_are_not_kept_after_their_test() -> None:
    """The tester has room for a large answer however many came before."""
    test = Test("", "def check(c):\n    r = c(1)\n    assert r == 5, r\ncheck(f)", ("f",))
    large = Program("def f(x): raise ValueError(b'x' * (31 << 20))", test=test)
    whole = Test("", "def check(c):\n    assert len(c(10**6)) == 10**6\ncheck(f)", ("f",))
    honest = Program("def f(n): return list(range(n))", test=whole)
    with Pool(Limits(cpu_s=10, wall_s=30, memory_mb=256), workers=1) as pool:
        assert pool.run(honest).status is Status.passed
        tester = pool._workers[0].tester
        for _ in range(6):
            assert pool.run(large).status is Status.exception
        assert pool.run(honest).status is Status.passed
        assert pool._workers[0].tester is tester


@pytest.mark.parametrize("ended", [Ended.broken_test, Ended.memory])
def test_a_fault_of_a_test_is_believed_of_a_fresh_tester_only(
    ended: Ended, lone: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = lone._workers[0]
    assert lone.run(HONEST[1]).status is Status.passed
    worn = worker.tester

    def unpack(body: bytes) -> Ending:
        return Ending(ended, "") if worker.tester is worn else messages.unpack_ending(body)

    with monkeypatch.context() as patch:
        patch.setattr("sandbox.runs.messages", Namespace(**vars(messages)))
        patch.setattr("sandbox.runs.messages.unpack_ending", unpack)
        assert lone.run(HONEST[1]).status is Status.passed
    assert worker.tester is not worn


CATCHES_ALL = "try: f(1)\nexcept: pass"


@pytest.mark.parametrize(
    "body", ["import os; os._exit(0)", "import os; os.write(4, b'junkjunkjunk')"]
)
def test_a_fault_of_a_program_is_not_lost_in_a_test_that_catches_all(body: str, lone: Pool) -> None:
    program = Program(f"def f(x): {body}", test=Test("", CATCHES_ALL, ("f",)))
    assert lone.run(program).status is Status.exception


@pytest.mark.parametrize("leave", ["os.kill(os.getpid(), 9)", "os._exit(3)"])
def test_an_ending_that_the_process_belies_is_not_believed(leave: str, lone: Pool) -> None:
    forged = f"{FORGER}\nsay(3, frame(b'E', bytes(10)))\n{leave}"
    assert lone.run(Program(forged)).status is Status.exception


def test_no_descriptor_of_the_pool_is_open_in_a_program() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 500:
        pytest.skip("needs 400 descriptors")
    look = """
    import os
    for fd in range(5, 5000):
        try: print(fd, os.fstat(fd))
        except OSError: pass
    """
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
    try:
        with Pool(LIMITS, workers=1) as pool:
            assert pool.run(Program(textwrap.dedent(look))).stdout == ""
    finally:
        for fd in held:
            os.close(fd)


PEEP = """
import socket, sys
link = socket.socket(fileno=4)
def seen():
    found = []
    try: found.append(link.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError: pass
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            value = getattr(value, "_reader", value)
            found.append(getattr(value, "_data", b""))
        frame = frame.f_back
    return b"".join(f for f in found if isinstance(f, bytes))
def f(x):
    return 7777 if (7777).to_bytes(2, "little") in seen() or x else 0
"""


def test_answers_are_not_to_be_found_in_calls_that_come_later(lone: Pool) -> None:
    test = Test("", "a = f(0)\nassert a == 7777\nassert f(a) == 7777", ("f",))
    hostile = Program(PEEP, test=test)
    before = lone.run(hostile)
    for _ in range(3):
        right = "def f(x): return 7777"
        assert lone.run(Program(right, test=test)).status is Status.passed
    after = lone.run(hostile)
    assert before.status not in (Status.passed, Status.sandbox_error)
    assert told(after) == told(before)


TAKE_NAMES = """
import os
os.makedirs("a/b/c")
for number in range(130):
    for deeper in ("./a/b", "./z/b"):
        os.makedirs(f".0-{number}-{abs(hash(deeper))}/x/y")
os.makedirs("z/b/c")
"""


def test_names_in_the_scratch_directory_cannot_stop_the_server(lone: Pool) -> None:
    servers = {lone._workers[0].servers[0].process}
    for _ in range(2):
        assert lone.run(Program(TAKE_NAMES)).status is Status.passed
        assert lone.run(Program("import os; print(os.listdir('.'))")).stdout == "[]\n"
        servers.add(lone._workers[0].servers[0].process)
    assert len(servers) == 1


def test_a_program_under_which_processes_fail_is_at_fault_if_others_pass(
    lone: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = lone._workers[0]
    tried, run = [], worker._try

    def fails_under(program: Program, payload: bytes, tier: int) -> Outcome:
        tried.append((program.source, worker._server(tier).process))
        if program.source == "bad":
            raise ConnectionError("the server fell over")
        return run(program, payload, tier)

    monkeypatch.setattr(worker, "_try", fails_under)
    outcome = lone.run(Program("bad"))
    assert outcome.status is Status.exception
    assert "failed twice under it" in outcome.detail
    assert "the server fell over" in outcome.detail
    assert [source == "bad" for source, _ in tried] == [True, True, False]
    assert len({server for _, server in tried}) == 3  # fresh ones each time
    assert lone.run(HONEST[0]).status is Status.passed


def test_a_sandbox_in_which_nothing_passes_is_broken(
    lone: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(program: Program, payload: bytes, tier: int) -> Outcome:
        raise ConnectionError("the server fell over")

    with monkeypatch.context() as patch:
        patch.setattr(lone._workers[0], "_try", fails)
        outcome = lone.run(Program("print(1)"))
    assert outcome.status is Status.sandbox_error
    assert "a known good program fails as well" in outcome.detail
    assert lone.run(Program("print(1)")).status is Status.passed


@pytest.mark.parametrize("tested", [False, True])
def test_a_program_too_large_for_its_memory_is_at_fault(tested: bool) -> None:
    source = "x = 1\n" * 700_000
    with Pool(Limits(cpu_s=5, wall_s=15, memory_mb=1), workers=1) as pool:
        outcome = pool.run(Program(source, test=TEST if tested else None))
        assert outcome.status in (Status.exception, Status.memory, Status.syntax_error), outcome
        assert pool.run(HONEST[0]).status is Status.passed


def test_a_report_of_another_job_is_not_taken(lone: Pool) -> None:
    """As after an exception between two reads: what was not read is thrown away."""
    worker = lone._workers[0]
    worker.servers[0]._next.job += 1
    outcome = lone.run(HONEST[0])
    assert (outcome.status, outcome.stdout) == (Status.passed, "hello\n")


def test_pool_that_is_dropped_ends_its_servers() -> None:
    pool = Pool(LIMITS, workers=2)
    threads = list(pool._workers)
    processes = [worker.servers[0].process._process for worker in threads]
    future = pool.submit(Program("print('still')"))
    del pool
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert future.result().stdout == "still\n"
    assert all(process.poll() is not None for process in processes)
    assert threading.active_count() < 50

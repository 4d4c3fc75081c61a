"""Processes and directories: none is left, whatever ends the pool or its servers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import Harness, Isolation, Limits, Outcome, Pool, Program, SandboxError, Status, Test

ROOT = Path(sandbox.__file__).resolve().parent.parent
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

EVALUATOR = """
import concurrent.futures, signal
from sandbox import Pool, Program, Test
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
pool = Pool(workers=2)
test = Test("", "f()", ("f",))
busy = [pool.submit(Program("print(1)\\nwhile True: pass")),
        pool.submit(Program("def f():\\n    while True: pass", test=test))]
more = [pool.submit(Program("x = 1")) for _ in range(100)]
print("ready", flush=True)
while not busy[0].done():  # a wait without end misses a signal that comes just before it
    concurrent.futures.wait(busy[:1], timeout=0.1)
"""


def descendants(session_marker: str) -> list[int]:
    """Processes whose environment names a scratch directory below `session_marker`."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if session_marker.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
    return found


def ends(pids: list[int]) -> bool:
    """Wait until none of the processes runs; False if that takes more than 20 s."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            ready = os.fdopen(fd, "rb", buffering=0)
            import select

            done = select.select([ready], [], [], 20)[0]
            ready.close()
            if not done:
                return False
    return True


@pytest.fixture
def evaluator(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a pool at work, its temporary directory being `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", EVALUATOR],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_evaluator_is_ended(
    number: signal.Signals, evaluator: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = [pid for pid in descendants(str(tmp_path)) if pid != evaluator.pid]
    assert len(pids) >= 4  # a keeper and a server for each worker
    evaluator.send_signal(number)
    assert evaluator.wait(20) != 0
    assert ends(pids)
    assert ends(descendants(str(tmp_path)))  # one that was just being started
    assert list(tmp_path.iterdir()) == []


@linux_only
def test_closing_ends_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pool = Pool(workers=2)
    pool.submit(Program("while True: pass"))
    future = pool.submit(Program("while True: pass"))
    pids = descendants(str(tmp_path))
    pool.close()
    assert future.done()
    assert ends(pids)
    assert list(tmp_path.iterdir()) == []


def test_closed_pool_refuses_programs() -> None:
    pool = Pool(workers=1)
    pool.close()
    pool.close()
    with pytest.raises(SandboxError, match="closed"):
        pool.submit(Program("x = 1"))


def test_queued_programs_are_cancelled_by_closing() -> None:
    with Pool(workers=1) as pool:
        futures = [pool.submit(Program("while True: pass")) for _ in range(20)]
    assert futures[-1].cancelled()
    assert all(future.done() for future in futures)


def servers(pool: Pool) -> list[int]:
    """The fork servers' processes: children of the keepers that the pool started."""
    pids: list[int] = []
    for server in [each for worker in pool._workers for each in list(worker.servers.values())]:
        keeper = server.process._process.pid
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{keeper}/task/{keeper}/children").read_text()
            pids.extend(int(pid) for pid in text.split())
    return pids


MIXED: list[tuple[Program, Status]] = [
    (Program("print(1)"), Status.passed),
    (Program("1 / 0"), Status.exception),
    (Program("x ="), Status.syntax_error),
    (Program("def f(): return 1", test=Test("", "assert f() == 1", ("f",))), Status.passed),
    (Program("def f(): return 2", test=Test("", "assert f() == 1", ("f",))), Status.wrong_answer),
    (Program("print(5)", Harness("def report(): return 5")), Status.passed),
]


@linux_only
def test_killed_fork_servers_change_no_verdict(pool: Pool) -> None:
    programs = [MIXED[n % len(MIXED)] for n in range(2000)]
    chance = random.Random(0)
    with Pool(workers=2) as pool:
        futures = [pool.submit(program) for program, _ in programs]
        kill_at = sorted(chance.sample(range(100, 1900), 12))
        for n, (future, (_, expected)) in enumerate(zip(futures, programs, strict=True)):
            assert future.result().status is expected, (n, future.result())
            if n in kill_at:
                for pid in servers(pool):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


@linux_only
def test_many_programs_leak_no_descriptors(pool: Pool) -> None:
    for _ in range(2):
        before = os.listdir("/proc/self/fd")
        for future in [pool.submit(program) for program, _ in MIXED * 20]:
            future.result()
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_pool_can_be_used_from_many_threads(pool: Pool) -> None:
    outcomes: list[Outcome] = []

    def use(number: int) -> None:
        outcomes.extend(pool.run(Program(f"print({number})")) for _ in range(5))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o.stdout for o in outcomes) == sorted(
        f"{n}\n" for n in range(8) for _ in range(5)
    )


def test_pool_made_in_a_thread_that_ends_goes_on(pool: Pool) -> None:
    made: list[Pool] = []
    maker = threading.Thread(target=lambda: made.append(Pool(workers=1)))
    maker.start()
    maker.join()
    with made[0] as other:
        assert other.run(Program("x = 1")).status is Status.passed


def test_failing_harness_is_an_error_of_the_sandbox(pool: Pool) -> None:
    outcome = pool.run(Program("x = 1", Harness("nonsense")))
    assert outcome.status is Status.sandbox_error
    assert "the harness failed: NameError" in outcome.detail


def test_harness_rewrites_watches_and_reports(pool: Pool) -> None:
    harness = Harness(
        textwrap.dedent(
            """
            import ast
            seen = []
            def rewrite(tree):
                tree.body.append(ast.parse("print(limit)").body[0])
                return tree
            def on_print(args): seen.append(args)
            def report(): return seen, limit
            """
        ),
        {"limit": [1, (2.5, None)]},
    )
    outcome = pool.run(Program("limit = 3\nprint('a', 1)", harness))
    assert outcome.status is Status.passed, outcome
    seen = ("list", (("tuple", (("str", "a"), ("int", 1))), ("tuple", (("int", 3),))))
    limit = ("list", (("int", 1), ("tuple", (("float", 2.5), ("none",)))))
    assert outcome.value == ("tuple", (seen, limit))


def test_exit_codes_are_told(pool: Pool) -> None:
    codes = {"0": 0, "None": 0, "3": 3, "'text'": 1, "": 0}
    for argument, code in codes.items():
        outcome = pool.run(Program(f"import sys\nsys.exit({argument})"))
        assert outcome.exit_code == code
        assert outcome.status is (Status.passed if code == 0 else Status.exception)
    assert pool.run(Program("x = 1")).exit_code is None


def test_times_are_measured(pool: Pool) -> None:
    outcome = pool.run(Program("import time\nwhile time.process_time() < 0.3: pass"))
    assert 0.2 < outcome.cpu_s < 0.6
    assert outcome.wall_s >= outcome.cpu_s * 0.9


def test_cpu_limit_is_not_rounded() -> None:
    with Pool(Limits(cpu_s=0.25, wall_s=10), workers=1) as pool:
        outcome = pool.run(Program("while True: pass"))
    assert outcome.status is Status.timeout
    assert 0.2 < outcome.cpu_s < 0.6


@linux_only
def test_starved_program_is_not_charged_for_waiting() -> None:
    spinners = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(4 * len(os.sched_getaffinity(0)))
    ]
    try:
        with Pool(Limits(cpu_s=10, wall_s=0.6), workers=1) as pool:
            busy = "import time\nwhile time.process_time() < 0.4: pass"
            assert pool.run(Program(busy)).status is Status.passed
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def test_full_isolation_is_refused_where_a_layer_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if sys.platform.startswith("linux"):
        run = [sys.executable, "-c", WITHOUT_SECCOMP, str(ROOT)]
        done = subprocess.run(run, capture_output=True, text=True, timeout=60)
        assert done.stdout.startswith("refused: full isolation"), done
        assert "seccomp" in done.stdout
    else:
        with pytest.raises(SandboxError, match="landlock"):
            Pool(isolation=Isolation.full)


# a filter that refuses prctl(PR_SET_SECCOMP), as some containers have
WITHOUT_SECCOMP = """
import struct, ctypes, platform, sys
sys.path.insert(0, sys.argv[1])
from sandbox import Isolation, Pool, Program, SandboxError
from sandbox.server import kernel, syscalls
prctl = syscalls.checked(platform.machine())["prctl"]
code = b"".join(struct.pack("<HBBI", *step) for step in [
    (0x20, 0, 0, 0), (0x15, 0, 3, prctl),
    (0x20, 0, 0, 16), (0x15, 0, 1, 22), (0x06, 0, 0, 0x50016), (0x06, 0, 0, 0x7fff0000)])
buffer = ctypes.create_string_buffer(code, len(code))
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
kernel.load_filter(kernel.FilterProgram(len(code) // 8, ctypes.addressof(buffer)))()
try:
    Pool(isolation=Isolation.full)
except SandboxError as error:
    print("refused:", error)
with Pool(isolation=Isolation.auto, workers=2) as pool:
    assert pool.layers["missing"].keys() == {"seccomp"}, pool.layers
    print(pool.run(Program("print(1)")))
"""


def test_what_auto_lacks_is_said_once() -> None:
    run = [sys.executable, "-c", WITHOUT_SECCOMP, str(ROOT)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert done.stderr.count("sandbox: without") == (1 if sys.platform.startswith("linux") else 0)
    assert "Status.passed" in done.stdout


def test_basic_isolation_runs_programs_with_limits() -> None:
    with Pool(Limits(cpu_s=0.2, wall_s=5), workers=1, isolation=Isolation.basic) as pool:
        assert pool.layers["namespaces"] == []
        assert pool.run(Program("print(1)")).stdout == "1\n"
        assert pool.run(Program("while True: pass")).status is Status.timeout
        test = Test("", "assert f() == 1", ("f",))
        assert pool.run(Program("def f(): return 1", test=test)).status is Status.passed


@linux_only
def test_daemons_of_a_program_are_ended_in_basic_isolation() -> None:
    with Pool(workers=1, isolation=Isolation.basic) as pool:
        source = """
import os, time
if os.fork() == 0:
    os.setsid()
    daemon = os.fork()
    if daemon == 0:
        time.sleep(1000)
    os.write(1, str(daemon).encode())
    os._exit(0)
os.wait()
"""
        outcome = pool.run(Program(source))
        assert outcome.status is Status.passed
        assert not Path(f"/proc/{int(outcome.stdout)}").exists()


def test_ordinary_user_gets_full_isolation(pool: Pool, tmp_path: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not pool.layers["full"]:
        pytest.skip("needs root, to become somebody else")
    script = f"""
import os, sys
os.setgroups([]); os.setgid(12345); os.setuid(12345)
sys.path.insert(0, {str(ROOT)!r})
from sandbox import Isolation, Pool, Program
with Pool(isolation=Isolation.full, workers=1) as pool:
    print(pool.run(Program("import numpy; print(numpy.ones(2).sum())")).stdout)
    print(pool.run(Program("open('/etc/passwd')")).status)
"""
    tmp_path.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "Permission denied" in done.stderr or "No module named" in done.stderr:
        pytest.skip("the interpreter or this checkout is not readable for others")
    assert done.stdout == "2.0\n\nStatus.blocked\n", done


def test_a_text_too_long_to_compile_is_the_programs_fault(pool: Pool) -> None:
    outcome = pool.run(Program("x = 1\n" * 10_000_000))
    assert (outcome.status, outcome.line) == (Status.memory, None)
    assert "60,000,000 characters" in outcome.detail


def test_a_tested_program_that_floods_every_descriptor_ends_at_the_wall() -> None:
    flood = (
        "import os\nfor fd in range(3, 12):\n  try:\n    while True: os.write(fd, b'E' * 65536)\n"
    )
    flood += "  except OSError: pass\ndef f(): return 1\n"
    harmless = "def f(): return 1\n"
    test = Test("", "assert f() == 1", ("f",))
    with Pool(Limits(cpu_s=10, wall_s=0.6), workers=1) as pool:
        outcomes = [pool.run(Program(source, test=test)) for source in (flood, harmless)]
    assert [outcome.status for outcome in outcomes] == [Status.timeout, Status.passed]

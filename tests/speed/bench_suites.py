"""Judging a whole plus suite: the command of this project beside EvalPlus' own.

    EVALPLUS=/path/to/python python -m tests.speed.bench_suites humaneval [samples a problem]
    EVALPLUS=/path/to/python python -m tests.speed.bench_suites mbpp [samples a problem]

EVALPLUS is the Python of an environment that has the package `evalplus`. Both commands judge the
same file in turn, with `WORKERS` (2) processes, from start to end; each has run once before on the
published solutions, so that EvalPlus has its expected values in its cache; ours reads the hub's
form of the data, which has them in its tests. CPU times are those of all processes. The samples of
a problem are its published solution, and for WRONG (0.25) of them mutants of it, again and again if
there are few, each with a comment of its own: this project runs equal programs once. Verdicts, base
and plus, are compared one by one.

Needs the data files of the plus suites in both forms (environment variable MTPB_DATA).
"""

from __future__ import annotations

import ast
import copy
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKERS = int(os.environ.get("WORKERS", "2"))
WRONG = float(os.environ.get("WRONG", "0.25"))
FILES = {"humaneval": "HumanEvalPlus.jsonl.gz", "mbpp": "MbppPlus.jsonl.gz"}
HUB_FILES = {name: file.replace(".jsonl", "-OriginFmt.jsonl") for name, file in FILES.items()}
OURS = {"humaneval": "humanevalplus", "mbpp": "mbppplus"}
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add},
}
Key = tuple[str, int]
Verdicts = dict[Key, tuple[bool, bool]]


def data(dataset: str, files: dict[str, str] = FILES) -> Path:
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("MTPB_DATA") or default) / files[dataset]


def problems(dataset: str) -> list[dict[str, Any]]:
    with gzip.open(data(dataset), "rt") as lines:
        return [json.loads(line) for line in lines]


def mutants(source: str) -> Iterator[str]:
    """The program with one operator swapped, for each operator in it."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        operator: Any = getattr(node, "op", None) or next(iter(getattr(node, "ops", [])), None)
        if type(operator) in SWAPPED:
            changed = copy.deepcopy(tree)
            place: Any = list(ast.walk(changed))[number]
            swapped: Any = SWAPPED[type(operator)]()
            if isinstance(place, ast.Compare):
                place.ops[0] = swapped
            else:
                place.op = swapped
            yield ast.unparse(changed) + "\n"


def write_samples(path: Path, dataset: str, count: int) -> list[Key]:
    """`count` samples of each problem in EvalPlus' form; their keys."""
    keys = []
    with path.open("w") as file:
        for problem in problems(dataset):
            whole = problem["prompt"] + problem["canonical_solution"]
            wrong = list(islice(cycle(mutants(whole)), round(count * WRONG)))
            for number, solution in enumerate([whole] * (count - len(wrong)) + wrong):
                keys.append((problem["task_id"], number))
                line = {"task_id": problem["task_id"], "solution": f"{solution}\n# {number}\n"}
                file.write(json.dumps(line) + "\n")
    return keys


def theirs(samples: Path, dataset: str) -> Verdicts:
    results = samples.with_name(samples.stem + "_eval_results.json")
    results.unlink(missing_ok=True)
    name = f"{dataset.upper()}_OVERRIDE_PATH"
    command = ["--dataset", dataset, "--samples", str(samples), "--parallel", str(WORKERS)]
    _run([os.environ["EVALPLUS"], "-m", "evalplus.evaluate", *command], {name: str(data(dataset))})
    return {
        (task, number): _passed(one["base_status"], one["plus_status"])
        for task, solutions in json.loads(results.read_text())["eval"].items()
        for number, one in enumerate(solutions)
    }


def _passed(base: str, plus: str) -> tuple[bool, bool]:
    """As EvalPlus reports it: base, and base with plus."""
    return base == "pass", base == plus == "pass"


def ours(samples: Path, dataset: str) -> Verdicts:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            f"samples={samples}", f"benchmark={OURS[dataset]}",
            f"benchmark.path={data(dataset, HUB_FILES)}",
            f"sandbox.workers={WORKERS}", f"output={folder}/run",
        ]  # fmt: skip
        _run([sys.executable, "-m", "mtpb.score", *command], {})
        with open(f"{folder}/run/verdicts.jsonl") as lines:
            verdicts = [json.loads(line) for line in lines]
    return {(v["problem"], v["sample"]): (v["base"], v["base"] and v["plus"]) for v in verdicts}


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        command, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def cpu_seconds() -> float:
    """Of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    dataset = sys.argv[1] if len(sys.argv) > 1 else "humaneval"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    if dataset not in FILES or "EVALPLUS" not in os.environ:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        canonical, samples = Path(folder, "canonical.jsonl"), Path(folder, "samples.jsonl")
        write_samples(canonical, dataset, 1)
        keys = write_samples(samples, dataset, count)
        for judge in (theirs, ours):
            judge(canonical, dataset)
        rates: dict[str, list[float]] = {"EvalPlus": [], "mtpb": []}
        costs: dict[str, list[float]] = {"EvalPlus": [], "mtpb": []}
        found: dict[str, Verdicts] = {}
        for _ in range(ROUNDS):
            for name, judge in (("EvalPlus", theirs), ("mtpb", ours)):
                started, used = time.perf_counter(), cpu_seconds()
                found[name] = judge(samples, dataset)
                rates[name].append(len(keys) / (time.perf_counter() - started))
                costs[name].append((cpu_seconds() - used) / len(keys))
    for name, values in rates.items():
        print(f"{name:9} {statistics.median(values):7.1f} samples a second, of {values}")
    for name, values in costs.items():
        print(f"{name:9} {statistics.median(values) * 1000:7.1f} ms of CPU a sample")
    ratios = [a / b for a, b in zip(rates["mtpb"], rates["EvalPlus"], strict=True)]
    print(f"ratio     {statistics.median(ratios):7.2f}, of {[round(x, 2) for x in ratios]}")
    differ = [key for key in keys if found["mtpb"][key] != found["EvalPlus"][key]]
    print(f"{len(keys)} samples, {len(differ)} verdicts differ")
    for key in differ[:40]:
        print(f"  {key}: EvalPlus {found['EvalPlus'][key]}, mtpb {found['mtpb'][key]}")


if __name__ == "__main__":
    main()

"""Reports at scale: a million verdicts in tables, 20,000 samples in one page, once as programs are
and once as random letters, which hardly shrink.

    python -m tests.speed.bench_report

Prints processor seconds, which other work on the machine changes little, and peak memory.
"""

import json
import random
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from mtpb.config.report import PageLimits
from mtpb.report.build import Options, report
from mtpb.report.page.write import write_page
from mtpb.report.runs import find_runs
from tests.mtpb.report.fixtures import Spec, make_run, manifest_of

RUNS = 20


def specs(n: int, lines: int) -> list[Spec]:
    """Five sizes × two data variants × both formats, 100 problems of 5 cases."""
    return [
        replace(
            Spec(problems=100, cases=5, n=n, lines=lines, skill=0.1 + 0.04 * number),
            model=f"codegen-{size}M-{data}",
            size=f"{size}M",
            parameters=size * 10**6,
            data=data,
            format=format,
        )
        for number, size in enumerate((1, 2, 4, 8, 16))
        for data in ("nl", "mono")
        for format in ("multi_turn", "single_turn")
    ]


def write_verdicts(folder: Path, spec: Spec) -> None:
    """Verdicts without samples, which tables do not need."""
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest_of(spec)))
    rng = random.Random(repr(spec))
    with (folder / "verdicts.jsonl").open("w") as file:
        for problem in range(spec.problems):
            for case in range(spec.cases):
                for sample in range(spec.n):
                    passed = rng.random() < spec.skill
                    line = {
                        "problem": str(problem + 1),
                        "case": case,
                        "sample": sample,
                        "passed": passed,
                        "status": "passed" if passed else "exception",
                        "detail": "" if passed else "NameError: name 'total' is not defined",
                        "turn": None if passed else rng.randrange(3),
                        "line": None if passed else 12,
                        "cpu_s": 0.0123,
                        "wall_s": 0.0234,
                        "official": passed or rng.random() < 0.05,
                        "strict": passed,
                    }
                    file.write(json.dumps(line) + "\n")


def measured(what: str, start: float) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.process_time() - start
    print(f"{what}: {seconds:.1f} s of processor time, peak memory {memory:.0f} MB")


def tables(folder: Path) -> None:
    for number, spec in enumerate(specs(n=100, lines=0)):
        write_verdicts(folder / str(number), spec)
    start = time.process_time()
    runs = find_runs(str(folder))
    made = report(runs, Options()).tables
    for table in made:
        table.text()
    verdicts = sum(len(run.verdicts) for run in runs)
    measured(f"{len(made)} tables of {verdicts:,} verdicts", start)


def page(folder: Path, random_text: bool = False) -> None:
    for number, spec in enumerate(specs(n=2, lines=9 if random_text else 6)):
        make_run(folder / str(number), replace(spec, random_text=random_text))
    start = time.process_time()
    made = report(find_runs(str(folder)), Options())
    output = folder / "index.html"
    omission = write_page(made, output, PageLimits())
    samples = sum(len(run.verdicts) for suite in made.suites for run in suite.runs)
    what = "random letters" if random_text else "programs"
    size = output.stat().st_size / 1e6
    measured(f"page of {samples:,} samples, {what}, {size:.1f} MB", start)
    if omission:
        print(f"  {omission}")


def page_of_random_letters(folder: Path) -> None:
    page(folder, random_text=True)


if __name__ == "__main__":
    for bench in (tables, page, page_of_random_letters):
        with tempfile.TemporaryDirectory() as folder:
            bench(Path(folder))

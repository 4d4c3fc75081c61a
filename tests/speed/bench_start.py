"""How long commands take that only tell: CPU time beside that of a bare interpreter.

    python -m tests.speed.bench_start [--rounds 7]

User and system time of whole processes, commands in turns. The ratio is the one of medians to
`python -c 'import omegaconf'`, which all help needs.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

MTPB = ("-m", "mtpb")
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import omegaconf": ("-c", "import omegaconf"),
    "mtpb --help": (*MTPB, "--help"),
    "mtpb score --help": (*MTPB, "score", "--help"),
    "mtpb run --help": (*MTPB, "run", "--help"),
    "-m mtpb.run --help": ("-m", "mtpb.run", "--help"),
    "mtpb models": (*MTPB, "models"),
    "mtpb benchmarks": (*MTPB, "benchmarks"),
    "completion of a key": (*MTPB, "completion", "words", "run", "sampling."),
}


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            times[name].append(cpu_seconds(arguments))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, median in medians.items():
        print(f"{name:20}  {median:5.2f} s  {median / medians['import omegaconf']:5.2f}")


if __name__ == "__main__":
    main()

"""Kills a run at random moments and compares what comes of it with a run that was left alone.

    python -m tests.mtpb.kill_and_resume DIRECTORY KILLS [OVERRIDE ...]

Runs `python -m mtpb.run OVERRIDE …` into DIRECTORY/whole, then into DIRECTORY/killed with KILLS
times kill -9 at random moments, to the end. Ends with status 1 where samples or verdicts (times
apart) differ.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(directory: Path, kills: int, overrides: list[str]) -> int:
    whole, killed = directory / "whole", directory / "killed"
    seconds = run_until(overrides, whole, None)
    spread = seconds * 2 / max(kills, 1)
    started = 7.0  # seconds in which nothing but starting happens
    done = 0
    for number in range(kills):
        if finished(killed):  # there is no more to kill: begin again beside it
            killed = directory / f"killed-{number}"
        run_until(overrides, killed, random.uniform(0, started + spread))
        done += 1
    run_until(overrides, killed, None)
    same = contents(whole) == contents(killed)
    print(f"{done} kills, {'the same' if same else 'OTHER'} samples and verdicts")
    return 0 if same else 1


def run_until(overrides: list[str], output: Path, patience: float | None) -> float:
    """Run to the end, or for so many seconds; the seconds it took."""
    command = [sys.executable, "-m", "mtpb.run", *overrides, f"output={output}"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, errors = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    else:
        assert process.returncode == 0, errors.decode()
    return time.monotonic() - began


def finished(run: Path) -> bool:
    return (run / "metrics.json").exists()


def contents(run: Path) -> tuple[bytes, list[dict[str, object]]]:
    """The samples' bytes, and the verdicts without their times."""
    lines = (run / "verdicts.jsonl").read_text().splitlines()
    verdicts = [json.loads(line) for line in lines]
    for verdict in verdicts:
        del verdict["cpu_s"], verdict["wall_s"]
    return (run / "samples.jsonl").read_bytes(), verdicts


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))

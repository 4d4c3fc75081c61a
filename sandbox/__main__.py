"""`python -m sandbox`: which layers of isolation there are here; with a file, run it.

Exit status: 0 the layers that were asked for are there (or the program passed), 1 the
program failed, 2 they are not or the input is wrong, 3 an error of the sandbox itself, 130
after Ctrl-C, 141 if the reader of standard output closed it.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from sandbox import Isolation, Limits, Pool, Program, SandboxError, Status, default_wall_s


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a Python program to run")
    parser.add_argument("--isolation", choices=[level.name for level in Isolation], default="auto")
    parser.add_argument("--cpu", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--memory", type=int, default=4096, metavar="MB")
    options = parser.parse_args()
    try:
        limits = Limits(options.cpu, default_wall_s(options.cpu), options.memory)
        source = options.file.read_text() if options.file else None
        with Pool(limits, workers=1, isolation=Isolation[options.isolation]) as pool:
            status = _show_layers(pool) if source is None else _run(pool, source)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of standard output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (SandboxError, OSError, UnicodeDecodeError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  Python's own status would be that of a failure
        traceback.print_exc()
        print(f"sandbox: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        return 3


def _show_layers(pool: Pool) -> int:
    report = pool.layers
    print(f"isolation   {report['isolation']}{' (complete)' if report['full'] else ''}")
    for name, what in report["active"].items():
        print(f"{name:<12}{what}")
    print(f"{'namespaces':<12}{', '.join(report['namespaces']) or 'none'}")
    for name, reason in report["missing"].items():
        print(f"{name:<12}missing: {reason}")
    return 0


def _run(pool: Pool, source: str) -> int:
    outcome = pool.run(Program(source))
    sys.stdout.write(outcome.stdout)
    sys.stderr.write(outcome.stderr)
    where = f" (line {outcome.line})" if outcome.line else ""
    times = f"{outcome.cpu_s:.2f} s of CPU, {outcome.wall_s:.2f} s in all"
    print(f"{outcome.status.value}: {outcome.detail or 'ended'}{where}; {times}", file=sys.stderr)
    return {Status.passed: 0, Status.sandbox_error: 3}.get(outcome.status, 1)


if __name__ == "__main__":
    sys.exit(main())

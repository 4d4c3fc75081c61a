"""Train the embedded family: nl from scratch, multi from nl, mono from multi, for each size.

    python -m models.training                     # all of it
    python -m models.training --scale 0.01        # every step, in a minute
    python -m models.training --sizes 3M --stages mono

After an interruption the same command goes on from the last checkpoint, to the same bits on the
same machine and number of threads. Corpora are generated once, before.
"""

import argparse
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import torch

from models.config import ModelError
from models.embedded import WEIGHTS
from models.training.card import write_card
from models.training.corpora.corpus import Stage
from models.training.family import FamilyTraining
from models.training.settings import SIZES, Settings

_RESUMES = "the same command goes on from the last checkpoint"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.training", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=WEIGHTS,
        help="where the checkpoints go (default: the package)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("results/training"),
        help="corpora and unfinished training",
    )
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument(
        "--stages", nargs="+", choices=[s.value for s in Stage], default=[s.value for s in Stage]
    )
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the training tokens, for trials"
    )
    parser.add_argument(
        "--device", type=device, default="cpu", help="where to train, such as cuda (default: cpu)"
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="threads on a CPU (default: torch's choice)"
    )
    return parser.parse_args(arguments)


def device(name: str) -> str:
    """A device that torch can use here, for argparse."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch without CUDA
        raise argparse.ArgumentTypeError(f"{name}: {str(error).splitlines()[0]}") from error
    return name


def main(arguments: list[str] | None = None) -> int:
    """Train what the arguments say. Returns the exit status: 0 done, 2 bad usage or missing input,
    3 internal error, 130 after Ctrl-C."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = replace(Settings(), seed=options.seed, scale=options.scale)
    training = FamilyTraining(options.output, options.work, settings, options.device)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        for size in options.sizes:
            training.train(size, [stage for stage in Stage if stage.value in options.stages])
        write_card(options.output, settings)
    except (ModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {_RESUMES}", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  so that the status is 3, not Python's 1
        traceback.print_exc()
        print(f"internal error: {type(error).__name__}: {error}; {_RESUMES}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

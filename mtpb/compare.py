"""The regression gate: is a candidate significantly worse than its baseline?

    mtpb compare main results/starter/RUN
    mtpb compare results/starter/OLD results/starter/NEW tolerance=0.01
    mtpb compare main results/starter/RUN metrics='[pass_rate,pass@10]' scorer=strict

`baseline` and `candidate` are run directories or names of saved baselines. Exits with 1 on a
significant drop beyond `tolerance`, with 0 otherwise, with 2 when the runs are not comparable.
Writes compare.md, compare.json and compare.xml (JUnit) beside the candidate.
"""

from __future__ import annotations

from pathlib import Path

from mtpb.cli.application import application
from mtpb.cli.ending import Exit
from mtpb.comparing.baselines import run_or_baseline
from mtpb.comparing.comparison import Comparison, Question, compare, is_greedy
from mtpb.comparing.gate import Gate
from mtpb.comparing.report import junit, markdown, terminal, to_json
from mtpb.config import CompareConfig
from mtpb.errors import UsageError
from mtpb.rundir.run import Run
from mtpb.rundir.store import expanded, output_directory, write_json, write_whole

_GATE = Gate()  # its defaults


@application("compare", CompareConfig)
def main(config: CompareConfig) -> int:
    return gate(config)


def gate(config: CompareConfig) -> int:
    """Compares the two runs, writes and prints the report; 1 if the gate is red."""
    check(config)
    baselines = expanded(config.baselines)
    baseline = run_or_baseline(config.baseline, baselines)
    candidate = run_or_baseline(config.candidate, baselines)
    comparison = compare(baseline, candidate, question(config, baseline, candidate))
    folder = report_folder(config, candidate)
    write_reports(comparison, folder, config.top)
    print(terminal(comparison, config.top))
    print(f"\n{folder / 'compare.md'}")
    return Exit.failed if comparison.red else Exit.done


def check(config: CompareConfig) -> None:
    """Raises UsageError for a value outside its range."""
    for key, value in (("level", config.level), ("power", config.power)):
        if not 0 < value < 1:
            raise UsageError(f"{key}={value}: must be above 0 and below 1")
    if not 0 <= config.tolerance < 1:
        raise UsageError(
            f"tolerance={config.tolerance}: must be a fraction from 0 to below 1; "
            "one point of pass rate is 0.01"
        )
    if config.top < 0 or config.seed < 0:
        raise UsageError(f"top={config.top}, seed={config.seed}: must not be negative")


def question(config: CompareConfig, baseline: Run, candidate: Run) -> Question:
    greedy = is_greedy(baseline) and is_greedy(candidate)
    return Question(
        Gate(config.level, config.tolerance, config.power, greedy, config.seed),
        None if config.metrics is None else tuple(config.metrics),
        config.scorer,
        config.subset.value,
        config.force,
        config.partial,
    )


def report_folder(config: CompareConfig, candidate: Run) -> Path:
    """The reports' folder: `output`, else the candidate's directory, else the current one."""
    beside = Path() if candidate.directory is None else candidate.directory.path
    folder = output_directory(config.output) or beside
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_reports(comparison: Comparison, folder: Path, top: int) -> None:
    """compare.md for people, compare.json for programs, compare.xml for CI servers."""
    write_whole(folder / "compare.md", (markdown(comparison, top),))
    write_json(folder / "compare.json", to_json(comparison))
    write_whole(folder / "compare.xml", (junit(comparison),))


if __name__ == "__main__":
    main()

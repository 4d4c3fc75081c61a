"""Checks a suite: is it sound enough to measure with?

    mtpb check benchmark=custom benchmark.path=own.jsonl
    mtpb check benchmark=mtpb-verified
    mtpb check benchmark=custom benchmark.path=hf://ORG/NAME benchmark.protocol=proto.yaml

Every record fits the form; the reference solutions pass; answers that compute nothing fail; no
prompt comes twice; no prompt tells its answer. Says what to mend, with file and line, and exits
with 1 if there is anything.
"""

from __future__ import annotations

from benchmarks import survey
from mtpb.checking.soundness import CheckResult, SuiteUnderCheck, findings
from mtpb.cli.application import application
from mtpb.cli.ending import Exit
from mtpb.config import CheckConfig
from mtpb.running.evaluation import Evaluation

MOST_SHOWN = 20  # faults of one check


@application("check", CheckConfig)
def main(config: CheckConfig) -> int:
    return check(config)


def check(config: CheckConfig) -> int:
    """Prints the findings on a suite; the exit status for them."""
    places = {}
    if config.benchmark.path:
        found = survey(config.benchmark.suite, config.benchmark.path)
        if found.faults:
            show(CheckResult("records fit the form", config.benchmark.path, found.faults))
            print("\nNot sound: mend the records first; nothing else was checked.")
            return Exit.failed
        places = dict(found.places)
    evaluation = Evaluation.of(config.benchmark, config.sandbox)
    suite = SuiteUnderCheck(evaluation.benchmark, places)
    show(CheckResult("records fit the form", f"{len(suite.benchmark.problems)} problems"))
    failed = []
    with evaluation.open_pool() as pool:
        for finding in findings(suite, pool):
            show(finding)
            failed += [finding.name] if finding.faults else []
    if failed:
        print(f"\nNot sound: {', '.join(failed)}.")
        return Exit.failed
    print(f"\nSound: {suite.benchmark.name} can be measured with.")
    return Exit.done


def show(finding: CheckResult) -> None:
    """A line for the check, and one for each thing to mend."""
    if finding.faults:
        state = "bad"
    elif finding.hints:
        state = "warning"
    else:
        state = "good" if finding.looked_at else "skipped"
    note = finding.looked_at or "nothing to look at"
    print(f"{state:8} {finding.name}: {note}", flush=True)
    told = (*finding.faults, *finding.hints)
    for each in told[:MOST_SHOWN]:
        print(f"{'':9}{each}")
    if len(told) > MOST_SHOWN:
        print(f"{'':9}… and {len(told) - MOST_SHOWN} more")


if __name__ == "__main__":
    main()
